/* ArchiveFixture: see archive-fixture.h. */
#include "archive-fixture.h"

#include <remote-developer/strings.h>

bool archive_fixture_init(ArchiveFixture *f, bool compress) {
        *f = (ArchiveFixture){ .scratch = SCRATCH_NULL, .compress = compress };
        return scratch_init(&f->scratch);
}

void archive_fixture_done(ArchiveFixture *f) {
        log_archive_writer_free(f->writer);
        log_archive_reader_free(f->reader);
        scratch_done(&f->scratch);
}

bool fixture_begin(ArchiveFixture *f) {
        f->writer = log_archive_writer_free(f->writer);
        return TAP_CHECK_INT(log_archive_writer_new(f->scratch.fd, STEM, f->compress, &f->writer), 0);
}

const char *fixture_cursor(unsigned i) {
        static char cursor[LOG_LINE_CURSOR_SIZE];

        snprintf(cursor, sizeof(cursor), "s=f40b1ea5;i=%x;b=9a;m=%x;t=%x;x=%x", i, i * 7, i * 31, i * 2654435761U);
        return cursor;
}

LogLine fixture_line(unsigned i, const char *text, size_t size) {
        return (LogLine){ .cursor = fixture_cursor(i), .realtime_usec = 1700000000 * USEC_PER_SEC + i,
                          .priority = (int) (i % 8), .text = text, .size = size };
}

bool fixture_append(ArchiveFixture *f, unsigned i, const char *text, size_t size) {
        LogLine line = fixture_line(i, text, size);

        return TAP_CHECK_INT(log_archive_writer_append(f->writer, &line), 0);
}

bool fixture_finish(ArchiveFixture *f) {
        bool good = TAP_CHECK_INT(log_archive_writer_finish(f->writer), 0);

        f->writer = log_archive_writer_free(f->writer);
        return good;
}

int fixture_open(ArchiveFixture *f) {
        f->reader = log_archive_reader_free(f->reader);
        return log_archive_reader_open(f->scratch.fd, STEM, &f->reader);
}

bool fixture_lines_equal(const LogLine *a, const LogLine *b) {
        return string_equal(a->cursor, b->cursor) && a->realtime_usec == b->realtime_usec &&
               a->priority == b->priority && a->size == b->size && memcmp(a->text, b->text, a->size) == 0;
}

bool fixture_check_next(ArchiveFixture *f, unsigned i, const char *text, size_t size) {
        LogLine line, should = fixture_line(i, text, size);

        return TAP_CHECK_INT(log_archive_reader_next(f->reader, &line), 1) &&
               TAP_CHECK(fixture_lines_equal(&line, &should));
}

bool fixture_check_end(ArchiveFixture *f) {
        LogLine line;

        return TAP_CHECK_INT(log_archive_reader_next(f->reader, &line), 0) &&
               TAP_CHECK_INT(log_archive_reader_next(f->reader, &line), 0);
}

/* The text of the line `i` of the many. */
size_t fixture_text(unsigned i, char text[static 256]) {
        size_t size = (size_t) snprintf(text, 256, "line %u ", i);

        memset(text + size, 'x', i % 97);
        return size + i % 97;
}

bool fixture_write(ArchiveFixture *f, unsigned n) {
        char text[256];
        bool good = fixture_begin(f);

        for (unsigned i = 0; good && i < n; i++)
                good = fixture_append(f, i, text, fixture_text(i, text));
        return good && TAP_CHECK_INT(log_archive_writer_lines(f->writer), n) && fixture_finish(f);
}

bool fixture_check_line(ArchiveFixture *f, unsigned i) {
        char text[256];

        return fixture_check_next(f, i, text, fixture_text(i, text));
}
