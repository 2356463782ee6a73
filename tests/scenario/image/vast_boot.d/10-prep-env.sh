# shellcheck shell=bash
"$PLATFORM" stage environment
