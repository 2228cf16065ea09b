/* ArchiveFixture: an archive of a log in a directory of its own, in one of its two forms, and lines that are known.
 *
 *         IN_BOTH_FORMS(f) {
 *                 if (!fixture_write(&f, 10) || !TAP_CHECK_INT(fixture_open(&f), 0))
 *                         return;
 *                 fixture_check_line(&f, 0);
 *         }
 *
 * Verbs that return a bool check for themselves that all went well. */
#pragma once

#include "scratch.h"
#include "tap.h"

#include <remote-developer/log-archive.h>

#define STEM "task-1700000000-abcdef"

typedef struct ArchiveFixture {
        Scratch scratch;
        bool compress;
        LogArchiveWriter *writer;
        LogArchiveReader *reader;
} ArchiveFixture;

bool archive_fixture_init(ArchiveFixture *f, bool compress);
void archive_fixture_done(ArchiveFixture *f);

/* Once for each form. */
#define IN_BOTH_FORMS(f)                                                                                     \
        for (int _form = 0; _form < 2; _form++)                                                              \
                for (bool _once = true; _once; _once = false)                                                \
                        for (_cleanup_(archive_fixture_done) ArchiveFixture f = {};                          \
                             _once && archive_fixture_init(&f, _form); _once = false)

/* The line `i`: what it has beside its text; its cursor, valid until the next call; and the text, of some length, that
 * it has where none is given. */
LogLine fixture_line(unsigned i, const char *text, size_t size);
const char *fixture_cursor(unsigned i);
size_t fixture_text(unsigned i, char text[static 256]);
bool fixture_lines_equal(const LogLine *a, const LogLine *b);

/* Writing; fixture_write() is all of it, of the lines 0 to n-1. */
bool fixture_begin(ArchiveFixture *f);
bool fixture_append(ArchiveFixture *f, unsigned i, const char *text, size_t size);
bool fixture_finish(ArchiveFixture *f);
bool fixture_write(ArchiveFixture *f, unsigned n);

/* As log_archive_reader_open(). */
int fixture_open(ArchiveFixture *f);

/* The next line is the line `i` with that text, or with its own; or there is none. */
bool fixture_check_next(ArchiveFixture *f, unsigned i, const char *text, size_t size);
bool fixture_check_line(ArchiveFixture *f, unsigned i);
bool fixture_check_end(ArchiveFixture *f);
