#!/bin/bash
# demo.sh: records the terminal session that the README shows, in throw-away machines as the
# scenarios have them, and draws it: packaging/demo/demo.svg. As root; it needs asciinema, and
# npm for svg-term-cli. The program is that of VASTAGENT_BUILD (build/release).
#
# What is seen is real: the template's text fetches and starts the agent, the platform
# rewrites the file, the wire between the machines is cut. Only waiting is shortened.
# shellcheck disable=SC2119 # the laptop's own key
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/../../tests/scenario/lib/instance.sh"
SCREEN_COLUMNS=100
SCREEN_ROWS=24
tools=$SOURCE/build/npm

[ -x "$tools/node_modules/.bin/svg-term" ] || fail "svg-term is installed" \
	"npm install --prefix $tools svg-term-cli@2"
command -v asciinema >/dev/null || fail "asciinema is installed"

# ---- a person at the laptop ----

# types TEXT: as fast as people do, a few letters at a time.
types()
{
	local text=$1
	while [ -n "$text" ]; do
		terminals send-keys -t =demo: -l -- "${text:0:5}"
		text=${text:5}
		sleep 0.09
	done
	sleep 0.4
	term_keys demo Enter
}

# says TEXT: a comment, and time to read it.
says()
{
	types "# $1"
	sleep 0.6
}

prompt_is_back()
{
	term_screen demo | grep -v '^ *$' | tail -n 1 | grep -q '^laptop\$ *$'
}

# runs COMMAND: and the next prompt, and time to read.
runs()
{
	types "$1"
	wait_until 30 prompt_is_back || fail "$1 ends" "$(term_screen demo)"
	sleep "${2:-1.6}"
}

wire()
{
	laptop ip link set "$(cat "$WORLD/machines/gpu/wire")" "$1"
	[ "$1" = down ] || laptop ip route replace "$(instance_address)" dev "$(cat "$WORLD/machines/gpu/wire")"
}

# ---- the machines ----

sum=$(sha256sum <"$VASTAGENT_BUILD/vastagent" | cut -d ' ' -f 1)
cat >"$WORLD/text" <<END
cd "$VASTAGENT_BUILD" && python3 -m http.server --bind 127.0.0.1 80 >/dev/null 2>&1 &
until bash -c 'exec 3<>/dev/tcp/127.0.0.1/80' 2>/dev/null; do sleep 0.05; done
$(sed -e 's|^url=.*|url=http://127.0.0.1/vastagent|' -e "s|^sum=.*|sum=$sum|" "$SOURCE/onstart/template.sh" |
	sed 's|^) </dev/null &|) </dev/null >/var/log/onstart.log 2>\&1 \&|')
END
laptop_start
laptop_key mate >/dev/null
laptop sh -c 'cp /root/.ssh/mate.pub /root
	sed -i "s/ServerAliveInterval 0/ServerAliveInterval 1/; s/LogLevel ERROR/LogLevel INFO/" /root/.ssh/config'
instance_start gpu --on-start "$WORLD/text"
in_instance touch /root/.hushlogin
in_instance sh -c 'cat >train.sh' <<'END'
for epoch in $(seq 1 900); do
	printf 'epoch %3d/900  loss %s\n' "$epoch" "$(awk "BEGIN { printf \"%.4f\", 2.3 / sqrt($epoch) }")"
	sleep 1
done
END
reported()
{
	in_instance grep -q 'keys that get in' /var/log/onstart.log
}
wait_until 60 reported || fail "the on-start reports" "$(in_instance cat /var/log/onstart.log)"
laptop ssh gpu true

# ---- the story ----

laptop sh -c "printf '%s\n' \"PS1='laptop\\$ '\" 'unset HISTFILE' >/root/.demorc"
term_open demo asciinema rec -q --overwrite --cols "$SCREEN_COLUMNS" --rows "$SCREEN_ROWS" \
	-c 'bash --noprofile --rcfile /root/.demorc' /root/demo.cast
wait_until 20 prompt_is_back || fail "the recording begins"
sleep 0.5
says 'a new instance; its template has vastagent in the on-start field'
runs 'ssh gpu cut -c 1-98 /var/log/onstart.log' 2.5
says "let a teammate in, from here, in one line"
runs 'ssh gpu vastagent addkey --name mate - <mate.pub'
says "hours later the platform rewrites authorized_keys"
platform refresh
runs "ssh -t gpu 'vastagent keys; vastagent status'" 3.5
says 'a login is in tmux; start something long'
types 'ssh gpu'
term_wait demo 'root@gpu:~#' 20
sleep 1
types 'bash train.sh'
term_wait demo 'epoch +3/900' 20
wire down
term_wait demo 'not responding' 30
sleep 1
wire up
types "clear; ssh gpu  # the connection was cut; is the job?"
term_wait demo 'epoch +[1-9][0-9]*/900' 20
sleep 4
term_keys demo C-b d
wait_until 20 prompt_is_back || fail "detaching logs out" "$(term_screen demo)"
sleep 2
types exit
term_gone demo

laptop cat /root/demo.cast >"$WORLD/demo.cast"
python3 "$SOURCE/packaging/demo/tidy.py" <"$WORLD/demo.cast" >"$WORLD/tidy.cast" || fail "the recording is tidied"
"$tools/node_modules/.bin/svg-term" --in "$WORLD/tidy.cast" --out "$WORLD/demo.svg" --window \
	--width "$SCREEN_COLUMNS" --height "$SCREEN_ROWS" --padding 8 || fail "it is drawn"
# The checkout is seen copy-on-write by the machines, but not by this script.
cp "$WORLD/demo.svg" "$SOURCE/packaging/demo/demo.svg"
size=$(stat -c %s "$SOURCE/packaging/demo/demo.svg")
check "$size bytes are less than 150000" test "$size" -lt 150000
