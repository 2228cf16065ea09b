/* The journal as the sink of log.h: the task id becomes REMOTE_DEVELOPER_TASK=. */
#pragma once

/* Puts the journal in the place of standard error when that is what standard error leads to ($JOURNAL_STREAM). */
void journal_log_open(void);
