/* Files as services of every version so far wrote them, kept in tests/golden: they are read for ever. Nothing there is
 * ever changed; a new version adds a file. */
#include "../lib/tap.h"

#include <remote-developer/ending.h>
#include <remote-developer/files.h>
#include <remote-developer/strings.h>
#include <remote-developer/task.h>

#include <dirent.h>
#include <fcntl.h>

#define GOLDEN "tests/golden"

static bool read_golden(const char *name, Buffer *ret) {
        _cleanup_close_ int dir_fd = open(GOLDEN, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return TAP_CHECK(dir_fd >= 0) && TAP_CHECK_INT(file_read(dir_fd, name, 1 << 20, ret), 0);
}

static Task *load_golden(const char *name) {
        _cleanup_(problem_done) Problem problem = PROBLEM_NULL;
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        _cleanup_json_ Json *j = NULL;
        Task *t = NULL;

        if (!read_golden(name, &text) || !TAP_CHECK_INT(json_parse(text.data, text.size, &j, &problem), 0))
                return NULL;
        if (!TAP_CHECK_INT(task_from_json(j, &t, &problem), 0))
                printf("# %s: %s\n", name, problem_sentence(&problem));
        return t;
}

/* What clients are told besides is worked out anew. */
static bool is_derived(const char *member) {
        static const char *const names[] = { "status\"", "unit\"", "deadline\"", "claude_status\"" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (string_has_prefix(member, names[i]))
                        return true;
        return false;
}

/* Each text in the file is found again, under the same name, in what would be written of it now. */
static void check_nothing_is_lost(const char *name) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL, after = BUFFER_NULL;
        _cleanup_json_ Json *now = NULL;
        _cleanup_(task_freep) Task *t = load_golden(name);
        const char *p;

        if (!t || !read_golden(name, &text) || !TAP_CHECK_INT(task_to_json(t, true, &now), 0) ||
            !TAP_CHECK_INT(json_append(now, &after), 0))
                return;
        for (p = text.data; (p = strstr(p, "\":\"")); p++) {
                const char *begin = p, *end = strchr(p + 3, '"');
                _cleanup_free_ char *member = NULL;

                while (begin > text.data && begin[-1] != '"')
                        begin--;
                member = end ? strndup(begin, (size_t) (end - begin) + 1) : NULL;
                if (!TAP_CHECK(member && (is_derived(member) || strstr(after.data, member))))
                        printf("# %s: %s\n", name, member ?: "?");
        }
}

static void test_every_document(void) {
        DIR *d = opendir(GOLDEN);
        struct dirent *e;
        unsigned n = 0;

        if (!TAP_CHECK(d))
                return;
        while ((e = readdir(d)))
                if (strstr(e->d_name, ".json")) {
                        check_nothing_is_lost(e->d_name);
                        n++;
                }
        closedir(d);
        TAP_CHECK(n >= 5);
}

static void test_finished_of_version_1(void) {
        _cleanup_(task_freep) Task *t = load_golden("version-1-finished.json");

        if (!t)
                return;
        TAP_CHECK_STRING(t->id, "task-1795365245-dc2707");
        TAP_CHECK_INT(t->state, TASK_FINISHED);
        TAP_CHECK_INT(t->result, TASK_FAILED);
        TAP_CHECK_STRING(t->reason, "exit-code");
        TAP_CHECK_INT(t->exit_code, 3);
        TAP_CHECK_INT(strv_length(t->spec.command), 3);
        TAP_CHECK_STRING(t->spec.environment[0], "A=b=c");
        TAP_CHECK_STRING(t->spec.labels[0], "team=a");
        TAP_CHECK_INT(t->spec.timeout_usec, 60 * USEC_PER_SEC);
        TAP_CHECK_INT(t->attempt, 1);
        TAP_CHECK_INT(t->log_lines, 2);
        TAP_CHECK_CONTAINS(t->log_cursor, "s=1b6c630668c14a95");
        TAP_CHECK(t->created_at < t->started_at && t->started_at < t->finished_at);
}

static void test_running_of_version_1(void) {
        _cleanup_(task_freep) Task *t = load_golden("version-1-running.json");

        if (!t)
                return;
        TAP_CHECK_INT(t->state, TASK_RUNNING);
        TAP_CHECK_INT(t->result, TASK_RESULT_NONE);
        TAP_CHECK_STRING(t->invocation_id, "9ae7ab9d6ffc4b738600bad42a30937c");
        TAP_CHECK_STRING(t->boot_id, "ef5fa12261a24f4c9c883fee27729584");
        TAP_CHECK(clock_is_set(t->manager_started_at) && !t->cancel_requested);
        TAP_CHECK_INT(t->cancel_requested_boottime, 0);
}

static void test_agent_of_version_1(void) {
        _cleanup_(task_freep) Task *t = load_golden("version-1-agent.json");

        if (!t)
                return;
        TAP_CHECK_STRING(t->spec.recipe, "claude");
        TAP_CHECK(task_runs_agent(t));
        TAP_CHECK_INT(t->agent.outcome, AGENT_NONE); /* so that its log would be read anew */
        TAP_CHECK_STRING(t->log_first_cursor, NULL);
        TAP_CHECK_STRING(t->spec.task_description.data, "Find out why\nthe build fails");
        TAP_CHECK_STRING(t->spec.github_repo, "owner/name");
        TAP_CHECK_STRING(t->reason, "start-failed");
}

static void test_recorders_file_of_version_1(void) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        Ending e;

        if (!read_golden("version-1.result", &text) || !TAP_CHECK_INT(ending_from_text(text.data, &e), 0))
                return;
        TAP_CHECK_STRING(e.service_result, "exit-code");
        TAP_CHECK_STRING(e.exit_status, "3");
        TAP_CHECK_STRING(e.invocation_id, "5ddad348e9194b118c1aa1094e42b652");
        TAP_CHECK_INT(e.ended_at, 1795365245926339);
        TAP_CHECK_INT(e.ended_at_boottime, 0);
}

static void test_attempts_of_version_2(void) {
        _cleanup_(task_freep) Task *t = load_golden("version-2-attempts.json");

        if (!t)
                return;
        TAP_CHECK_INT(t->attempt, 2);
        TAP_CHECK_INT(t->attempts.n, 1);
        TAP_CHECK_INT(t->result, TASK_CANCELLED);
        TAP_CHECK(t->cancel_requested_boottime > 0);
}

static void test_agent_of_version_3(void) {
        _cleanup_(task_freep) Task *t = load_golden("version-3-agent.json");

        if (!t)
                return;
        TAP_CHECK_STRING(t->spec.recipe, "claude");
        TAP_CHECK_INT(t->spec.agent, AGENT_KIND_CLAUDE);
        TAP_CHECK_STRING(t->session_id, "fb115937-d0a9-4afb-811c-5dc1852b3f30");
        TAP_CHECK_STRING(t->spec.github_repo, "o/r");
}

static const TapTest tests[] = {
        { "every document", test_every_document },
        { "a finished task of version 1", test_finished_of_version_1 },
        { "a running task of version 1", test_running_of_version_1 },
        { "an agent's task of version 1", test_agent_of_version_1 },
        { "the recorder's file of version 1", test_recorders_file_of_version_1 },
        { "attempts of version 2", test_attempts_of_version_2 },
        { "an agent's task of version 3", test_agent_of_version_3 },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}
