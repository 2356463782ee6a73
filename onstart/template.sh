# shellcheck shell=sh
# vastagent: first in the on-start field. In the background; the instance boots in any case.
(
unset IFS
url=
sum=
n=vastagent
say() { echo "$n: $*"; }
ok() { echo "$sum  $f" | sha256sum -c >/dev/null 2>&1; }
t=$(command -v timeout) && t="$t 60"
try() { rm -f "$f"; command -v "$1" >/dev/null && $t "$@" >/dev/null 2>&1; ok; }
get() {
	d=$(mktemp -d) || return
	f=$d/$n
	try curl -fsSLo "$f" "$url" || try wget -qO "$f" "$url" ||
	try python3 -c 'import sys,urllib.request as u
u.urlretrieve(*sys.argv[1:])' "$url" "$f" ||
	try perl -MHTTP::Tiny -e 'HTTP::Tiny->new->mirror(@ARGV)' "$url" "$f" ||
	try bash -c 'u=${1#http://} h=${u%%/*}
[ "$u" != "$1" ] || exit
case $h in *:*) ;; *) h=$h:80 ;; esac
exec 3<>"/dev/tcp/${h%:*}/${h#*:}"
printf "GET /%s HTTP/1.0\r\nHost: %s\r\n\r\n" "${u#*/}" "$h" >&3
while read -r l <&3 && [ ${#l} -gt 1 ]; do :; done
cat <&3 >"$2"' - "$url" "$f"
}
d=
for f in /usr/local/bin/$n /usr/bin/$n; do ok && break; done
if ! ok && ! get; then
	say "NOT FETCHED, or its checksum is wrong: $url"
	f=$(command -v $n) && say "the one that is here goes on: $f"
fi
[ -z "$f" ] || { chmod +x "$f"; $t "$f" onstart; } || say "the on-start FAILED"
[ -z "$d" ] || rm -rf "$d"
) </dev/null &
