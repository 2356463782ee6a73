#!/usr/bin/env python3
"""openapi.py SOURCE: prints where packaging/openapi.yaml, the route table, the table of errors
and vastagent-api(7) say different things."""
import re, sys, yaml

source = sys.argv[1]


def text(name):
    with open(source + '/' + name) as file:
        return file.read()


def compare(what, here, there, where):
    for one in sorted(set(here) - set(there)):
        print('%s: %s is not in %s' % (what, one, where))
    for one in sorted(set(there) - set(here)):
        print('%s: %s is in %s only' % (what, one, where))


document = yaml.safe_load(text('packaging/openapi.yaml'))
described = {(method.upper(), path, what['x-access'])
             for path, methods in document['paths'].items() for method, what in methods.items()}

names = dict(re.findall(r'#define (CONTROL_\w+)\s+"(/v1/\w+)"', text('agent/control/paths.h')))
access = {'ANY': 'any', 'OWN_READ': 'own', 'OWN_CHANGE': 'own', 'OWN_ROWS': 'own-rows', 'ROOT': 'root'}
table = {(method, names[path] + ('/{fingerprint}' if wildcard else ''), access[kind])
         for method, path, wildcard, kind in
         re.findall(r'\{EVHTTP_REQ_(\w+), (\w+)( "/")?, ACCESS_(\w+),', text('agent/daemon/routes.c'))}
compare('openapi.yaml: routes', described, table, 'daemon/routes.c')

page = text('packaging/vastagent-api.7')
rows = {(method, path.replace('FINGERPRINT', '{fingerprint}'), kind.replace(' ', '-'))
        for method, path, kind in re.findall(r'^\.It (GET|POST|DELETE) Ta (\S+) Ta ([\w ]+?) Ta ', page, re.M)}
compare('openapi.yaml: routes', described, rows, 'vastagent-api.7')

code = document['components']['schemas']['Code']
status = {(name, number) for name, number in code['x-status'].items()}
compare('openapi.yaml: codes', code['enum'], code['x-status'], 'x-status')
real = {(name, int(number)) for name, number in re.findall(r'\{"(\w+)", (\d+), EX_', text('agent/base/error.c'))}
# What only commands meet, and never an answer.
real -= {('none', 200), ('usage', 400), ('ambiguous', 409), ('unreachable', 503), ('not_complete', 503)}
compare('openapi.yaml: codes', status, real, 'base/error.c')
listed = {(name, int(number)) for name, number in re.findall(r'^\.It (\w+) Ta (\d+) Ta \d+ Ta ', page, re.M)}
compare('openapi.yaml: codes', status, listed, 'vastagent-api.7')
