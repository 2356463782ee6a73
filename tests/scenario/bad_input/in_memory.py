#!/usr/bin/env python3
"""in_memory.py PID SECRET...: which pieces of 16 characters of the secrets' lines stand in
the memory of a process. Prints how many, and where the first ones are."""
import re, sys

pid, secrets = sys.argv[1], sys.argv[2:]
pieces = {line[at:at + 16].encode() for text in secrets for line in text.split()
          for at in range(len(line) - 15)}
if not pieces:
    sys.exit('nothing to look for')
found = {}
with open('/proc/%s/mem' % pid, 'rb') as memory:
    for line in open('/proc/%s/maps' % pid):
        begin, end, mode = re.match(r'(\w+)-(\w+) (\S+)', line).groups()
        if not mode.startswith('rw'):
            continue
        memory.seek(int(begin, 16))
        data = memory.read(int(end, 16) - int(begin, 16))
        for piece in pieces:
            if piece in data:
                found[piece] = '%s in %s' % (piece.decode(), line.split()[-1])
print(len(found), *list(found.values())[:3], sep='\n')
