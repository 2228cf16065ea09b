/* LogDownload: the whole of a log, or all of a part of it, as a stream of rows that ends where the log ended when it
 * was asked for. It takes as much memory as a chunk of it, which is filled for LOG_DOWNLOAD_TURN_USEC at most; how
 * many are filled in a turn of the loop the HTTP server says. */
#pragma once

#include "log-page.h"

#define LOG_DOWNLOAD_TURN_USEC (2 * USEC_PER_MSEC)

/* Answers the request. The query is taken; its sources are set. */
void log_download_begin(Api *a, HttpRequest *r, const char *task_id, LogQuery *query, LogForm form);

/* Cuts them all, so that no client takes what it has for the whole. */
void log_downloads_end(Api *a);
