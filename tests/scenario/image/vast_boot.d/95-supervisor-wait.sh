# shellcheck shell=bash disable=SC2154 # stage 65 started it
touch /run/booted
wait "$supervisord_pid"
