# shellcheck shell=bash
"$PLATFORM" stage move_ssh
