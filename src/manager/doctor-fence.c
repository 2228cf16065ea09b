/* Doctor: whether tasks are fenced in as the configuration says, and whether their limits are kept. */
#include "doctor-internal.h"

#include <remote-developer/files.h>
#include <remote-developer/log.h>
#include <remote-developer/namespaces.h>
#include <remote-developer/strings.h>

#include <fcntl.h>
#include <stdio.h>

#define CGROUPS "/sys/fs/cgroup"
#define FILE_MAX ((size_t) 4096)

/* --- the sandbox --- */

static bool is_fenced(const Config *c) {
        if (c->sandbox != SANDBOX_OPEN)
                return true;
        for (size_t i = 0; i < c->n_recipes; i++)
                if (c->recipes[i].sandbox > SANDBOX_OPEN)
                        return true;
        return false;
}

/* Also in the service's log when it starts: nobody should find out only afterwards that a fence was none. */
static void report(Doctor *d, const char *check, FindingState state, const char *remedy, const char *sentence) {
        finding_add(&d->found, check, state, remedy, "%s", sentence);
        if (d->options.socket || d->has_told_fence)
                return;
        if (state == FINDING_OK)
                log_info("%s", sentence);
        else
                log_warning("%s%s%s", sentence, remedy ? ": " : "", remedy ?: "");
}

static void report_of_user(Doctor *d) {
        int r = namespaces_try();
        _cleanup_free_ char *sentence = NULL;

        if (r < 0)
                sentence = string_format(
                                "this user's systemd cannot give tasks mounts of their own (%s): they can write "
                                "whatever their user can, see the machine's /tmp, and read the service's state and "
                                "the prompts and secrets of others",
                                strerror(-r));
        else
                sentence = string_format(
                                "tasks are fenced (%s), as far as a user's systemd can: without the settings for the "
                                "kernel and devices, and a task is its owner, who may use the API and end the service",
                                sandbox_word(d->options.config->sandbox));
        if (sentence)
                report(d, "sandbox", r < 0 ? FINDING_WARNING : FINDING_OK,
                       r < 0 ? "sudo sysctl user.max_user_namespaces=10000" : NULL, sentence);
}

static void look_at_sandbox(Doctor *d) {
        const Config *c = d->options.config;
        _cleanup_free_ char *sentence = NULL;

        if (!is_fenced(c))
                report(d, "sandbox", FINDING_WARNING, NULL,
                       "tasks are not fenced in (task_execution.sandbox is open)");
        else if (!doctor_is_of_system(d))
                report_of_user(d);
        else if ((sentence = string_format("tasks are fenced (%s)", sandbox_word(c->sandbox))))
                report(d, "sandbox", FINDING_OK, NULL, sentence);
}

/* --- limits --- */

/* Of the control group that the manager of the tasks has for itself. A user's is found by our own, which is below. */
static char *manager_group(const Doctor *d) {
        _cleanup_(buffer_done) Buffer own = BUFFER_NULL;
        _cleanup_free_ char *unit = string_format("/user@%u.service", (unsigned) getuid());
        char *path, *end;

        if (doctor_is_of_system(d))
                return strdup("");
        if (!unit || file_read(AT_FDCWD, "/proc/self/cgroup", FILE_MAX, &own) < 0)
                return NULL;
        path = own.data ? strstr(own.data, "0::") : NULL;
        end = path ? strstr(path, unit) : NULL;
        if (end)
                return string_format("%.*s%s", (int) (end - path - 3), path + 3, unit);
        return string_format("/user.slice/user-%u.slice%s", (unsigned) getuid(), unit);
}

static bool has_word(const char *text, const char *word) {
        size_t n = strlen(word);

        for (const char *p = text; (p = strstr(p, word)); p += n)
                if ((p == text || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\n' || p[n] == 0))
                        return true;
        return false;
}

static int list_missing(const char *controllers, Buffer *to) {
        static const struct {
                const char *controller, *limit;
        } rows[] = {
                { "memory", "memory_max" }, { "cpu", "cpu_quota" }, { "pids", "tasks_max" }, { "io", "io_weight" },
        };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(rows); i++)
                if (!has_word(controllers, rows[i].controller))
                        r = buffer_append_format(to, "%s%s", to->size > 0 ? ", " : "", rows[i].limit);
        return r;
}

static const char *limits_remedy(const Doctor *d) {
        return doctor_is_of_system(d) ? "cat " CGROUPS "/cgroup.controllers"
                                      : "sudo systemctl edit user@.service   # [Service] Delegate=cpu io memory pids";
}

static void look_at_limits(Doctor *d) {
        _cleanup_(buffer_done) Buffer controllers = BUFFER_NULL, missing = BUFFER_NULL;
        _cleanup_free_ char *group = manager_group(d), *path = NULL, *sentence = NULL;

        path = group ? string_format(CGROUPS "%s/cgroup.controllers", group) : NULL;
        /* Where control groups are of the first version, systemd has them all to itself. */
        if (!path || (doctor_is_of_system(d) && access(path, F_OK) < 0))
                return;
        (void) file_read(AT_FDCWD, path, FILE_MAX, &controllers);
        if (list_missing(controllers.data ?: "", &missing) < 0)
                return;
        if (missing.size == 0)
                report(d, "limits", FINDING_OK, NULL, "the limits of tasks are kept");
        else if ((sentence = string_format("these limits of tasks have no effect here, for want of a control group's "
                                           "controller: %s", missing.data)))
                report(d, "limits", FINDING_WARNING, limits_remedy(d), sentence);
}

void doctor_look_at_fence(Doctor *d) {
        look_at_sandbox(d);
        look_at_limits(d);
        d->has_told_fence = true;
}
