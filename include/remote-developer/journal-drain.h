/* Whether journald has taken all that ended programs wrote to their stdout and stderr.
 *
 * A program's last lines may still wait in journald's sockets when its unit is already gone; the log is whole only
 * when they have been read. The kernel tells: sock_diag(7) lists journald's stream sockets, and one whose other end
 * is closed but which journald still holds has not been read to its end.
 */
#pragma once

typedef enum JournalWaits {
        JOURNAL_WAITS_MESSAGES = 1 << 0, /* what a program sent by itself, or a stream that has not been taken up */
        JOURNAL_WAITS_STREAM = 1 << 1,   /* an ended program's stream is not read to its end */
} JournalWaits;

/* What waits; 0: nothing. If something does, ask again shortly. Negative errno when the kernel does not tell. */
int journal_drain_look(void);
