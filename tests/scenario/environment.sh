#!/bin/bash
# The instance's variables are in every kind of session, byte for byte, none of them
# evaluated; other accounts get the allow-list; the files that the hook edits come back.
# shellcheck disable=SC2016,SC1003 # values are what they are
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"

values=('two words' '  blanks around  ' '$HOME' '$(touch /tmp/executed)' '`touch /tmp/executed`'
	"it's" 'say "hi"' "'" "'\\''" 'back\slash\' $'a\nb\n\nc\n' '{"a": [1, "$x"], '"'b': null}"
	$'tab\there' '# no comment' 'a;b|c&d>e<f(g)' '*?[a]~!' $'\xc3\xbc\xff\x01' '')
hostile=('BASH_ENV=/root/evil' 'ENV=/root/evil' 'LD_PRELOAD=libc.so.6' 'HOME=/nowhere'
	'PROMPT_COMMAND=touch /tmp/executed' 'PS4=$(touch /tmp/executed)' 'TERM=dumb' 'IFS=/'
	'BASH_FUNC_ls%%=() { touch /tmp/executed; }' 'A;touch /tmp/executed=1' 'USER=nobody'
	'HISTSIZE=a[$(touch /tmp/executed)]'
	'LISTMAX=a[$(touch /tmp/executed)]' 'status=1' 'path=/nowhere' 'argv=x' 'UID=7' 'fish_pid=1'
	'VSCODE_PORT=8080' 'TERM_PROGRAM=vscode' 'ZELLIJ=0')
template=() expected=()
for i in "${!values[@]}"; do
	template+=(--env "AW_$i=${values[i]}")
	expected+=("AW_$i=${values[i]}")
done
for variable in "${hostile[@]}"; do
	template+=(--env "$variable")
done

sum()
{
	LC_ALL=C sort -z | sha256sum | cut -c 1-16
}

use_shell()
{
	in_instance sed -i "s|^\($1:.*:\)[^:]*\$|\1$2|" /etc/passwd
}

not_executed()
{
	check_fails "$1: no value was executed" any in_instance test -e /tmp/executed
}

# names USER CMD...: which variables of the instance a command of that account has.
names()
{
	local user=$1
	shift
	laptop_ssh "$user@box" "$*" | grep -aoE '^(CONTAINER|VAST|GPU|PUBLIC|JUPYTER|AW_0|GIVEN|DATA)[A-Z_0-9]*' |
		sort | tr '\n' ' '
}

tmux_end()
{
	in_instance sh -c 'tmux kill-server; su user -c "tmux kill-server"' 2>/dev/null
	wait_until 20 no_tmux || fail "the tmux servers end"
}

no_tmux()
{
	! in_instance pgrep -x 'tmux.*' >/dev/null
}

config()
{
	in_instance sh -c 'umask 022; printf "[session]\nenvironment = %s\n" "$1" >/etc/vastagent.conf' - "$1"
	check "configuration: $1" in_instance vastagent reload
}

edited='/etc/bash.bashrc /etc/zsh/zshenv /etc/zsh/zprofile'
instance_start box --bashrc none --user yes --stage spread_keys "${template[@]}" \
	--env "PATH=/opt/conda/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/last" \
	--env VAST_API_KEY=0123456789abcdef --env WORKSPACE=/workspace --on-start "sha256sum $edited >/root/before
		stat -c '%n %a %u %g %F' $edited >>/root/before
		export GIVEN='by the on-start'; unset LD_PRELOAD
		VASTAGENT_BIN=$VASTAGENT_BUILD/vastagent $SOURCE/onstart/onstart.sh"
expected_sum=$(printf '%s\0' "${expected[@]}" | sum)
in_instance sh -c 'cat >/usr/local/bin/show; chmod 755 /usr/local/bin/show' <<'END'
#!/bin/sh
echo "sum=$(env -0 | grep -az '^AW_' | LC_ALL=C sort -z | sha256sum | cut -c 1-16)."
END
in_instance touch /root/.zshrc /home/user/.zshrc

note "root, in every shell and kind of session"
for shell in /bin/bash /usr/bin/zsh /usr/bin/fish /bin/dash; do
	use_shell root "$shell"
	if [ "$shell" != /bin/dash ]; then
		expect_eq "$shell: ssh host cmd" "sum=$expected_sum." "$(laptop_ssh box show 2>&1)"
		expect_match "$shell: PATH" '^/opt/conda/bin:.*:/opt/last$' "$(laptop_ssh box 'printenv PATH')"
		expect_eq "$shell: the on-start's own" 'by the on-start' "$(laptop_ssh box 'printenv GIVEN')"
	fi
	expect_eq "$shell: bash -lc" "sum=$expected_sum." "$(laptop_ssh box 'bash -lc show' 2>&1)"
	expect_eq "$shell: commands on standard input" "sum=$expected_sum." "$(laptop_ssh -T box 2>&1 <<<show | tail -n 1)"
	term_ssh one box
	term_wait one '^\[ssh_tmux\]'
	term_type one 'clear; show'
	term_wait one "^sum=$expected_sum\.\$"
	term_type one 'tmux new-window'
	term_wait one '^\[ssh_tmux\].* 1:'
	term_type one 'show; echo "second[$TMUX_PANE]"'
	term_wait one '^second\[%1\]'
	term_wait one "^sum=$expected_sum\.\$"
	term_close one
	tmux_end
	term_ssh plain -o SetEnv=LC_NO_TMUX=1 box
	term_type plain 'show'
	term_wait plain "sum=$expected_sum\.\$"
	term_close plain
	not_executed "$shell"
done
use_shell root /bin/bash
expect_eq "nothing is printed" '' "$(laptop_ssh box true 2>&1)"
check_fails "the agent wrote to no /etc/environment" any in_instance test -s /etc/environment
expect_no_match "the agent's log has no complaint" 'variables of sessions' "$(in_instance cat /var/log/vastagent.log)"
expect_eq "only root reads root's" '600 0' "$(in_instance stat -c '%a %u' /run/vastagent/environment/root.sh)"

note "another account"
for shell in /bin/bash /usr/bin/zsh /usr/bin/fish; do
	use_shell user "$shell"
	expect_eq "$shell: the allow-list" \
		'CONTAINER_ID DATA_DIRECTORY GPU_COUNT PUBLIC_IPADDR VAST_CONTAINERLABEL VAST_TCP_PORT_22 VAST_TCP_PORT_8080 ' \
		"$(names user printenv)"
done
use_shell user /bin/bash
expect_eq "a login has it, too" 12345 "$(laptop_ssh user@box "bash -lc 'printenv CONTAINER_ID'")"
expect_no_match "no secret is in a file that others read" 'a0b1c2d3e4f5|0123456789abcdef|two words' \
	"$(in_instance_as user sh -c 'cat /run/vastagent/environment/* 2>/dev/null')"
check_fails "root's file is closed" any in_instance_as user cat /run/vastagent/environment/root.env

note "the configuration"
term_ssh pane box
term_wait pane '^\[ssh_tmux\]'
config 'all, AW_*'
expect_eq "what it names, others get" "sum=$expected_sum." "$(laptop_ssh user@box show)"
expect_eq "beside the allow-list" 12345 "$(laptop_ssh user@box 'printenv CONTAINER_ID')"
config 'AW_0, VAST_*, !*_8080, !*_KEY'
expect_eq "root gets what is named" 'AW_0 VAST_CONTAINERLABEL VAST_TCP_PORT_22 ' "$(names root printenv)"
expect_eq "others, too" 'AW_0 VAST_CONTAINERLABEL VAST_TCP_PORT_22 ' "$(names user printenv)"
config none
expect_eq "none" '' "$(names root printenv)"
expect_eq "none for others" '' "$(names user printenv)"
in_instance sh -c 'echo "[session]
environment = A-B" >/etc/vastagent.conf'
check_fails "a bad rule is refused" 78 in_instance vastagent reload
expect_match "by name" 'environment: expects all, none, or names and patterns' "$SEEN"
config all

note "vastagent env"
expect_eq "for a shell" "sum=$expected_sum." "$(in_instance bash -c 'eval "$(vastagent env)"; show')"
expect_eq "for sh" "sum=$expected_sum." "$(in_instance sh -c 'eval "$(vastagent env)"; show')"
expect_eq "for fish" "sum=$expected_sum." "$(in_instance fish -c 'vastagent env --fish | source; show')"
expect_eq "as JSON" "it's" "$(in_instance vastagent env --json | jq -r .environment.AW_5)"
expect_eq "as another account" $'null\n12345' "$(in_instance_as user vastagent env --json |
	jq -r '.environment.AW_5, .environment.CONTAINER_ID')"
check_fails "it takes no operand" 64 in_instance vastagent env x
check_fails "only root hands over" 77 in_instance_as user vastagent env --hand-over

note "a change reaches new sessions and new panes"
again()
{
	in_instance env "$@" VASTAGENT_BIN="$VASTAGENT_BUILD/vastagent" "$SOURCE/onstart/onstart.sh"
}
again "GIVEN=another" "ADDED=yes" >/dev/null
expect_eq "a command has it" 'another yes' "$(laptop_ssh box 'echo "$GIVEN $ADDED"')"
expect_eq "process 1's are still there" "sum=$expected_sum." "$(laptop_ssh box show)"
term_type pane 'tmux new-window'
term_wait pane '^\[ssh_tmux\].* 1:'
term_type pane 'echo "new[$GIVEN $ADDED]"'
term_wait pane '^new\[another yes\]'
term_type pane 'export GIVEN=mine; exec bash -l'
term_type pane 'echo "own[$GIVEN]"'
term_wait pane '^own\[mine\]'
term_close pane
tmux_end
again LC_ALL=xx_XX.none BASH_COMPAT=garbage GIVEN=another >/dev/null 2>&1
expect_eq "a value that bash does not like is not talked of" another "$(laptop_ssh box 'printenv GIVEN' 2>&1)"
again "SSH_CONNECTION=1 2 3 4" GIVEN=private >/dev/null
expect_eq "a person's own session is not handed over" another "$(laptop_ssh box 'printenv GIVEN')"
check "the same again" again GIVEN=another ADDED=yes
expect_no_match "says nothing of it" 'PROBLEM|wrote|added the hook' "$SEEN"

note "what the image and its user set in files"
in_instance sh -c 'mkdir /workspace; cat >/workspace/.env' <<'END'
GIVEN='of the workspace'
RUN=$(touch /tmp/executed)
PATH="$PATH:/run"
END
in_instance tee /etc/environment >/dev/null <<'END'
CONTAINER_ID="12345"
GIVEN="of the file"
OF_THE_FILE="it's # whole" # comment
BROKEN="it's
AW_1=`touch /tmp/executed`
LD_PRELOAD=/nowhere
END
check "reload" in_instance vastagent reload
expect_eq "what PAM has set is left alone" 'of the file' "$(laptop_ssh box 'printenv GIVEN' 2>/dev/null)"
in_instance sh -c 'echo "UsePAM no" >/etc/ssh/sshd_config.d/a.conf; kill -HUP "$(cat /run/sshd.pid)"'
wait_until 20 laptop_ssh box '[ "$GIVEN" = "of the workspace" ]' || fail "sshd goes on without PAM"
expect_eq "they win, and one bad line loses no other" "of the workspace|it's # whole|  blanks around  ||" \
	"$(laptop_ssh box 'echo "$GIVEN|$OF_THE_FILE|$AW_1|$LD_PRELOAD|$RUN"' 2>&1)"
in_instance chown user /workspace
check "reload" in_instance vastagent reload
expect_eq "not from a workspace that others can write to" "of the file" "$(laptop_ssh box 'printenv GIVEN')"
in_instance sh -c 'rm /workspace/.env; mkfifo /workspace/.env; chown root /workspace'
check "a FIFO holds nobody up" in_instance timeout 5 vastagent reload
in_instance sed -i s/12345/999/ /etc/environment
check "reload" in_instance vastagent reload
expect_eq "nor from another instance's file" '12345 another' "$(laptop_ssh box 'echo "$CONTAINER_ID $GIVEN"')"
not_executed "all of that"
in_instance sh -c ': >/etc/environment; rm -r /workspace'

note "another start, another instance"
again GIVEN='of the old instance' >/dev/null
in_instance sh -c 'vastagent stop; echo >/root/onstart.sh'
instance_stop_start
expect_eq "a stopped instance's files are not read again" '' "$(names root printenv)"
check "nor by vastagent env" in_instance sh -c '! vastagent env'
expect_match "which says what to do" 'vastagent start' "$SEEN"
check "the agent starts" in_instance vastagent start
wait_until 20 in_instance vastagent env || fail "the variables are written"
expect_eq "process 1's are there" "sum=$expected_sum." "$(laptop_ssh box show)"
expect_eq "what an older on-start had is not" '' "$(laptop_ssh box 'printenv GIVEN')"
instance_save image
instance_start copy --from image --id 777 --bashrc none --user yes
expect_eq "a copied image knows nothing" '' "$(laptop_ssh copy 'printenv CONTAINER_ID')"
check "its agent starts" in_instance vastagent start
wait_until 20 in_instance vastagent env || fail "the variables are written"
expect_eq "and now it knows who it is" 777 "$(laptop_ssh copy 'printenv CONTAINER_ID')"

in_instance vastagent stop >/dev/null
check "an image that is cleaned" in_instance vastagent clean-image
expect_eq "holds no variables" lock "$(in_instance ls /run/vastagent/environment)"

note "the hook's edits go without a trace"
instance_use box
check "remove" in_instance "$SOURCE/onstart/hook.sh" remove
expect_eq "every byte, mode and owner is back" "$(in_instance cat /root/before)" \
	"$(in_instance sh -c "sha256sum $edited; stat -c '%n %a %u %g %F' $edited")"
expect_eq "sessions have no variables" '' "$(names root printenv)"
check "remove again" in_instance "$SOURCE/onstart/hook.sh" remove
expect_eq "says nothing" '' "$SEEN"

note "the hook on other images: files that are linked, empty, not ended, or not there"
# picture DIR: all that a removal must give back.
picture()
{
	in_instance sh -c 'cd "$1" && find . \( -type f -exec sha256sum {} \; \) -o -type l -printf "%p -> %l\n"
		find . -printf "%p %y %m %U %G\n"' - "$1" | grep -v -e /conf.d -e /fish -e profile.d -e '^\. ' | sort
}
in_instance sh -c 'mkdir -p /tmp/image/etc/zsh /tmp/image/opt /tmp/image/usr/bin /tmp/bare/etc && cd /tmp/image
	printf "[ -z \"\$PS1\" ] && return\nlast line" >opt/bashrc; ln -s ../opt/bashrc etc/bash.bashrc
	chmod 640 opt/bashrc; chown 0:1001 opt/bashrc; : >etc/zsh/zshenv; printf "no end" >etc/zsh/zprofile
	printf "#!/bin/sh\n" >usr/bin/bash; printf "x\n" >/tmp/bare/etc/passwd'
for image in image bare; do
	before=$(picture "/tmp/$image")
	check "$image: install" in_instance "$SOURCE/onstart/hook.sh" install --root "/tmp/$image"
	installed=$(picture "/tmp/$image")
	check "again" in_instance "$SOURCE/onstart/hook.sh" install --root "/tmp/$image"
	expect_eq "changes nothing" "|$installed" "$SEEN|$(picture "/tmp/$image")"
	check_fails "no shell that is not there gets a file" any in_instance test -e "/tmp/$image/etc/fish"
	if [ "$image" = image ]; then
		expect_eq "the link stays" ../opt/bashrc "$(in_instance readlink /tmp/image/etc/bash.bashrc)"
		expect_eq "the mode and the owner stay" '640 0 1001' "$(in_instance stat -c '%a %u %g' /tmp/image/opt/bashrc)"
		expect_match "the lines come first" '^# BEGIN vastagent' "$(in_instance cat /tmp/image/opt/bashrc)"
	fi
	in_instance sh -c 'sed -i --follow-symlinks "s/others.sh/older.sh/" "$1"/etc/bash.bashrc "$1"/etc/zsh/zshenv 2>/dev/null' - "/tmp/$image"
	in_instance "$SOURCE/onstart/hook.sh" install --root "/tmp/$image" >/dev/null
	expect_eq "another version's lines are replaced" "$installed" "$(picture "/tmp/$image")"
	check "remove" in_instance "$SOURCE/onstart/hook.sh" remove --root "/tmp/$image"
	expect_eq "all is as it was" "$before" "$(picture "/tmp/$image")"
done
