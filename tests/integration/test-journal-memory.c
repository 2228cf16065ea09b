/* What stays mapped of the journal's files is bounded for all readers together. */
#include "../lib/journal-fixture.h"

#include <remote-developer/journal-memory.h>
#include <remote-developer/strings.h>

#include <sys/mman.h>
#include <sys/random.h>

#define READERS 6
#define LINES 1000
#define LINE_SIZE 8000 /* of bytes that cannot be packed */

static size_t n_read;     /* bytes of text by all readers since pages were let go */
static unsigned n_letting; /* how often they were */

int __real_madvise(void *at, size_t size, int advice);
int __wrap_madvise(void *at, size_t size, int advice);

/* How many pages the kernel maps at a time is its own affair: it may be 2 MiB. */
int __wrap_madvise(void *at, size_t size, int advice) {
        n_letting += n_read > 0;
        n_read = 0;
        return __real_madvise(at, size, advice);
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
        size_t most = 0;
        LogLine line;

        if (!journal_fixture_init(&f))
                return;
        append_lines(&f);
        for (unsigned i = 0; i < READERS; i++)
                TAP_CHECK_INT(journal_reader_open(&f.source, FIXTURE_UNIT, LOG_SOURCES_ALL, &readers[i]), 0);
        for (unsigned n = 0; n < LINES * READERS; n++) {
                TAP_CHECK_INT(journal_reader_next(readers[n % READERS], &line), 1);
                n_read += line.size;
                most = MAX_OF(most, n_read);
        }
        TAP_CHECK(n_letting >= READERS * LINES * LINE_SIZE / JOURNAL_MEMORY_MAX);
        TAP_CHECK(most > JOURNAL_MEMORY_MAX / 2);
        TAP_CHECK(most <= JOURNAL_MEMORY_MAX);
        for (unsigned i = 0; i < READERS; i++)
                journal_reader_free(readers[i]);
}

static const TapTest tests[] = {
        { "readers share one bound", test_readers_share_one_bound },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}
