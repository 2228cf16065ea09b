/* TestDisk: writes to the state directory that fail as on a full or read-only disk. Works by the linker, as
 * test-clock.h does.
 *
 *         test_disk_error = -ENOSPC;
 */
#pragma once

/* What every write of a file answers, nothing being written; 0, as at first: it is written. */
extern int test_disk_error;

/* How many writes failed so. */
extern unsigned test_disk_failures;
