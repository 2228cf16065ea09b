/* What the files of a LogViewer share: log-viewer.c reads on, log-viewer-seek.c changes the place. */
#pragma once

#include <remote-developer/log-viewer.h>

/* Entries that the follower may take in one turn for a viewer's sake. */
#define LOG_VIEWER_PUMP_MAX 1024

struct LogViewer {
        LogFeed *feed;
        unsigned sources;
        bool passes_archive; /* never reads it */
        LogViewerWake wake;
        void *userdata;

        LogArchiveReader *archive; /* NULL: in the journal, or live */
        JournalReader *reader; /* NULL: live */
        uint64_t position;     /* live: the next line in the ring */
        bool meets;            /* goes live at `position` with the next call */
        bool fresh;            /* the reader was opened for this very look at the end */
        bool at_end;           /* of a finished feed's log */
        bool past_end;         /* its last line was given out: what systemd said later does not belong to it */
        char cursor[LOG_LINE_CURSOR_SIZE]; /* of the last line given out; "": none yet */

        bool begins; /* reads what the journal has of the log from its begin: the first line of output tells whether it
                      * is the log's */
        usec_t told_until; /* up to when it was told that lines are gone */
        bool is_telling;   /* ... that began, and nothing came behind it that would tell how far it goes */
        bool gone; /* the entry of `cursor` is not there any more, and maybe others: told before the next line */
        bool holds;  /* ... which is this one, borrowed from the reader */
        LogLine held;
        Buffer sentence; /* of the last gap given out */

        unsigned counted; /* sources of lines that count where the viewer is to go back by a number of lines */
        bool goes_back;   /* the reader goes back, by so many lines and not before that cursor; "": none */
        uint64_t back_lines;
        char *back_floor; /* owned */
        uint64_t back_bytes_max; /* archived lines that may be read on the way back */
        usec_t since; /* what is older is passed over */
};

/* Reads by itself behind `cursor`, with a new handle. */
int log_viewer_open_reader(LogViewer *v);

/* At the begin of what the journal has, or behind the archive. */
int log_viewer_begin_journal(LogViewer *v);

int log_viewer_read_archive(const LogViewer *v, LogArchiveReader **ret); /* -ENOENT: nothing of the log is archived */
void log_viewer_go_live(LogViewer *v, uint64_t position);
void log_viewer_go_archived(LogViewer *v, LogArchiveReader *archive);

/* 0: it is there; -EAGAIN: to be called again. */
int log_viewer_go_back(LogViewer *v);
