"""Lines of authorized_keys to be tried: a list of (what, key, file), file in bytes."""

import base64
import datetime
import itertools
import random
import struct
import time
import zoneinfo

# What the options of a line can be, each alone: good, bad, and odd.
FLAGS = ['port-forwarding', 'agent-forwarding', 'x11-forwarding', 'touch-required',
         'verify-required', 'pty', 'user-rc', 'restrict', 'cert-authority']
VALUES = {
    'command': ['true', '', 'echo \\"a b\\"', 'a\tb # c', 'a\\\\', 'a\\', 'a,b', '\xe9'],
    'principals': ['root', '', 'a,b'],
    'from': ['127.0.0.1', '127.0.0.0/8', '127.0.0.*', '192.0.2.1', '!127.0.0.1,*', '',
             '127.0.0.1/8', 'localhost', '*', '!127.0.0.1', '!10.0.0.1', '!10.0.0.1,*',
             '127.0.0.1,', ',127.0.0.1', '10.0.0.0/8,127.0.0.1', '127.0.0.1,10.0.0.1/8',
             '127.0.0.1,!10.0.0.1/8', '!127.0.0.1,10.0.0.1/8', '127.1', '0x7f.1', '2130706433',
             '0177.0.0.1', '127.0.0.1/32', '127.0.0.1/33', '127.0.0.1/', '127.0.0.1/x',
             '127.0.0.1/032', '127.0.0.1/129', '::1', '::ffff:127.0.0.1', '::/0', '0.0.0.0/0',
             '0.0.0.0', '127.0.0.0', 'fe80::1/10', '127.?.0.1', '?27.0.0.1', ' 127.0.0.1',
             '127.0.0.1 ', '127.0.0.1 ,x', '[127.0.0.1]', '127.0.0.1:22', '!', '*,!', '!!127.0.0.1',
             '!!127.0.0.1,*', '127.0.0.0/8,!127.0.0.1', '127.0.0.0/+8', '127.0.0.0/ 8',
             '127.0.0.0/0x8', '*.*.*.*', '1*7.*1', '::1%lo', 'a' * 64 + ',127.0.0.1',
             'a' * 1022 + ',127.0.0.1', 'a' * 1023 + ',127.0.0.1', '127.0.0.1,' + 'a' * 1100,
             '*' + '0' * 62 + ',127.0.0.1', '127.0.0.1/' + '0' * 60 + '8', '*1', '**', '?*'],
    'expiry-time': ['20990101', '209901010000', '20990101000000', '20990101000000Z', '20990101Z',
                    '209901010000Z', '20990101UTC', '20990101utc', '20990101uTc', '20990101z',
                    '99991231235959Z', '20200101', '2099-01-01', '2099010100', '20991301',
                    '20990001', '20990100', '20990132', '20990230', '20990229', '20960229',
                    '20990431', '209901012400', '209901012360', '20990101000060Z',
                    '20990101000061Z', '20990101000062Z', '19700101Z', '19700101000001Z',
                    '197001010000', '', 'Z', 'UTC', '2099 1 1', '2099+1+1', '20 90101', ' 2990101',
                    '2099010 ', '20990101ZZ', '20990101 Z', 'always', '20990101GMT',
                    '00010101', '99990101', '0000000a', '-9990101', '2099010a'],
    'environment': ['A=b', 'A', 'A-B=c', '=x', 'A=', 'A_1=b=c', '1=2', 'A B=c', '\xc4=c', 'a=\\"'],
    'permitopen': ['h:80', 'h', 'h:0', '[::1]:*', ':80', 'h/80', 'h:http', 'h:nothere', 'h:65535',
                   'h:65536', 'h:+80', 'h: 80', 'h:-1', 'h:80x', 'h:', '', '*:*', '[::1]80',
                   '[::1', '::1:80', 'h:80:81', 'h:00080', 'h:HTTP', 'h:www', 'h:domain', 'h:0x50',
                   'h/http', '[h]/80', 'h:80,h:81', 'none', 'any', '[]:80', 'h:tftp', 'h:rsync',
                   'h' * 1024 + ':80', 'h' * 1025 + ':80', 'h:**', 'h:* ', 'h:99999999999999999999'],
    'permitlisten': ['8080', 'localhost:8080', '*:*', '70000', '', '*', '0', 'http', 'x', ':80',
                     'h/80', '[::1]:80', '[::1]', '+80', ' 80', '80 ', 'h:0', '*:ssh', '/80', '1/2'],
    'tunnel': ['0', '1', 'any', 'ANY', 'none', '', '-1', '+1', ' 1', '1 ', '2147483645', '2147483646',
               '2147483647', '-0', '0x1', '01'],
}
JUNK = ['foobar', 'restrict,ptyx', 'no-pty,foobar', 'restrict=yes', '"restrict"', '""', ',', ',,',
        'a', ',restrict', 'restrict,', 'restrict,,pty', 'no-no-pty', 'no-restrict',
        'no-cert-authority', 'RESTRICT,No-PTY', 'restrict,restrict', 'command=true',
        "command='true'", 'command="a",command="b"', 'command="true', 'command ="true"',
        'command= "true"', 'command="true"x', 'command="true""', 'command="a\\\\"', '=', '="x"',
        'no-command="x"', 'from="127.0.0.1",from="127.0.0.1"', 'principals="a",principals="a"',
        'expiry-time="20990101",expiry-time="20200101"', 'expiry-time="20990101",expiry-time="x"',
        'cert-authority,principals="root"', 'cert-authority,principals=""', 'command', 'from',
        'command=', 'tunnel="1",tunnel="2"', 'no-', 'no', 'pty,no-pty', 'zos-key-ring-label="x"',
        'no-touch-required', 'agent-forwarding,port-forwarding,user-rc,x11-forwarding,pty',
        'command="true",restrict', 'restrict\t,pty', 'restrict ,pty', 'restrict, pty', 'restrict, ',
        'restrict\\"', '\\"', 'command="\\"",restrict', 'command="a b",pty', 'ssh-rsa',
        'ssh-ed25519', '1024', 'host.example', '@cert-authority', '@revoked', 'command="\v"',
        'restrict\r', 'restrict\v,pty', '\ufeffrestrict', 'restrict;pty', "'restrict'"]
# Names of types before a blob of each key.
TYPES = ['ssh-ed25519', 'ssh-rsa', 'rsa-sha2-256', 'rsa-sha2-512', 'ssh-dss',
         'ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521',
         'sk-ssh-ed25519@openssh.com', 'sk-ecdsa-sha2-nistp256@openssh.com',
         'webauthn-sk-ecdsa-sha2-nistp256@openssh.com', 'sk-ssh-ed25519', 'SSH-ED25519',
         'ssh-ed25519-cert-v01@openssh.com', 'ssh-rsa-cert-v01@openssh.com', 'ED25519', 'RSA',
         'ecdsa-sha2', 'ssh-xmss@openssh.com', 'ssh-mldsa44-ed25519@openssh.com', 'ssh-ed25519x']
INNER = ['ED25519', 'ed25519', 'RSA', 'rsa', 'ECDSA', 'ecdsa', 'DSA', 'ED25519-SK', 'ed25519-sk',
         'ECDSA-SK', 'ED25519-CERT', 'RSA-CERT', 'ssh-ed25519\0', 'ssh-rsa\0', 'ssh-rsa\0\0',
         'ssh-ed25519\0x', '', 'rsa-sha2-256', 'rsa-sha2-512', 'ecdsa-sha2-nistp256\0',
         'SSH-ED25519', 'ssh-ed25519-cert-v01@openssh.com', 'sk-ssh-ed25519@openssh.com\0',
         'webauthn-sk-ecdsa-sha2-nistp256@openssh.com', 'sk-ecdsa-sha2-nistp256@openssh.com\0']


def pack(*fields):
    return b''.join(struct.pack('>I', len(field)) + field for field in fields)


def unpack(blob):
    fields, at = [], 0
    while at < len(blob):
        size = struct.unpack('>I', blob[at:at + 4])[0]
        fields.append(blob[at + 4:at + 4 + size])
        at += 4 + size
    return fields


class Key:
    """A key that is logged in with; line is its type and base64."""

    def __init__(self, name, text):
        self.name = name
        self.type, encoded = text.split()[:2]
        self.blob = base64.b64decode(encoded)

    @property
    def line(self):
        return join(self.type, self.blob)


def join(kind, blob):
    return kind.encode('latin-1') + b' ' + base64.b64encode(blob)


def of_options(keys):
    texts = [prefix + flag for flag in FLAGS for prefix in ('', 'no-')]
    texts += ['%s="%s"' % item for name, values in VALUES.items() for item in
              zip(itertools.repeat(name), values)]
    for text in texts + JUNK:
        yield text, 'ed25519', text.encode('utf-8') + b' ' + keys['ed25519'].line + b'\n'
    for count in (1025, 1026):
        for name in ('N%d', 'N'):
            text = ','.join('environment="%s=x"' % (name % i if '%' in name else name)
                            for i in range(count))
            yield '%d %s' % (count, name), 'ed25519', \
                text.encode() + b' ' + keys['ed25519'].line
    distinct = ','.join('environment="N%d=x"' % i for i in range(1025))
    yield 'a known name behind the limit', 'ed25519', \
        distinct.encode() + b',environment="N0=x" ' + keys['ed25519'].line
    for count in (4097, 4098):
        for option in ('permitopen="h:1"', 'permitlisten="1"'):
            yield '%d %s' % (count, option), 'ed25519', \
                ','.join([option] * count).encode() + b' ' + keys['ed25519'].line


def of_moments(keys, zone):
    """Expiry around now, in UTC and in local time: summer time counts for sshd as none."""
    now = time.time()
    for minutes in (-180, -90, -61, -30, -2, 2, 30, 61, 90, 180):
        when = now + minutes * 60
        for text in (time.strftime('%Y%m%d%H%M%SZ', time.gmtime(when)),
                     time.strftime('%Y%m%d%H%MUTC', time.gmtime(when)),
                     datetime.datetime.fromtimestamp(when, zone).strftime('%Y%m%d%H%M%S')):
            yield '%+d minutes: %s' % (minutes, text), 'ed25519', \
                b'expiry-time="%s" %s' % (text.encode(), keys['ed25519'].line)


def of_types(keys):
    for key in keys.values():
        for kind in TYPES + [key.type]:
            yield '%s outside' % kind, key.name, join(kind, key.blob)
        for kind in INNER:
            fields = unpack(key.blob)
            yield '%r inside' % kind, key.name, \
                join(key.type, pack(kind.encode('latin-1'), *fields[1:]))


def of_blobs(keys):
    for key in keys.values():
        fields = unpack(key.blob)
        for cut in (0, 1, 3, 4, 5, 11, len(key.blob) // 2, len(key.blob) - 1):
            yield 'cut to %d bytes' % cut, key.name, join(key.type, key.blob[:cut])
        for tail in (b'\0', b'x', pack(b''), pack(b'x')):
            yield 'with %r behind it' % tail, key.name, join(key.type, key.blob + tail)
        for i, field in enumerate(fields):
            for new in (b'', field[:-1], b'\0' + field, b'\0\0\0' + field, field + b'\0',
                        field + b'\0\0', b'\xff' + field, field[1:],
                        bytes(2049 - len(field) % 2049) + field, bytes(2100) + field,
                        bytes(2048 - len(field.lstrip(b'\0')) % 2048) + field.lstrip(b'\0'),
                        bytes([field[0] ^ 6]) + field[1:] if field else b'x'):
                yield 'field %d: %d bytes for %d' % (i, len(new), len(field)), key.name, \
                    join(key.type, pack(*fields[:i], new, *fields[i + 1:]))
    rsa = unpack(keys['rsa2048'].blob)
    for size in (1, 64, 127, 128, 256, 2047, 2048, 2049):
        number = b'\0' + b'\xc1' * size
        yield 'RSA of %d bytes' % size, 'rsa2048', join('ssh-rsa', pack(rsa[0], rsa[1], number))
    yield 'RSA of 1023 bits', 'rsa2048', join('ssh-rsa', pack(rsa[0], rsa[1], b'\x41' * 128))


def of_base64(keys):
    for key in keys.values():
        text = base64.b64encode(key.blob)
        stem, pads = text.rstrip(b'='), text.count(b'=')
        alphabet = b'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
        last = alphabet[alphabet.index(stem[-1:]) ^ 1:][:1]
        middle = len(stem) // 2
        texts = [stem + b'=' * count for count in range(4)]
        texts += [stem[:-1] + last + b'=' * pads, text + b'A', text + b'=A', text + b'\r',
                  text + b'\r\r\v\f', text + b'\v', text + b'-', text + b'\xe2\x80\xa8',
                  text + b'#c', text + b',', text + b'\\n', text + b'\0junk', stem + b'\r' + b'=' * pads,
                  stem + b'=\r' * pads, text + b'A===', text + text, stem.replace(b'A', b'a', 1),
                  stem.replace(b'/', b'_').replace(b'+', b'-') + b'=' * pads, b'=' + text,
                  b'\r' + text, b'"' + text + b'"', text + b'"', text + b"'", b'', b'=', b'====', b'A']
        for odd in (b'\r', b'\v', b'\f', b' ', b'\t', b'-', b'=', b'\0', b'\x85', b'\xa0', b'\r' * 9000):
            texts.append(stem[:middle] + odd + stem[middle:] + b'=' * pads)
        for one in texts:
            yield 'base64', key.name, key.type.encode() + b' ' + one


def of_forms(keys):
    k, k2 = keys['ed25519'].line, keys['rsa2048'].line
    kind, text = k.split()
    lines = [k, k + b' me@host', k + b' me\n', k + b'\r\n', k + b' c\r\n', b' \t ' + k, b'\t' + k,
             kind + b'\t' + text + b'\tc', kind + b'   ' + text, b'#' + k, b' # ' + k, b'"' + k + b'"',
             b"'" + k + b" c'", text, kind, kind + b' ', kind + b' c ' + text, b'\xef\xbb\xbf' + k,
             b'\xef\xbb\xbf# c\n' + k, k.decode().encode('utf-16'), b'\n\n# c\n  # d\n' + k + b'\n',
             k2 + b' a\r' + k + b' b\r', k + b' a\r' + k2 + b' b\r', k + b'\r' + k2 + b'\r', k + k2,
             k + k + b' c', k2 + b'\n' + k, k + b'\n' + k2, b'\0' + k, b'\0\n' + k, k + b'\0', k + b' c\0d',
             kind + b'\0 ' + text, kind + b' \0' + text, b'x\0\n' + k, b'\r' + k, b'\v' + k, b'\f' + k,
             b'\x85' + k, b'\xc2\xa0' + k, kind + b'\xc2\xa0' + text, kind + b'\v' + text,
             kind + b'\r ' + text, kind + b' ' + text[:30] + b'\n' + text[30:], k + b' ' + b'c' * 9000,
             k + b' ' + b'\xff\xfe\x80', k + b' \xe2\x80\xa8' + k2, b'c' * 20000 + b'\n' + k,
             b'command="' + b'c' * 9000 + b'" ' + k, b' ' * 20000 + k, kind + b' ' * 9000 + text,
             b'ssh-rsa ' + text + b' ' + k, b'restrict restrict ' + k, b'restrict  \t ' + k,
             b'restrict ' + kind + b'\t ' + text, b'restrict\xc2\xa0' + k, b'restrict',
             b'restrict ', b'restrict # ' + k, b'- ' + k, b'; ' + k, b'256 ' + k, b'@cert-authority * ' + k,
             b'expiry-time="20200101" ' + k + b'\n' + k, b'from="192.0.2.1" ' + k + b'\n' + k,
             b'foobar ' + k + b'\n' + k, b'cert-authority ' + k + b'\n' + k,
             b'---- BEGIN SSH2 PUBLIC KEY ----\n' + text + b'\n---- END SSH2 PUBLIC KEY ----\n',
             b'-----BEGIN PUBLIC KEY-----\n' + text + b'\n-----END PUBLIC KEY-----\n',
             b'command="a\nb" ' + k, b'', b'\n', b'\r\n', k + b' c' * 500000]
    for i, line in enumerate(lines):
        yield 'form %d' % i, 'ed25519', line


def random_option(source):
    if source.random() < 0.4:
        return source.choice(['', 'no-']) + source.choice(FLAGS)
    if source.random() < 0.1:
        return source.choice(JUNK)
    name = source.choice(list(VALUES))
    return '%s="%s"' % (name, source.choice(VALUES[name]))


def mutate(source, line):
    line = bytearray(line)
    for _ in range(source.choice([0, 1, 1, 1, 2, 3])):
        # Mostly where the structure is: the front, and the ends of words.
        at = source.choice([source.randrange(len(line) + 1), source.randrange(min(40, len(line) + 1)),
                            max(0, line.find(b' ')), max(0, line.rfind(b' ')), max(0, line.find(b'"'))])
        odd = source.choice([b' ', b'\t', b'"', b'\\', b',', b'=', b'\r', b'\0', b'#', b'A', b'0', b'z',
                             b'Z', b'!', b'/', b':', b'*', b'-', b'\n', bytes([source.randrange(256)])])
        action = source.randrange(5)
        if action == 0:
            line[at:at] = odd
        elif action == 1:
            line[at:at + 1] = odd
        elif action == 2:
            del line[at:at + source.choice([1, 1, 1, 2, 5])]
        elif action == 3:
            end = at + source.choice([1, 2, 5, 20])
            line[at:at] = line[at:end]
        elif at < len(line):
            line[at] ^= 1 << source.randrange(8)
    return bytes(line)


def of_chance(keys, seed, count):
    source = random.Random(seed)
    for _ in range(count):
        key = keys[source.choice(['ed25519', 'ed25519', 'ed25519'] + list(keys))]
        options = ','.join(random_option(source) for _ in range(source.choice([0, 1, 1, 1, 2, 3])))
        if source.random() < 0.1:
            options = options.swapcase()
        line = options.encode('utf-8') + b' ' * bool(options) + key.line
        line += source.choice([b'', b' c', b' me@host\r', b'\n', b'\r\n'])
        if source.random() < 0.8:
            line = mutate(source, line)
        yield 'chance', key.name, line


def zone_in_summer():
    """A zone where summer time holds at this moment, since that is where mistakes show."""
    for name in ('Europe/Berlin', 'Australia/Sydney', 'America/New_York', 'America/Santiago'):
        if datetime.datetime.now(zoneinfo.ZoneInfo(name)).dst():
            return name
    return 'Europe/Berlin'


def every_case(keys, zone, seed, count, share):
    """All the systematic ones for share >= 1, else that part of the many, evenly chosen."""
    source = random.Random(seed)
    # The moments first: they are near.
    kept = list(of_moments(keys, zoneinfo.ZoneInfo(zone)))
    kept += list(of_options(keys)) + list(of_forms(keys))
    many = list(of_types(keys)) + list(of_blobs(keys)) + list(of_base64(keys))
    kept += [case for case in many if source.random() < share]
    return kept + list(of_chance(keys, seed, count))
