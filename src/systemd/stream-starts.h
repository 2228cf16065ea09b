/* StreamStarts: which streams a reader has seen the begin of. One that begins to read amid a log may come to the last
 * part of a line whose first part lies before that place, behind other streams' lines; it is looked for once a stream.
 * Null knows none.
 */
#pragma once

#include "line-joiner.h"

#define STREAM_STARTS_MAX 8

typedef struct StreamStart {
        char stream_id[ID128_TEXT_SIZE];
        LogSource source;
} StreamStart;

typedef struct StreamStarts {
        bool all; /* reading began at the log's begin */
        StreamStart known[STREAM_STARTS_MAX]; /* in a circle: to look again costs only time */
        unsigned n;
} StreamStarts;

void stream_starts_forget(StreamStarts *s);
void stream_starts_know_all(StreamStarts *s);

/* Whether nothing before this entry can be missing of its line. */
bool stream_starts_is_known(const StreamStarts *s, const JournalEntry *e);

/* Has the joiner take what the line of this entry, which is the handle's current one, began with. Changes the handle's
 * place and matches. */
int stream_starts_find(StreamStarts *s, sd_journal *j, const JournalSource *journal, const JournalEntry *e,
                       LineJoiner *joiner);
