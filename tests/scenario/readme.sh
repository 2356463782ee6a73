#!/bin/bash
# A newcomer with the README: every block of commands in it, in order and as it is written,
# but for PORT, ADDRESS and REPOSITORY. And the bytes that PowerShell sends.
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"

instance_start one --user yes --bashrc none
for name in mate other; do
	laptop_key "$name" >/dev/null
	laptop cp "/root/.ssh/$name.pub" /root
	in_instance sh -c 'cat >"$1.pub"' - "$name" <<<"$(laptop_key "$name")"
done
in_instance sh -c 'cat mate.pub other.pub >mate.keys'

# Each command on one line behind its section and language, without comments and line ends.
python3 - "$SOURCE/README.md" >"$WORLD/commands" <<'END'
import re, sys
page = open(sys.argv[1]).read()
for section, body in re.findall(r'^## (.*)\n((?:(?!## ).*\n)*)', page, re.M):
    for language, block in re.findall(r'^```(\w*)\n(.*?)^```$', body, re.M | re.S):
        for line in block.replace('\\\n', ' ').splitlines():
            print(section, language or 'none', line, sep='\t')
END
expect_match "the README's blocks are read" 'Let a teammate in.sh.ssh -p PORT' "$(cat "$WORLD/commands")"

mate_gets_in()
{
	laptop ssh -i /root/.ssh/mate -o IdentitiesOnly=yes -o BatchMode=yes root@one true
}

# What never ends by itself, on a terminal.
lasts()
{
	local status=0
	in_instance TERM=xterm timeout 2 script -qec "$1" /dev/null </dev/null || status=$?
	[ "$status" -eq 124 ]
}

# powershell LINE: what stands before the pipe is the file, with the line ends of Windows; what
# stands behind it is run. ENCODING is $OutputEncoding: ASCII in 5.1, UTF-8 since 6.
powershell()
{
	[[ $1 =~ ^Get-Content\ ([a-z.]+)\ \|\ (.*)$ ]] || fail "a line of PowerShell is known" "$1"
	laptop sh -c "sed 's/\$/\r/' ${BASH_REMATCH[1]} | ${ENCODE:-cat} | ${BASH_REMATCH[2]}"
}

run_line()
{
	local section=$1 language=$2 line=$3
	line=${line//PORT/22}
	line=${line//ADDRESS/$(instance_address)}
	line=${line//REPOSITORY/file://$SOURCE}
	case $section:$language:$line in
	*'/tests/run.sh') note "not tried: $line" ;;
	'The two commands:sh:'*)
		[ -e "$SOURCE/.git" ] || line="cp -r $SOURCE vastagent && ${line#*&& }" # a tarball
		check "$line" in_instance GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory \
			GIT_CONFIG_VALUE_0='*' VASTAGENT_BIN="$VASTAGENT_BUILD/vastagent" bash -c "$line"
		expect_no_match "without a problem" PROBLEM "$SEEN"
		;;
	*:powershell:*)
		check "$line" powershell "$line"
		expect_match "is there" 'there already' "$SEEN"
		;;
	*:sh:ssh*)
		check "$line" laptop sh -c "$line"
		expect_match "is added" '^added mate' "$SEEN"
		check "and gets in" mate_gets_in
		;;
	*:sh:*--watch* | *:sh:*--follow*) check "$line" lasts "$line" ;;
	*:sh:*) check "$line" in_instance bash -euo pipefail -c "${line/#curl /curl --fail-with-body }" ;;
	*) fail "there is somebody to run this block" "$section: $language: $line" ;;
	esac
}

while IFS=$'\t' read -r section language line <&3; do
	[ "$section" = "${shown:-}" ] || note "$section"
	shown=$section
	run_line "$section" "$language" "$line"
done 3<"$WORLD/commands"
check "in the end mate gets in" mate_gets_in

note "PowerShell's bytes, by its encodings"
line=$(cut -f 2,3 "$WORLD/commands" | sed -n 's/^powershell\t//p')
line=${line//PORT/22}
line=${line//ADDRESS/$(instance_address)}
# shellcheck disable=SC1003 # it is printf's
for encode in cat '{ printf "\357\273\277"; cat; }' 'iconv -t UTF-16LE' \
	'{ printf "\377\376"; iconv -t UTF-16LE; }'; do
	in_instance vastagent rmkey --all --force >/dev/null
	ENCODE=$encode check "as $encode makes them" powershell "$line"
	check "the key gets in" mate_gets_in
done
