#!/bin/bash
# `vastagent doctor`, against breakages that are real: for each of them doctor names it by
# its id, the login with that key really fails (or, for a warning, works), the repair is
# run word for word, and then the login works and doctor has nothing left to say of it.
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"

instance_start gpu --bashrc none
in_instance install -m 755 "$VASTAGENT_BUILD/vastagent" /usr/local/bin/vastagent
in_instance useradd -m -s /bin/bash alice
in_instance usermod -p '*' alice
laptop_key probe >/dev/null
laptop ssh-keygen -q -t rsa -b 2048 -N '' -C rsa@laptop -f /root/.ssh/rsa
laptop ssh-keygen -q -s /root/.ssh/id_ed25519 -I probe -n alice /root/.ssh/probe.pub
key=$(laptop cat /root/.ssh/probe.pub)
rsa=$(laptop cat /root/.ssh/rsa.pub)
other=$(laptop_key)
certificate=$(laptop cat /root/.ssh/probe-cert.pub)
laptop rm /root/.ssh/probe-cert.pub

# sshd_is RELEASE: that or a later one. What it does not know, cannot be broken.
release=$(in_instance ssh -V 2>&1 | sed 's/^OpenSSH_\([0-9.]*\).*/\1/')
sshd_is()
{
	printf '%s\n' "$1" "$release" | sort -CV
}

# What each case begins with.
in_instance bash -s "$key" <<'END'
for home in /root /home/alice; do
	install -d -m 700 "$home/.ssh"
	printf '%s\n' "$1" >"$home/.ssh/authorized_keys"
	chmod 600 "$home/.ssh/authorized_keys"
	chown -R --reference="$home" "$home/.ssh"
done
tar -C / -cpf /var/golden.tar etc/passwd etc/shadow etc/group etc/gshadow etc/ssh root/.ssh home/alice
END

# restart_sshd: with what stands in sshd_options.
sshd_options=()
restart_sshd()
{
	in_instance bash -c 'mkdir -p /run/sshd
		pid=$(cat /run/sshd.pid 2>/dev/null) && kill "$pid" 2>/dev/null
		while [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; do sleep 0.01; done
		rm -f /run/sshd.pid
		exec env -i PATH="$PATH" /usr/sbin/sshd "$@"' - "${sshd_options[@]}" || return 1
	wait_until 20 instance_listens
}

reset()
{
	in_instance vastagent stop >/dev/null 2>&1
	in_instance bash -c 'rm -rf /var/lib/vastagent /etc/ssh /root/.ssh /home/alice /etc/nologin /tmp/keys*
		tar -C / -xpf /var/golden.tar'
}

identity=probe
account=alice
login()
{
	laptop_ssh -i "/root/.ssh/$identity" -o IdentitiesOnly=yes -o BatchMode=yes \
		-o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no "$account@gpu" true
}

# look: ask about our key. Told then: of the finding $id its status, message and fix, of the
# key its verdict and remedy, and whether all is well (jq takes 30 ms to start: asked once).
declare -A told
look()
{
	local field
	report=$(in_instance vastagent doctor --json --user "$account" "$public")
	for field in status message fix verdict remedy ok; do
		IFS= read -r -d '' "told[$field]"
	done < <(jq -j --arg id "$id" '
		([.checks[] | select(.id == $id and .status != "ok")][0] | .status, .message, .fix),
		([.checks[] | select(.id == "key")][0] | .status, .fix), .ok
		| if . == null then "" else tostring end + "\u0000"' <<<"$report")
}

# broken ID fails|inert|works SCRIPT [REPAIR]: the case. "fails" is a failure, "works" a
# warning beside which the login works, and "inert" one of what somebody may have wanted,
# which is a failure only for the key that is asked about. The script is run by bash in the
# instance with $F the file, $K our key, $O another one. Where doctor can have no command
# for it, REPAIR is what a person does then; "again": the command takes away what cannot be
# repaired, and the one beside the verdict about the key is run, too.
public=$key
broken()
{
	local id=$1 outcome=$2 script=$3 repair=${4:-} fix name status
	name="$id: $(tr -s '\n\t' '  ' <<<"$script" | cut -c 1-60)"
	local home=/home/alice
	[ "$account" = alice ] || home=/root
	reset
	in_instance env F="$home/.ssh/authorized_keys" K="$public" O="$other" C="$certificate" R="$rsa" \
		bash -c "$script" || fail "$name" "the breakage itself failed"
	[ "${restart:-yes}" = no ] || restart_sshd || fail "$name" "sshd does not start"
	look
	status=warn
	[ "$outcome" != fails ] || status=fail
	[ "${told[status]}" = "$status" ] || fail "$name: $status" "$report"
	broken=${told[message]}
	if [ "$outcome" = works ]; then
		login || fail "$name: the login works all the same"
	else
		! login 2>/dev/null || fail "$name: the login fails"
		[ "${told[verdict]}" = fail ] || fail "$name: the verdict about the key" "$report"
		[ "${told[ok]}" = false ] || fail "$name: not ok" "$report"
	fi
	fix=${told[fix]}
	if [ -n "$repair" ] && [ "$repair" != again ]; then
		[ -z "$fix" ] || fail "$name: has no repair" "$fix"
		in_instance env F="$home/.ssh/authorized_keys" K="$public" bash -c "$repair"
	else
		[ -n "$fix" ] || fail "$name: has a repair" "$report"
		in_instance bash -c "$fix" >/dev/null || fail "$name: the repair runs" "$fix"
	fi
	if [ "$repair" = again ]; then
		look
		in_instance bash -c "${told[remedy]}" >/dev/null
	fi
	wait_until 20 login || fail "$name: the login works after: $fix" "$report"
	look
	[ -z "${told[status]}" ] || fail "$name: doctor is content after: $fix" "$report"
	[ "${told[ok]}" = true ] || fail "$name: all is well after: $fix" "$report"
	passed "$name"
}

# config LINE: as the first line of sshd_config.
config()
{
	printf "sed -i '1i %s' /etc/ssh/sshd_config" "$1"
}

note "nothing is wrong"
reset
restart_sshd
check "the key logs in" login
check "and doctor says so" in_instance vastagent doctor --user alice "$key"
expect_match "by its line" 'gets in to alice by /home/alice/.ssh/authorized_keys:1' "$SEEN"
check "nothing is printed for the log of a healthy account" \
	in_instance sh -c 'vastagent doctor --user alice --log | grep -v "agent.stopped\|login.hook" || true'
expect_eq "not one line" '' "$SEEN"
check "an account asks about itself" in_instance_as alice vastagent doctor "$key"
expect_match "and is told what it cannot see" 'not checked: needs root' "$SEEN"
check_fails "but not about others" 77 in_instance_as alice vastagent doctor --user root
check_fails "a key that stands nowhere" 1 in_instance vastagent doctor --user alice "$other"
expect_match "is in no line" 'it is in no line of any file' "$SEEN"
check_fails "a key that is none" 65 in_instance vastagent doctor 'ssh-ed25519 AAAA'
check "a group that is the account's own may write (Debian)" in_instance bash -c '
	chmod 660 /home/alice/.ssh/authorized_keys; vastagent doctor --user alice'
check "and the login works" login

in_instance sh -c 'echo "# none" >/home/alice/.ssh/authorized_keys'
check_fails "a file without a key" 1 in_instance vastagent doctor --user alice
expect_match "lets nobody in" 'there is no key in /home/alice/.ssh/authorized_keys' "$SEEN"

note "the way to the file"
broken file.mode fails 'chmod 666 $F'
broken file.mode fails 'chmod 777 /home/alice'
broken file.mode fails 'chgrp users $F; chmod 660 $F'
broken file.mode fails 'chmod 757 /home/alice/.ssh'
broken file.mode fails 'mv $F /tmp/keys; ln -s /tmp/keys $F'
broken file.mode fails 'mv ${F%/*} /tmp/keys.d; ln -s /tmp/keys.d ${F%/*}'
broken file.owner fails 'chown nobody $F; chmod 644 $F'
broken file.access fails 'chown root:root $F; chmod 600 $F'
broken file.access fails 'chown root:root ${F%/*}; chmod 700 ${F%/*}'
broken file.type fails 'rm $F; mkfifo $F; chown alice $F; chmod 600 $F'
broken file.none fails "$(config 'AuthorizedKeysFile none')"
broken file.unread inert "$(config 'AuthorizedKeysFile .ssh/authorized_keys'); mv \$F \${F}2; touch \$F; chown alice \$F"

note "the account"
broken account.locked fails "usermod -L alice; $(config 'UsePAM no')"
broken account.expired fails 'chage -E 1 alice'
broken account.password-age fails 'chage -d 0 alice'
broken account.shell fails 'sed -i "/^alice:/s,/bin/bash,/bin/nosuch," /etc/passwd'
broken account.shell fails 'usermod -s /usr/sbin/nologin alice'
broken account.nologin fails 'echo closed >/etc/nologin'

note "sshd's settings"
broken sshd.pubkey fails "$(config 'PubkeyAuthentication no')"
broken sshd.pubkey fails 'printf "Match User alice\n\tPubkeyAuthentication no\n" >>/etc/ssh/sshd_config'
broken sshd.methods fails "$(config 'PasswordAuthentication yes'); $(config 'AuthenticationMethods publickey,password')"
broken sshd.deny-users fails "$(config 'DenyUsers bob al?ce')"
broken sshd.allow-users fails "$(config 'AllowUsers root bob')"
broken sshd.deny-groups fails "$(config 'DenyGroups ali*')"
broken sshd.allow-groups fails "$(config 'AllowGroups users')"
broken sshd.revoked fails "$(config 'RevokedKeys /etc/ssh/revoked')"
broken line.revoked fails "$(config 'RevokedKeys /etc/ssh/revoked'); echo \"\$K\" >/etc/ssh/revoked" \
	': >/etc/ssh/revoked'
new_krl='echo "$K" >/tmp/keys.pub; ssh-keygen -q -k -f /etc/ssh/krl /tmp/keys.pub'
empty_krl='ssh-keygen -q -k -f /etc/ssh/krl'
krl=$(config 'RevokedKeys /etc/ssh/krl')
broken line.revoked fails "$new_krl; $krl" "$empty_krl"
expect_match "by the file of revoked keys" 'authorized_keys:1: the key is revoked: /etc/ssh/krl names it' "$broken"
broken sshd.revoked fails "$new_krl; truncate -s 20 /etc/ssh/krl; $krl" "$empty_krl"
accepted=PubkeyAcceptedAlgorithms
sshd_is 8.5 || accepted=PubkeyAcceptedKeyTypes
broken key fails "$(config "$accepted rsa-sha2-512")"
broken sshd.password works "$(config 'PasswordAuthentication yes')"
broken sshd.strict works "$(config 'StrictModes no'); chmod 600 \$F"
broken sshd.tries works "$(config 'MaxAuthTries 2')"
account=root
broken sshd.root fails "$(config 'PermitRootLogin no')"
account=alice

note "sshd's command line"
by_hand='kill "$(cat /run/sshd.pid)"; while [ -e /run/sshd.pid ]; do sleep 0.01; done; /usr/sbin/sshd'
other_config='cp /etc/ssh/sshd_config /etc/ssh/other; sed -i "1i PubkeyAuthentication no" /etc/ssh/other'
sshd_options=(-o 'PubkeyAuthentication no')
broken sshd.pubkey fails : "$by_hand"
expect_match "it says where that stands" "PubkeyAuthentication no \(on sshd's command line\)" "$broken"
sshd_options=(-f /etc/ssh/other)
broken sshd.pubkey fails "$other_config"
expect_match "it says where that stands" 'PubkeyAuthentication no \(/etc/ssh/other:1\)' "$broken"
sshd_options=(-f /etc/ssh/other -p 22 -o 'AuthorizedKeysFile /etc/ssh/keys/%u')
reset
in_instance bash -c "$other_config; sed -i 1d /etc/ssh/other; mkdir /etc/ssh/keys"
check "the agent knows the account's file" in_instance vastagent addkey --user alice "$other"
restart_sshd
check_fails "an account that asks by itself" 1 in_instance_as alice vastagent doctor "$key"
expect_match "is told of that file" 'read from /etc/ssh/other without' "$SEEN"
expect_match "and that the key stands in one that is not read" 'authorized_keys:1, and sshd does not read that file' "$SEEN"
check "the key is added by the agent, which notices that sshd was started anew" \
	in_instance vastagent addkey --user alice "$key"
check "where that sshd reads it" login
sshd_options=()
reset
restart_sshd

restart=no
broken sshd.rundir fails 'rm -rf /run/sshd'
broken sshd.running fails 'kill $(cat /run/sshd.pid); while pgrep -xf "sshd: /usr/sbin/sshd.*" >/dev/null; do sleep 0.01; done'
restart=yes

note "lines that sshd does not take"
reset
restart_sshd
restart=no
broken line.bom fails 'printf "\xef\xbb\xbf%s\n" "$K" >$F'
broken line.utf-16 fails 'printf "%s\n" "$K" | iconv -t UTF-16 >$F'
broken line.carriage-return fails 'printf "%s\r%s\r" "$O" "$K" >$F'
broken line.quoted fails 'printf "\"%s\"\n" "$K" >$F'
broken line.quoted fails "printf \"'%s'\n\" \"\$K\" >\$F"
broken line.wrapped fails 'fold -w 40 <<<"${K% *}" >$F'
broken line.wrapped fails 'tr " " "\n" <<<"${K% *}" >$F'
broken line.glued fails 'printf "%s%s\n" "$O" "$K" >$F'
broken line.glued fails 'printf "%s%s\n" "${O% *}" "$K" >$F'
broken line.unknown-option fails 'echo "no-pty,foobar $K" >$F'
broken line.unknown-option fails 'echo "host.example $K" >$F'
broken line.comma-space fails 'echo "restrict, pty $K" >$F'
broken line.unquoted-value fails 'echo "command=true $K" >$F'
broken line.single-quotes fails "echo \"command='true' \$K\" >\$F"
broken line.backslash-quote fails 'printf "%s %s\n" "environment=\"A=\\\\\"" "$K" >$F'
broken line.from-host-bits fails 'echo "from=\"192.0.2.1/24\" $K" >$F'
broken line.from-empty fails 'echo "from=\"\" $K" >$F'
broken line.from-name fails 'echo "from=\"laptop\" $K" >$F' 'sed -i "s/laptop\"/192.0.2.1\"/" $F'
broken line.expiry-form fails 'echo "expiry-time=\"2099-01-01\" $K" >$F'
broken line.expiry-impossible fails 'echo "expiry-time=\"20991399\" $K" >$F'
broken line.principals fails 'echo "principals=\"alice\" $K" >$F'
broken line.certificate fails 'echo "$C" >$F'
broken line.no-type fails 'cut -d " " -f 2 <<<"$K" >$F'
broken line.type-case fails 'echo "SSH-ED25519 ${K#* }" >$F'
broken line.escaped-newline fails 'printf "%s\\\\n%s\n" "${O% *}" "$K" >$F'
broken line.private-key fails 'ssh-keygen -q -t ed25519 -N "" -f /tmp/keys; cat /tmp/keys >$F' again
broken line.other-format fails 'echo "$K" >/tmp/keys; ssh-keygen -e -m RFC4716 -f /tmp/keys >$F' again
broken line.refused fails 'echo "${K:0:60}" >$F' again

note "lines that are no failure, and let nobody in"
broken line.expired inert 'echo "expiry-time=\"20200101\" $K" >$F'
before_1970=fails # sshd 10 takes it for one that has ended
! sshd_is 10 || before_1970=inert
broken line.expiry-before-1970 "$before_1970" 'echo "expiry-time=\"19600101\" $K" >$F'
broken line.cert-authority inert 'echo "cert-authority $K" >$F'

note "lines that work, and are worth knowing"
broken line.environment works 'echo "environment=\"A=b\" $K" >$F'
! sshd_is 8.4 || broken line.sk-option works 'echo "verify-required $K" >$F'
broken line.laxer-copy works 'printf "from=\"192.0.2.1\" %s\n%s\n" "$K" "$K" >$F'
broken line.comment works 'printf "%s\xe2\x80\xa8more\n" "$K" >$F'
broken line.nul works 'printf "%s\0more\n" "$K" >$F'
restart=yes
identity=rsa
public=$rsa
broken line.alias works 'printf "%s\n%s\n" "$K" "rsa-sha2-512 ${K#* }" >$F'
! sshd_is 9.1 || broken line.rsa-size fails "$(config 'RequiredRSASize 3072'); echo \"\$K\" >\$F" \
	'sed -i 1d /etc/ssh/sshd_config; kill -HUP $(cat /run/sshd.pid)'

note "without host keys there are two things to repair, one after the other"
identity=probe
public=$key
reset
in_instance bash -c 'rm /etc/ssh/ssh_host_*; pid=$(cat /run/sshd.pid); kill "$pid"
	while kill -0 "$pid" 2>/dev/null; do sleep 0.01; done'
for id in sshd.hostkeys sshd.running; do
	look
	expect_eq "$id is named" fail "${told[status]}"
	check "its repair runs" in_instance bash -c "${told[fix]}"
done
check "then the login works" login

note "what depends on where the client is"
in_instance sh -c 'sed -i "s/^/from=\"198.51.100.0\/24\" /" /home/alice/.ssh/authorized_keys'
check_fails "the login fails" 255 login
check_fails "an address that does not fit is seen by the one who comes from there" 1 \
	in_instance env SSH_CONNECTION='192.0.2.1 5 192.0.2.2 22' vastagent doctor --user alice "$key"
expect_match "with the reason" 'from="198.51.100.0/24" does not fit your address, 192.0.2.1' "$SEEN"
check "nobody else can know it" in_instance vastagent doctor --user alice "$key"
expect_match "so the condition is said" 'authorized_keys:1, from 198.51.100.0/24' "$SEEN"

note "the agent"
check "it starts" in_instance vastagent start
look
expect_eq "and is well" ok "$(jq -r '.checks[] | select(.id == "agent") | .status' <<<"$report")"
in_instance vastagent pause >/dev/null
id=agent.paused
look
expect_eq "a pause is named" warn "${told[status]}"
check "its repair runs" in_instance bash -c "${told[fix]}"
look
expect_eq "and then nothing is left of it" '' "${told[status]}"

note "for the instance log"
identity=probe
public=$key
reset
in_instance sh -c 'chmod 666 /home/alice/.ssh/authorized_keys; echo "PubkeyAuthentication no" >/etc/ssh/sshd_config.d/0.conf'
check_fails "--log" 1 in_instance vastagent doctor --user alice --log
expect_match "has one line for the mode" 'vastagent doctor: fail: file.mode: .*repair: chmod go-w /home' "$SEEN"
expect_match "and one for the setting, with file and line" \
	'fail: sshd.pubkey: .*\(/etc/ssh/sshd_config.d/0.conf:1\)' "$SEEN"
expect_no_match "and nothing that is well" '(^|: )ok' "$SEEN"
check "the on-start" in_instance vastagent onstart
expect_match "reports it" 'fail: sshd.pubkey: .*\(/etc/ssh/sshd_config.d/0.conf:1\)' "$SEEN"
