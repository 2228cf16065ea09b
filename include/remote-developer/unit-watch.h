/* room: systemd
 *
 * UnitWatch: embedded in whoever wants to know of a unit (container_of() finds that again): signals keep its `status`
 * current, so that looking at it costs nothing. Belongs to its owner; must be ended before the client is freed.
 */
#pragma once

#include <remote-developer/unit-status.h>

typedef struct UnitCall UnitCall;
typedef struct UnitClient UnitClient;
typedef struct UnitWatch UnitWatch;

struct UnitWatch {
        UnitClient *client; /* NULL: does not watch */
        char *unit;         /* owned */
        UnitStatus status;
        bool follows_commands; /* how far its commands are is kept current, too: no signal carries that */
        usec_t read_at_usec;                 /* monotonic; when all of `status` was last read at once */
        UnitCall *reading; /* the client's: a read that is under way and may be joined; NULL: none */
        void (*on_changed)(UnitWatch *watch); /* may free the watch */
};

int unit_watch_begin(UnitWatch *w, UnitClient *c, const char *unit);
void unit_watch_end(UnitWatch *w);
