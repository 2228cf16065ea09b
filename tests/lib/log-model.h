/* LogModel: writes a random log into a journal of a test's own and knows what a viewer of it must be told.
 *
 *         log_model_begin(&m, &story);
 *         log_model_write(&m, 10);
 *         log_model_rotate(&m);
 *         log_model_close_lines(&m);
 *
 * Lines of two streams, cut and mingled; empty, long and binary ones; entries of equal time; what others write and
 * what systemd and journald say about the task; several files and boots. An item of the log stands where its last
 * entry does. */
#pragma once

#include "journal-fixture.h"
#include "story.h"

enum { MODEL_STREAMS = 2, MODEL_BATCH_MAX = 24 };

typedef enum ModelKind {
        MODEL_LINE,
        MODEL_SYSTEM,
        MODEL_SUPPRESSED,
} ModelKind;

typedef struct ModelItem {
        ModelKind kind;
        Buffer text;
        unsigned dropped;
} ModelItem;

typedef struct LogModel {
        Story *story;
        JournalFixture journal; /* the story's */
        char *unit, *fields;    /* of the task's attempt */
        ModelItem *items;       /* owned */
        size_t n, allocated;
        Buffer begun[MODEL_STREAMS]; /* of lines that are not ended */
        bool open[MODEL_STREAMS];
        unsigned file, attempt, numbers;
        size_t archived;   /* so many items are in an archive */
        size_t kept;       /* of the others the journal has those from here on; its text is unique */
        size_t file_begin; /* the first item of this file, likewise; SIZE_MAX: it did not begin with one */
        /* What is not written; all is by default. */
        bool without_system, without_suppressed, without_binary;
} LogModel;

/* A random number below `n`, of the seed that was printed. */
unsigned log_model_any(unsigned n);
bool log_model_chance(unsigned percent);

/* Of a task that runs; again for each attempt. */
void log_model_begin(LogModel *m, Story *s);
void log_model_done(LogModel *m);

/* At most MODEL_BATCH_MAX entries. */
void log_model_write(LogModel *m, unsigned entries);

/* A line that no other equals. */
void log_model_write_number(LogModel *m);

/* All lines that were begun end; the last entry is a line's. */
void log_model_close_lines(LogModel *m);

void log_model_rotate(LogModel *m);
void log_model_reboot(LogModel *m);

/* Removes all files but the present one; false: not possible now, since a line goes over its begin. */
bool log_model_vacuum(LogModel *m);

/* All is archived; the journal forgets it. */
void log_model_archive(LogModel *m);
