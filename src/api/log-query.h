/* LogQuery: which part of a task's log a request of GET /api/task/{id}/logs asks for; and LogScan, which reads a part
 * of it forward. */
#pragma once

#include "api-internal.h"

#include <remote-developer/log-cursor.h>
#include <remote-developer/log-row.h>
#include <remote-developer/pattern.h>

#define PAGE_LIMIT_MAX 10000
#define TAIL_MAX 1000000

typedef enum LogOrder {
        LOG_ORDER_UNSET = -1,
        LOG_ORDER_ASC,
        LOG_ORDER_DESC,
} LogOrder;

typedef struct LogQuery {
        char after[LOG_LINE_CURSOR_SIZE], before[LOG_LINE_CURSOR_SIZE]; /* the journal's own; exclusive; "": none */
        usec_t since, until;                                            /* both inclusive; not set: no bound */
        uint64_t limit, tail;                                 /* UINT64_MAX: not said */
        LogOrder order;
        unsigned sources; /* LOG_SOURCES(); 0: not said */
        Pattern *grep;    /* NULL: everything */
} LogQuery;

#define LOG_QUERY_NULL                                                                                       \
        ((LogQuery){ .until = USEC_INFINITY, .limit = UINT64_MAX, .tail = UINT64_MAX, .order = LOG_ORDER_UNSET })

void log_query_done(LogQuery *q);

/* Fills the query from the request's. -EINVAL with the parameter's name and the remedy. */
int log_query_read(HttpRequest *r, const char *task_id, LogQuery *q, Problem *problem);

/* --- reading --- */

typedef enum LogScanResult {
        LOG_SCAN_END,    /* of the window, or there is nothing more at the moment */
        LOG_SCAN_LINE,   /* one that is wanted */
        LOG_SCAN_PASSED, /* one that is not wanted was looked at */
} LogScanResult;

/* Reads on from where the viewer stands up to the window's end. What is no gap moves `looked`. */
typedef struct LogScan {
        LogViewer *viewer;     /* borrowed */
        const LogQuery *query; /* borrowed */
        char end[LOG_LINE_CURSOR_SIZE]; /* nothing behind this line is read; "": up to what there is */
        bool end_inclusive;             /* that line itself is */
        bool backwards;                 /* pieces are read from the newest on: `until` only picks, it ends nothing */

        char looked[LOG_LINE_CURSOR_SIZE]; /* the line looked at last, wanted or not; "": none */
        uint64_t n_looked;
        bool reached;      /* the line at `end` was looked at, which is the last one */
        bool before_begin; /* it lies before the window's begin */
} LogScan;

/* A scan of the whole window. */
void log_scan_init(LogScan *s, LogViewer *viewer, const LogQuery *query);

/* Turns back to having looked at nothing, with another end; `end` as in the struct. */
void log_scan_begin(LogScan *s, const char *end, bool inclusive);

/* Where the log of a task that is not finished ends now, which a viewer that has met the follower may not know of yet:
 * sets the scan's end to the last line, or leaves it at `before`. To be asked after log_viewer_seek_before(viewer, "",
 * 1). LOG_SCAN_END when that is done, else as log_scan_next(). */
int log_scan_find_end(LogScan *s);

/* Whether that is needed: a finished log ends where it ends. */
bool log_scan_needs_end(const Api *a, const char *task_id);

/* A LogScanResult or negative errno; -EAGAIN: ask again in a later turn. A line that the expression gave up on comes
 * as a gap with its cursor. */
int log_scan_next(LogScan *s, LogLine *ret);

/* Whether a line counts towards `limit`: what systemd says, and gaps, come along, so that they never displace output,
 * unless nothing else is asked for. */
bool log_query_counts(const LogQuery *q, const LogLine *line);

/* What the log's viewers must deliver for this query. */
unsigned log_query_viewed_sources(const LogQuery *q);
