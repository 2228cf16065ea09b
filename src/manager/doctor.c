/* Doctor: see doctor.h. One look at a time; its findings replace the earlier ones when it is whole. */
#include "doctor-internal.h"

#include <remote-developer/launch-client.h>
#include <remote-developer/launch.h>
#include <remote-developer/strings.h>

#include <stdio.h>
#include <systemd/sd-event.h>

#define AGE_MAX_USEC (300 * USEC_PER_SEC)

bool doctor_is_of_system(const Doctor *d) {
        return d->options.scope == RUNTIME_SCOPE_SYSTEM;
}

const char *doctor_sudo(const Doctor *d, char *buffer, size_t size) {
        if (doctor_is_of_system(d))
                snprintf(buffer, size, "sudo -u %s -H ", d->options.config->user);
        else
                buffer[0] = 0;
        return buffer;
}

void doctor_finish(Doctor *d) {
        d->program = program_run_free(d->program);
        finding_list_done(&d->findings);
        d->findings = d->found;
        d->found.n = 0;
        d->looking = false;
        if (d->done)
                d->done(d->userdata);
}

/* --- the unit --- */

static const char *last_line(const char *text) {
        const char *end = text + strlen(text), *begin;

        while (end > text && end[-1] == '\n')
                end--;
        begin = end;
        while (begin > text && begin[-1] != '\n')
                begin--;
        return begin;
}

static void note_probe_failure(Doctor *d, const char *what) {
        finding_add(&d->found, "tasks", FINDING_ERROR,
                    doctor_is_of_system(d) ? "systemctl status" : "systemctl --user status",
                    "no unit could be started to look as a task would: %s", what);
}

static void on_probe_end(void *userdata, const ProgramResult *result) {
        _cleanup_(problem_done) Problem problem = PROBLEM_NULL;
        Doctor *d = userdata;
        _cleanup_json_ Json *array = NULL;
        const char *line = last_line(result->output);
        int r = result->error;

        if (r >= 0)
                r = json_parse(line, strlen(line), &array, &problem);
        if (r >= 0)
                r = finding_list_take_json(&d->found, array, &problem);
        if (r < 0)
                note_probe_failure(d, *line ? line : result->error < 0 ? strerror(-result->error) : "it said nothing");
        doctor_finish(d);
}

/* The launcher has run it. */
static void on_launcher_probe_end(void *userdata, int error, const char *output) {
        on_probe_end(userdata, &(ProgramResult){ .error = error, .output = output ?: "" });
}

static int start_probe(Doctor *d) {
        char self[4096];
        ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
        /* Who may not start units of the system looks as what he is. */
        const LaunchProbe probe = { .scope = d->options.scope, .user = d->options.config->user, .program = self,
                                    .config_file = d->options.config_problem ? NULL : d->options.config_file,
                                    .as_self = doctor_is_of_system(d) && geteuid() != 0 };

        if (n < 0)
                return -errno;
        self[n] = 0;
        if (d->options.launcher)
                return launch_client_probe(d->options.launcher, on_launcher_probe_end, d);
        return launch_probe(d->event, &probe, on_probe_end, d, &d->program);
}

/* --- looking --- */

static int begin(Doctor *d, DoctorDone done, void *userdata) {
        if (d->looking)
                return -EBUSY;
        d->looking = true;
        d->looked_at_usec = clock_monotonic_usec();
        d->done = done;
        d->userdata = userdata;
        d->position = 0;
        finding_list_done(&d->found);
        return 0;
}

int doctor_look(Doctor *d, DoctorDone done, void *userdata) {
        int r = begin(d, done, userdata);

        if (r < 0)
                return r;
        doctor_look_at_machine(d);
        r = start_probe(d);
        if (r < 0) {
                note_probe_failure(d, strerror(-r));
                doctor_finish(d);
        }
        return 0;
}

void doctor_look_again(Doctor *d) {
        if (d->looked_at_usec == 0 || clock_monotonic_usec() - d->looked_at_usec >= AGE_MAX_USEC)
                (void) doctor_look(d, NULL, NULL);
}

int doctor_probe(Doctor *d, DoctorDone done, void *userdata) {
        int r = begin(d, done, userdata);

        return r < 0 ? r : doctor_next_program(d);
}

const FindingList *doctor_findings(const Doctor *d) {
        return &d->findings;
}

/* --- life cycle --- */

int doctor_new(sd_event *event, const DoctorOptions *options, Doctor **ret) {
        Doctor *d = calloc(1, sizeof(Doctor));

        if (!d)
                return -ENOMEM;
        d->event = sd_event_ref(event);
        d->options = *options;
        *ret = d;
        return 0;
}

Doctor *doctor_free(Doctor *d) {
        if (!d)
                return NULL;
        program_run_free(d->program);
        finding_list_done(&d->found);
        finding_list_done(&d->findings);
        sd_event_unref(d->event);
        free(d);
        return NULL;
}
