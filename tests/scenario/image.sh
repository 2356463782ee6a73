#!/bin/bash
# For authors of images: an image with vastagent in it has the program and nothing else, no
# state, no keys, no process; and what is started from it is right at its first boot. The
# image has boot stages like the platform's own, which its entrypoint sources.
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"

stages=$SCENARIO_LIB/../image

# What an instance has that its image has not: every name, and when it was changed.
changed_files()
{
	(cd "$WORLD/machines/$INSTANCE" && find upper run tmp ! -type d -printf '%p %T@ %i\n' | sort)
}

processes()
{
	in_instance ps -eo args= | sort
}

# build_image NAME SETUP: SETUP is a text for sh, run before vastagent comes.
build_image()
{
	instance_start builder --unnamed --keys never --bashrc none
	machine_enter "$INSTANCE" sh -ec "$2" || fail "$1: it is set up"
	local before running
	before=$(changed_files)
	running=$(processes)
	check "$1: onstart --image" in_instance env VASTAGENT_KEYS="$(laptop_key mate)" \
		"$VASTAGENT_BUILD/vastagent" onstart --image
	expect_no_match "$1: without a problem" 'PROBLEM|there is no' "$SEEN"
	after=$(changed_files)
	new=$(comm -13 <(echo "$before") <(echo "$after") | cut -d ' ' -f 1)
	expect_eq "$1: nothing runs" "$running" "$(processes)"
}

note "an image of the platform's"
build_image platform 'mkdir -p /etc/vast_agents /opt/instance-tools/bin
	cp -r '"$stages"'/vast_boot.d /etc
	cp '"$stages"'/entrypoint.sh /opt/instance-tools/bin'
expect_eq "what is new is the program, its texts and its hook" "upper/etc/bash.bashrc
upper/etc/fish/conf.d/vastagent.fish
upper/etc/profile.d/zz-vastagent-environment.sh
upper/etc/profile.d/zz-vastagent.sh
upper/etc/vast_agents/vastagent.md
upper/etc/vast_boot.d/49-vastagent.sh
upper/etc/vastagent.conf
upper/etc/zsh/zprofile
upper/etc/zsh/zshenv
upper/usr/local/bin/vastagent" "$new"
check "a second time" in_instance vastagent onstart --image
expect_eq "nothing is said" '' "$SEEN"
expect_eq "nothing is changed" "$after" "$(changed_files)"
check "from a checkout" in_instance env VASTAGENT_BIN=/usr/local/bin/vastagent \
	sh "$SOURCE/onstart/onstart.sh" --image
expect_eq "nothing is changed" "$after" "$(changed_files)"
check_fails "what goes wrong ends the build of an image" 1 in_instance env VASTAGENT_BIN=/nowhere \
	sh "$SOURCE/onstart/onstart.sh" --image
check_fails "so does another account" 1 in_instance_as nobody sh "$SOURCE/onstart/onstart.sh" --image
check_fails "a word that it does not know" 64 in_instance sh "$SOURCE/onstart/onstart.sh" --imgae
expect_eq "nothing is changed" "$after" "$(changed_files)"
instance_save platform
instance_end

# ---- the first boot, and the second ----

entrypoint=/opt/instance-tools/bin/entrypoint.sh

mate_gets_in()
{
	laptop ssh -i /root/.ssh/mate -o IdentitiesOnly=yes "$@" true
}

has_booted()
{
	in_instance test -e /run/booted
}

# boots HOW: every stage ran, and all is as it should be.
boots()
{
	check "$1: the boot reaches its end" wait_until 60 has_booted
	check "$1: the agent runs" wait_until 20 in_instance vastagent status
	expect_no_match "$1: no problem" 'PROBLEM' "$(instance_log)"
	expect_eq "$1: as this instance" "$id" "$(in_instance vastagent status --json |
		jq -r .instance)"
	expect_eq "$1: one agent" 1 "$(in_instance pgrep -fc '^vastagent daemon' | xargs -I% expr % / 2)"
	check "$1: the key of the template gets in" wait_until 20 mate_gets_in "$INSTANCE"
	check "$1: the renter's key, too" laptop_ssh "$INSTANCE" true
	check "$1: .ssh was moved" in_instance test -L /root/.ssh
	check_fails "$1: to where it should be" any in_instance ls -d /root/.ssh/.ssh
	check "$1: and spread" laptop_ssh "user@$INSTANCE" true
	expect_eq "$1: the stage left nothing in the shell that sourced it" \
		"$(in_instance cat /run/before)" "$(in_instance cat /run/after)"
}

# start NAME TEXT [OPTION...]
start()
{
	local name=$1 text=$2
	shift 2
	id=$((12345 + instances_made))
	instance_start "$name" --from platform --on-start "$text" --endless --user yes \
		--env PLATFORM="$SCENARIO_LIB/platform.sh" --env VASTAGENT_KEYS="$(laptop_key mate)" "$@"
}

note "started from it"
start one "$entrypoint"
boots "first boot"
check "its sessions have the instance's variables" laptop_ssh one 'test "$GPU_COUNT" = 2'
term_ssh home one
term_wait home '^\[ssh_tmux\]'
term_close home
in_instance rm /run/booted
instance_stop_start
boots "second boot"
expect_eq "nothing is written again" 0 "$(instance_log | grep -c -e 'installed ' -e ' wrote ')"
expect_match "the pictures of the shell are none of nothing" 'propagate_user_keys.*main \(\)' \
	"$(in_instance cat /run/after)"
check "uninstall" in_instance vastagent uninstall
check_fails "takes the stage and the page, too" any in_instance sh -c \
	'ls /etc/vast_agents/vastagent.md || ls /etc/vast_boot.d/49-vastagent.sh'
instance_end

note "the template's text before the stages, as well"
start both "vastagent onstart &
$entrypoint"
boots "both"

# ---- whatever becomes of the program, the boot goes on ----

note "a program that fails, or is not there"
goes_on()
{
	local shell
	for shell in 'bash -eu' 'bash -eu -o pipefail' bash 'sh -eu'; do
		# shellcheck disable=SC2086 # words
		expect_eq "$1, in $shell" "0 still" "$(in_instance $shell -c \
			'. /etc/vast_boot.d/49-vastagent.sh; echo $? still' 2>/dev/null | tail -n 1)"
	done
}
in_instance vastagent stop >/dev/null
goes_on "one that works"
check "a program that fails" in_instance sh -c 'cd /usr/local/bin && rm vastagent &&
	printf "#!/bin/sh\nexit 3\n" >vastagent && chmod 755 vastagent'
goes_on "one that fails"
check "a damaged one" in_instance sh -c 'printf "\177ELFnonsense" >/usr/local/bin/vastagent'
goes_on "one that is damaged"
check "none" in_instance rm /usr/local/bin/vastagent
goes_on "none"
instance_end

# ---- other boots, other images ----

note "a caller with set -eu, and /usr/local that nobody can write to"
start strict "mount --bind /usr/local /usr/local && mount -o remount,ro,bind /usr/local
bash -eu -o pipefail $entrypoint" --vm 0123456789abcdef0123456789abcdef
check_fails "it is so" any in_instance touch /usr/local/bin/x
boots "strict"
instance_end

note "another image, with /usr/local that nobody can write to, without fish and zsh"
build_image other 'mount --bind /usr/local /usr/local && mount -o remount,ro,bind /usr/local
	rm -rf /usr/bin/fish /usr/bin/zsh /bin/zsh /etc/zsh'
expect_eq "there is no more than it has a use for" "upper/etc/bash.bashrc
upper/etc/profile.d/zz-vastagent-environment.sh
upper/etc/profile.d/zz-vastagent.sh
upper/etc/vastagent.conf
upper/usr/bin/vastagent" "$new"
