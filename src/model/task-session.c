/* Which session an agent goes on with in the next attempt. See task.h. */
#include <remote-developer/task.h>

#include <remote-developer/strings.h>

/* Claude Code says so in a result, Codex in words for people. */
bool task_lost_session(const Task *t) {
        bool says_so = t->agent.outcome == AGENT_FAILED || string_equal(t->reason, "exit-code");

        return t->session_resumes && !t->agent.session_id && t->result == TASK_FAILED && says_so;
}

const char *task_known_session(const Task *t) {
        for (size_t i = t->attempts.n; i > 0; i--) {
                const Attempt *a = &t->attempts.items[i - 1];

                if (a->session_id || a->session_lost)
                        return a->session_id;
        }
        return NULL;
}
