/* What the manager itself wrote into the journal about a unit: how its main process ended, that somebody asked to
 * stop it, why it could not be started. Fields and message ids: systemd.journal-fields(7) and sd-messages.h.
 */
#pragma once

#include <remote-developer/journal-reader.h>
#include <remote-developer/evidence.h>

/* Fills journal, has_journal, stop_seen and spawn of the evidence. `invocation_id` NULL: any but those in `other_than`
 * (NULL: none). Records that anybody but the manager wrote are not believed in system mode. */
int journal_records_read(const JournalSource *source, const char *unit, const char *invocation_id,
                         char *const *other_than, Evidence *ret);
