#!/bin/bash
# Process 1 of a machine: runs what it is given, then stays and reaps. bash takes
# the status of every child that it inherits while it waits for input that never
# comes. It ignores SIGTERM by being process 1; the machine ends by SIGKILL.
set -u
exec 3<> <(:)
"$@" 3<&-
while :; do
	read -r _ <&3
done
