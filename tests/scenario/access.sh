#!/bin/bash
# Who may do what on the control socket: root, the account itself, another account, a
# web page, a socket that was forwarded through sshd.
# shellcheck source=tests/scenario/lib/instance.sh
. "$(dirname "$0")/lib/instance.sh"

instance_start one --user yes
in_instance install -m 755 "$VASTAGENT_BUILD/vastagent" /usr/local/bin/vastagent
in_instance useradd -m -s /bin/bash alice
in_instance useradd -m -s /bin/bash bob
check "the agent starts" in_instance vastagent start
socket=/run/vastagent/agent.sock
alices=$(laptop_key alice)
bobs=$(laptop_key bob)

# ask USER METHOD PATH [CURL OPTION...]: prints the status, a space, and the body.
ask()
{
	local user=$1 method=$2 path=$3
	shift 3
	in_instance_as "$user" curl -s -o - -w '\n%{http_code}' -X "$method" --unix-socket "$socket" \
		"$@" "http://localhost$path" | tac | tr '\n' ' '
}

# answers WHAT STATUS USER METHOD PATH [CURL OPTION...]
answers()
{
	local what=$1 status=$2
	shift 2
	expect_match "$what" "^$status " "$(ask "$@")"
}

json=(-H 'Content-Type: application/json')

note "everybody may ask how the agent is, and sees no account"
answers "root" 200 root GET /v1/status
answers "alice" 200 alice GET /v1/status
expect_match "which accounts are watched is root's to see" '"accounts":\[\]' "$(ask alice GET /v1/status)"

note "one's own keys"
answers "alice adds hers" 200 alice POST /v1/keys "${json[@]}" -d "{\"text\":\"$alices\"}"
check "and gets in" laptop ssh -i /root/.ssh/alice alice@one true
expect_eq "the file is hers" "alice 600" "$(in_instance stat -c '%U %a' /home/alice/.ssh/authorized_keys)"
expect_eq "and so is the directory" "alice 700" "$(in_instance stat -c '%U %a' /home/alice/.ssh)"
answers "she lists them" 200 alice GET /v1/keys
answers "by name, too" 200 alice GET '/v1/keys?user=alice'
answers "root lists them" 200 root GET '/v1/keys?user=alice'
fingerprint=$(in_instance vastagent keys --user alice --json | jq -r '.keys[0].fingerprint')
encoded=$(jq -rn --arg f "$fingerprint" '$f|@uri')

note "nobody else's"
answers "bob does not list them" 403 bob GET '/v1/keys?user=alice'
answers "nor root's" 403 bob GET '/v1/keys?user=root'
answers "nor adds to them" 403 bob POST /v1/keys "${json[@]}" -d "{\"text\":\"$bobs\",\"user\":\"root\"}"
answers "the name in query and body" 403 bob POST '/v1/keys?user=bob' "${json[@]}" \
	-d "{\"text\":\"$bobs\",\"user\":\"alice\"}"
answers "nor removes from them" 403 bob DELETE "/v1/keys/$encoded?user=alice"
answers "nor learns which accounts exist" 403 bob GET '/v1/keys?user=nobody-here'
answers "root learns it" 404 root GET '/v1/keys?user=nobody-here'
for route in stop reload pause resume; do
	answers "/v1/$route is root's" 403 alice POST /v1/$route "${json[@]}" -d '{}'
done
answers "an origin of a key is root's to claim" 403 alice POST /v1/keys "${json[@]}" \
	-d "{\"text\":\"$bobs\",\"origin\":\"template\"}"

note "an account that shares its uid, and the uid of nobody"
in_instance sh -c 'grep ^alice: /etc/passwd | sed s/^alice/alice2/ >>/etc/passwd'
answers "changes nothing" 403 alice POST /v1/keys "${json[@]}" -d "{\"text\":\"$bobs\"}"
in_instance sed -i '/^alice2:/d' /etc/passwd
answers "nobody changes nothing" 403 nobody POST /v1/keys "${json[@]}" -d "{\"text\":\"$bobs\"}"

note "requests of web pages"
answers "with an Origin" 403 root GET /v1/keys -H 'Origin: http://example.com'
answers "with Sec-Fetch-Site" 403 root GET /v1/keys -H 'Sec-Fetch-Site: same-origin'
answers "with another Host" 403 root GET /v1/keys -H 'Host: example.com'
answers "or with two" 403 root GET /v1/keys -H $'X: y\r\nHost: example.com'
answers "or in the path's place" 403 root GET /v1/keys --request-target http://example.com/v1/keys
answers "on a path that is no route's" 403 root GET /v1/nothing -H 'Origin: http://example.com'
answers "a form" 415 root POST /v1/keys -d "text=$alices"
answers "plain text" 415 root POST /v1/keys -H 'Content-Type: text/plain' -d "{\"text\":\"$alices\"}"

note "a socket that is forwarded through sshd"
forwarded()
{
	laptop curl -s -o /dev/null -w '%{http_code}' --unix-socket /root/agent.sock "$@"
}
# check_forwarded OPTION...: ssh with these must not reach more than status.
check_forwarded()
{
	laptop sh -c 'rm -f /root/agent.sock
		ssh -N -o ExitOnForwardFailure=yes -L /root/agent.sock:/run/vastagent/agent.sock "$@" one &
		echo $! >/root/forward.pid' ssh "$@"
	check "the forwarded socket is there" wait_until 20 laptop test -S /root/agent.sock
	expect_eq "status answers" 200 "$(forwarded http://localhost/v1/status)"
	expect_eq "keys do not" 403 "$(forwarded http://localhost/v1/keys)"
	expect_eq "not even to be added" 403 "$(forwarded "${json[@]}" -d "{\"text\":\"$bobs\"}" \
		http://localhost/v1/keys)"
	# shellcheck disable=SC2016 # for the shell over there
	laptop sh -c 'kill "$(cat /root/forward.pid)"'
}
check_forwarded

note "by a key that is restricted to one command"
check "the key is added" in_instance vastagent addkey --options 'command="echo only this"' \
	"$(laptop_key backup)"
check_forwarded -o IdentitiesOnly=yes -i /root/.ssh/backup

note "by a server that is gone when the agent looks who it was"
laptop sh -c 'rm -f /root/agent.sock
	ssh -N -o IdentitiesOnly=yes -i /root/.ssh/backup -o ExitOnForwardFailure=yes \
		-L /root/agent.sock:/run/vastagent/agent.sock one & echo $! >/root/forward.pid'
check "the forwarded socket is there" wait_until 20 laptop test -S /root/agent.sock
refused()
{
	in_instance vastagent status --json | jq .counters.refused
}
# Something was sent to a socket, and nobody has read it.
is_sent()
{
	in_instance ss -xHan | awk '$2 == "ESTAB" && $4 > 0 { found = 1 } END { exit !found }'
}
is_gone()
{
	! in_instance pgrep -f '^sshd: root'
}
refused_more()
{
	[ "$(refused)" -gt "$1" ]
}
before=$(refused)
agent=$(in_instance vastagent status --json | jq .pid)
in_instance kill -STOP "$agent"
forwarded -m 60 "${json[@]}" -d "{\"text\":\"$bobs\"}" http://localhost/v1/keys >/dev/null &
check "its request waits" wait_until 20 is_sent
# shellcheck disable=SC2016 # for the shell over there
laptop sh -c 'kill "$(cat /root/forward.pid)"'
check "it is gone" wait_until 20 is_gone
in_instance kill -CONT "$agent"
check "it is refused all the same" wait_until 20 refused_more "$before"
expect_no_match "no key came in by it" "$bobs" "$(in_instance cat /root/.ssh/authorized_keys)"

note "what is not a request of ours"
answers "no such route" 404 root GET /v1/nothing
answers "a method that the route has not" 404 root DELETE /v1/status
answers "not JSON" 400 root POST /v1/keys "${json[@]}" -d 'text'
answers "not an object" 400 root POST /v1/keys "${json[@]}" -d '["text"]'
answers "an unknown member" 400 root POST /v1/keys "${json[@]}" -d '{"text":"x","colour":"blue"}'
answers "a member of another type" 400 root POST /v1/keys "${json[@]}" -d '{"text":7}'
answers "a member given twice" 400 root POST /v1/keys "${json[@]}" -d '{"text":"a","text":"b"}'
answers "a malformed path" 400 root DELETE /v1/keys/%zz
answers "a bad key" 400 root POST /v1/keys "${json[@]}" -d '{"text":"nonsense"}'
in_instance sh -c 'head -c 70000 /dev/zero | tr "\0" " " >/tmp/large; chmod 644 /tmp/large'
answers "64 KiB are enough for an account" 413 alice POST /v1/keys "${json[@]}" -d @/tmp/large
answers "root may send more" 400 root POST /v1/keys "${json[@]}" -d @/tmp/large
check "the agent still answers" in_instance vastagent status

note "every change is written down"
expect_match "who and what" \
	'"event":"added","user":"alice","fingerprint":"SHA256:[^"]*".*"uid":[0-9]+.*"program":"curl"' \
	"$(in_instance cat /var/lib/vastagent/events.jsonl)"
expect_no_match "never the key itself" "$(cut -d ' ' -f 2 <<<"$alices")" \
	"$(in_instance cat /var/lib/vastagent/events.jsonl /var/log/vastagent.log)"
expect_eq "for root only" "root 600" "$(in_instance stat -c '%U %a' /var/lib/vastagent/events.jsonl)"
answers "alice takes hers away again" 409 alice DELETE "/v1/keys/$encoded"
answers "the last one only if she means it" 200 alice DELETE "/v1/keys/$encoded?force=1"
check_fails "and is refused from then on" any laptop ssh -o BatchMode=yes -i /root/.ssh/alice alice@one true
