/* JournalWindow: a piece of a file of the journal, in this program's memory. A file is read through several of them,
 * since its parts are spread: entries, texts, lists. Read and not mapped, as journal-image.h; what journald has
 * removed is not believed.
 */
#pragma once

#include "journal-image.h"
#include "journal-object.h"

typedef struct JournalWindow {
        char *data;
        size_t size, allocated;
        uint64_t begin; /* where in the file */
        size_t lead; /* so much is read that lies before what is wanted; a multiple of 8 */
} JournalWindow;

#define JOURNAL_WINDOW_NULL ((JournalWindow){})
void journal_window_done(JournalWindow *w);

/* No object that is larger is looked at. */
#define JOURNAL_WINDOW_MAX ((size_t) 1024 * 1024)

/* `size` bytes that lie there, borrowed until the next call; NULL: they cannot be had. */
const void *journal_window_at(JournalWindow *w, const JournalImage *i, uint64_t offset, size_t size);

/* The object of that type that lies there, all of it, at least `size` bytes. */
const void *journal_window_object(JournalWindow *w, const JournalImage *i, uint64_t offset, uint8_t type, size_t size);

/* Likewise, if it is in the window; NULL: it is not. Nothing that was borrowed is lost. */
const void *journal_window_held(const JournalWindow *w, uint64_t offset, uint8_t type, size_t size);

/* --- lists --- */

/* The entries of a file that have one value, as many as there were when it was opened, in order. */
typedef struct JournalList {
        JournalWindow window;
        uint64_t array; /* where the current array lies */
        uint64_t n;     /* items of it that count */
        uint64_t at;    /* the next of them */
        uint64_t left;  /* entries in the arrays behind it */
        uint64_t next;  /* where the next entry lies; 0: there is none */
} JournalList;

#define JOURNAL_LIST_NULL ((JournalList){})
void journal_list_done(JournalList *l);

/* Of the value that lies at `value`; `next` is the first one behind `entry`. False: the file is damaged. */
bool journal_list_open(JournalList *l, const JournalImage *i, uint64_t value, uint64_t entry);
bool journal_list_advance(JournalList *l, const JournalImage *i);

/* Where the entry with that number lies, among all of the file; 0: there is none. */
uint64_t journal_find_entry(const JournalImage *i, uint64_t seqnum);
