#!/usr/bin/env python3
"""The page is one small file that trusts nobody: nothing from elsewhere, no text taken for markup or for script, no
handler in an attribute, and no route that the API does not have.

What the browser is told to refuse besides (Content-Security-Policy) is checked where the page is served.
"""

import re

import house
from routes import CODED, TABLE

PAGE = 'src/api/page.html'

FORBIDDEN = [
    (re.compile(r'\bon\w+\s*=\s*["\']'), 'a handler in an attribute; use addEventListener()'),
    (re.compile(r'\bstyle\s*=\s*["\']'), 'a style in an attribute, which the policy refuses; use a class'),
    (re.compile(r'\b(?:inner|outer)HTML\b|\binsertAdjacentHTML\b|\bdocument\.write|\bDOMParser\b|\bsrcdoc\b'),
     'text taken for markup; use textContent'),
    (re.compile(r'\beval\b|\bnew Function\b|\bset(?:Timeout|Interval)\(\s*["\'`]|javascript:'),
     'text taken for script; write the script'),
    (re.compile(r'(?:https?:)?//[a-z0-9-]+\.[a-z]', re.I), 'another place; the page works without the network'),
    (re.compile(r'<(?:iframe|object|embed|base|img|form[^>]*\baction=)'), 'an element that the page does without'),
    (re.compile(r'<script\s|<link(?! rel="icon" href="data:,")|@import|\burl\('), 'a further file; put it into this one'),
]
ROUTE = re.compile(r'(?:ask\(\s*\'([A-Z]+)\'\s*,(?:[^\'`,()]*\|\|)?|new (EventSource)\()\s*[\'`](/[^\'`?]*)')
ANY_ROUTE = re.compile(r'[\'`](/api/[^\'`]*)')


def bad_lines(text):
    for number, line in enumerate(text.splitlines(), 1):
        for pattern, what in FORBIDDEN:
            if pattern.search(line):
                yield f'{PAGE}:{number}: {what}'


def uses(text):
    """((method, path), line) of every route that the page asks."""
    for found in ROUTE.finditer(text):
        method = 'GET' if found.group(2) else found.group(1)
        yield (method, re.sub(r'\$\{[^}]*\}', '{id}', found.group(3))), house.line_at(text, found.start())


def unknown(used, coded):
    for (method, path), line in used:
        if (method, path) not in coded:
            yield f'{PAGE}:{line}: {method} {path} is not in {TABLE}; correct the page'


def judge(tap, root, build):
    if house.missing(tap, root, PAGE, TABLE):
        return
    text = (root / PAGE).read_text(encoding='utf-8')
    coded = {m.groups() for m in CODED.finditer(house.without_comments((root / TABLE).read_text(encoding='utf-8')))}
    used = list(uses(text))
    mentioned = ANY_ROUTE.findall(text)
    tap.note(f'{len(text.splitlines())} lines, {len(used)} uses of routes')
    tap.check('nothing but text gets into the page, and nothing from elsewhere', bad_lines(text))
    tap.check('the page asks only what the API has', unknown(used, coded))
    tap.check('every mention of a route is judged', [] if len(used) == len(mentioned) else [
        f'{PAGE}:1: {len(mentioned)} routes are mentioned, {len(used)} understood; ask them by ask() or EventSource()'])


if __name__ == '__main__':
    house.run_test(judge)
