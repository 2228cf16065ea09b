/* room: model
 *
 * LogLine: one whole line of a task's log, wherever it was read.
 */
#pragma once

#include <remote-developer/buffer.h>
#include <remote-developer/clock.h>

/* Longer than any cursor that systemd makes; those of the journal's own that are copied have this room. */
#define LOG_LINE_CURSOR_SIZE 256

/* Who wrote it. Where a task's two streams are one, as by "2>&1", all of it is stdout. */
typedef enum LogSource {
        LOG_SOURCE_STDOUT,
        LOG_SOURCE_STDERR,
        LOG_SOURCE_SYSTEM, /* systemd's manager or our starter, about the task's unit */
        LOG_SOURCE_GAP,    /* nobody: lines are missing here */
        LOG_SOURCE_MAX,
} LogSource;

extern const char *const log_source_words[LOG_SOURCE_MAX];

/* Sets of sources. A gap is in every one. */
#define LOG_SOURCES(source) (1U << (source))
#define LOG_SOURCES_OUTPUT (LOG_SOURCES(LOG_SOURCE_STDOUT) | LOG_SOURCES(LOG_SOURCE_STDERR))
#define LOG_SOURCES_ALL (LOG_SOURCES_OUTPUT | LOG_SOURCES(LOG_SOURCE_SYSTEM))

typedef enum LogGapReason {
        LOG_GAP_SUPPRESSED, /* journald took no more of them (its rate limit) */
        LOG_GAP_VACUUMED,   /* journald has dropped them since */
        LOG_GAP_UNSEARCHED, /* a line that an expression could not be looked for in */
        LOG_GAP_REASON_MAX,
} LogGapReason;

extern const char *const log_gap_words[LOG_GAP_REASON_MAX];

#define LOG_GAP_LINES_UNKNOWN UINT64_MAX

typedef struct LogGap {
        LogGapReason reason;
        uint64_t lines;      /* how many are missing, or LOG_GAP_LINES_UNKNOWN */
        usec_t since, until; /* between which times; 0: not known */
} LogGap;

/* A sentence for people. */
int log_line_describe_gap(const LogGap *gap, Buffer *to);

/* What is borrowed is so until the next call to who gave the line. */
typedef struct LogLine {
        const char *cursor; /* the journal's own; borrowed; of a gap without an entry "" */
        usec_t realtime_usec;
        int priority;     /* as syslog's; stdout is LOG_INFO */
        LogSource source;
        bool partial;     /* too long to be held: the line goes on in the next one of its source */
        bool maybe_cut;   /* its begin may lie before the place where the follower began */
        const char *text; /* borrowed; may hold any byte; of a gap a sentence */
        size_t size;
        LogGap gap;       /* with LOG_SOURCE_GAP */
} LogLine;

static inline bool log_line_is_output(const LogLine *line) {
        return line->source == LOG_SOURCE_STDOUT || line->source == LOG_SOURCE_STDERR;
}
