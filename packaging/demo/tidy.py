#!/usr/bin/env python3
"""tidy.py <CAST >CAST: an asciinema recording (version 2) with pauses of two seconds at most, and
what came within a twentieth of a second as one frame: a smaller picture of the same."""
import json, sys

LONGEST, FRAME = 2.0, 0.05
lines = [json.loads(line) for line in sys.stdin]
header, events = lines[0], [line for line in lines[1:] if line[1] == 'o']
# The last thing that is typed is the end of the recording itself.
end = max(number for number, (_, _, text) in enumerate(events) if 'exit' in text or text.startswith('e'))
frames, now, before = [], 0.0, 0.0
for time, _, text in events[:end]:
    now += min(time - before, LONGEST)
    before = time
    if frames and now - frames[-1][0] < FRAME:
        frames[-1][2] += text
    else:
        frames.append([round(now, 3), 'o', text])
frames.append([round(now + 3, 3), 'o', ''])
for key in ('timestamp', 'env', 'command'):
    header.pop(key, None)
print(json.dumps(header))
for frame in frames:
    print(json.dumps(frame))
