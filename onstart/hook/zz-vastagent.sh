# shellcheck shell=sh
# vastagent: an SSH login lives in tmux, so that nothing dies with the connection.
# Switch it off with: touch ~/.no_auto_tmux   Ask why (not): vastagent login --explain
#
# No logic here: the program decides. It is a child, never exec, so that whatever
# becomes of it, this shell goes on; only its status 93, the session is over, logs out.
# Not 0: a damaged program may run as a shell script, and one of those often succeeds.
case $- in
*i*)
	if [ -z "${vastagent_login_tried-}" ] && [ -n "${SSH_CONNECTION-}" ] &&
		[ -z "${TMUX-}" ] && [ -x /usr/local/bin/vastagent ]; then
		vastagent_login_tried=1
		/usr/local/bin/vastagent login || [ $? -ne 93 ] || exit 0
	fi
	;;
esac
