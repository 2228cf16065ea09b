/* LogPage: a piece of a log, collected in turns of the loop and then answered at once.
 *
 *      log_page_begin() ──▶ waiting ──▶ worked on, PAGE_TURN_USEC a turn ──▶ answered, freed
 *
 * A page is bounded by its limit of lines, by PAGE_TEXT_MAX bytes and by PAGE_USEC_MAX from the begin of the work; one
 * that ends early for one of the latter says so and gives the cursor of the line that it looked at last, of which
 * there is at least one: whoever goes on gets on. At most PAGES_WORKED of them are worked on in turn; the others
 * wait, up to PAGES_MAX in all, beyond which clients are asked to come again. */
#pragma once

#include "log-query.h"

#define PAGE_TEXT_MAX ((size_t) 4 * 1024 * 1024)
#define PAGE_USEC_MAX USEC_PER_SEC
/* What everything else that is ready waits each time; a turn itself costs 10 us. */
#define PAGE_TURN_USEC (USEC_PER_MSEC / 2)
#define PAGES_WORKED 4
#define PAGES_MAX 16

/* What the rows of an answer are: the first one is a JSON object with all of it. */
typedef enum LogForm {
        LOG_FORM_JSON,
        LOG_FORM_NDJSON,
        LOG_FORM_TEXT,
        LOG_FORM_MAX,
} LogForm;

extern const char *const log_form_types[LOG_FORM_MAX];
extern const LogRowAppend log_form_rows[LOG_FORM_MAX];

/* Answers the request, at once or later. The query is taken; its sources are set. */
void log_page_begin(Api *a, HttpRequest *r, const char *task_id, LogQuery *query, LogForm form);

/* Frees those that are not answered yet, whose connections are gone. */
void log_pages_free(Api *a);

/* --- rows, log-rows.c --- */

typedef struct LogRowSpan {
        size_t at, size;             /* of the row in `data` */
        size_t text, text_size;      /* of its text as JSON, from `at` on */
        size_t bytes;                /* of the line */
        size_t cursor;               /* in `cursors`, only in an open chunk */
        bool output, counts, placed; /* placed: has a cursor */
} LogRowSpan;

/* Rows in the order in which the page will have them, or the other way round. Those from `chunk` on are the open
 * chunk's, in ascending order, of which the oldest can be dropped again. A page that is read forward has but one. */
typedef struct LogRows {
        Buffer data, cursors;
        LogRowSpan *spans;
        size_t n, allocated;
        size_t chunk, dropped; /* the chunk's first span; how many of them are dropped */
        size_t bytes;          /* of the lines of all that are not dropped */
        uint64_t counted;      /* of these, those that count */
        bool chunked;
} LogRows;

void log_rows_done(LogRows *rows);

int log_rows_append(LogRows *rows, LogRowWriter *w, LogForm form, const LogQuery *query, const LogLine *line);

/* Drops the chunk's oldest rows as long as the page is beyond its bounds without them, and what then would come
 * again with the next page. */
void log_rows_shrink(LogRows *rows, uint64_t limit);

/* The journal's cursor of the oldest row that was kept; NULL where nothing was dropped. */
const char *log_rows_cut(const LogRows *rows);

void log_rows_drop_chunk(LogRows *rows);

/* Turns the open chunk round, newest first, and begins the next one. */
void log_rows_end_chunk(LogRows *rows);

/* All rows, or the texts of all output, with commas between them where the form is JSON. */
int log_rows_write(const LogRows *rows, bool backwards, LogForm form, Buffer *to);
int log_rows_write_texts(const LogRows *rows, bool backwards, Buffer *to);

/* --- collecting, log-collector.c --- */

/* What a page will hold, and how far that is. */
typedef struct LogCollector {
        Api *api;
        char id[TASK_ID_SIZE + 1];
        LogQuery query;
        LogForm form;
        bool backwards;

        int (*step)(struct LogCollector *c); /* NULL: done */
        usec_t begin_usec;                   /* monotonic; 0: nothing was done yet */
        LogViewer *viewer;
        LogScan scan;
        LogRowWriter writer;
        LogRows rows;

        char bound[LOG_LINE_CURSOR_SIZE]; /* the page, or backwards the chunk, ends before this line; "": at the end */
        bool bound_inclusive;             /* ... or behind it */
        char first[LOG_LINE_CURSOR_SIZE]; /* line looked at in this chunk, or on this page if it is read forward */
        char last[LOG_LINE_CURSOR_SIZE];
        bool first_before_begin, gap_before_first;
        uint64_t chunk_size;
        bool looked; /* a chunk with lines is done */

        /* Of the answer; the journal's. "": none. */
        char newest[LOG_LINE_CURSOR_SIZE], oldest[LOG_LINE_CURSOR_SIZE];
        bool partial;
} LogCollector;

/* The query is taken. */
void log_collector_init(LogCollector *c, Api *a, const char *task_id, LogQuery *query, LogForm form);
void log_collector_done(LogCollector *c);

/* A turn of the work. 0: done; -EINPROGRESS: the turn is over; -EAGAIN: nothing can be done until others have had
 * theirs; other negative errno. */
int log_collector_work(LogCollector *c);
