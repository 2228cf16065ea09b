/* ConfigRefusals: documents that are no configuration, each with the place and the sentence that refuse it.
 *
 * For test-config.c. Places are "line:column: ", and the beginning of the sentence where that matters.
 */
#pragma once

#include <stddef.h>

#define EXECUTION "task_execution:\n"
#define RECOVERY "recovery:\n"
#define CONNECTION "connection:\n"
#define WORKSPACES "workspaces:\n"

typedef struct Bytes {
        const char *data;
        size_t size;
} Bytes;

/* A literal that may hold NUL. */
#define BYTES(literal) { literal, sizeof(literal) - 1 }

typedef struct Refusal {
        Bytes document;
        const char *start; /* of the sentence: "line:column: ..." */
        const char *part;  /* of the sentence, somewhere behind */
        const char *field;
} Refusal;

static const Refusal wrong_values[] = {
        { BYTES("\n\n" EXECUTION "  claude_timeout: two hours\n"),
          "4:19: task_execution.claude_timeout ",
          "must be a whole number of seconds from 1 to 604800, not \"two hours\"",
          "task_execution.claude_timeout" },
        { BYTES(EXECUTION "  default_timeout: 1.5\n"),
          "2:20: ", "not \"1.5\"", "task_execution.default_timeout" },
        { BYTES(EXECUTION "  cancel_grace: 3601\n"),
          "2:17: ", "from 0 to 3600", "task_execution.cancel_grace" },
        { BYTES(EXECUTION "  user: remote-developerd\n"), "2:9: ", "who runs the service", "task_execution.user" },
        { BYTES(EXECUTION "  user: first last\n"), "2:9: ", "the name of a user", "task_execution.user" },
        { BYTES(EXECUTION "  sandbox: tight\n"),
          "2:12: ", "open, standard or strict, not \"tight\"", "task_execution.sandbox" },
        { BYTES(EXECUTION "  writable_paths: /srv\n"),
          "2:19: ", "a list of absolute paths without colons, not a text", "task_execution.writable_paths" },
        { BYTES(EXECUTION "  writable_paths: [srv]\n"), "2:20: ", "not \"srv\"", "task_execution.writable_paths" },
        { BYTES("limits:\n  memory_max: 4 GB\n"),
          "2:15: ", "a size such as 4G or 50%, at least 8M, or 0, not \"4 GB\"", "limits.memory_max" },
        { BYTES("limits:\n  tasks_max: 3\n"), "2:14: ", "0 or 4 and more", "limits.tasks_max" },
        { BYTES("limits:\n  io_weight: 10001\n"), "2:14: ", "from 0 to 10000", "limits.io_weight" },
        { BYTES(RECOVERY "  monitor_interval: 030\n"),
          "2:21: ", "not \"030\"", "recovery.monitor_interval" },
        { BYTES(RECOVERY "  monitor_interval: 5\n   check_orphaned_tasks: yes\n"),
          "2:21: ", "not \"5 check_orphaned_tasks\"", "recovery.monitor_interval" },
        { BYTES(RECOVERY "  monitor_interval: '30'\n"),
          "2:21: ", "without quotes: 30", "recovery.monitor_interval" },
        { BYTES(RECOVERY "  monitor_interval: |\n    30\n"),
          "2:21: ", "not \"30\\n\"", "recovery.monitor_interval" },
        { BYTES(RECOVERY "  check_orphaned_tasks: \"on\"\n"),
          "2:25: ", "without quotes: on", "recovery.check_orphaned_tasks" },
        { BYTES(RECOVERY "  check_orphaned_tasks: 1\n"),
          "2:25: ", "true or false, not \"1\"", "recovery.check_orphaned_tasks" },
        { BYTES(RECOVERY "  orphaned_task_action: retry"),
          "2:25: ", "interrupted or resume, not \"retry\"", "recovery.orphaned_task_action" },
        { BYTES(RECOVERY "  monitor_interval:\n"),
          "2:20: ", "has no value; it must be a whole number", "recovery.monitor_interval" },
        { BYTES(RECOVERY "  monitor_interval: ~\n"),
          "2:21: ", "keep the default, 30", "recovery.monitor_interval" },
        { BYTES(EXECUTION "  user: null\n"), "2:9: ", "default, remote-developer", "task_execution.user" },
        { BYTES(RECOVERY "  monitor_interval: [30]\n"),
          "2:21: ", "not a list", "recovery.monitor_interval" },
        { BYTES(RECOVERY "  monitor_interval:\n    a: b\n"),
          "3:5: ", "not a mapping", "recovery.monitor_interval" },
        { BYTES(WORKSPACES "  directory: work\n"),
          "2:14: ", "an absolute path, or \"\", not \"work\"", "workspaces.directory" },
        { BYTES(WORKSPACES "  directory: /srv/../x\n"), "2:14: ", "not \"/srv/../x\"", "workspaces.directory" },
        { BYTES(WORKSPACES "  directory: ~\n"), "2:14: ", "keep the default, \"\"", "workspaces.directory" },
        { BYTES(WORKSPACES "  directory: [/a]\n"), "2:14: ", "not a list", "workspaces.directory" },
        { BYTES(WORKSPACES "  allowed_repositories: a/*\n"),
          "2:25: ", "must be a list of patterns such as \"owner/*\", not a text",
          "workspaces.allowed_repositories" },
        { BYTES(WORKSPACES "  allowed_repositories: [a, '']\n"),
          "2:29: ", "such as \"owner/*\", not \"\"", "workspaces.allowed_repositories" },
        { BYTES(WORKSPACES "  allowed_repositories: [a, [b]]\n"),
          "2:29: ", "must be one text", "workspaces.allowed_repositories" },
        { BYTES(WORKSPACES "  allowed_repositories:\n    - ~\n"),
          "3:7: ", "must be one text", "workspaces.allowed_repositories" },
        { BYTES(WORKSPACES "  allowed_repositories:\n"),
          "2:24: ", "has no value; it must be a list", "workspaces.allowed_repositories" },
        { BYTES("persistence: {max_memory_logs: 9}"),
          "1:32: ", "a whole number of lines from 10", "persistence.max_memory_logs" },
        { BYTES("\xef\xbb\xbfrecovery: {monitor_interval: \xc3\xa4}"),
          "1:30: ", "not \"\xc3\xa4\"", "recovery.monitor_interval" },
};

static const Refusal wrong_names[] = {
        { BYTES(EXECUTION "  claude_timout: 5\n"),
          "2:3: unknown key \"claude_timout\" in task_execution; ", "did you mean \"claude_timeout\"?",
          "task_execution" },
        { BYTES(EXECUTION "  Default-Timeout: 5\n"),
          "2:3: ", "did you mean \"default_timeout\"?", "task_execution" },
        { BYTES(RECOVERY "  <<: {}\n"),
          "2:3: ", "there are check_orphaned_tasks, orphaned_task_action, max_automatic_attempts"
          ", resume_pause, monitor_interval", "recovery" },
        { BYTES(RECOVERY "  sse_timeout: 5\n"),
          "2:3: ", "a key of the section connection; move it", "recovery" },
        { BYTES("\n\nrecovry:\n"),
          "3:1: unknown section \"recovry\"; ", "did you mean \"recovery\"?", NULL },
        { BYTES("monitor_interval: 5\n"), "1:1: ", "a key of the section recovery; indent it", NULL },
        { BYTES("a: 5\n"), "1:1: ", "there are task_execution, limits, recovery, persistence, connection", NULL },
        { BYTES("? [a]\n: b\n"), "1:3: ", "the name of a section belongs here", NULL },
        { BYTES(RECOVERY "  {a: b}: c\n"), "2:3: ", "the name of a key belongs here", "recovery" },
        { BYTES(RECOVERY "  monitor_interval: 5\n\n  monitor_interval: 5\n"),
          "4:3: ", "for the second time, after line 2", "recovery.monitor_interval" },
        { BYTES(RECOVERY CONNECTION RECOVERY), "3:1: ", "recovery is here for the second time", "recovery" },
        { BYTES("recovery: 5\n"), "1:11: ", "the section recovery must hold indented lines", "recovery" },
        { BYTES("recovery: null\n"), "1:11: ", "\"key: value\"", "recovery" },
        { BYTES(RECOVERY "  - monitor_interval: 5\n"), "2:3: ", "\"key: value\"", "recovery" },
        { BYTES(RECOVERY "  monitor_interval:5\n"), "2:3: ", "\"key: value\"", "recovery" },
        { BYTES("\"\\n\\x7f\\x9b\\\"\": 5\n"), "1:1: ", "unknown section \"\\n???\\\"\"; ", NULL },
        { BYTES("- recovery\n"), "1:1: ", "the file must hold sections", NULL },
        { BYTES("null\n"), "1:1: ", "the file must hold sections", NULL },
};

static const Refusal not_plain_yaml[] = {
        { BYTES(EXECUTION "\tclaude_timeout: 5\n"),
          "2:1: ", "cannot start any token; indent with spaces, not with tabs", NULL },
        { BYTES(RECOVERY "  monitor_interval: 5\n\torphaned_task_action: resume\n"),
          "3:1: ", "not with tabs", NULL },
        { BYTES("# \xc3\xa4\r\n" EXECUTION "\t"), "3:1: ", "not with tabs", NULL },
        { BYTES(RECOVERY "   monitor_interval: 5\n  check_orphaned_tasks: yes\n"),
          "3:3: ", "while parsing a block mapping that began in line 1", NULL },
        { BYTES(RECOVERY "  orphaned_task_action: \"resume\n"), "3:1: ", "that began in line 2", NULL },
        { BYTES("@a"), "1:1: ", "this is not YAML: found character that cannot start any token", NULL },
        { BYTES("%YAML 3.0\n---\n"), "1:1: ", "incompatible YAML document", NULL },
        { BYTES("a: &a [x]\nb: &b [*a,*a]\n"), "1:1: ", "unknown section \"a\"", NULL },
        { BYTES("recovery: &a\n  monitor_interval: 5\n"),
          "1:11: ", "anchors (&name) are not accepted", NULL },
        { BYTES(RECOVERY "  monitor_interval: &a 5\n"), "2:21: ", "anchors", NULL },
        { BYTES(RECOVERY "  monitor_interval: &a [5]\n"), "2:21: ", "anchors", NULL },
        { BYTES("recovery: *a\n"), "1:11: ", "aliases (*name) are not accepted", NULL },
        { BYTES(RECOVERY "  monitor_interval: !!int 5\n"), "2:21: ", "tags (!name) are not accepted", NULL },
        { BYTES("--- !a\nrecovery:\n"), "1:5: ", "tags", NULL },
        { BYTES("# a\n%TAG ! a\n---\n"), "2:1: ", "remove the line", NULL },
        { BYTES(RECOVERY "---\n" CONNECTION), "2:1: ", "a second document begins here", NULL },
        { BYTES("---\n---\n"), "2:1: ", "a second document begins here", NULL },
        { BYTES(RECOVERY "  monitor_interval: \xff\n"), "2:21: ", "must be text in UTF-8", NULL },
        { BYTES("# \xc3\xa4\xc3\n"), "1:5: ", "must be text in UTF-8", NULL },
        { BYTES("# \xed\xa0\x80\n"), "1:3: ", "must be text in UTF-8", NULL },
        { BYTES("\xff\xfer\0e\0"), "1:1: ", "must be text in UTF-8", NULL },
        { BYTES("#\r#\r\n# \x07\n"), "3:3: ", "control characters are not allowed (here U+0007)", NULL },
        { BYTES("recovery:\0\n"), "1:10: ", "(here U+0000)", NULL },
        { BYTES(RECOVERY "  \"monitor_interval\\0\": 5\n"), "2:3: ", "NUL", NULL },
};

static const Refusal timeout_within_heartbeat[] = {
        { BYTES(CONNECTION "  sse_timeout: 30\n"),
          "2:16: ", "sse_timeout (30 s) must be longer than connection.sse_heartbeat_interval (30 s)",
          "connection.sse_timeout" },
        { BYTES(CONNECTION "  sse_heartbeat_interval: 120\n" RECOVERY),
          "2:27: ", "sse_timeout (120 s) must be longer than connection.sse_heartbeat_interval (120 s)",
          "connection.sse_heartbeat_interval" },
        { BYTES(CONNECTION "  sse_timeout: 5\n  sse_heartbeat_interval: 6\n"),
          "2:16: ", "(5 s)", "connection.sse_timeout" },
};
