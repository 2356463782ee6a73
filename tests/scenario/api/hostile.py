#!/usr/bin/env python3
"""hostile.py AGENT UID: one account does what it can to the socket, while another one asks for
the status. Prints "ok WHAT" lines; the first thing that does not hold ends it with status 1."""
import ctypes, os, select, signal, socket, sys, time
from client import as_uid, connect

AGENT, UID = int(sys.argv[1]), int(sys.argv[2])
REQUEST = b'GET /v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n'
PEER_UID = 4242                 # the well-behaved one


def expect(what, holds, seen=''):
    if not holds:
        sys.exit('%s: %s' % (what, seen))
    print('ok', what, seen, flush=True)


def answer_of(link):
    """The status of what comes back, 0 for nothing; reads to the end."""
    text = b''
    try:
        while part := link.recv(65536):
            text += part
    except OSError:
        pass
    return int(text[9:12]) if text.startswith(b'HTTP/1.1 ') else 0


def open_many(count):
    """As many connections as one account gets, silent ones; returns (open, refused)."""
    links = []
    for _ in range(count):
        link = connect()
        links.append(link)
    time.sleep(0.3)
    refused = [link for link in links if select.select([link], [], [], 0)[0]]
    return len(links) - len(refused), sorted({answer_of(link) for link in refused})


def flood(seconds):
    end, made = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        for _ in range(50):
            try:
                link = connect()
                link.send(b'G')
                link.close()
            except OSError:
                pass
            made += 1
    return made


def flood_open(seconds):
    """10,000 connections that stay open as long as the agent lets them."""
    links, made, end = [], 0, time.monotonic() + seconds
    while time.monotonic() < end and made < 10000:
        try:
            links.append(connect())
            made += 1
        except OSError:
            pass
        if len(links) > 500:
            links = links[250:]
    time.sleep(max(0, end - time.monotonic()))
    return made


def trickle(seconds):
    links = [connect() for _ in range(30)]
    for at in range(int(seconds * 10)):
        for link in links:
            try:
                link.send(REQUEST[at:at + 1])
            except OSError:
                pass
        time.sleep(1)
        if at + 1 >= seconds:
            return True


def large(seconds):
    end, part, sent = time.monotonic() + seconds, b' ' * 65536, 0
    while time.monotonic() < end:
        link = connect()
        try:
            link.send(b'POST /v1/keys HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'
                      b'Content-Length: 1073741824\r\n\r\n')
            while time.monotonic() < end:
                sent += link.send(part)
        except OSError:
            pass
        link.close()
    return sent


def garbage(seconds):
    end, count = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        link = connect()
        try:
            link.send(os.urandom(5000) + b'\r\n\r\n')
            link.recv(1)
        except OSError:
            pass
        link.close()
        count += 1
    return count


def pipeline(seconds):
    end, count = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        link, text = connect(), b''
        try:
            link.sendall(REQUEST * 200)
            while text.count(b'HTTP/1.1 200') < 200:
                part = link.recv(65536)
                if not part:
                    sys.exit('only %d of 200 pipelined requests are answered' % text.count(b'HTTP/1.1 200'))
                text += part
        except OSError as problem:
            sys.exit('pipelined requests: %s' % problem)
        link.close()
        count += 200
    return count


def unread(seconds):
    """Asks and asks, and reads nothing."""
    links = [connect() for _ in range(30)]
    for link in links:
        link.setblocking(False)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for link in links:
            try:
                link.send(REQUEST * 1000)
            except OSError:
                pass
        time.sleep(0.01)
    return True


def halves(seconds):
    end, links = time.monotonic() + seconds, []
    while time.monotonic() < end:
        link = connect()
        try:
            link.send(REQUEST[:20])
            links.append(link)
        except OSError:
            pass
        links = links[-25:]
        time.sleep(0.005)
    return True


def statuses(seconds):
    """Times of a connection and a status each, in ms."""
    times, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        begin = time.monotonic()
        link = connect()
        link.send(REQUEST.replace(b'Host', b'Connection: close\r\nHost'))
        if answer_of(link) != 200:
            sys.exit('the status did not come')
        link.close()
        times.append((time.monotonic() - begin) * 1000)
        time.sleep(0.002)
    return times


def memory():
    """KiB of the agent's own memory."""
    with open('/proc/%d/smaps_rollup' % AGENT) as file:
        return sum(int(line.split()[1]) for line in file if line.startswith(('Private_Dirty', 'Swap:')))


def descriptors():
    return len(os.listdir('/proc/%d/fd' % AGENT))


def during(function, seconds):
    """Others' statuses while one account does that; the most memory and descriptors."""
    pid = os.fork()
    if pid == 0:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
        try:
            as_uid(UID, function, seconds)
        except BaseException:
            os._exit(1)
        os._exit(0)
    watch = os.fork()
    if watch == 0:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)      # PR_SET_PDEATHSIG
        most, fds = 0, 0
        signal.signal(signal.SIGTERM, lambda *_: (print('%d %d' % (most, fds), file=open('/tmp/most', 'w')), os._exit(0)))
        while True:
            most, fds = max(most, memory()), max(fds, descriptors())
            time.sleep(0.02)
    times = sorted(as_uid(PEER_UID, statuses, seconds))
    os.kill(watch, signal.SIGTERM)
    os.waitpid(watch, 0)
    worked = os.waitpid(pid, 0)[1] == 0
    most, fds = map(int, open('/tmp/most').read().split())
    return times, most, fds, worked


def settled():
    end = time.monotonic() + 15
    while descriptors() > idle and time.monotonic() < end:
        time.sleep(0.05)
    return descriptors() <= idle


idle = descriptors()
calm = sorted(as_uid(PEER_UID, statuses, 1))
print('calm: %d statuses, median %.2f ms, 99th percentile %.2f ms; %d KiB' % (
    len(calm), calm[len(calm) // 2], calm[len(calm) * 99 // 100], memory()))
seen, refused = as_uid(UID, open_many, 60)
expect('one account gets 32 connections', seen == 32, seen)
expect('the others are told 429', refused == [429], refused)
expect('they are closed in the end', settled(), descriptors())
for function, seconds in ((flood_open, 3), (flood, 3), (trickle, 12), (large, 3), (garbage, 2), (pipeline, 2),
                          (unread, 3), (halves, 3)):
    times, most, fds, worked = during(function, seconds)
    slowest = times[len(times) * 99 // 100]
    expect('%s: %d statuses of another account, 99th percentile' % (function.__name__, len(times)),
           worked and len(times) > 10 and slowest < float(os.environ.get('STATUS_MS', 5000)),
           '%.2f ms, at most %d KiB, %d descriptors' % (slowest, most, fds))
    expect('its memory is bounded', most < int(os.environ.get('MEMORY_KIB', 64 * 1024)), '%d KiB' % most)
    expect('and what was opened is closed', settled(), descriptors())
