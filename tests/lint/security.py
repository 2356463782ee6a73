#!/usr/bin/env python3
"""Holds SECURITY.md to the tests that it names. Prints each finding, and how many promises
there are; ends with 1 if there was a finding."""
import os, re, sys

# A check may build its words, as in "keys do not, by $what".
CALLS = r'''(?:^|[({|&!;]|\bthen|\bdo)\s*(?!note\b|#)[\w.]+[^\n]*["'][^"'\n]*%s'''
findings = []


def registered(path):
    """Whether ctest runs that file; what lies beside a scenario is run by it."""
    _, kind, name = path.split('/')[:3]
    name = name.removesuffix('.sh')
    if kind == 'scenario':
        return 'va_scenario(%s ' % name in re.sub(r'[ )]', ' ', open('tests/scenario/CMakeLists.txt').read())
    name = name.removeprefix('test_').removesuffix('.c')
    units = ''.join(open('tests/unit/' + one).read() for one in os.listdir('tests/unit') if one.endswith(('.cmake', '.txt')))
    return kind == 'unit' and 'va_unit_test(%s ' % name in units


def check(promise, path, proofs):
    if not os.path.exists(path) or not registered(path):
        findings.append('%s: %s is no test that is run' % (promise, path))
        return
    text = open(path).read()
    words = re.findall(r'"([^"]+)"', proofs)
    names = re.findall(r'`(\w+)`', proofs)
    if not words and not names:
        findings.append('%s: %s: no check is named' % (promise, path))
    for one in words:
        if not re.search(CALLS % re.escape(one), text, re.M):
            findings.append('%s: %s has no check "%s"' % (promise, path, one))
    for one in names:
        if not re.search(r'(cmocka_unit_test\w*|[A-Z]+_TEST)\(%s\b' % one, text):
            findings.append('%s: %s has no test %s' % (promise, path, one))


with open('SECURITY.md') as file:
    page = file.read()
promises = 0
for title, section in re.findall(r'^## (.*)\n((?:(?!## ).*\n)*)', page, re.M):
    for bullet in re.findall(r'^- .*\n(?:  .*\n)*', section, re.M):
        name = ' '.join(bullet[2:].split())[:60]
        proofs = re.findall(r'^  - `(tests/[^`]*)`: (.*(?:\n    .*)*)', bullet, re.M)
        for path, what in proofs:
            check(name, path, ' '.join(what.split()))
        if title == 'What is a boundary':
            promises += 1
            if not proofs:
                findings.append('%s: names no test' % name)
print(*findings, promises, sep='\n')
sys.exit(bool(findings))
