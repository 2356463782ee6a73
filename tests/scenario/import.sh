#!/bin/bash
# Every form of a public key that people paste, as the programs write it, lets its owner
# in; no private key gets past the command, and a damaged one says what to do.
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"

instance_start one
in_instance install -m 755 "$VASTAGENT_BUILD/vastagent" /usr/local/bin/vastagent
check "the agent starts" in_instance vastagent start
keys_file=/root/.ssh/authorized_keys
laptop mkdir -p /root/keys
in_instance touch /root/.no_auto_tmux # a login here is one command

make_key()
{
	local bits=()
	[ "${2#*-}" = "$2" ] || bits=(-b "${2#*-}")
	laptop ssh-keygen -q -t "${2%-*}" "${bits[@]}" -N '' -C "$1" -f "/root/keys/$1"
}

login()
{
	laptop_ssh -F /dev/null -o BatchMode=yes -o IdentitiesOnly=yes -o StrictHostKeyChecking=no \
		-o UserKnownHostsFile=/dev/null -i "/root/keys/$1" root@one true
}

# takes NAME TYPE NOTE COMMAND: a new key, printed by COMMAND in the folder of its files
# (the public one is $k.pub), is taken with a note, and its owner gets in.
takes()
{
	local name=$1 type=$2 note=$3 command=$4
	make_key "$name" "$type"
	login "$name" 2>/dev/null && fail "$name: the key is not known yet"
	laptop bash -c "cd /root/keys; k=$name; $command" >"$WORLD/$name.text" ||
		fail "$name: the text is made"
	check "$name is taken" in_instance vastagent addkey - <"$WORLD/$name.text"
	[[ $SEEN =~ $note ]] || fail "$name: says '$note'" "$SEEN"
	check "$name lets its owner in" login "$name"
}

note "forms"
takes plain ed25519 'added' 'cat $k.pub'
takes options ed25519 'added' 'echo "restrict,pty,command=\"true;\" $(cat $k.pub)"'
takes bare ed25519 'type of the key was read' 'cut -d " " -f 2 $k.pub'
takes quotes ed25519 'quotes around the key' 'echo "'"'"'$(cat $k.pub)'"'"'"'
takes typographic ed25519 'quotes around the key' 'printf "\342\200\234%s\342\200\235\n" "$(cat $k.pub)"'
takes crlf ed25519 'added' 'sed "s/\$/\r/" $k.pub'
takes cr ed25519 'ended in CR' 'printf "# mine\r"; tr "\n" "\r" <$k.pub'
takes mark ed25519 'byte order mark' 'printf "\357\273\277"; cat $k.pub'
takes powershell ed25519 'UTF-16' '(printf "\357\273\277"; sed "s/\$/\r/" $k.pub) | iconv -f UTF-8 -t UTF-16LE'
takes utf16be ed25519 'UTF-16' '(printf "\357\273\277"; cat $k.pub) | iconv -f UTF-8 -t UTF-16BE'
takes utf16bare ed25519 'UTF-16' 'iconv -f UTF-8 -t UTF-16LE $k.pub'
takes rfc4716 rsa-2048 'RFC 4716' 'ssh-keygen -e -m RFC4716 -f $k.pub'
takes puttygen ecdsa-384 'RFC 4716' 'puttygen $k -O public'
takes spki_rsa rsa-3072 'read from PEM' 'ssh-keygen -e -m PKCS8 -f $k.pub'
takes spki_256 ecdsa-256 'read from PEM' 'ssh-keygen -e -m PKCS8 -f $k.pub'
takes spki_384 ecdsa-384 'read from PEM' 'ssh-keygen -e -m PKCS8 -f $k.pub'
takes spki_521 ecdsa-521 'read from PEM' 'ssh-keygen -e -m PKCS8 -f $k.pub'
takes pkcs1 rsa-2048 'read from PEM' 'ssh-keygen -e -m PEM -f $k.pub'
takes pem_json ecdsa-256 'written as .n' \
	'printf "\"%s\"\n" "$(ssh-keygen -e -m PKCS8 -f $k.pub | sed "s/\$/\\\\n/" | tr -d "\n")"'
takes spki_ed25519 ed25519 'read from PEM' \
	'echo -----BEGIN PUBLIC KEY-----
	(printf "\060\052\060\005\006\003\053\145\160\003\041\000"
	cut -d " " -f 2 $k.pub | base64 -d | tail -c 32) | base64
	echo -----END PUBLIC KEY-----'
takes wrapped rsa-3072 'broken over [0-9]+ lines' 'fold -w 80 $k.pub'
takes wrapped_mail ed25519 'broken over [0-9]+ lines' 'fold -w 60 $k.pub | sed "s/\$/ \r/"'
takes ppk2 rsa-2048 'has not left this command' 'puttygen $k -O private -o /dev/stdout --ppk-param version=2'
takes ppk3 ed25519 'has not left this command' 'puttygen $k -O private -o /dev/stdout'
takes ppk_wide ecdsa-256 'has not left this command' \
	'puttygen $k -O private -o /dev/stdout | iconv -f UTF-8 -t UTF-16'

note "several at once, as https://github.com/NAME.keys prints them"
for name in many1 many2 many3; do
	make_key "$name" ed25519
done
laptop bash -c 'cut -d " " -f 1,2 /root/keys/many?.pub' >"$WORLD/many.text"
check "they are taken" in_instance vastagent addkey - <"$WORLD/many.text"
for name in many1 many2 many3; do
	check "$name gets in" login "$name"
done

note "a line that is over"
make_key over ed25519
check "it is kept as it is" in_instance vastagent addkey \
	"expiry-time=\"20200101\" $(laptop cat /root/keys/over.pub)"
expect_match "and said not to get in" 'does not get in: its time is over' "$SEEN"
check_fails "which it does not" any login over
in_instance vastagent rmkey over >/dev/null
laptop rm /root/keys/over.pub

note "one line of a form"
make_key field1 ed25519
make_key field2 ed25519
make_key field3 ecdsa-256
text="$(laptop cat /root/keys/field1.pub);$(laptop cat /root/keys/field2.pub)\\n$(
	laptop ssh-keygen -e -m PKCS8 -f /root/keys/field3.pub | sed 's/$/\\n/' | tr -d '\n')"
check "VASTAGENT_KEYS with ; and \\n" in_instance vastagent addkey --template "$text"
for name in field1 field2 field3; do
	check "$name gets in" login "$name"
done

note "the file holds lines of sshd's, nothing else"
expect_eq "each key's line is the one that ssh-keygen wrote" "" "$(
	laptop bash -c 'cut -d " " -f 2 /root/keys/*.pub' |
		while read -r blob; do
			in_instance grep -qF "$blob" "$keys_file" || echo "$blob"
		done)"
expect_eq "Python's splitlines sees the same lines" "$(in_instance awk 'END { print NR }' "$keys_file")" \
	"$(in_instance python3 -c "print(len(open('$keys_file', 'rb').read().decode().splitlines()))")"

note "a name that would start a second line"
make_key evil ed25519
make_key evil2 ed25519
for bytes in '\r' '\v' '\f' '\034' '\035' '\036' '\037' '\302\205' '\342\200\250' '\342\200\251'; do
	# shellcheck disable=SC2059 # the bytes are the format
	check "$bytes in a comment" in_instance vastagent addkey - < <(
		printf "%s$bytes%s x\n" "$(laptop cat /root/keys/evil.pub)" "$(laptop cat /root/keys/evil2.pub)")
	check_fails "starts none" 255 login evil2
	expect_eq "for Python either" 1 "$(in_instance python3 -c "
print(sum('$(laptop cut -d ' ' -f 2 /root/keys/evil.pub)' in l for l in
	open('$keys_file', 'rb').read().decode().splitlines()
	if l.startswith('ssh-ed25519')))")"
	in_instance vastagent rmkey "$(laptop ssh-keygen -l -f /root/keys/evil.pub |
		cut -d ' ' -f 2)" >/dev/null || fail "the key is removed again"
done

note "private keys"
before=$(in_instance sha256sum "$keys_file")
laptop bash -c '
	cd /root/keys
	openssl genrsa -traditional -out rsa.pem 2048
	openssl ecparam -genkey -name prime256v1 -out ec.pem
	openssl genpkey -algorithm ed25519 -out p8.pem
	openssl pkcs8 -topk8 -in rsa.pem -passout pass:secret -out p8enc.pem
	openssl dsaparam -genkey -out dsa.pem 1024
	ssh-keygen -q -t ed25519 -N secret -f locked
	cp plain openssh.pem; cp locked opensshenc.pem
	ssh-keygen -q -p -m PEM -N "" -f wrapped; cp wrapped pem.pem
	puttygen ppk2 -O private -o whole.ppk; sed "/^Private-Lines/,\$!d" whole.ppk >tail.pem
	sed "s/^Private-Lines: .*/Private-Lines: 1/" whole.ppk >lying.pem
	iconv -f UTF-8 -t UTF-16 p8.pem >wide.pem
	sed "1d;\$d" p8.pem >bare.pem; base64 -w 0 ec.pem >twice.pem
	cat many1.pub p8.pem >mixed.pem
' >/dev/null 2>&1 || fail "private keys of every form are made"
for name in rsa ec p8 p8enc dsa openssh opensshenc pem tail lying wide bare twice mixed; do
	laptop cat "/root/keys/$name.pem" >"$WORLD/private"
	check_fails "$name is refused" 65 in_instance vastagent addkey - <"$WORLD/private"
	expect_match "with one line" '^vastagent: [^
]*PRIVATE[^
]*$' "$SEEN"
	# Nothing of the lines of base64 comes back.
	while IFS= read -r line; do
		[[ ${#line} -lt 30 || $SEEN != *"${line:0:30}"* ]] || fail "$name: it is repeated"
	done < <(tr -d '\0' <"$WORLD/private")
done
expect_eq "the file did not change" "$before" "$(in_instance sha256sum "$keys_file")"

note "what leaves the command"
laptop cat /root/keys/whole.ppk >"$WORLD/whole.ppk"
in_instance sh -c 'cat >/tmp/whole.ppk' <"$WORLD/whole.ppk"
sed '1,/^Private-Lines/d' "$WORLD/whole.ppk" | tr -d '\r' >"$WORLD/secret"
check "the command is traced" in_instance strace -f -s 100000 -o /tmp/trace \
	-e trace=write,writev,sendto,sendmsg vastagent addkey /tmp/whole.ppk
in_instance cat /tmp/trace >"$WORLD/trace"
expect_match "the public part is sent" "Public-Lines" "$(cat "$WORLD/trace")"
expect_eq "and no line of the private one" 0 "$(grep -cFf "$WORLD/secret" "$WORLD/trace")"
sed '1,/^Private-Lines/d' "$WORLD/whole.ppk" | head -n 3 >"$WORLD/secret"
expect_eq "nor is one kept" "" "$(in_instance grep -rlFf - /var/lib/vastagent /var/log/vastagent.log \
	/root/.ssh /run/vastagent 2>/dev/null <"$WORLD/secret")"
check "by the API a whole .ppk gives its public key too" in_instance sh -c '
	jq -Rs "{text: ., dry_run: true}" /tmp/whole.ppk | curl -fsS --unix-socket \
		/run/vastagent/agent.sock -H "Content-Type: application/json" -d @- \
		http://localhost/v1/keys'
expect_match "and says so" 'PRIVATE key in the PuTTY file' "$SEEN"

note "damage"
says()
{
	check_fails "$1" 65 in_instance vastagent addkey - <<<"$2"
	expect_match "says what is wrong" "$3" "$SEEN"
}
good=$(laptop cut -d ' ' -f 1,2 /root/keys/many1.pub)
says "a key cut off" "${good:0:67}" 'line 1: the key is cut off: [0-9]+ of 51 bytes'
says "letters that a page put in" "${good/lZDI1/lZ9DdI1}" "line 1: the key says .* inside but 'ssh-ed25519' outside"
says "dots" "ssh-ed25519 AAAAC3Nz... me" 'line 1: the key is shortened'
says "a fingerprint" "256 SHA256:$(printf 'a%.0s' {1..43}) me (ED25519)" 'line 1: this is a fingerprint'
says "a certificate" "$(printf -- '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----')" \
	'line 1: this is an X.509 certificate'
says "PEM without its end" '-----BEGIN PUBLIC KEY-----' 'line 1: .*no END line'
