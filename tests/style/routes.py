#!/usr/bin/env python3
"""The README's table of routes and the code's table of routes are the same set.

README.md: table rows that begin with | `METHOD /path`; a query part after ? is explanation.
src/api/routes.c: rows that begin with { "METHOD", "/path". Placeholders are written {id} in both.
"""

import re

import house

DOCUMENTED = re.compile(r'^\|\s*`([A-Z]+) (/[^`?\s]*)[^`]*`', re.M)
CODED = re.compile(r'\{\s*"([A-Z]+)"\s*,\s*"(/[^"]*)"')

README = 'README.md'
TABLE = 'src/api/routes.c'


def rows(root, where, pattern, read):
    """[((method, path), line)], in the file's order."""
    text = read((root / where).read_text(encoding='utf-8'))
    return [(m.groups(), house.line_at(text, m.start())) for m in pattern.finditer(text)]


def absent(here, mine, there, theirs):
    known = {route for route, _ in theirs}
    for (method, path), line in mine:
        if (method, path) not in known:
            yield f'{here}:{line}: {method} {path} is not in {there}; add it there or take it out here'


def repeated(where, found):
    seen = {}
    for route, line in found:
        if route in seen:
            yield f'{where}:{line}: {" ".join(route)} already stands in line {seen[route]}; keep one row'
        seen.setdefault(route, line)


def empty(where, found, form):
    return [] if found else [f'{where}:1: no rows of the form {form}']


def judge(tap, root, build):
    if house.missing(tap, root, README, TABLE):
        return
    documented = rows(root, README, DOCUMENTED, lambda text: text)
    coded = rows(root, TABLE, CODED, house.without_comments)
    tap.note(f'{len(documented)} routes documented, {len(coded)} coded')
    tap.check('the README has a table of routes', empty(README, documented, '| `METHOD /path` |'))
    tap.check('the code has a table of routes', empty(TABLE, coded, '{ "METHOD", "/path", '))
    tap.check('every route of the code is in the README', absent(TABLE, coded, README, documented))
    tap.check('every route of the README is in the code', absent(README, documented, TABLE, coded))
    tap.check('no route stands twice', [*repeated(README, documented), *repeated(TABLE, coded)])


if __name__ == '__main__':
    house.run_test(judge)
