/* The API over archived tasks: whatever was asked before gets the same answer when the task is archived and the
 * journal has forgotten it. */
#include "api-fixture.h"

#include <remote-developer/log-cursor.h>
#include <remote-developer/strings.h>

#include <signal.h>
#include <stdio.h>

#define MAKE "{\"command\": [\"make\"], \"labels\": {\"a\": \"b\"}}"
#define LINES 12
#define DAY_USEC (86400 * USEC_PER_SEC)
#define ARCHIVED_AT ",\"archived_at\":\"2026-11-22T12:30:29.123456Z\""

/* A failed task with some lines, one of them no text. */
static bool begin(ApiFixture *f) {
        FakeUnit *u;

        if (!story_has_journal() || !api_fixture_begin(f) || !(u = api_create(f, MAKE)))
                return false;
        fake_unit_start(u);
        if (!TAP_CHECK(STORY_UNTIL(&f->story, story_is_in(&f->story, TASK_RUNNING))))
                return false;
        story_log(&f->story, "\x1b[1m\xff\"", "", NULL);
        story_log_numbered(&f->story, LINES - 2);
        story_settle(&f->story);
        fake_unit_end(u, "exit-code", CLD_EXITED, 1);
        return TAP_CHECK(STORY_UNTIL(&f->story, story_is_finished(&f->story)));
}

static bool is_archived(Story *s) {
        return task_index_find(manager_index(s->manager), s->id)->archived;
}

static bool archive(ApiFixture *f) {
        Story *s = &f->story;

        story_settle(s);
        test_clock_advance(8 * DAY_USEC);
        manager_monitor(s->manager);
        story_settle(s);
        TAP_CHECK_INT(nftw(s->journal, scratch_on_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
        TAP_CHECK_INT(mkdir(s->journal, 0700), 0);
        return TAP_CHECK(is_archived(s));
}

/* The client's cursors of all lines. */
static void read_cursors(ApiFixture *f, char cursors[static LINES][LOG_CURSOR_SIZE]) {
        Json *entries;

        api_ask(f, "GET", "/api/task/{id}/logs", NULL, NULL);
        entries = json_get(f->json, "entries");
        if (!TAP_CHECK_INT(json_length(entries), LINES))
                return;
        for (size_t i = 0; i < LINES; i++)
                snprintf(cursors[i], LOG_CURSOR_SIZE, "%s", json_get_string(json_at(entries, i), "cursor"));
}

/* Status and body, without the one field that is new. Fresh memory. */
static char *answer(ApiFixture *f, const char *path, const char *headers) {
        char *text, *found;

        api_ask(f, "GET", path, headers, NULL);
        text = string_format("%u %s", f->status, f->body ?: "");
        found = text ? strstr(text, ",\"archived_at\"") : NULL;
        if (found)
                memmove(found, found + strlen(ARCHIVED_AT), strlen(found + strlen(ARCHIVED_AT)) + 1);
        return text;
}

static const char *const paths[] = {
        "/api/task-status/{id}",
        "/api/task/{id}/check-alive",
        "/api/task/{id}/logs",
        "/api/task/{id}/logs?limit=0",
        "/api/task/{id}/logs?limit=1",
        "/api/task/{id}/logs?limit=5",
        "/api/task/{id}/logs?limit=10000",
        "/api/task/{id}/logs?after=none",
        "/api/task-logs/{id}/stream",
        "/api/task-logs/{id}/stream?tail=0",
        "/api/task-logs/{id}/stream?tail=1",
        "/api/task-logs/{id}/stream?tail=11",
        "/api/task-logs/{id}/stream?tail=12",
        "/api/task-logs/{id}/stream?tail=13",
        "/api/task-logs/{id}/stream?after=none",
        "/api/tasks",
        "/api/tasks?status=failed",
        "/api/tasks?status=completed",
        "/api/tasks?status=finished",
        "/api/tasks?label=a",
        "/api/tasks?label=c",
        "/api/dashboard",
};

#define ANSWERS_MAX (ELEMENTSOF(paths) + 2 * LINES)

/* All of them, and what follows each line as a page and as a stream. */
static void take_answers(
                ApiFixture *f, char cursors[static LINES][LOG_CURSOR_SIZE], char *answers[static ANSWERS_MAX]) {
        size_t n = 0;

        for (size_t i = 0; i < ELEMENTSOF(paths); i++)
                answers[n++] = answer(f, paths[i], NULL);
        for (size_t i = 0; i < LINES; i++) {
                _cleanup_free_ char *page = string_format("/api/task/{id}/logs?after=%s", cursors[i]);
                _cleanup_free_ char *header = string_format("Last-Event-ID: %s\r\n", cursors[i]);

                answers[n++] = answer(f, page, NULL);
                answers[n++] = answer(f, "/api/task-logs/{id}/stream", header);
        }
}

static void test_every_answer_is_the_same(void) {
        char *before[ANSWERS_MAX] = {}, *after[ANSWERS_MAX] = {}, cursors[LINES][LOG_CURSOR_SIZE] = {};
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!begin(&f))
                return;
        read_cursors(&f, cursors);
        take_answers(&f, cursors, before);
        if (archive(&f)) {
                take_answers(&f, cursors, after);
                for (size_t i = 0; i < ANSWERS_MAX; i++)
                        TAP_CHECK_STRING(after[i], before[i]);
                /* So that it is not the same because it is nothing. */
                TAP_CHECK_CONTAINS(after[8], "{\"log\": \"line 9\"}");
                TAP_CHECK_CONTAINS(after[8], "\\u001b[1m\xef\xbf\xbd\\\"");
                TAP_CHECK_CONTAINS(after[ANSWERS_MAX - 1], "204 ");
        }
        for (size_t i = 0; i < ANSWERS_MAX; i++) {
                free(before[i]);
                free(after[i]);
        }
}

static void test_cursors_that_are_not_of_this_log(void) {
        char cursors[LINES][LOG_CURSOR_SIZE] = {}, cursor[LOG_CURSOR_SIZE], other[LOG_CURSOR_SIZE];
        _cleanup_(api_fixture_done) ApiFixture f = {};
        _cleanup_free_ char *path = NULL;

        if (!begin(&f))
                return;
        read_cursors(&f, cursors);
        if (!archive(&f))
                return;
        /* Well made, and one that a journal would take, but of no line that is there. */
        story_log_entry(&f.story, "MESSAGE=x\n");
        TAP_CHECK_INT(log_cursor_decode(f.story.id, cursors[3], other), 0);
        other[strlen(other) - 1] = other[strlen(other) - 1] == '0' ? '1' : '0';
        TAP_CHECK_INT(log_cursor_encode(f.story.id, other, cursor), 0);
        path = string_format("/api/task/{id}/logs?after=%s", cursor);
        api_ask(&f, "GET", path, NULL, NULL);
        api_check_error(&f, 400, "after", "is no cursor");
        cursors[3][5] ^= 1;
        free(path);
        path = string_format("/api/task-logs/{id}/stream?after=%s", cursors[3]);
        api_ask(&f, "GET", path, NULL, NULL);
        api_check_error(&f, 400, "after", "is no cursor");
}

static void test_what_is_asked_of_an_archived_task(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!begin(&f) || !archive(&f))
                return;
        api_ask(&f, "GET", "/api/task-status/{id}", NULL, NULL);
        TAP_CHECK(api_string(&f, "archived_at"));
        api_ask(&f, "POST", "/api/task/{id}/cancel", NULL, "");
        api_check_error(&f, 409, NULL, "already ended");
        api_ask(&f, "POST", "/api/task/{id}/resume", NULL, "");
        TAP_CHECK_INT(f.status, 200);
        api_ask(&f, "GET", "/api/task-status/{id}", NULL, NULL);
        TAP_CHECK_CONTAINS(f.body, "\"line 9\"");
        TAP_CHECK_CONTAINS(f.body, "\"attempt\":2");
        TAP_CHECK(!strstr(f.body, "archived_at"));
        TAP_CHECK_CONTAINS(f.body, "\"log_lines\":12,");
}

static void test_an_archived_task_is_deleted(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!begin(&f) || !archive(&f))
                return;
        api_ask(&f, "DELETE", "/api/task/{id}", NULL, NULL);
        TAP_CHECK_INT(f.status, 200);
        for (size_t i = 0; i < 3; i++) {
                api_ask(&f, "GET", paths[i], NULL, NULL);
                TAP_CHECK_INT(f.status, 404);
        }
        api_ask(&f, "GET", "/api/tasks", NULL, NULL);
        TAP_CHECK_STRING(f.body, "[]\n");
}

static void damage(ApiFixture *f, const char *suffix) {
        _cleanup_free_ char *name = string_format("archive/%s%s", f->story.id, suffix);

        story_write(&f->story, name, "{");
}

static void test_a_damaged_log_does_not_hide_the_task(void) {
        static const char *const logs[] = { "/api/task/{id}/logs", "/api/task-logs/{id}/stream",
                                            "/api/task-logs/{id}/stream?tail=1" };
        char cursors[LINES][LOG_CURSOR_SIZE] = {};
        _cleanup_(api_fixture_done) ApiFixture f = {};
        _cleanup_free_ char *header = NULL;

        if (!begin(&f))
                return;
        read_cursors(&f, cursors);
        if (!archive(&f))
                return;
        damage(&f, ".log.zst");
        api_ask(&f, "GET", "/api/task-status/{id}", NULL, NULL);
        TAP_CHECK_INT(f.status, 200);
        TAP_CHECK_STRING(api_string(&f, "status"), "failed");
        api_ask(&f, "GET", "/api/dashboard", NULL, NULL);
        TAP_CHECK_INT(f.status, 200);
        TAP_CHECK_CONTAINS(f.body, f.story.id);
        header = string_format("Last-Event-ID: %s\r\n", cursors[3]);
        for (size_t i = 0; i < ELEMENTSOF(logs); i++) {
                api_ask(&f, "GET", logs[i], i == 1 ? header : NULL, NULL);
                api_check_error(&f, 500, NULL, "damaged");
        }
}

static void test_a_damaged_document(void) {
        _cleanup_(api_fixture_done) ApiFixture f = {};

        if (!begin(&f) || !archive(&f))
                return;
        damage(&f, ".failed.json");
        api_ask(&f, "GET", "/api/task-status/{id}", NULL, NULL);
        api_check_error(&f, 500, NULL, "damaged");
        api_ask(&f, "GET", "/api/tasks", NULL, NULL);
        TAP_CHECK_STRING(f.body, "[]\n");
        api_ask(&f, "POST", "/api/task/{id}/resume", NULL, "");
        api_check_error(&f, 500, NULL, "could not be read");
        api_ask(&f, "GET", "/api/dashboard", NULL, NULL);
        TAP_CHECK_INT(f.status, 200);
        api_ask(&f, "DELETE", "/api/task/{id}", NULL, NULL);
        TAP_CHECK_INT(f.status, 200);
}

static const TapTest tests[] = {
        { "every answer is the same", test_every_answer_is_the_same },
        { "cursors that are not of this log", test_cursors_that_are_not_of_this_log },
        { "what is asked of an archived task", test_what_is_asked_of_an_archived_task },
        { "an archived task is deleted", test_an_archived_task_is_deleted },
        { "a damaged log does not hide the task", test_a_damaged_log_does_not_hide_the_task },
        { "a damaged document", test_a_damaged_document },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}
