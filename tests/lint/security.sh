#!/bin/bash
# Each promise of SECURITY.md names a test that is there: a file that ctest runs, and words of
# one of its checks, or the name of a test in it.
. "$(dirname "$0")/lint.sh"
need python3

promises=$(python3 tests/lint/security.py) || finding "$promises"
finish promises "$(tail -n 1 <<<"$promises")"
