"""A project in miniature that keeps every rule: path -> content. self-test.py lays it out and then breaks it.

The build folder is part of it: units as the build would make them, and a program that knows --help.
"""

import pathlib

HERE = pathlib.Path(__file__).resolve().parents[2]


def head(what, code):
    return f'/* {what}.\n * It is here to be judged. */\n\n{code}'


def header(what, code):
    return head(what, f'#pragma once\n\n{code}')


HEADERS = {
    'include/remote-developer/macros.h': '''/* room: base */
/* Macros.
 * Here to be judged. */
#pragma once
#define DEFINE_CLEANUP(type, func) \\
        static inline void func##p(type *p) { \\
            func(*p); \\
        }
''',
    'include/remote-developer/problem.h': header('Problem', '''typedef struct Problem {
        int status;
} Problem;

int problem_set(Problem *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

static inline void problem_freep(Problem **p) {
        *p = (Problem *) 0;
}
'''),
    'include/remote-developer/task-store.h': header('TaskStore', '''#include "remote-developer/problem.h"

typedef struct TaskStore TaskStore;
typedef enum TaskStoreMode {
        TASK_STORE_READ,
        TASK_STORE_WRITE,
} TaskStoreMode;
typedef int (*TaskStoreVisit)(TaskStore *store, void *userdata);

int task_store_open(
                TaskStore **ret,
                Problem *problem);
'''),
    'include/remote-developer/unit-client.h': header('UnitClient', '''#include <stdbool.h>
#include <systemd/sd-event.h>

typedef struct UnitClient UnitClient;

bool unit_client_is_ready(UnitClient *client, sd_event *event);
'''),
    'include/remote-developer/routes.h': header('Routes', '''#include "remote-developer/task-store.h"

int routes_serve(TaskStore *store);
'''),
}

SOURCES = {
    'src/base/problem.c': head('Problem', '''#include "remote-developer/problem.h"
#include "json-inner.h"

int problem_set(Problem *p, const char *format, ...) {
        return p && format ? 0 : -1; /* never sprintf(), which "sleep(1)" or strcpy() would not help */
}
'''),
    'src/base/json-inner.h': header('What the files of json share', 'typedef struct JsonInner JsonInner;\n'),
    'src/base/json.c': head('Json', '#include <json-c/json.h>\n\nint json_zero(void);\n'),
    'src/model/task-store.c': head('TaskStore', '''#include "remote-developer/task-store.h"

static const struct Row {
        const char *name;
        int number;
} rows[] = {
        { "one",                                    1 },
        { "two",                                    2 },
};

int task_store_open(
                TaskStore **ret,
                Problem *problem) {

        switch (rows[0].number) {
        case 1:
                return problem_set(
                            problem, "a template: task-XXXXXX, %d",
                         rows[1].number);
        default:
                goto fail;
        }

        *ret = (TaskStore *) 0;
fail:
        return -1;
}
'''),
    'src/model/config-walker.c': head('ConfigWalker', '#include <yaml.h>\n'),
    'src/systemd/unit-client.c': head('UnitClient', '''#include "remote-developer/unit-client.h"
#include "remote-developer/macros.h"
#include <systemd/sd-bus.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-journal.h>

bool unit_client_is_ready(UnitClient *client, sd_event *event) {
        return client && event;
}
'''),
    'src/http/http-server.c': head('HttpServer', '#include <microhttpd.h>\n#include <systemd/sd-event.h>\n'),
    'src/api/routes.c': head('Routes', '''#include "remote-developer/routes.h"

const Route routes[] = {
        { "GET",    "/api/tasks",     on_list },
        { "DELETE", "/api/task/{id}", on_delete },
        /* { "GET", "/gone", on_gone }, */
};
'''),
    'src/api/page.html': '''<!DOCTYPE html>
<link rel="icon" href="data:,">
<script>
ask('GET', '/api/tasks?limit=5');
ask('DELETE', `/api/task/${id}`);
</script>
''',
    'src/remote-developerd.c': '''// SPDX-License-Identifier: MIT
/* The service. */
#include "remote-developer/routes.h"
#include "remote-developer/unit-client.h"
#include <systemd/sd-daemon.h>

int main(void) {
        options.system(1);
        return routes_serve(0);
}
''',
    'tests/unit/test-problem.c': head('Test', 'int main(void) {\n        return 0;\n}\n'),
}

SERVICE = '''[Unit]
Description=Remote Developer
Requires=remote-developer.socket
After=network.target remote-developer.socket

[Service]
ExecStart=/opt/not-installed/bin/remote-developerd --{manager}
Slice=remotedeveloper.slice
{more}
[Install]
WantedBy=default.target
'''
HARDENING = '''User=remote-developerd
NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectSystem=strict
ProtectHome=yes
ProtectProc=invisible
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallArchitectures=native
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
UMask=0027
'''
SOCKET = '[Socket]\nListenStream=127.0.0.1:15001\n\n[Install]\nWantedBy=sockets.target\n'
SLICE = '[Unit]\nDescription=Tasks\n\n[Slice]\nMemoryHigh=80%\n'


def units(manager, more):
    where = f'build/units/{manager}/remote'
    return {
        f'{where}-developer.service': SERVICE.format(manager=manager, more=more),
        f'{where}-developer.socket': SOCKET,
        f'{where}developer.slice': SLICE,
    }


INSTALLED = {
    **units('system', HARDENING),
    **units('user', 'NoNewPrivileges=yes\n'),
    'build/units/remote-developer.sysusers.conf': 'g remote-developer-users -\n'
                                                  'u remote-developerd - "Remote Developer" /\n'
                                                  'm remote-developerd systemd-journal\n',
    'build/units/remote-developer.tmpfiles.conf': 'd /var/lib/remote-developer 0750 remote-developerd '
                                                  'remote-developer-users -\n',
}

DOCUMENTS = {
    'README.md': '''# Remote Developer

| route | what |
|---|---|
| `GET /api/tasks?status=&limit=` | all tasks |
| `DELETE /api/task/{id}` | forgets it |
''',
    'config/long_running_tasks.yaml': '''# How tasks run.
task_execution:
  # Seconds that the work may take.
  claude_timeout: 7200
  # Text of several lines.
  greeting: |
    hello: this is no key
  # Off as long as it is commented out.
  #user: nobody

# The kinds of tasks.
recipes:
  # Any argv.
  command:
    steps:
      - name: work
''',
    'build/remote-developerd': '''#!/bin/sh
cat <<END
Usage: remote-developerd [OPTIONS]
      --system     serve the machine; look with systemctl --user otherwise
  -h, --help       say this

Keys of the configuration:
  task_execution.claude_timeout  seconds
  task_execution.greeting        text
  task_execution.user            a name
END
''',
    'docs/remote-developerd.8': '''.TH REMOTE-DEVELOPERD 8
.SH NAME
remote-developerd \\- runs tasks
.SH OPTIONS
.TP
.BR \\-h ", " \\-\\-help
Say this.
.TP
.B \\-\\-system
Serve the machine, see long_running_tasks.yaml.
.SH CONFIGURATION
.TP
\\fBtask_execution.claude_timeout\\fR
Seconds.
.TP
.B task_execution.greeting
Text.
.TP
.B task_execution.user
A name.
''',
}

GOOD = {
    **HEADERS, **SOURCES, **INSTALLED, **DOCUMENTS,
    # The project's own, so that they are judged too.
    '.editorconfig': (HERE / '.editorconfig').read_text(encoding='utf-8'),
    '.clang-format': (HERE / '.clang-format').read_text(encoding='utf-8'),
}
