# shellcheck shell=sh
# Starts vastagent at each boot of an image of the platform's, which sources this: after the
# stages that write the environment, move homes and spread keys, before supervisor and what
# takes long. It sets nothing, and a failure is no concern of the stages after it.
if [ -x /usr/local/bin/vastagent ]; then
	/usr/local/bin/vastagent onstart </dev/null || :
elif [ -x /usr/bin/vastagent ]; then
	/usr/bin/vastagent onstart </dev/null || :
fi
