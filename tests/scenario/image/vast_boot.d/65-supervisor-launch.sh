# shellcheck shell=bash disable=SC2034 # stage 95 waits for it
sleep infinity &
supervisord_pid=$!
