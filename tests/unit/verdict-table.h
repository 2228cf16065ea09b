/* VerdictTable: what was found and what must be said, to be read from top to bottom. For test-verdict.c.
 *
 * The sources are believed in the order record, unit, journal; what a row does not name was not found.
 */
#pragma once

#include <remote-developer/verdict.h>

typedef struct VerdictRow {
        const char *what;
        Evidence evidence;
        TaskResult result;
        const char *reason;
        int exit_code;
        const char *signal;   /* NULL: none */
        const char *sentence; /* part of it; NULL: there is none */
} VerdictRow;

#define RECORD(...) .has_record = true, .record = { __VA_ARGS__ }
#define UNIT(...) .has_unit = true, .unit = { __VA_ARGS__ }
#define JOURNAL(...) .has_journal = true, .journal = { __VA_ARGS__ }
#define GOING_DOWN .manager_state = "stopping"

static const VerdictRow verdict_table[] = {
        /* It ended by itself. */
        { "exit 0", { RECORD("success", "exited", "0") }, TASK_COMPLETED, "exit-code", 0, NULL, NULL },
        { "exit 3", { RECORD("exit-code", "exited", "3") }, TASK_FAILED, "exit-code", 3, NULL,
          "The program ended with an exit code other than 0: 3" },
        { "exit 255", { RECORD("exit-code", "exited", "255") }, TASK_FAILED, "exit-code", 255, NULL, ": 255" },
        { "an exit code that looks like a failed start", { RECORD("exit-code", "exited", "203") }, TASK_FAILED,
          "exit-code", 203, NULL, ": 203" },
        { "the same, and the journal tells of no failed start",
          { RECORD("exit-code", "exited", "203"), JOURNAL("exit-code", "exited", "203"), .never_started = true },
          TASK_FAILED, "exit-code", 203, NULL, ": 203" },
        { "an exit code 1 with a failed start of something else",
          { RECORD("exit-code", "exited", "1"), JOURNAL("exit-code", "exited", "1"), .spawn.error = ENOENT },
          TASK_FAILED, "exit-code", 1, NULL, ": 1" },

        /* Signals. Those that systemd calls a success are none here: nobody asked for a stop. */
        { "SIGTERM", { RECORD("success", "killed", "TERM") }, TASK_FAILED, "signal", -1, "SIGTERM",
          "The program was ended by a signal: SIGTERM" },
        { "SIGINT", { RECORD("success", "killed", "INT") }, TASK_FAILED, "signal", -1, "SIGINT", "SIGINT" },
        { "SIGHUP", { RECORD("success", "killed", "HUP") }, TASK_FAILED, "signal", -1, "SIGHUP", "SIGHUP" },
        { "SIGPIPE", { RECORD("success", "killed", "PIPE") }, TASK_FAILED, "signal", -1, "SIGPIPE", "SIGPIPE" },
        { "SIGKILL", { RECORD("signal", "killed", "KILL") }, TASK_FAILED, "signal", -1, "SIGKILL", "SIGKILL" },
        { "a real-time signal", { RECORD("signal", "killed", "RTMIN+12") }, TASK_FAILED, "signal", -1, "SIGRTMIN+12",
          "SIGRTMIN+12" },
        { "a crash", { RECORD("core-dump", "dumped", "SEGV") }, TASK_FAILED, "core-dump", -1, "SIGSEGV",
          "crashed and dumped core: SIGSEGV" },
        { "no memory left", { RECORD("oom-kill", "killed", "KILL") }, TASK_FAILED, "oom-kill", -1, "SIGKILL",
          "Memory ran out" },

        /* Limits of time. */
        { "the time was over", { RECORD("timeout", "killed", "TERM") }, TASK_TIMED_OUT, "runtime-limit", -1, "SIGTERM",
          "The time limit was reached: 7200 s" },
        { "the time was over, and SIGTERM was not enough", { RECORD("timeout", "killed", "KILL") }, TASK_TIMED_OUT,
          "runtime-limit", -1, "SIGKILL", "7200 s" },
        { "the time was over, and the program made the best of it", { RECORD("timeout", "exited", "0") },
          TASK_TIMED_OUT, "runtime-limit", 0, NULL, "7200 s" },
        { "it never got to run", { RECORD("timeout", "killed", "KILL"), .never_started = true }, TASK_FAILED,
          "start-failed", -1, "SIGKILL", "\"/bin/work\" was not running within task_execution.default_timeout" },

        /* It could not be started. */
        { "no such program",
          { RECORD("exit-code", "exited", "203"), JOURNAL("exit-code", "exited", "203"), .spawn.error = ENOENT,
            .spawn.executable = (char *) "/usr/bin/nothing" },
          TASK_FAILED, "start-failed", 203, NULL, "the program \"/usr/bin/nothing\": No such file or directory" },
        { "not executable", { RECORD("exit-code", "exited", "203"), .spawn.error = EACCES }, TASK_FAILED,
          "start-failed", 203, NULL, "the program \"/bin/work\": Permission denied" },
        { "no such program, and the journal is gone", { RECORD("exit-code", "exited", "203"), .never_started = true },
          TASK_FAILED, "start-failed", 203, NULL, "the program \"/bin/work\" cannot be used" },
        { "no such directory",
          { RECORD("exit-code", "exited", "200"), .spawn.error = ENOENT, .working_directory = "/srv/none" },
          TASK_FAILED, "start-failed", 200, NULL,
          "the working directory \"/srv/none\": No such file or directory" },
        { "no such user", { RECORD("exit-code", "exited", "217"), .spawn.error = ESRCH, .user = "nobody-here" },
          TASK_FAILED, "start-failed", 217, NULL, "the user \"nobody-here\": No such process" },
        { "no such user, whoever it was", { RECORD("exit-code", "exited", "217"), .spawn.error = ESRCH }, TASK_FAILED,
          "start-failed", 217, NULL, "the user \"?\"" },
        { "no such group", { RECORD("exit-code", "exited", "216"), .spawn.error = EPERM, .user = "x" }, TASK_FAILED,
          "start-failed", 216, NULL, "the group of the user \"x\"" },
        { "too many arguments", { RECORD("exit-code", "exited", "206"), .spawn.error = E2BIG }, TASK_FAILED,
          "start-failed", 206, NULL, "its arguments" },
        { "its standard input", { RECORD("exit-code", "exited", "208"), .spawn.error = ENOENT }, TASK_FAILED,
          "start-failed", 208, NULL, "its standard input" },
        { "its standard output", { RECORD("exit-code", "exited", "209"), .spawn.error = EIO }, TASK_FAILED,
          "start-failed", 209, NULL, "its standard output" },
        { "mounts", { RECORD("exit-code", "exited", "226"), .spawn.error = EPERM }, TASK_FAILED, "start-failed", 226,
          NULL, "the mount namespace" },
        { "credentials", { RECORD("exit-code", "exited", "243"), .spawn.error = EPERM }, TASK_FAILED, "start-failed",
          243, NULL, "the credentials" },
        { "no resources", { UNIT("resources"), .never_started = true }, TASK_FAILED, "start-failed", -1, NULL,
          "systemd lacked the resources" },
        { "started too often", { UNIT("start-limit-hit"), .never_started = true }, TASK_FAILED, "start-failed", -1,
          NULL, "started too often" },
        { "a condition", { UNIT("exec-condition"), .never_started = true }, TASK_FAILED, "start-failed", -1, NULL,
          "condition" },
        { "systemd refused", { .refused = "Unit is masked" }, TASK_FAILED, "start-failed", -1, NULL,
          "systemd refused to start the unit: Unit is masked" },

        /* Preparation. */
        { "a step failed", { RECORD("exit-code"), .never_started = true }, TASK_FAILED, "step-failed", -1, NULL,
          "A preparation step failed (exit-code)" },
        { "a step was killed", { RECORD("signal"), .never_started = true }, TASK_FAILED, "step-failed", -1, NULL,
          "(signal)" },
        { "a step took too long", { RECORD("timeout"), .never_started = true }, TASK_FAILED, "step-failed", -1, NULL,
          "A preparation step reached its time limit" },

        /* Asked to stop. */
        { "cancelled", { RECORD("success", "killed", "TERM"), .cancel_requested = true, .stop_seen = true },
          TASK_CANCELLED, "cancelled", -1, "SIGTERM", "The task was cancelled" },
        { "cancelled, and the program turned SIGTERM into exit 0",
          { RECORD("success", "exited", "0"), .cancel_requested = true }, TASK_CANCELLED, "cancelled", 0, NULL,
          "cancelled" },
        { "cancelled, and it had to be killed", { RECORD("timeout", "killed", "KILL"), .cancel_requested = true },
          TASK_CANCELLED, "cancelled", -1, "SIGKILL", "cancelled" },
        { "cancelled, and nothing is known of its end", { .cancel_requested = true, .other_boot = true },
          TASK_CANCELLED, "cancelled", -1, NULL, "cancelled" },
        { "stopped for being silent",
          { RECORD("success", "killed", "TERM"), .stall_stopped = true, .stop_seen = true,
            .stall_timeout_usec = 600 * USEC_PER_SEC },
          TASK_TIMED_OUT, "stall-limit", -1, "SIGTERM",
          "No output came for 600 s, and the task was stopped (stall_action)" },
        { "the same, and the program turned SIGTERM into exit 0",
          { RECORD("success", "exited", "0"), .stall_stopped = true, .stall_timeout_usec = 2500000 }, TASK_TIMED_OUT,
          "stall-limit", 0, NULL, "for 2 s" },
        { "the same, and it had to be killed", { RECORD("timeout", "killed", "KILL"), .stall_stopped = true },
          TASK_TIMED_OUT, "stall-limit", -1, "SIGKILL", "stall_action" },
        { "the same, and it was cancelled, too",
          { RECORD("success", "killed", "TERM"), .stall_stopped = true, .cancel_requested = true }, TASK_CANCELLED,
          "cancelled", -1, "SIGTERM", "cancelled" },
        { "the same, and nothing is known of its end", { .stall_stopped = true, .other_boot = true }, TASK_TIMED_OUT,
          "stall-limit", -1, NULL, "stall_action" },
        { "systemctl stop",
          { RECORD("success", "killed", "TERM"), JOURNAL("success"), .stop_seen = true }, TASK_CANCELLED, "stopped",
          -1, "SIGTERM", "The unit was stopped by hand" },
        { "systemctl stop, turned into exit 1", { RECORD("exit-code", "exited", "1"), .stop_seen = true },
          TASK_CANCELLED, "stopped", 1, NULL, "by hand" },
        { "systemctl stop during a step", { RECORD("signal"), .never_started = true, .stop_seen = true },
          TASK_CANCELLED, "stopped", -1, NULL, "by hand" },
        { "systemctl kill", { RECORD("success", "killed", "TERM"), JOURNAL("success") }, TASK_FAILED, "signal", -1,
          "SIGTERM", "SIGTERM" },
        { "bound to the service, which was stopped",
          { RECORD("success", "killed", "TERM"), .stop_seen = true, .bound_to_service = true }, TASK_INTERRUPTED,
          "service-stopped", -1, "SIGTERM", "use_daemon_threads" },

        /* The machine. */
        { "shut down, and recorded", { RECORD("success", "killed", "TERM", GOING_DOWN), .other_boot = true },
          TASK_INTERRUPTED, "host-reboot", -1, "SIGTERM", "The machine was shut down" },
        { "shut down, and the program turned it into exit 0",
          { RECORD("success", "exited", "0", GOING_DOWN), JOURNAL("success"), .stop_seen = true, .other_boot = true },
          TASK_INTERRUPTED, "host-reboot", 0, NULL, "The machine was shut down" },
        { "it ended just before the machine did",
          { RECORD("success", "exited", "0", GOING_DOWN), JOURNAL("success"), .other_boot = true }, TASK_COMPLETED,
          "exit-code", 0, NULL, NULL },
        { "shutting down still",
          { RECORD("success", "killed", "TERM", GOING_DOWN), .stop_seen = true, .system_scope = true },
          TASK_INTERRUPTED, "host-reboot", -1, "SIGTERM", "shut down" },
        { "the user's manager ended", { RECORD("success", "killed", "TERM", GOING_DOWN), .stop_seen = true },
          TASK_INTERRUPTED, "manager-stopped", -1, "SIGTERM", "loginctl enable-linger" },
        { "a power cut", { .other_boot = true }, TASK_INTERRUPTED, "host-reboot", -1, NULL, "The machine went down" },
        { "the user's manager was killed", { .other_manager = true }, TASK_INTERRUPTED, "manager-stopped", -1, NULL,
          "loginctl enable-linger" },
        { "a stop, and nothing tells how it ended", { .stop_seen = true }, TASK_CANCELLED, "stopped", -1, NULL,
          "by hand" },
        { "a stop, and another manager since", { .stop_seen = true, .other_manager = true }, TASK_INTERRUPTED,
          "manager-stopped", -1, NULL, "enable-linger" },
        { "nothing at all", { .program = "x" }, TASK_INTERRUPTED, "unit-lost", -1, NULL, "may have reset it" },
        { "an end in an earlier boot is an end", { RECORD("exit-code", "exited", "2"), .other_boot = true },
          TASK_FAILED, "exit-code", 2, NULL, ": 2" },

        /* Whom to believe. */
        { "the record before the unit", { RECORD("success", "exited", "0"), UNIT("timeout", "exited", "0") },
          TASK_COMPLETED, "exit-code", 0, NULL, NULL },
        { "the unit before the journal", { UNIT("signal", "killed", "KILL"), JOURNAL("success") }, TASK_FAILED,
          "signal", -1, "SIGKILL", "SIGKILL" },
        { "the journal alone", { JOURNAL("exit-code", "exited", "4") }, TASK_FAILED, "exit-code", 4, NULL, ": 4" },
        { "the journal alone, which does not tell of exit 0", { JOURNAL("success") }, TASK_COMPLETED, "exit-code", -1,
          NULL, NULL },
        { "a word of a later systemd", { RECORD("frozen", "exited", "0") }, TASK_FAILED, "unknown", 0, NULL,
          "systemd reports \"frozen\"" },

        /* Agents. */
        { "an agent that succeeded", { RECORD("success", "exited", "0"), .agent = AGENT_SUCCEEDED }, TASK_COMPLETED,
          "exit-code", 0, NULL, NULL },
        { "an agent without a result", { RECORD("success", "exited", "0"), .agent = AGENT_SILENT }, TASK_FAILED,
          "agent-error", 0, NULL, "without giving a result" },
        { "an agent that failed",
          { RECORD("success", "exited", "0"), .agent = AGENT_FAILED, .agent_error = (char *) "out of budget" },
          TASK_FAILED, "agent-error", 0, NULL, "The agent reports that it failed: out of budget" },
        { "an agent that failed, with exit 1",
          { RECORD("exit-code", "exited", "1"), .agent = AGENT_FAILED, .agent_error = (char *) "Not logged in" },
          TASK_FAILED, "agent-error", 1, NULL, "Not logged in" },
        { "an agent that failed when its time was over", { RECORD("timeout", "exited", "1"), .agent = AGENT_FAILED },
          TASK_TIMED_OUT, "runtime-limit", 1, NULL, "7200 s" },
        { "an agent that failed, by the journal alone", { JOURNAL("success"), .agent = AGENT_FAILED }, TASK_FAILED,
          "agent-error", -1, NULL, "it does not say why" },
        { "an agent that failed and does not say why", { RECORD("success", "exited", "0"), .agent = AGENT_FAILED },
          TASK_FAILED, "agent-error", 0, NULL, "it does not say why" },
        { "an agent that succeeded, and exit 1", { RECORD("exit-code", "exited", "1"), .agent = AGENT_SUCCEEDED },
          TASK_FAILED, "exit-code", 1, NULL, ": 1" },
        { "an agent that succeeded, and was killed", { RECORD("success", "killed", "TERM"), .agent = AGENT_SUCCEEDED },
          TASK_FAILED, "signal", -1, "SIGTERM", "SIGTERM" },
        { "an agent without a result, its time over", { RECORD("timeout", "killed", "TERM"), .agent = AGENT_SILENT },
          TASK_TIMED_OUT, "runtime-limit", -1, "SIGTERM", "7200 s" },
};
