/* JournalFollower: follows what all tasks write, with one handle on the journal and one inotify instance, and hands
 * out whole lines with the unit that wrote them.
 *
 * It starts at the journal's end. At rest nothing wakes up: journald's inotify events drive it. journald announces a
 * change up to 250 ms late; while somebody watches, journal_follower_set_interval() makes it look more often.
 */
#pragma once

#include <remote-developer/journal-reader.h>

typedef struct JournalFollower JournalFollower;

/* Called for each line; `unit` NULL: it is of every log, as a gap is where the journal dropped what was not read yet
 * (its cursor is ""). Must not free the follower. */
typedef void (*JournalOnLine)(void *userdata, const char *unit, const LogLine *line);

/* A line in pieces that is longer than `keep_max` bytes comes without its text (NULL): whoever wants it reads it. */
int journal_follower_new(sd_event *event, const JournalSource *source, const char *slice, size_t keep_max,
                         JournalOnLine on_line, void *userdata, JournalFollower **ret);
JournalFollower *journal_follower_free(JournalFollower *f);
DEFINE_CLEANUP(JournalFollower *, journal_follower_free)

/* Reads what is there now, at most `max` entries. 1: there may be more; 0: the end was reached. */
int journal_follower_pump(JournalFollower *f, unsigned max);

/* The end that was reached is an entry of which not all is there yet: a second at most, and then perhaps more. */
bool journal_follower_is_waiting(const JournalFollower *f);

/* When the last entry that it has taken was written: all that is older was handed out. 0: it has taken none. */
usec_t journal_follower_realtime_usec(const JournalFollower *f);

/* To be called before a look that must miss nothing. sd_journal_next() that came between two updates of a file
 * remembers the end it saw, and does not see what follows until something else is written (tried); seeking makes it
 * forget. */
int journal_follower_look_afresh(JournalFollower *f);

/* Hands out what this unit has begun and will not end: see journal_reader_flush(). */
void journal_follower_flush(JournalFollower *f, const char *unit);

/* How often to look beyond inotify's events; 0: not. */
int journal_follower_set_interval(JournalFollower *f, usec_t interval_usec);
