#!/usr/bin/env python3
"""matrix.py OPENAPI ALICE BOB CAROL: root and three other uids, each account, every route of
the description. Who may do what is x-access; each answer is held against its schema, in both
directions: what it must have, and nothing that the description has not. Prints how much was
asked, and the fields and codes that were never seen."""
import json, os, sys, yaml
from client import SOCKET, as_uid, ask, connect

with open(sys.argv[1]) as file:
    document = yaml.safe_load(file)
UIDS = {'root': 0, 'alice': int(sys.argv[2]), 'bob': int(sys.argv[3]), 'carol': int(sys.argv[4])}
TYPES = {'object': dict, 'array': list, 'string': str, 'boolean': bool, 'integer': int, 'null': type(None)}
# Lists that are empty where nothing was refused, and what needs a clone or a broken machine.
ELSEWHERE = ('addKeys.rejected.', 'undo.rejected.', 'undo.existing.', 'adopt.adopted.', 'code busy',
             'code cannot_write', 'code internal', 'code managed_by_root', 'code timeout')
seen, described, asked = set(), set(), 0


def resolve(schema):
    while '$ref' in schema:
        name = schema['$ref'].rsplit('/', 2)
        schema = document['components'][name[1]][name[2]]
    return schema


def fields(schema, path):
    """All the fields that the schema describes, as PATH.NAME."""
    schema = resolve(schema)
    for name, inner in schema.get('properties', {}).items():
        described.add(path + '.' + name)
        fields(inner, path + '.' + name)
    for inner in schema.get('oneOf', []):
        fields(inner, path)
    if 'items' in schema:
        fields(schema['items'], path)


def problem(schema, value, path):
    """What is wrong with a value, or None; notes the fields that are there."""
    schema = resolve(schema)
    if 'oneOf' in schema:
        found = [problem(inner, value, path) for inner in schema['oneOf']]
        return None if None in found else found
    if 'enum' in schema:
        return None if value in schema['enum'] else '%s is %r' % (path, value)
    kinds = schema['type'] if isinstance(schema['type'], list) else [schema['type']]
    if not any(type(value) is TYPES[kind] for kind in kinds):
        return '%s is %r' % (path, value)
    if isinstance(value, dict):
        for name in schema.get('required', []):
            if name not in value:
                return '%s.%s is missing' % (path, name)
        for name, inner in value.items():
            if name not in schema['properties']:
                return '%s.%s is not described' % (path, name)
            seen.add(path + '.' + name)
            wrong = problem(schema['properties'][name], inner, path + '.' + name)
            if wrong:
                return wrong
    if isinstance(value, list):
        for inner in value:
            wrong = problem(schema['items'], inner, path)
            if wrong:
                return wrong
    return None


def check(method, path, who, status, body):
    """Holds one answer against the description."""
    global asked
    asked += 1
    what = document['paths'][path][method.lower()]
    kind = '200' if status == 200 else 'default'
    content = resolve(what['responses'][kind])['content']
    (media, schema), name = list(content.items())[0], what['operationId'] + ('' if status == 200 else '!')
    values = [body]
    if isinstance(body, str) and media == 'application/x-ndjson':
        values = [json.loads(line) for line in body.splitlines()]
    for value in values:
        wrong = problem(schema['schema'], value, name)
        if wrong:
            sys.exit('%s %s as %s: %s: %s' % (method, path, who, wrong, body))
        if status != 200:
            code = value['error']['code']
            seen.add('code ' + code)
            if document['components']['schemas']['Code']['x-status'][code] != status:
                sys.exit('%s %s as %s: %d with %s' % (method, path, who, status, code))


def try_route(method, path, access, who, target):
    query = '?user=' + target if access == 'own' else ''
    url = path.replace('{fingerprint}', 'SHA256:' + 'A' * 43) + query
    body = {'seconds': 1} if path == '/v1/pause' else {}
    if path == '/v1/keys' and method == 'POST':
        body = {'text': KEY, 'dry_run': True}
    status, answer = as_uid(UIDS[who], ask, method, url, body if method == 'POST' else None)
    check(method, path, who, status, answer)
    allowed = who == 'root' or access in ('any', 'own-rows') or (access == 'own' and who == target)
    if (status == 403) == allowed:
        sys.exit('%s %s as %s: %d %s' % (method, url, who, status, answer))
    if allowed and status not in (200, 404, 400):
        sys.exit('%s %s as %s: %d %s' % (method, url, who, status, answer))
    text = json.dumps(answer)
    for other in UIDS:
        if status == 200 and who not in ('root', other) and access == 'own-rows' and '"user": "%s"' % other in text:
            sys.exit('%s %s as %s shows what is of %s: %s' % (method, url, who, other, answer))


def raw_answer(link):
    text = b''
    while part := link.recv(65536):
        text += part
    link.close()
    return int(text[9:12]), json.loads(text[text.index(b'\r\n\r\n'):])


KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMCnZkEZ2h7gqgHTb0QBTgYsZUvzGqgMpkKkqEk3Gv0c'


def main():
    for path, methods in document['paths'].items():
        for method, what in methods.items():
            name = what['operationId']
            for status, answer in what['responses'].items():
                content = list(resolve(answer)['content'].values())[0]
                if status == '200':
                    fields(content['schema'], name)
            if path == '/v1/stop':
                continue        # at the end, by those who may not and then by root
            for who in UIDS:
                for target in UIDS if what['x-access'] == 'own' else [who]:
                    try_route(method.upper(), path, what['x-access'], who, target)
    for line in sys.stdin:      # answers that were asked for elsewhere: METHOD PATH STATUS BODY
        method, path, status, body = line.rstrip('\n').split(' ', 3)
        try:
            body = json.loads(body)
        except ValueError:
            pass
        check(method, path, 'root', int(status), body)
    check('POST', '/v1/keys', 'bob', *as_uid(UIDS['bob'], ask, 'POST', '/v1/keys', b' ' * 70000))
    check('GET', '/v1/status', 'bob', *as_uid(UIDS['bob'], ask, 'GET', '/v1/nothing'))
    slow, link = connect(), [connect() for _ in range(31)]
    slow.send(b'GET /v1/st')
    check('GET', '/v1/status', 'root', *raw_answer(connect()))
    check('GET', '/v1/status', 'root', *raw_answer(slow))
    for who in ('alice', 'bob', 'carol', 'root'):
        try_route('POST', '/v1/stop', 'root', who, who)
    if os.path.exists(SOCKET):
        sys.exit('who has the answer to /v1/stop, still finds the socket')
    print('asked', asked)
    print('fields', len(described & seen), 'of', len(described))
    codes = {'code ' + code for code in document['components']['schemas']['Code']['enum']}
    missing = {one for one in described | codes if one not in seen and not one.startswith(ELSEWHERE)}
    if missing:
        sys.exit('never seen: ' + ' '.join(sorted(missing)))


main()
