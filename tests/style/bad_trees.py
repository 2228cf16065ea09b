"""One way to break each rule: (test, what is changed in the good tree, words that the complaint must contain).

A change is path -> content, path -> None (the file is taken away), or path -> a function of the good content.
"""

from good_tree import head, header

STORE_H, STORE_C = 'include/remote-developer/task-store.h', 'src/model/task-store.c'
PROBLEM_H, PROBLEM_C = 'include/remote-developer/problem.h', 'src/base/problem.c'
CLIENT_C, ROUTES_C = 'src/systemd/unit-client.c', 'src/api/routes.c'
README, CONFIG, MANUAL = 'README.md', 'config/long_running_tasks.yaml', 'docs/remote-developerd.8'
SERVICE, SOCKET = 'build/units/system/remote-developer.service', 'build/units/user/remote-developer.socket'
SYSUSERS, TMPFILES = 'build/units/remote-developer.sysusers.conf', 'build/units/remote-developer.tmpfiles.conf'
STARTER = 'units/system/starter.service'
PROGRAM = 'build/remote-developerd'
PAGE = 'src/api/page.html'

BANNED = [
    'strcpy', 'strncpy', 'strcat', 'sprintf', 'vsprintf', 'gets', 'strtok', 'atoi', 'atol', 'alloca', 'system',
    'popen', 'asctime', 'ctime', 'localtime', 'gmtime', 'mktemp', 'tmpnam', 'sleep', 'usleep', 'nanosleep',
]


def plus(tail):
    return lambda text: text + tail


def swap(old, new):
    def change(text):
        assert old in text, f'the good tree has no {old!r}'
        return text.replace(old, new, 1)
    return change


def including(name):
    return plus(f'#include {name}\n')


def function(name, lines):
    return f'int {name}(void) {{\n' + '        x++;\n' * (lines - 2) + '}\n'


def functions(count, lines):
    return head('Many', ''.join(function(f'f{lines}_{i}', lines) for i in range(count)))


FLOORS = [
    ('floors', {'src': None, 'include': None}, 'src: does not exist'),
    ('floors', {'src/util/a.c': head('A', '')}, 'src/util:1: not a room'),
    ('floors', {'include/remote-developer/nobody.h': header('Nobody', '')}, 'nobody.h:1: no room'),
    ('floors', {'src/http/problem.c': head('P', '')}, 'problem.h:1: claimed by base, http'),
    ('floors', {'include/loose.h': header('Loose', '')}, 'include/loose.h:1: public headers live in'),
    ('floors', {STORE_C: including('"nowhere.h"')}, 'task-store.c:31: "nowhere.h" is found neither'),
    ('floors', {'tests/lib/help.h': '', STORE_C: including('"../../tests/lib/help.h"')}, 'lies outside'),
    ('floors', {STORE_C: including('"remote-developer/routes.h"')},
     'task-store.c:31: model (floor 1) includes "remote-developer/routes.h" of api (floor 5)'),
    ('floors', {STORE_C: including('<remote-developer/routes.h>')}, 'model (floor 1) includes'),
    ('floors', {'src/http/http-server.c': including('"remote-developer/unit-client.h"')}, 'http (floor 2) includes'),
    ('floors', {'src/agents/a.c': head('A', '#include "../http/h.h"\n'), 'src/http/h.h': header('H', '')},
     'agents (floor 2) includes "../http/h.h" of http (floor 2)'),
    ('floors', {PROBLEM_C: including('"remote-developer/task-store.h"')}, 'base (floor 0) includes'),
    ('floors', {'src/main.h': header('M', ''), ROUTES_C: including('"../main.h"')}, 'api (floor 5) includes'),
    ('floors', {PROBLEM_H: including('"remote-developer/task-store.h"')},
     'headers include each other: problem.h -> task-store.h -> problem.h'),
    ('floors', {STORE_H: plus('int task_store_count(size_t *ret);\n')}, 'task-store.h:1: does not compile on its own'),
]

WALLS = [
    ('walls', {ROUTES_C: including('<systemd/sd-bus.h>')}, 'routes.c:11: <systemd/sd-bus.h> may not'),
    ('walls', {ROUTES_C: including('<systemd/sd-bus-protocol.h>')}, '<systemd/sd-bus-protocol.h> may not'),
    ('walls', {'src/http/http-server.c': including('<systemd/sd-journal.h>')}, '<systemd/sd-journal.h> may not'),
    ('walls', {STORE_C: including('<systemd/sd-event.h>')}, '<systemd/sd-event.h> may not'),
    ('walls', {PROBLEM_C: including('<systemd/sd-id128.h>')}, '<systemd/sd-id128.h> may not'),
    ('walls', {ROUTES_C: including('<systemd/sd-daemon.h>')}, '<systemd/sd-daemon.h> may not'),
    ('walls', {CLIENT_C: including('"microhttpd.h"')}, '<microhttpd.h> may not'),
    ('walls', {PROBLEM_C: including('<yaml.h>')}, '<yaml.h> may not'),
    ('walls', {PROBLEM_C: including('<pcre2.h>')}, '<pcre2.h> may not'),
    ('walls', {STORE_C: including('<yaml.h>')}, '<yaml.h> may not'),
    ('walls', {PROBLEM_C: including('<json-c/json.h>')}, '<json-c/json.h> may not'),
    ('walls', {ROUTES_C: including('<json_object.h>')}, '<json_object.h> may not'),
    ('walls', {'include/remote-developer/unit-client.h': including('<systemd/sd-bus.h>')},
     'unit-client.h:12: a public header shows <systemd/sd-bus.h>'),
    *(('walls', {PROBLEM_C: plus(f'int a = {name} (0);\n')}, f'problem.c:10: {name}() is banned') for name in BANNED),
]

SIZES = [
    ('sizes', {'src/base/many.c': functions(9, 13)}, 'the median function has 13 lines'),
    ('sizes', {'src/base/many.c': functions(5, 3) + functions(3, 35)}, '90 % of the functions have up to 35 lines'),
    ('sizes', {'src/base/many.c': functions(1, 71)}, 'many.c:4: f71_0() has 71 lines'),
    ('sizes', {'tests/unit/many.c': functions(1, 71)}, 'many.c:4: f71_0() has 71 lines'),
    ('sizes', {'include/remote-developer/many.h': functions(1, 71)}, 'many.h:4: f71_0() has 71 lines'),
    ('sizes', {'tests/unit/tall.c': '\n' * 501}, 'tall.c:501: the file has 501 lines'),
    ('sizes', {'src/remote-developer-launcher.c': 'int x;\n' * 300, 'src/launch/launch-server.c': 'int y;\n' * 300},
     'the launcher has 600 lines of its own'),
    ('sizes', {'src/tall.h': '\n' * 501}, 'tall.h:501: the file has 501 lines'),
]

WORDS = [
    ('words', {PROBLEM_C: 'int a;\n'}, 'problem.c:1: no head comment'),
    ('words', {PROBLEM_C: '/* One line. */\nint a;\n'}, 'problem.c:1: no head comment'),
    ('words', {PROBLEM_C: '// SPDX-License-Identifier: MIT\nint a;\n'}, 'problem.c:1: no head comment'),
    ('words', {PROBLEM_C: plus('int f(void) {\n\treturn 0;\n}\n')}, 'problem.c:11: a tab'),
    ('words', {PROBLEM_C: plus('int a; \n')}, 'problem.c:10: blanks at the end'),
    ('words', {PROBLEM_C: plus('int a;\r\n')}, 'problem.c:10: blanks at the end'),
    ('words', {PROBLEM_C: plus(f'/* {"x" * 115} */\n')}, 'problem.c:10: 121 columns'),
    ('words', {'tests/unit/test-problem.c': plus('int a;')}, 'test-problem.c:7: end the file'),
    ('words', {PROBLEM_C: plus('\n')}, 'problem.c:11: end the file'),
    ('words', {PROBLEM_C: plus('int f(void) {\n    return 0;\n}\n')}, 'problem.c:11: not indented by'),
    ('words', {PROBLEM_H: swap('#pragma once\n', '')}, 'problem.h:1: no guard'),
    ('words', {PROBLEM_H: plus('#ifndef PROBLEM_H\n#define PROBLEM_H\n#endif\n')}, 'problem.h:1: an #ifndef guard'),
    *(('words', {PROBLEM_C: plus(f'/* {word}: more */\n')}, 'problem.c:10: unfinished')
      for word in ('TO' 'DO', 'FIX' 'ME', 'XX' 'X')),
    ('words', {PROBLEM_H: plus('struct bad_name {\n        int a;\n};\n')}, 'problem.h:15: type bad_name'),
    ('words', {PROBLEM_H: plus('typedef int (*bad_visit)(int);\n')}, 'problem.h:15: type bad_visit'),
    ('words', {PROBLEM_H: plus('typedef struct Problem problem_t;\n')}, 'problem.h:15: type problem_t'),
    ('words', {PROBLEM_C: plus('enum color {\n        RED,\n};\n')}, 'problem.c:10: type color'),
    ('words', {STORE_H: plus('int store_close(TaskStore *store);\n')}, 'task-store.h:18: store_close()'),
    ('words', {STORE_H: plus('TaskStore *\nopen_it(int a,\n    int b);\n')}, 'task-store.h:18: open_it()'),
    ('words', {STORE_H: plus('DEFINE_CLEANUP(TaskStore *, f)\nint zero(void);\n')}, 'task-store.h:19: zero()'),
    ('words', {'include/remote-developer/strings.h': header('S', 'int text_a(void);\n')}, 'strings.h:6: text_a()'),
    ('words', {STORE_H: plus('static inline int zero(void) {\n        return 0;\n}\n')}, 'task-store.h:18: zero()'),
    ('words', {'tools/run': 'cd /wo' 'rk/main\n'}, 'tools/run:1: a path of one developer'),
    ('words', {README: plus('see /home' '/jane/x\n')}, 'README.md:7: a path of one developer'),
    ('words', {README: plus('sk-a' 'nt-api03-x\n')}, 'README.md:7: an API key'),
    ('words', {README: plus('gh' 'p_' + 'a1' * 18 + '\n')}, 'README.md:7: a GitHub token'),
    ('words', {README: plus('AK' 'IA' + 'A' * 16 + '\n')}, 'README.md:7: a key of a service'),
    ('words', {'tests/key.pem': '-----BEGIN RSA PRI' 'VATE KEY-----\n'}, 'key.pem:1: a private key'),
    ('words', {'.editorconfig': swap('max_line_length = 119', 'max_line_length = 80')}, 'max_line_length is 80'),
    ('words', {'.clang-format': swap('IndentWidth: 8', 'IndentWidth: 4')}, 'IndentWidth is 4'),
]

ROUTES = [
    ('routes', {ROUTES_C: None}, 'src/api/routes.c: does not exist'),
    ('routes', {README: '# Nothing\n'}, 'README.md:1: no rows'),
    ('routes', {ROUTES_C: head('Routes', '')}, 'routes.c:1: no rows'),
    ('routes', {ROUTES_C: swap('/api/tasks', '/api/list')}, 'routes.c:7: GET /api/list is not in README.md'),
    ('routes', {README: plus('| `POST /api/tasks` | more |\n')}, 'README.md:7: POST /api/tasks is not in'),
    ('routes', {ROUTES_C: swap('{id}', '{task}')}, 'DELETE /api/task/{task} is not in README.md'),
    ('routes', {README: plus('| `GET /api/tasks` | again |\n')}, 'README.md:7: GET /api/tasks already stands in'),
]

PAGE_RULES = [
    ('page', {PAGE: None}, 'src/api/page.html: does not exist'),
    ('page', {PAGE: plus('<p onclick="x()">\n')}, 'page.html:7: a handler in an attribute'),
    ('page', {PAGE: plus('<p style="color: red">\n')}, 'page.html:7: a style in an attribute'),
    ('page', {PAGE: plus('p.innerHTML = x\n')}, 'page.html:7: text taken for markup'),
    ('page', {PAGE: plus('eval(x)\n')}, 'page.html:7: text taken for script'),
    ('page', {PAGE: plus('<a href="https://example.com">\n')}, 'page.html:7: another place'),
    ('page', {PAGE: plus('<script src="x.js"></script>\n')}, 'page.html:7: a further file'),
    ('page', {PAGE: plus("ask('POST', '/api/tasks')\n")}, 'page.html:7: POST /api/tasks is not in'),
    ('page', {PAGE: plus("fetch('/api/tasks')\n")}, '3 routes are mentioned, 2 understood'),
]

UNITS = [
    ('units', {SERVICE: swap('Slice=', 'Slize=')}, "remote-developer.service:8: Unknown key 'Slize'"),
    ('units', {SERVICE: swap('ProtectHome=yes', 'ProtectHome=perhaps')}, 'Failed to parse'),
    ('units', {SERVICE: swap('Requires=', 'Requires=netwrok.target ')}, 'Unit netwrok.target not found'),
    ('units', {SERVICE: swap('bin/remote-developerd', 'bin/remote-developer')}, 'remote-developer is not executable'),
    ('units', {SOCKET: plus('Alien=1\n')}, "user/remote-developer.socket:6: Unknown key 'Alien'"),
    ('units', {SOCKET.replace('.socket', '.service'): None}, 'units/user:1: no service there'),
    ('units', {SERVICE: swap('CapabilityBoundingSet=\n', '')}, 'developer.service:1: more exposed than 2 of 10'),
    ('units', {STARTER: '[Service]\nExecStart=/bin/true\n'}, 'starter.service:1: more exposed than 3 of 10'),
    ('units', {SYSUSERS: plus('q nobody\n')}, "Unknown command type 'q'"),
    ('units', {TMPFILES: plus('d /var/x 0999\n')}, "Invalid mode '0999'"),
    ('units', {TMPFILES: plus('d /var/x 0755 stranger\n')}, "Failed to resolve user 'stranger'"),
    ('units', {TMPFILES: None}, 'remote-developer.tmpfiles.conf:1: neither'),
]

DOCUMENTS = [
    ('documents', {CONFIG: swap('  # Seconds that the work may take.\n', '')}, 'yaml:3: task_execution.claude'),
    ('documents', {CONFIG: swap('  # Any argv.\n', '')}, 'yaml:13: recipes.command has no comment'),
    ('documents', {CONFIG: plus('# New.\nnew:\n  # Key.\n  key: 1\n')}, '--help:1: lacks new.key'),
    ('documents', {CONFIG: swap('  # Off as long as it is commented out.\n  #user: nobody\n', '')},
     'yaml:1: lacks task_execution.user'),
    ('documents', {MANUAL: swap('.B task_execution.user', '.B user')}, '.8:1: lacks task_execution.user'),
    ('documents', {MANUAL: plus('.B task_execution.ghost\n')}, '--help:1: lacks task_execution.ghost'),
    ('documents', {MANUAL: swap('.B \\-\\-system\n', '')}, 'docs/remote-developerd.8:1: lacks --system'),
    ('documents', {MANUAL: plus('.nonsense\n')}, "macro 'nonsense' not defined"),
    ('documents', {PROGRAM: '#!/bin/sh\nexit 3\n'}, '--help: ended with 3'),
    ('documents', {PROGRAM: '#!/bin/sh\n'}, '--help:1: no lines like'),
]

BAD = [*FLOORS, *WALLS, *SIZES, *WORDS, *ROUTES, *PAGE_RULES, *UNITS, *DOCUMENTS]
