# vastagent: an SSH login lives in tmux, so that nothing dies with the connection.
# Switch it off with: touch ~/.no_auto_tmux   Ask why (not): vastagent login --explain
#
# First come the instance's variables, for commands too.
if test -r /run/vastagent/environment/root.fish
    source /run/vastagent/environment/root.fish
else if test -r /run/vastagent/environment/others.fish
    source /run/vastagent/environment/others.fish
end

# fish reads this file for every command, so it asks for a login first. The program is
# a child; only its status 93 logs out, and exit does not log out from here, exec does.
if status is-login; and status is-interactive
    if test -n "$SSH_CONNECTION"; and test -z "$TMUX"; and not set -q vastagent_login_tried
        if test -x /usr/local/bin/vastagent
            set -g vastagent_login_tried 1
            /usr/local/bin/vastagent login
            test $status -eq 93
            and exec true
        end
    end
end
