/* Step: see step.h. Whatever the child leaves behind when it ends becomes ours (PR_SET_CHILD_SUBREAPER), however deep
 * it was: killing our children until there are none ends all of it. */
#include "step.h"

#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Between SIGTERM and SIGKILL; and as long at most for what is left behind. */
#define GRACE_USEC (5 * USEC_PER_SEC)

/* False: nothing has ended by then. */
static bool wait_news(usec_t until_usec) {
        usec_t now = clock_monotonic_usec(), left = until_usec > now ? until_usec - now : 0;
        struct timespec t = { .tv_sec = (time_t) (left / USEC_PER_SEC),
                              .tv_nsec = (long) (left % USEC_PER_SEC) * 1000 };
        sigset_t children;
        int r;

        (void) sigemptyset(&children);
        (void) sigaddset(&children, SIGCHLD);
        do
                r = until_usec == USEC_INFINITY ? sigwaitinfo(&children, NULL) : sigtimedwait(&children, NULL, &t);
        while (r < 0 && errno == EINTR);
        return r >= 0;
}

/* What the child left to us ends meanwhile, too. */
static bool has_ended(pid_t pid, int *ret_status) {
        pid_t ended;
        int status;

        while ((ended = waitpid(-1, &status, WNOHANG)) > 0)
                if (ended == pid) {
                        *ret_status = status;
                        return true;
                }
        return ended < 0 && errno == ECHILD;
}

static bool wait_end(pid_t pid, usec_t limit_usec, int *ret_status) {
        usec_t until = limit_usec == USEC_INFINITY ? USEC_INFINITY : clock_monotonic_usec() + limit_usec;

        for (;;) {
                if (has_ended(pid, ret_status))
                        return true;
                if (!wait_news(until))
                        return has_ended(pid, ret_status);
        }
}

/* Each one that is gone leaves us its own children, until there are none. */
static void kill_children(void) {
        FILE *children = fopen("/proc/thread-self/children", "re");
        int pid;

        if (!children)
                return;
        while (fscanf(children, "%d", &pid) == 1)
                (void) kill(pid, SIGKILL);
        (void) fclose(children);
}

static void end_rest(void) {
        usec_t until = clock_monotonic_usec() + GRACE_USEC;
        int status;

        while (!has_ended(0, &status)) {
                kill_children();
                if (!wait_news(until))
                        return;
        }
}

void step_prepare(void) {
        (void) prctl(PR_SET_CHILD_SUBREAPER, 1);
}

int step_wait(pid_t pid, usec_t limit_usec, bool *ret_overdue) {
        int status = 0;

        *ret_overdue = !wait_end(pid, limit_usec, &status);
        if (*ret_overdue) {
                (void) kill(-pid, SIGTERM);
                if (!wait_end(pid, GRACE_USEC, &status)) {
                        (void) kill(-pid, SIGKILL);
                        (void) wait_end(pid, USEC_INFINITY, &status);
                }
        }
        end_rest();
        return status;
}

/* Of a core there is the child's already. */
void step_end_alike(int status) {
        sigset_t one;

        if (!WIFSIGNALED(status))
                _exit(WEXITSTATUS(status));
        (void) prctl(PR_SET_DUMPABLE, 0);
        (void) signal(WTERMSIG(status), SIG_DFL);
        (void) sigemptyset(&one);
        (void) sigaddset(&one, WTERMSIG(status));
        (void) raise(WTERMSIG(status));
        (void) sigprocmask(SIG_UNBLOCK, &one, NULL);
        _exit(EXIT_FAILURE); /* not reached: what ended the child ends us */
}
