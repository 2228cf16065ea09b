#!/usr/bin/env python3
"""Each library stays behind its wall, and some functions of the C library stay outside.

A library that is included in one room only can be replaced, faked in a test, and understood in one place. The
public headers, which everybody reads, show none of them. The banned functions are those that overflow, start a
shell, lose errors, block the one event loop, or end the program.
"""

import re

import house


def floor(room):
    return house.FLOORS.get(room, -1)


def in_json_reader(where):
    return where.startswith('src/base/json') and where.endswith('.c')


# (rule, what the include looks like, where it may stand: (path, room) -> bool, remedy)
WALLS = [
    ('sd-bus and sd-journal only in systemd/',
     r'systemd/(?!sd-(event|id128|daemon)\.h)',
     lambda where, room: room == 'systemd',
     'ask a verb of a header of src/systemd/ instead'),
    ('sd-event and sd-id128 only above the model',
     r'systemd/sd-(event|id128)\.h',
     lambda where, room: floor(room) >= 2,
     'base and model neither wait nor know the machine; pass the value in'),
    ('sd-daemon only in systemd/ and in the main files',
     r'systemd/sd-daemon\.h',
     lambda where, room: room == 'systemd' or (room == 'main' and where.endswith('.c')),
     'talking to the service manager is the business of systemd/ and of main'),
    ('microhttpd only in http/',
     r'microhttpd',
     lambda where, room: room == 'http',
     'use the request and reply of src/http/'),
    ('libyaml only in src/model/config-walker.c',
     r'yaml\.h',
     lambda where, room: where == 'src/model/config-walker.c',
     'the readers of the configuration walk its events by src/model/config-walker.h'),
    ('libzstd only where archived logs are written and read, and the journal unpacked',
     r'zstd\.h',
     lambda where, room: re.fullmatch(r'src/(model/log-archive-(reader|writer)|systemd/journal-unpack)\.c', where),
     'an archived log is read and written through log-archive.h'),
    ('pcre2 only in src/base/pattern.c',
     r'pcre2(posix)?\.h',
     lambda where, room: where == 'src/base/pattern.c',
     'use the header pattern.h of base'),
    ('gnutls only in src/base/digest.c and src/http/tls-identity.c',
     r'gnutls/',
     lambda where, room: where in ('src/base/digest.c', 'src/http/tls-identity.c'),
     'use the header digest.h of base or tls-identity.h of http'),
    ('json-c only in src/base/json*.c',
     r'json-c/|json(_\w+)?\.h$',
     lambda where, room: in_json_reader(where),
     'use the json header of base'),
]

PRIVATE_LIBRARIES = re.compile(r'systemd/(?!sd-(event|id128)\.h)|microhttpd|yaml\.h|zstd\.h|pcre2|json-c/|gnutls/')

BANNED = {
    'strcpy': 'strdup, or snprintf with a check',
    'strncpy': 'strndup, or memcpy of a known length',
    'strcat': 'open_memstream or asprintf',
    'sprintf': 'asprintf, or snprintf with a check',
    'vsprintf': 'vasprintf',
    'gets': 'getline',
    'strtok': 'strsep or strchr',
    'atoi': 'the parsers of base: they report errors',
    'atol': 'the parsers of base: they report errors',
    'alloca': 'malloc with _cleanup_free_: the stack is not bounded',
    'system': 'an argv array: there is no shell',
    'popen': 'an argv array: there is no shell',
    'asctime': 'strftime',
    'ctime': 'strftime',
    'localtime': 'localtime_r',
    'gmtime': 'gmtime_r',
    'mktemp': 'mkstemp or O_TMPFILE',
    'tmpnam': 'mkstemp or O_TMPFILE',
    'sleep': 'a timer of the event loop',
    'usleep': 'a timer of the event loop',
    'nanosleep': 'a timer of the event loop',
    'sd_journal_next': 'journal_guard_next: libsystemd may abort',
    'sd_journal_previous': 'journal_guard_previous: libsystemd may abort',
    'sd_journal_next_skip': 'journal_guard_next: libsystemd may abort',
    'sd_journal_previous_skip': 'journal_guard_previous: libsystemd may abort',
}
# A member such as options.system is a name, not a call of the C library.
CALL = re.compile(r'(?<![\w.])(?<!->)(' + '|'.join(BANNED) + r')\s*\(')


def foreign_includes(root, build):
    """(path, where, line, name) of every include that is not ours, however it is quoted."""
    for path in house.c_files(root, 'src', 'include'):
        for line, quoted, name in house.includes(path):
            if not (house.is_ours(quoted, name) and house.resolve(root, build, path, name)):
                yield path, house.rel(root, path), line, name


def breaches(root, found, pattern, allowed, remedy):
    for path, where, line, name in found:
        if re.match(pattern, name) and not allowed(where, house.room_of(root, path)):
            yield f'{where}:{line}: <{name}> may not be included here; {remedy}'


def shown_libraries(found):
    for _, where, line, name in found:
        if where.startswith('include/') and PRIVATE_LIBRARIES.match(name):
            yield f'{where}:{line}: a public header shows <{name}>; declare an opaque type instead'


def banned_calls(root):
    for path in house.c_files(root, 'src', 'include'):
        code = house.bare_code(house.text_of(path) or '')
        for call in CALL.finditer(code):
            name, line = call.group(1), house.line_at(code, call.start())
            yield f'{house.rel(root, path)}:{line}: {name}() is banned; use {BANNED[name]}'


def judge(tap, root, build):
    if house.missing(tap, root, 'src', house.PUBLIC):
        return
    found = list(foreign_includes(root, build))
    for rule, pattern, allowed, remedy in WALLS:
        tap.check(rule, breaches(root, found, pattern, allowed, remedy))
    tap.check('public headers show no library', shown_libraries(found))
    tap.check('no banned functions', banned_calls(root))


if __name__ == '__main__':
    house.run_test(judge)
