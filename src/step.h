/* Step: a step before or behind the work, as the starter runs it: a child of its own, with a time limit that holds
 * also while the service is down, and of which nothing is left when it is over. systemd has one limit for all steps of
 * a unit; and what a step leaves in the background would run into the next one. */
#pragma once

#include <remote-developer/clock.h>

/* Becomes the child's parent until all is over: the child ends by itself or, when its limit is reached, by SIGTERM to
 * its process group and then SIGKILL; whatever else it started is killed then. `pid` leads a session of its own.
 * All signals are blocked before, and stay so. Returns the child's wait status. */
int step_wait(pid_t pid, usec_t limit_usec, bool *ret_overdue);

/* What starts a step calls this before the child is there: what that leaves behind becomes our own child. */
void step_prepare(void);

/* Ends this process as the child did. */
_Noreturn void step_end_alike(int status);
