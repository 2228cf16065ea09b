/* Whether journald has taken all that ended programs wrote to their stdout and stderr.
 *
 * A program's last lines may still wait in journald's sockets when its unit is already gone; the log is whole only
 * when they have been read. The kernel tells: sock_diag(7) lists journald's stream sockets, and one whose other end
 * is closed but which journald still holds has not been read to its end.
 */
#pragma once

/* 1: nothing waits; 0: something does, ask again shortly; negative errno when the kernel does not tell. */
int journal_drain_is_done(void);
