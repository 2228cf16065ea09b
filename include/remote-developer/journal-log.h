/* The journal as the sink of log.h: the task id becomes REMOTE_DEVELOPER_TASK=, and its unit the one that the line is
 * about, so that `journalctl -u` of the task shows it. */
#pragma once

#include <remote-developer/unit-client.h>

/* Puts the journal in the place of standard error when that is what standard error leads to ($JOURNAL_STREAM). */
void journal_log_open(RuntimeScope scope);

/* What is told from here on goes by standard error, which journald knows the unit of: for the last words of a process.
 * Of an entry that is sent to it, journald asks whose it is when it reads it, and `journalctl -u` does not show that
 * of a process that was gone by then (systemd 252). */
void journal_log_close(void);
