#!/bin/bash
# A line of authorized_keys means to the agent what it means to sshd: generated lines are
# each tried with a real login and held against the agent's parser.
#
# GRAMMAR_SEED=N repeats a run. GRAMMAR_COUNT=N is how many lines come about by chance
# (100), GRAMMAR_SHARE=F how many of the systematic damages to each type of key are tried
# (0.1; 1 is all, some 1300). Keys of hardware cannot sign here: for these the question is
# whether sshd says that it would take them, which it does before it sees a signature.
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"

judge=${GRAMMAR_JUDGE:-$VASTAGENT_BUILD/tests/scenario/grammar_judge}
[ -x "$judge" ] || fail "the parser's program is built" "no $judge: configure with VASTAGENT_TESTS=ON"
trial=$SOURCE/tests/scenario/grammar/trial.py

instance_start one
in_instance mkdir -p /run/trial
in_instance sh -c 'cat >/run/trial/judge; chmod 755 /run/trial/judge' <"$judge"
status=0
in_instance /usr/bin/python3 -B "$trial" --judge /run/trial/judge \
	--seed "${GRAMMAR_SEED:-$RANDOM}" --count "${GRAMMAR_COUNT:-100}" \
	--share "${GRAMMAR_SHARE:-0.1}" || status=$?
expect_eq "sshd and the agent agree on every line" 0 "$status"
