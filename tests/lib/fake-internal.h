/* What fake-systemd.c and fake-unit.c share: the text of messages, and units as properties. */
#pragma once

#include "fake-systemd.h"

#define FAKE_MANAGER "org.freedesktop.systemd1.Manager"
#define FAKE_PATH "/org/freedesktop/systemd1"
#define FAKE_UNIT_PATH FAKE_PATH "/unit"
#define FAKE_JOB_PATH FAKE_PATH "/job/%u"

/* "MEMBER first second ..." of the arguments that are plain strings or numbers; the message is rewound. */
void fake_note_call(FakeSystemd *f, sd_bus_message *m);

/* "SIGNATURE VALUE" of the variant that comes next; fresh memory, NULL when it cannot be read. */
char *fake_variant_text(sd_bus_message *m);

/* NULL: that unit is not loaded. */
FakeUnit *fake_unit_at(FakeSystemd *f, const char *path);

/* Appends a{sv} of one interface ("Unit", "Service"), or NULL for both; `u` NULL is what systemd tells of a unit that
 * it does not know. */
int fake_append_properties(sd_bus_message *m, const FakeUnit *u, const char *interface);
