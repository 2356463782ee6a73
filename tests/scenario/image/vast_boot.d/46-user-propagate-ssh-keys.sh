# shellcheck shell=bash
"$PLATFORM" stage spread_keys
