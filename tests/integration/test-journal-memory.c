/* What stays mapped of the journal's files is bounded for all readers together. */
#include "../lib/journal-fixture.h"

#include <remote-developer/journal-memory.h>
#include <remote-developer/strings.h>

#include <stdio.h>
#include <sys/random.h>

#define READERS 6
#define LINES 1000
#define LINE_SIZE 8000 /* of bytes that cannot be packed */

/* The pages of the journal's files that this process has now, in bytes. */
static size_t mapped(void) {
        FILE *maps = fopen("/proc/self/smaps", "re");
        char line[4096 + 128];
        bool journals = false;
        size_t kib, sum = 0;

        if (!TAP_CHECK(maps))
                return 0;
        while (fgets(line, sizeof(line), maps)) {
                if (strchr(line, '-') && strchr(line, '/'))
                        journals = strstr(line, ".journal") != NULL;
                else if (journals && sscanf(line, "Rss: %zu kB", &kib) == 1)
                        sum += kib * 1024;
        }
        fclose(maps);
        return sum;
}

static void append_lines(JournalFixture *f) {
        _cleanup_free_ char *text = malloc((size_t) LINES * LINE_SIZE);
        FixtureEntry entries[LINES] = {};

        if (!TAP_CHECK(text))
                return;
        for (size_t i = 0; i < LINES; i++) {
                char *line = text + i * LINE_SIZE;

                TAP_CHECK_INT(getrandom(line, LINE_SIZE, 0), LINE_SIZE);
                entries[i] = (FixtureEntry){ line, LINE_SIZE, .stream = 1 + i % 2 };
        }
        journal_fixture_append(f, "a", entries, LINES);
}

static void test_readers_share_one_bound(void) {
        _cleanup_(journal_fixture_done) JournalFixture f = JOURNAL_FIXTURE_NULL;
        JournalReader *readers[READERS] = {};
        size_t now, most = 0;
        LogLine line;

        if (!journal_fixture_init(&f))
                return;
        append_lines(&f);
        for (unsigned i = 0; i < READERS; i++)
                TAP_CHECK_INT(journal_reader_open(&f.source, FIXTURE_UNIT, LOG_SOURCES_ALL, &readers[i]), 0);
        for (unsigned n = 0; n < LINES; n++) {
                for (unsigned i = 0; i < READERS; i++)
                        TAP_CHECK_INT(journal_reader_next(readers[i], &line), 1);
                now = mapped();
                most = MAX_OF(most, now);
        }
        /* The kernel maps some pages around each one that is asked for. */
        TAP_CHECK(most > JOURNAL_MEMORY_MAX / 4);
        TAP_CHECK(most < JOURNAL_MEMORY_MAX * 3 / 2);
        printf("# at most %zu KiB of %zu\n", most / 1024, (size_t) READERS * LINES * LINE_SIZE / 1024);
        for (unsigned i = 0; i < READERS; i++)
                journal_reader_free(readers[i]);
}

static const TapTest tests[] = {
        { "readers share one bound", test_readers_share_one_bound },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}
