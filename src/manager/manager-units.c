/* What changes units: in system mode asked of the launcher, which may do so, else of systemd itself. */
#include "manager-internal.h"

#include <remote-developer/launch-client.h>
#include <remote-developer/strings.h>

#include <signal.h>

int manager_launch_task(TaskRun *run, const LaunchPlan *p, UnitReply callback, void *userdata) {
        _cleanup_(secrets_done) Secrets secrets = SECRETS_NULL;
        Manager *m = run->manager;
        int r;

        if (!m->launcher)
                return launch_task(&m->launch, p, m->store, m->units, callback, userdata);
        /* For whoever finds the unit without its document: see manager-adopt.c. */
        r = launch_write_prompt(p, m->store);
        if (r >= 0)
                r = task_store_read_credentials(m->store, run->task->id, run->task->credentials, &secrets);
        return r < 0 ? r : launch_client_start(m->launcher, run->task, &secrets, callback, userdata);
}

int manager_launch_operation(Manager *m, const Task *t, const char *text, const Secrets *secrets, UnitReply callback,
                             void *userdata) {
        const Secrets none = SECRETS_NULL;

        if (!m->launcher)
                return launch_operation(&m->launch, t, secrets && secrets->pairs, m->store, m->units, callback,
                                        userdata);
        return launch_client_operate(m->launcher, t, text, secrets ?: &none, callback, userdata);
}

int manager_stop_unit(Manager *m, const char *unit) {
        return m->launcher ? launch_client_stop(m->launcher, unit, NULL, NULL) :
                             unit_client_stop_unit(m->units, unit, NULL, NULL);
}

int manager_kill_unit(Manager *m, const char *unit, const char *whom) {
        return m->launcher ? launch_client_kill(m->launcher, unit, whom, NULL, NULL) :
                             unit_client_kill_unit(m->units, unit, whom, SIGKILL, NULL, NULL);
}

int manager_reset_unit(Manager *m, const char *unit, UnitReply callback, void *userdata) {
        return m->launcher ? launch_client_reset(m->launcher, unit, callback, userdata) :
                             unit_client_reset_unit(m->units, unit, callback, userdata);
}

void manager_release_unit(Manager *m, const char *unit, const UnitStatus *s) {
        if (unit && (m->launcher || string_equal(s->active_state, "failed")))
                (void) manager_reset_unit(m, unit, NULL, NULL);
}
