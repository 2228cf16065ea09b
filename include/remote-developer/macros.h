/* room: base
 *
 * The few macros every file may use: clean-up on every way out of a scope, giving ownership away, finding the
 * struct around an embedded member. Modelled on systemd's, reduced to what this project needs.
 *
 * A resource is built in a `_cleanup_` variable and given away at the very end with TAKE_PTR(), so that every
 * early return is already right.
 */
#pragma once

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _printf_(a, b) __attribute__((format(printf, a, b)))
#define _unused_ __attribute__((unused))

#define ELEMENTSOF(a) (sizeof(a) / sizeof((a)[0]))
#define MIN_OF(a, b) ((a) < (b) ? (a) : (b))
#define MAX_OF(a, b) ((a) > (b) ? (a) : (b))

#define container_of(ptr, type, member) ((type *) ((char *) (ptr) - offsetof(type, member)))

/* Gives the pointer away: its value is returned and the variable forgets it. */
#define TAKE_PTR(p)                                                                                          \
        ({                                                                                                   \
                typeof(p) *_pp = &(p);                                                                       \
                typeof(p) _p = *_pp;                                                                         \
                *_pp = NULL;                                                                                 \
                _p;                                                                                          \
        })

#define TAKE_FD(fd)                                                                                          \
        ({                                                                                                   \
                int *_fdp = &(fd);                                                                           \
                int _fd = *_fdp;                                                                             \
                *_fdp = -EBADF;                                                                              \
                _fd;                                                                                         \
        })

/* Defines the `foo_freep` that `_cleanup_(foo_freep)` wants, from a `foo_free` that accepts NULL. */
#define DEFINE_CLEANUP(type, func)                                                                           \
        static inline void func##p(type *p) {                                                                \
                if (*p)                                                                                      \
                        func(*p);                                                                            \
        }

/* Copied, since no pointer of another type may be read as one to void. */
static inline void freep(void *p) {
        void *memory;

        memcpy(&memory, p, sizeof(memory));
        free(memory);
}

static inline void closep(int *fd) {
        if (*fd >= 0)
                close(*fd);
}

#define _cleanup_free_ _cleanup_(freep)
#define _cleanup_close_ _cleanup_(closep)
