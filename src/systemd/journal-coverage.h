/* JournalCoverage: how much of each file of the journal somebody has read who reads on without an end, so that he
 * knows when a file goes that he has not read to its end. Null has read nothing.
 *
 * journald numbers entries, and the next file goes on where the last one ended: also of a file that was full, renamed
 * and removed between two looks it shows whether there was more in it than was read.
 */
#pragma once

#include "journal-headers.h"

#include <remote-developer/log-line.h>

typedef struct JournalCoverage {
        JournalHeaders headers;
} JournalCoverage;

void journal_coverage_done(JournalCoverage *c);

/* All up to the entry of this cursor was read ("": nothing was found); `to_end`: and nothing was behind it. */
void journal_coverage_note(JournalCoverage *c, const char *cursor, bool to_end);

/* Whether a file that is written to has more by now; also where it cannot be told. */
bool journal_coverage_has_more(JournalCoverage *c);

/* What is there now takes the place of what was. 1: something went unread; 0: not; negative errno. */
int journal_coverage_renew(JournalCoverage *c, const JournalSource *source, LogGap *ret);
