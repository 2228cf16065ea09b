/* JournalGuard: see journal-guard.h. A program that leaves its handler of SIGABRT by a jump is not ended: abort(3). */
#include "journal-guard.h"

#include <remote-developer/macros.h>

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <unistd.h>

static sigjmp_buf place;
static volatile sig_atomic_t guarded, caught;

/* Only what this program does to itself is libsystemd's; a watchdog means it. */
static void on_abort(int signal_number, siginfo_t *info, void *context _unused_) {
        if (guarded && info->si_code == SI_TKILL && info->si_pid == getpid()) {
                caught = caught + 1;
                siglongjmp(place, 1);
        }
        (void) signal(signal_number, SIG_DFL);
        (void) raise(signal_number);
}

int journal_guard_catch(void) {
        struct sigaction action = { .sa_sigaction = on_abort, .sa_flags = SA_SIGINFO | SA_NODEFER };

        return sigaction(SIGABRT, &action, NULL) < 0 ? -errno : 0;
}

unsigned journal_guard_caught(void) {
        return (unsigned) caught;
}

static int guard(int (*step)(sd_journal *j), sd_journal *j) {
        int r = -EUCLEAN;

        /* The mask is as it was: SA_NODEFER. */
        if (sigsetjmp(place, 0) == 0) {
                guarded = 1;
                r = step(j);
        }
        guarded = 0;
        return r;
}

int journal_guard_next(sd_journal *j) {
        return guard(sd_journal_next, j);
}

int journal_guard_previous(sd_journal *j) {
        return guard(sd_journal_previous, j);
}
