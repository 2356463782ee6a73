# shellcheck shell=bash
# What the stories of faults (../faults) begin with, in an instance with the account user.
#
#   faults_prepare          the stepper, and the keys /tmp/new, /tmp/stays and /tmp/other
#   faults_begin            the account's file holds other, the agent runs and added stays
#
# Sets helpers (where their programs are), shared (the instance's /tmp), file (of keys).

# shellcheck disable=SC2034 # for those who source this file
helpers=$SOURCE/tests/scenario/faults
file=/home/user/.ssh/authorized_keys
shared=

faults_prepare()
{
	local name
	shared=$WORLD/machines/$INSTANCE/tmp
	check "the stepper is built" cc -O1 -Wall -o "$shared/stepper" "$helpers/stepper.c"
	for name in new stays other; do
		in_instance ssh-keygen -q -t ed25519 -N '' -C "$name@test" -f "/tmp/$name"
	done
}

faults_begin()
{
	in_instance_as user sh -c 'umask 077; mkdir -p ~/.ssh; cat /tmp/other.pub >~/.ssh/authorized_keys'
	check "the agent starts" in_instance vastagent start
	check "a key is there" in_instance vastagent addkey --user user /tmp/stays.pub
}
