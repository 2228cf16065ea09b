/* Relay: a process between a task's program and journald, through which what the program writes is kept byte for byte
 * (line-marker.h), and by which its stdout is a pipe: what is a socket, `echo x >/dev/stderr` cannot open.
 *
 * It is a sibling of the program, not a child: nobody has to wait for it but whoever started the program. It ends at
 * the end of file of what it reads, that is, when the last process has closed it, and by no signal but SIGKILL: what
 * stops the unit reaches it too, and the last words of a program come after that.
 */
#pragma once

#include <remote-developer/mask.h>

typedef struct RelayParameters {
        const char *unit, *identifier; /* for when journald has to be asked for another stream; copied */
        const Mask *mask; /* what becomes "***" in what is written; NULL: nothing */
        bool separate_stderr;
        char *words, *words_end; /* the memory of argv and the environment, which the relay has no use for */
        size_t argv_size;        /* how much of it is argv's */
        int *ret_pidfd;          /* NULL: nobody waits for its end */
} RelayParameters;

/* stdout is a stream of journald's: the relay takes that over, and stdout and stderr become pipes to it. 0 or negative
 * errno; signals, their mask and all other descriptors are as before. */
int relay_start(const RelayParameters *p);
