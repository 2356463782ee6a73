#!/bin/bash
# login_faults.sh [--table] [REGEX]
#
# The fault table of the login: whatever is broken, a person who logs in gets a prompt on
# that same connection, which answers a typed command within 5 seconds; within 15 where a
# tmux server hangs. Each row breaks one thing, logs in (or is logged in already), types,
# and is timed; then everything is mended for the next row. Several instances share the
# rows. --table prints them as a table at the end; REGEX runs only those it matches.
# shellcheck disable=SC2016 # what is typed is expanded where it is typed
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"
table=no
[ "${1:-}" != --table ] || {
	table=yes
	shift
}
only=${1:-.}
LANES=5 # instances

post_mortem()
{
	in_instance ps -eo pid,ppid,user,stat,tty,args --forest
}

now_ms()
{
	echo $((${EPOCHREALTIME/[.,]/} / 1000))
}

# What breaks things has every capability: it is the world, not somebody in the instance.
# program FILE: what comes in becomes FILE, a new one: an old one may be running. renew
# FILE: a copy takes its place, which can be damaged.
BREAKERS='
program() { rm -rf "$1"; cat >"$1"; chmod 755 "$1"; }
renew() { cp -p "$1" "$1.new"; mv "$1.new" "$1"; }
script() { printf "#!/bin/sh\n%s\n" "$2" | program "$1"; }
'

outside()
{
	machine_enter "$INSTANCE" env -i HOME=/root \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		HELPERS="$SOURCE/tests/scenario/login_faults" sh -c "$BREAKERS$1"
}

# A real instance: the platform's block in .bashrc, the hook, an agent that runs; the
# keys of both accounts stand outside of their homes, too, so that these can be broken.
make_instance()
{
	instance_start "$1" --user yes --stage spread_keys
	in_instance install -D -m 755 "$VASTAGENT_BUILD/vastagent" /usr/local/bin/vastagent
	in_instance "$SOURCE/onstart/hook.sh" install >/dev/null
	# Processes are counted by uid, over all instances: this one is nobody else's.
	outside "useradd -K UID_MAX=999999 -m -s /bin/bash \
		-u $((100000 + RANDOM * 16 + instances_made)) limited"
	outside 'mkdir -p /opt/good /etc/ssh/keys
		cp -p /usr/bin/tmux /usr/local/bin/vastagent /etc/passwd /etc/profile.d/zz-vastagent.sh \
			/etc/zsh/zprofile /etc/fish/conf.d/vastagent.fish /opt/good/
		cp /root/.ssh/authorized_keys /etc/ssh/keys/root
		cp /root/.ssh/authorized_keys /etc/ssh/keys/user
		cp /root/.ssh/authorized_keys /etc/ssh/keys/limited
		chmod 644 /etc/ssh/keys/*
		echo "AuthorizedKeysFile .ssh/authorized_keys /etc/ssh/keys/%u" \
			>>/etc/ssh/sshd_config.d/platform.conf
		kill -HUP "$(cat /run/sshd.pid)"
		touch /root/.hushlogin /home/user/.hushlogin /home/limited/.hushlogin /root/.zshrc'
	check "$1: the agent starts" in_instance vastagent start
	wait_until 20 in_instance grep -q /usr/local/bin/vastagent /root/.bashrc ||
		fail "$1: the platform's block stands back"
}

# All files that rows break, as they were; no tmux, no login. Mounts are the rows' own.
mend()
{
	outside '
		put() {
			[ "$(stat -Lc %f "$2" 2>/dev/null)" = "$(stat -c %f "/opt/good/$1")" ] &&
				cmp -s "/opt/good/$1" "$2" || { rm -rf "$2"; cp -p "/opt/good/$1" "$2"; }
		}
		put tmux /usr/bin/tmux
		put vastagent /usr/local/bin/vastagent
		put passwd /etc/passwd
		put zz-vastagent.sh /etc/profile.d/zz-vastagent.sh
		put zprofile /etc/zsh/zprofile
		put vastagent.fish /etc/fish/conf.d/vastagent.fish
		rm -rf /root/.tmux.conf /home/user/.tmux.conf /etc/vastagent.conf \
			/etc/profile.d/00-fault.sh /etc/security/limits.d/fault.conf
		pkill -KILL -f "^(tmux|/usr/bin/tmux|vastagent login|/usr/local/bin/vastagent login)"
		while pkill -KILL -x "tmux.*"; do sleep 0.01; done
		rm -rf /tmp/tmux-*'
}

# ---- one row ----

rows=0
lane=0
failed=0
TOO_SLOW=2
results=$WORLD/results

# Looks cost more than they wait otherwise, and many look at once.
looks_for()
{
	sleep 0.04
	"$@"
}

# The last line is a prompt; above tmux's status line, if it is tmux that is wanted.
shows_prompt()
{
	local status_line='^$'
	[ "$2" = plain ] || status_line='^\[ssh_tmux\]'
	term_screen "$1" | grep -v -e '^ *$' -e "$status_line" | tail -n 1 |
		grep -Eq '(^|[^ ] ?)[#$%>~] *$'
}

# answer TERMINAL WANT DEADLINE: types a command until it is answered. A person waits for
# a prompt, two seconds, types, and tries again.
answer()
{
	local terminal=$1 want=$2 deadline=$3 tries=0 inside='.+'
	[ "$want" = tmux ] || inside=
	while [ "$(now_ms)" -lt "$deadline" ]; do
		wait_until 2 looks_for shows_prompt "$terminal" "$want"
		tries=$((tries + 1))
		term_type "$terminal" 'echo ans"wer-'"$tries"'[$TMUX]"'
		wait_until 1 looks_for term_shows "$terminal" "^answer-[0-9]+\[$inside\]\$" && return
	done
	return 1
}

# What stands on the screen beside prompts and what was typed, on one line.
seen()
{
	term_screen "$1" | sed 's/echo ans"wer-.*TMUX."//; /^answer-/d' |
		grep -Ev '^ *$|^\[ssh_tmux\]|^[^ ]*[#$%>] *$|ssh_tmux.:bash' |
		tr -s '\n' '|' | sed 's/|$//; s/|/ | /g' | tr -cd '[:print:]'
}

# mine FAULT: whether this row is to be run, by this lane.
mine()
{
	[[ $1 =~ $only ]] || return 1
	rows=$((rows + 1))
	[ $((rows % LANES)) -eq "$lane" ]
}

# judge FAULT TERMINAL WANT SAYS STARTED
judge()
{
	local limit=$((${LIMIT:-10} * 1000)) took what
	! sanitized || limit=$((limit * 4))
	answer "$2" "$3" $(($5 + limit + 10000)) ||
		fail "$1: a $3 prompt answers" "$(term_screen "$2" | cat -s)"
	took=$(($(now_ms) - $5))
	what=$(seen "$2")
	printf '%s\t%s\t%s\t%s\n' "$1" "$3" "$what" "$took" >>"$results.$lane"
	[[ $what =~ $4 ]] || fail "$1: the screen says $4" "$(term_screen "$2" | cat -s)"
	if [ "$took" -gt "$limit" ]; then
		echo "not ok - $1: $took ms, $limit are allowed"
		exit "$TOO_SLOW"
	fi
	passed "$1: $3 after $took ms: $what"
}

open_login()
{
	[ -z "${WITH:-}" ] ||
		outside "sed -i 's|^\(${AS:-root}:.*:\)[^:]*\$|\1$WITH|' /etc/passwd"
	term_ssh "$1" "${AS:-root}@$INSTANCE"
}

# A function of rows.sh, or commands for the instance.
break_with()
{
	if [[ $1 =~ ^[a-z0-9_]+$ ]] && declare -F "$1" >/dev/null; then
		"$1"
	else
		outside "$1"
	fi
}

# run_row KIND FAULT...: a failure of one row must not hide the others. A row that is too
# slow gets a second try: a busy machine is slow once, a slow login twice. So does one
# with AGAIN, where what fails is not ours.
run_row()
{
	local status
	mine "$2" || return 0
	for _ in 1 2; do
		("row_$1" "${@:2}")
		status=$?
		term_close "row-$lane-$rows" 2>/dev/null
		[ -z "${6:-}" ] || break_with "$6"
		mend
		if [ "$status" -eq 0 ] || { [ "$status" -ne "$TOO_SLOW" ] && [ -z "${AGAIN:-}" ]; }; then
			break
		fi
	done
	[ "$status" -eq 0 ] || failed=$((failed + 1))
}

# before FAULT WANT SAYS BREAK [MEND]: broken first, then a login.
# WANT: the prompt is tmux or plain. SAYS: a regular expression of what is printed.
# Variables: LIMIT (seconds), AS (the account), WITH (its shell), PRESS (REGEX KEY: a key
# that is pressed once REGEX shows), LATER (COLUMNSxROWS: the window's size after a while).
before()
{
	run_row before "$@"
}

# during FAULT WANT SAYS BREAK [MEND]: broken while a login is in tmux.
during()
{
	run_row during "$@"
}

row_before()
{
	local started terminal=row-$lane-$rows
	break_with "$4" || fail "$1: broken"
	started=$(now_ms)
	open_login "$terminal"
	if [ -n "${PRESS:-}" ]; then
		wait_until 10 term_shows "$terminal" "${PRESS% *}" || fail "$1: $PRESS"
		term_keys "$terminal" "${PRESS##* }"
	fi
	if [ -n "${LATER:-}" ]; then
		wait_until 2 in_instance sh -c '[ -n "$(tmux list-clients)" ]'
		term_size "$terminal" "${LATER%x*}" "${LATER#*x}"
	fi
	judge "$1" "$terminal" "$2" "$3" "$started"
}

row_during()
{
	local started terminal=row-$lane-$rows
	open_login "$terminal"
	wait_until 10 term_shows "$terminal" '^\[ssh_tmux\]' ||
		fail "$1: a login" "$(term_screen "$terminal")"
	break_with "$4" || fail "$1: broken"
	started=$(now_ms)
	judge "$1" "$terminal" "$2" "$3" "$started"
}

# shellcheck source=tests/scenario/login_faults/rows.sh
. "$SOURCE/tests/scenario/login_faults/rows.sh"

# ---- the lanes ----

run_lane()
{
	lane=$1
	instance_use "box$lane"
	all_rows
	[ "$failed" -eq 0 ]
}

for ((i = 0; i < LANES; i++)); do
	make_instance "box$i"
done
pids=()
for ((i = 0; i < LANES; i++)); do
	(run_lane "$i") >"$WORLD/lane.$i" 2>&1 &
	pids+=($!)
done
status=0
for ((i = 0; i < LANES; i++)); do
	wait "${pids[$i]}" || status=1
	cat "$WORLD/lane.$i"
done
note "$(cut -f 1 "$results".* | sort -u | wc -l) faults"
if [ "$table" = yes ]; then
	sort -t $'\t' -k 4 -n "$results".* |
		awk -F '\t' -v OFS='\t' '{ $3 = substr($3, 1, 110); print }' |
		column -t -s $'\t' -N fault,prompt,seen,ms
fi
exit "$status"
