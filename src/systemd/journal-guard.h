/* JournalGuard: going through the journal without being ended by it. Null is the program's state at its begin.
 *
 *      journald removes a file:  unlink ──▶ its contents become zeros, in the maps of whoever reads it
 *      libsystemd, meanwhile:    an object is a value? ──▶ yes ──▶ ... ──▶ assert(it is a value) ──▶ abort()
 *
 * libsystemd 252 looks at what an object is more than once, and takes for its own mistake what journald has done in
 * between (journal_file_move_to_entry_by_monotonic_for_data() and its like); the same where it reads a value's number
 * of entries and their place while journald writes both. It can happen at any moment in sd_journal_next() and
 * sd_journal_previous(), and nowhere else: those are called here only. Nothing is half done where libsystemd asserts
 * there, so that the handle can be closed; not more.
 */
#pragma once

#include <systemd/sd-journal.h>

/* As sd_journal_next() and sd_journal_previous(). -EUCLEAN: libsystemd gave up, and the handle is to be closed. */
int journal_guard_next(sd_journal *j);
int journal_guard_previous(sd_journal *j);

/* From now on that is an error. Until then, and everywhere else, abort() ends the program. */
int journal_guard_catch(void);

/* How often it was. A handle that was opened before is not to be believed. */
unsigned journal_guard_caught(void);
