/* Where the journal's part of a log begins, and what is told of a begin that is gone. */
#include "archiving.h"
#include "counting.h"

#include <remote-developer/strings.h>

static void test_first_line(void) {
        _cleanup_(story_done) Story s = {};
        _cleanup_free_ char *first = NULL;

        if (!counting_begin(&s, 1) || !story_run(&s))
                return;
        TAP_CHECK_STRING(story_task(&s)->log_first_cursor, NULL);
        story_log(&s, "1", NULL);
        TAP_CHECK(counting_has(&s, 1));
        first = strdup(story_task(&s)->log_cursor);
        TAP_CHECK_STRING(story_task(&s)->log_first_cursor, first);
        story_log(&s, "2", NULL);
        TAP_CHECK(STORY_UNTIL(&s, counting_on_disk(&s) == 2));
        story_stop_service(&s);
        if (!story_start_service(&s))
                return;
        story_log(&s, "3", NULL);
        TAP_CHECK(counting_has(&s, 3));
        TAP_CHECK_STRING(story_task(&s)->log_first_cursor, first);
}

static void check_begin_is_told(Story *s, const char *expected) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        LogViewer *v = NULL;
        LogLine line;

        if (!TAP_CHECK_INT(manager_open_log(s->manager, s->id, LOG_SOURCES_OUTPUT, NULL, NULL, &v), 0))
                return;
        while (log_viewer_next(v, &line) > 0) {
                const char *word = line.source == LOG_SOURCE_GAP ? "gap" : line.text;

                TAP_CHECK_INT(buffer_append_format(&text, "%.*s ", (int) MIN_OF(line.size, strlen(word)), word), 0);
        }
        TAP_CHECK_STRING(text.data, expected);
        log_viewer_free(v);
}

/* No service has seen a line of what is gone. */
static void test_first_line_that_nobody_saw(void) {
        static const struct {
                bool lost;
                const char *expected;
        } rows[] = { { true, "gap c d " }, { false, "a b c d " } };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(story_done) Story s = {};

                if (!counting_begin(&s, 1))
                        return;
                story_log_entry(&s, "_PID=1\nMESSAGE=of another time\n");
                if (!story_run(&s))
                        return;
                story_stop_service(&s);
                story_log(&s, "a", "b", NULL);
                story_rotate_journal(&s);
                story_log(&s, "c", NULL);
                if (rows[i].lost)
                        story_vacuum_journal(&s);
                if (!story_start_service(&s))
                        return;
                story_log(&s, "d", NULL);
                TAP_CHECK(counting_has(&s, rows[i].lost ? 2 : 4));
                check_begin_is_told(&s, rows[i].expected);
        }
}

/* An earlier service did not note it, and it may be gone. */
static void test_first_line_that_is_not_known(void) {
        _cleanup_(story_done) Story s = {};

        if (!counting_begin(&s, 1) || !story_run(&s) || !counting_die(&s))
                return;
        counting_edit(&s, "\"log_first_cursor\"", "\"another\"");
        if (!story_start_service(&s))
                return;
        story_log(&s, "6", NULL);
        TAP_CHECK(counting_has(&s, 6));
        TAP_CHECK_STRING(story_task(&s)->log_first_cursor, NULL);
}

/* By their numbers in the same file. */
static bool is_next_entry(const char *before, const char *cursor) {
        const char *a = strstr(before, ";i="), *b = cursor ? strstr(cursor, ";i=") : NULL;

        return TAP_CHECK(a && b) && strtoull(b + 3, NULL, 16) == strtoull(a + 3, NULL, 16) + 1;
}

/* A further attempt goes on in the same journal; behind an archived log the part begins anew. */
static void test_first_line_of_a_further_attempt(void) {
        for (int archived = 0; archived <= 1; archived++) {
                _cleanup_(story_done) Story s = {};
                _cleanup_free_ char *first = NULL, *last = NULL;

                if (!archiving_begin(&s) || !archiving_run(&s))
                        return;
                first = strdup(story_task(&s)->log_first_cursor ?: "");
                last = strdup(story_task(&s)->log_cursor ?: "");
                if ((archived && !archiving_archive(&s)) || !archiving_run_again(&s, 3))
                        return;
                TAP_CHECK_INT(story_task(&s)->log_lines, 5);
                TAP_CHECK_INT(story_task(&s)->log_archived_lines, archived ? 3 : 0);
                TAP_CHECK(archived == !string_equal(story_task(&s)->log_first_cursor, first));
                if (archived)
                        TAP_CHECK(is_next_entry(last, story_task(&s)->log_first_cursor));
        }
}

static const TapTest tests[] = {
        /* Before the clock is moved: what would come from the future, systemd-journal-remote puts into another
         * file. */
        { "a begin that is gone before anybody saw it is told", test_first_line_that_nobody_saw },
        { "the first line in the journal", test_first_line },
        { "a first line that is not known", test_first_line_that_is_not_known },
        { "the first line of a further attempt", test_first_line_of_a_further_attempt },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}
