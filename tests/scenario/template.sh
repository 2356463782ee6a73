#!/bin/bash
# The text for the on-start field: fetched with whatever the image has, checked, started; and
# whatever goes wrong, the instance boots and says what. The server is on the instance's own
# loopback, started before the platform's boot reaches the on-start text.
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"

text_file=$SOURCE/onstart/template.sh
length=$(wc -m <"$text_file")
check "the text has $length characters, at most 1500" test "$length" -le 1500
release=$WORLD/release
mkdir "$release"
cp "$VASTAGENT_BUILD/vastagent" "$release/vastagent"
strip "$release/vastagent"
right=$(sha256sum <"$release/vastagent" | cut -d ' ' -f 1)
wrong=${right//[0-7]/8}

# filled SUM [PORT]: the template as release.sh fills it in.
filled()
{
	sed -e "s|^url=.*|url=http://127.0.0.1:${2:-8000}/vastagent|" -e "s|^sum=.*|sum=$1|" "$text_file"
}

# A server that outlives the on-start text; /serve is gone where there is no network.
serve='[ ! -d /serve ] || {
	setsid '"$(readlink -f /usr/bin/python3)"' -u /serve/server.py >/serve/log 2>&1 </dev/null &
	until bash -c "exec 3<>/dev/tcp/127.0.0.1/8000" 2>/dev/null; do sleep 0.01; done
}'
cat >"$release/server.py" <<-'END'
	import http.server, os
	whole = open('/serve/vastagent', 'rb').read()
	class Handler(http.server.BaseHTTPRequestHandler):
	    def do_GET(self):
	        self.send_response(200)
	        self.send_header('Content-Length', str(len(whole)))
	        self.end_headers()
	        half = os.path.exists('/serve/half')
	        self.wfile.write(whole[:len(whole) // 2] if half else whole)
	        print('served to', self.headers.get('User-Agent'))
	http.server.ThreadingHTTPServer(('127.0.0.1', 8000), Handler).serve_forever()
END

# boot NAME TEXT [OPTION...]: an instance with a server and that on-start text. What the image
# lacks is taken away first: hide holds the names of programs.
hide=()
boot()
{
	local name=$1 text=$2 program
	shift 2
	{
		for program in "${hide[@]}"; do
			printf 'rm -f /usr/bin/%s /usr/local/bin/%s /bin/%s\n' "$program" "$program" "$program"
		done
		printf '%s\n%s\n' "$serve" "$text"
		echo 'echo the rest of the text runs'
	} >"$WORLD/text"
	mkdir -p "$WORLD/machines/$name/files"
	cp -r "$release" "$WORLD/machines/$name/files/serve"
	instance_start "$name" --on-start "$WORLD/text" "$@"
	expect_match "$name: the instance boots, and the rest of the text ran" 'the rest of the text runs' \
		"$(instance_log)"
}

says()
{
	instance_log | grep -q "$1"
}

# installed WHAT: the agent runs, from the on-start text, and keeps the platform's key.
installed()
{
	wait_until 30 in_instance vastagent status || fail "$1: the agent runs" "$(instance_log)"
	passed "$1: the agent runs"
	wait_until 30 says '^vastagent: keys that get in' || fail "$1: it reports" "$(instance_log)"
	expect_no_match "$1: without a problem" 'PROBLEM|NOT FETCHED|FAILED' "$(instance_log)"
}

nothing_left()
{
	[ -z "$(in_instance find /tmp -maxdepth 1 -name 'vastagent*' -o -name 'tmp.*')" ]
}

note "first boot"
boot one "$(filled "$right")" --user yes
installed "with everything there"
check "the hook is in place" in_instance test -e /etc/profile.d/zz-vastagent.sh
check "so is the configuration" in_instance cmp /etc/vastagent.conf "$SOURCE/packaging/vastagent.conf"
expect_eq "it is the very file" "$right" \
	"$(in_instance sha256sum /usr/local/bin/vastagent | cut -d ' ' -f 1)"
check "a key is added" in_instance vastagent addkey "$(laptop_key mate)"
check "nothing is left in /tmp" wait_until 30 nothing_left

note "second boot: no server, no network"
in_instance rm -r /serve
instance_stop_start
wait_until 30 in_instance vastagent status || fail "the agent runs again" "$(instance_log)"
expect_no_match "what is there already is not fetched" 'NOT FETCHED' "$(instance_log)"
check "the key gets in" wait_until 10 laptop ssh -i /root/.ssh/mate -o IdentitiesOnly=yes one true
instance_end

note "another version is wanted, and cannot be had: the one that is there goes on"
boot older "$(filled "$right")"
installed "the first"
in_instance sh -c "sed -i 's/^sum=.*/sum=$wrong/' /root/onstart.sh"
instance_stop_start
check "it says so" wait_until 60 says 'NOT FETCHED, or its checksum is wrong: http://127.0.0.1'
check "and the agent runs" wait_until 30 in_instance vastagent status
instance_end

note "each way to fetch, where those before it are not there"
for way in curl:curl wget:Wget python3:Python perl:HTTP-Tiny bash:None; do
	boot "by-${way%:*}" "$(filled "$right")"
	installed "by ${way%:*}"
	expect_match "it was that" "served to ${way#*:}" "$(in_instance cat /serve/log)"
	instance_end
	hide+=("${way%:*}")
done
hide=()

note "no network"
boot alone "$(filled "$right" 8001)" --bashrc none
check "it says so" wait_until 60 says 'NOT FETCHED'
check_fails "and nothing is installed" any in_instance ls /usr/local/bin/vastagent /usr/bin/vastagent
check "the renter gets in" laptop_ssh alone test -e /etc/hosts
instance_end

note "a wrong checksum, half a download"
boot wrong "$(filled "$wrong")"
check "a wrong checksum is said" wait_until 60 says 'NOT FETCHED, or its checksum is wrong'
check_fails "and nothing is installed" any in_instance ls /usr/local/bin/vastagent
check "nor left" wait_until 10 nothing_left
instance_end
touch "$release/half"
hide=(wget) # which tries twenty times, until its minute is over
boot half "$(filled "$right")"
check "half a file is none" wait_until 60 says 'NOT FETCHED'
expect_eq "each way was tried" 4 "$(in_instance grep 'served to' /serve/log | sort -u | wc -l)"
check_fails "and nothing is installed" any in_instance ls /usr/local/bin/vastagent
instance_end
rm "$release/half"
hide=()

note "an on-start text after it that never returns, and keys written after it began"
boot late "set -euo pipefail; IFS=\$'\n\t'
$(filled "$right")" --endless --keys late
installed "beside it"
check "the key that came late stays the platform's" laptop_ssh late true
check "another is added" in_instance vastagent addkey "$(laptop_key mate)"
platform refresh
check "and kept" wait_until 10 laptop ssh -i /root/.ssh/mate -o IdentitiesOnly=yes late true
instance_end

note "/usr/local that nobody can write to"
in_readonly='mount --bind /usr/local /usr/local && mount -o remount,ro,bind /usr/local'
boot fixed "$in_readonly
$(filled "$right")" --vm 0123456789abcdef0123456789abcdef
check_fails "it is so" any in_instance touch /usr/local/bin/x
installed "in /usr/bin then"
check "the hook knows where" in_instance grep -q 'usr/bin/vastagent login' /etc/profile.d/zz-vastagent.sh
check_fails "and only there" any in_instance ls /usr/local/bin/vastagent
instance_end

note "a busybox sh, and busybox for all else"
boot small "mkdir /bb; cp /usr/bin/busybox /bb; /bb/busybox --install -s /bb
cat >/root/text <<'TEXT'
$(filled "$right")
TEXT
ln -sf /bb/busybox /bin/sh
PATH=/bb /bb/sh /root/text"
wait_until 30 says '^vastagent: keys that get in' || fail "it reports" "$(instance_log)"
check "the agent runs" in_instance vastagent status
expect_eq "the one problem is that there is no tmux" 1 "$(instance_log | grep -c PROBLEM)"
expect_no_match "nothing else is missing" 'not found|No such file|applet' "$(instance_log)"
expect_match "busybox fetched it" 'served to Wget' "$(in_instance cat /serve/log)"
