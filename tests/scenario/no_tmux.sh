#!/bin/bash
# An image without tmux: a login is a plain shell, and the on-start report, doctor and
# login --explain say what installs it, with the package manager that the image has.
# shellcheck disable=SC2016 # what is typed is expanded where it is typed
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"

# expect_explained COMMAND: at the prompt of a login, which is a plain shell.
expect_explained()
{
	term_ssh plain box
	term_wait plain '^root@box.*# *$'
	term_type plain 'vastagent login --explain; echo "in[$TMUX]"'
	term_wait plain '^in\[\]$'
	expect_match "login --explain: $1" "$1.*\(rule: tmux\)" "$(term_screen plain | tr -d '\n')"
	term_close plain
}

# doctor exits with 0: it is a warning, the keys work.
fix_of_doctor()
{
	in_instance vastagent doctor --json | jq -r '.checks[] | select(.id == "login.tmux") | .fix'
}

# has MANAGER: the image's only one.
has()
{
	in_instance sh -c 'cd /usr/bin && rm -f apt-get apk dnf && cp /bin/true "$1"' - "$1"
}

instance_start box --bashrc none
in_instance mv /usr/bin/tmux /opt/tmux
apt='apt-get update && apt-get install -y tmux'
check "the on-start script runs, though it is told to end at once" in_instance env \
	VASTAGENT_BIN="$VASTAGENT_BUILD/vastagent" sh -eu "$SOURCE/onstart/onstart.sh"
expect_eq "and says once what installs tmux" \
	"vastagent: PROBLEM: there is no tmux here, so logins are plain shells; get it with: $apt" \
	"$(grep 'no tmux' <<<"$SEEN")"
check "it goes on to its end" in_instance vastagent status
expect_eq "doctor has the command" "$apt" "$(fix_of_doctor)"
expect_explained "$apt"
for manager in 'apk add --no-cache' 'dnf install -y'; do
	has "${manager%% *}"
	expect_eq "doctor, with ${manager%% *}" "$manager tmux" "$(fix_of_doctor)"
	expect_explained "$manager tmux"
done
in_instance rm /usr/bin/dnf
expect_eq "doctor, without any" null "$(fix_of_doctor)"
expect_match "names none, either" 'no tmux.*install it with the image.s package manager' \
	"$(in_instance vastagent doctor)"
check "the on-start script runs again, from its directory" in_instance env "CDPATH=$SOURCE" \
	sh -c 'cd "$1" && exec sh onstart/onstart.sh' - "$SOURCE"
expect_match "and names none" 'no tmux here.*; get it with: the package manager of this image' "$SEEN"

note "once it is there"
in_instance mv /opt/tmux /usr/bin/tmux
expect_eq "doctor is silent about it" '' "$(fix_of_doctor)"
term_ssh tmux box
term_wait tmux '^\[ssh_tmux\]'
