/* The journal as the sink of log.h: the task id becomes REMOTE_DEVELOPER_TASK=, and its unit the one that the line is
 * about, so that `journalctl -u` of the task shows it. */
#pragma once

#include <remote-developer/unit-client.h>

/* Puts the journal in the place of standard error when that is what standard error leads to ($JOURNAL_STREAM). */
void journal_log_open(RuntimeScope scope);
