#!/usr/bin/env python3
"""How files begin, how lines look, how things are called, and what must never be written down.

Layout is judged in every .c and .h; names in src/ and include/; developers' paths and secrets in every file.
"""

import configparser
import re

import house
import names

HEAD = re.compile(r'(?:/\* room: \w+ \*/\n)?'
                  r'(?:/\*(?:(?!\*/).){20,}\*/|(?://|/\*) ?SPDX-License-Identifier:[^\n]*\n\s*(?:/\*|//))', re.S)
# In two parts, so that this file does not accuse itself.
UNFINISHED = re.compile(r'\b(TO' r'DO|FIX' r'ME|XX' r'X)\b')
GUARD = re.compile(r'^[ \t]*#[ \t]*ifndef[ \t]+(\w+)\s*\n[ \t]*#[ \t]*define[ \t]+\1[ \t]*$', re.M)

# Homes that are examples in a text, or belong to a container and not to a developer.
HOMES = ['user', 'alice', 'bob', 'you', 'vscode', 'NAME', 'USER']
FORBIDDEN = [
    (re.compile(r'(?<![\w.~}\-*])/wo[r]k/'), "a path of one developer's machine", 'use a relative path'),
    (re.compile(r'(?<![\w.~}\-*])/home/(?!(?:' + '|'.join(HOMES) + r')\b)[A-Za-z]'),
     "a path of one developer's machine", 'use a relative path, or /home/user in an example'),
    (re.compile(r'sk-an[t]'), 'an API key', 'revoke it, remove it from the history'),
    (re.compile(r'\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{30,})'), 'a GitHub token',
     'revoke it, remove it from the history'),
    (re.compile(r'\b(?:AKIA[0-9A-Z]{16}|xox[abprs]-[0-9A-Za-z-]{10,}|AIza[0-9A-Za-z_-]{35})'), 'a key of a service',
     'revoke it, remove it from the history'),
    (re.compile(r'-----BEGIN [A-Z ]*PRIVAT[E] KEY-----'), 'a private key', 'revoke it, let the test make one'),
]


def lines_of(root, files):
    for path in files:
        where = house.rel(root, path)
        for number, line in enumerate((house.text_of(path) or '').split('\n'), 1):
            yield f'{where}:{number}', line


def headless(root, files):
    for path in files:
        if not HEAD.match(house.text_of(path) or ''):
            yield (f'{house.rel(root, path)}:1: no head comment; begin with two lines or more on what this is, who '
                   'owns it, and what will surprise the reader')


def ragged_lines(root, files):
    for where, line in lines_of(root, files):
        if '\t' in line:
            yield f'{where}: a tab; indent with {house.INDENT} spaces'
        if line != line.rstrip():
            yield f'{where}: blanks at the end of the line; remove them'
        if len(line) > house.COLUMNS:
            yield f'{where}: {len(line)} columns, the limit is {house.COLUMNS}; break the line'
        if '\ufffd' in line:
            yield f'{where}: not UTF-8; write it as UTF-8'


def open_ends(root, files):
    for path in files:
        text = house.text_of(path)
        if text is None or not text.endswith('\n') or text.endswith('\n\n'):
            yield f'{house.rel(root, path)}:{(text or "").count(chr(10)) + 1}: end the file with exactly one newline'


def crooked_blocks(root, files):
    """A statement that follows a statement stands at a multiple of 8; continuation lines are free."""
    for path in files:
        depth, before = 0, ';'
        for number, line in enumerate(house.bare_code(house.text_of(path) or '').split('\n'), 1):
            code = line.strip()
            if not code or code[0] == '#' or before == '\\':
                before = '\\' if code.endswith('\\') else ';' if before == '\\' else before
                continue
            if depth == 0 and before in ';{}' and (len(line) - len(line.lstrip())) % house.INDENT:
                yield f'{house.rel(root, path)}:{number}: not indented by a multiple of {house.INDENT}; indent it anew'
            depth = max(0, depth + code.count('(') - code.count(')'))
            before = code[-1]


def unguarded(root, files):
    for path in files:
        code = house.without_comments(house.text_of(path) or '')
        if path.suffix == '.h' and not re.search(r'^#pragma once$', code, re.M):
            yield f'{house.rel(root, path)}:1: no guard; add "#pragma once" below the head comment'
        if path.suffix == '.h' and GUARD.search(code):
            yield f'{house.rel(root, path)}:1: an #ifndef guard; use "#pragma once" alone'


def unfinished(root, files):
    for where, line in lines_of(root, files):
        if UNFINISHED.search(line):
            yield f'{where}: unfinished: {line.strip()[:60]}; do it, or write down why not'


def forbidden(root):
    for where, line in lines_of(root, house.project_files(root)):
        for pattern, what, remedy in FORBIDDEN:
            if pattern.search(line):
                yield f'{where}: {what}; {remedy}'


def editor_settings(root):
    """(file, setting, what it says, what the house says)."""
    editor = configparser.ConfigParser()
    editor.read_string('[top]\n' + (root / '.editorconfig').read_text(encoding='utf-8'))
    c_rules = editor['*.{c,h}'] if editor.has_section('*.{c,h}') else {}
    yield '.editorconfig', 'indent_style', c_rules.get('indent_style'), 'space'
    yield '.editorconfig', 'indent_size', c_rules.get('indent_size'), str(house.INDENT)
    yield '.editorconfig', 'max_line_length', c_rules.get('max_line_length'), str(house.COLUMNS)
    clang = dict(re.findall(r'^(\w+): *(\S+)', (root / '.clang-format').read_text(encoding='utf-8'), re.M))
    yield '.clang-format', 'IndentWidth', clang.get('IndentWidth'), str(house.INDENT)
    yield '.clang-format', 'ColumnLimit', clang.get('ColumnLimit'), str(house.COLUMNS)
    yield '.clang-format', 'UseTab', clang.get('UseTab'), 'Never'


def disagreements(root):
    for where, setting, said, meant in editor_settings(root):
        if said != meant:
            yield f'{where}:1: {setting} is {said}, the house says {meant}; make them agree'


def judge(tap, root, build):
    if house.missing(tap, root, 'src', house.PUBLIC, '.editorconfig', '.clang-format'):
        return
    ours, all_c = house.c_files(root, 'src', 'include'), house.c_files(root, 'src', 'include', 'tests')
    tap.check('every file begins with a head comment', headless(root, ours))
    tap.check('lines are clean', ragged_lines(root, all_c))
    tap.check('files end with a newline', open_ends(root, all_c))
    tap.check('blocks are indented by 8', crooked_blocks(root, all_c))
    tap.check('headers are guarded by #pragma once', unguarded(root, all_c))
    tap.check('nothing is left unfinished', unfinished(root, all_c))
    tap.check('types are in PascalCase', names.misnamed_types(root, ours))
    tap.check('public functions begin with their noun', names.misnamed_functions(root))
    tap.check('no paths of a machine and no secrets', forbidden(root))
    tap.check('editors and formatters know the same rules', disagreements(root))


if __name__ == '__main__':
    house.run_test(judge)
