/* TestDisk: writes to the state directory that fail as on a full or read-only disk. Works by the linker, as
 * test-clock.h does.
 *
 *         test_disk_error = -ENOSPC;
 */
#pragma once

#include <remote-developer/clock.h>

/* What every write of a file answers, nothing being written; 0, as at first: it is written. */
extern int test_disk_error;

/* How many writes failed so, how many went well, and how many of these were of a task's files. */
extern unsigned test_disk_failures, test_disk_writes, test_disk_documents;

/* How long each write takes by the test's clock. */
extern usec_t test_disk_usec;
