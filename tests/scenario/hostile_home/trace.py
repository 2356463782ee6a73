#!/usr/bin/env python3
"""trace.py TRACE PID HOME: reads what strace -f -y recorded of PID and its children, and
fails on each call with a path under HOME (named, relative to a directory there, or by a
descriptor) that a process made before it had become another user for good."""
import re, sys

trace, agent, home = sys.argv[1], sys.argv[2], sys.argv[3]
became = {}                     # pid -> uid
calls = bad = by_owner = 0
unfinished = {}

for line in open(trace, errors='replace'):
    match = re.match(r'(\d+)\s+(.*)', line)
    if not match:
        continue
    pid, text = match.groups()
    if text.startswith('+++'):  # the number may be given to another process
        became.pop(pid, None)
        continue
    if text.endswith('<unfinished ...>'):
        unfinished[pid] = text[:-len('<unfinished ...>')]
        if not text.startswith(('clone', 'fork', 'vfork')):
            continue
    if text.startswith('<... '):
        text = unfinished.pop(pid, '') + text.split('resumed>', 1)[-1]
    child = re.match(r'(?:clone3?|v?fork)\(.*= (\d+)$', text)
    if child:
        became.setdefault(child.group(1), became.get(pid, 0))
        continue
    changed = re.match(r'setresuid\((\d+), (\d+), (\d+)\s*\)\s+= 0', text)
    if changed:
        uid = int(changed.group(1))
        if changed.group(1) == changed.group(2) == changed.group(3):
            became[pid] = uid
        continue
    calls += 1
    # readlink and the like print what they found behind the call's own paths.
    if not re.search(r'["<]' + re.escape(home) + r'(?=[/">])', text):
        continue
    if became.get(pid, 0) != 0:
        by_owner += 1
        continue
    bad += 1
    if bad <= 20:
        print(line.rstrip())
print('%d calls with a path, %d under %s by its owner, %d by root'
      % (calls, by_owner, home, bad))
sys.exit(1 if bad or not by_owner else 0)
