/* remote-developerd --doctor and --probe: see doctor-command.h. --doctor prints for people; --probe, which --doctor
 * and the service start in a unit of its own, one line of JSON for them. */
#include "doctor-command.h"

#include <remote-developer/doctor.h>
#include <remote-developer/strings.h>
#include <remote-developer/version.h>

#include <systemd/sd-event.h>

static char *socket_path(RuntimeScope scope) {
        const char *runtime = scope == RUNTIME_SCOPE_SYSTEM ? "/run" : getenv("XDG_RUNTIME_DIR");

        return string_format("%s/remote-developer/api.sock", runtime ?: "");
}

static void on_done(void *userdata) {
        (void) sd_event_exit(userdata, 0);
}

static int print_json(const FindingList *l) {
        _cleanup_(buffer_done) Buffer line = BUFFER_NULL;
        _cleanup_json_ Json *array = NULL;
        int r;

        r = finding_list_to_json(l, &array);
        if (r >= 0)
                r = json_append(array, &line);
        if (r >= 0)
                printf("%s\n", line.data);
        return r;
}

static int look(sd_event *event, const DoctorOptions *o, bool probe) {
        Doctor *d = NULL;
        int r, status = EXIT_SUCCESS;

        r = doctor_new(event, o, &d);
        if (r >= 0)
                r = probe ? doctor_probe(d, on_done, event) : doctor_look(d, on_done, event);
        if (r >= 0)
                r = sd_event_loop(event);
        if (r >= 0 && probe)
                r = print_json(doctor_findings(d));
        else if (r >= 0) {
                finding_list_print(doctor_findings(d), stdout);
                status = finding_list_has_error(doctor_findings(d)) ? EXIT_FAILURE : EXIT_SUCCESS;
        }
        doctor_free(d);
        if (r < 0)
                fprintf(stderr, "remote-developerd: %s\n", strerror(-r));
        return r < 0 ? EXIT_FAILURE : status;
}

int doctor_command_run(const Options *options, const Config *config, const char *config_problem,
                       const char *state_directory, const char *workspaces_directory) {
        _cleanup_free_ char *socket = socket_path(options->scope);
        const DoctorOptions o = { .config = config, .config_problem = config_problem, .config_file = options->config,
                                  .scope = options->scope, .state_directory = state_directory,
                                  .workspaces_directory = workspaces_directory,
                                  .starter = REMOTE_DEVELOPER_STARTER, .socket = socket };
        sd_event *event = NULL;
        int r;

        r = socket ? sd_event_new(&event) : -ENOMEM;
        if (r < 0) {
                fprintf(stderr, "remote-developerd: %s\n", strerror(-r));
                return EXIT_FAILURE;
        }
        r = look(event, &o, options->probe);
        sd_event_unref(event);
        return r;
}
