/* Doctor: looks for what a first user would trip over, and says what to type. What needs no program it looks at
 * itself; programs it lets a unit of its own run, as the user and in the environment in which tasks run: this very
 * program with --probe.
 *
 *   doctor_look() ──▶ the machine ──▶ systemd-run ... remote-developerd --probe ──▶ done
 *                                              └▶ doctor_probe() ──▶ git ──▶ claude ... ──▶ done ──▶ JSON
 */
#pragma once

#include <remote-developer/config.h>
#include <remote-developer/finding.h>
#include <remote-developer/unit-client.h>

typedef struct sd_event sd_event;
typedef struct Doctor Doctor;
typedef struct LaunchClient LaunchClient;

/* All borrowed for the Doctor's life. */
typedef struct DoctorOptions {
        const Config *config;
        const char *config_problem; /* why the configuration was refused, and `config` holds the defaults; else NULL */
        const char *config_file;    /* the one that was named; NULL: none was */
        RuntimeScope scope;
        const char *state_directory, *workspaces_directory; /* need not be there */
        const char *starter; /* finds a task's program where a task's unit finds it */
        LaunchClient *launcher; /* runs them; NULL: systemd-run does */
        const char *socket;   /* where the service should answer; NULL: this is the service */
} DoctorOptions;

typedef void (*DoctorDone)(void *userdata);

int doctor_new(sd_event *event, const DoctorOptions *options, Doctor **ret);

/* Ends a look that is under way. */
Doctor *doctor_free(Doctor *d);

/* Begins a look at everything; `done` (NULL allowed) is called from the loop when it is over. -EBUSY: one is under
 * way. */
int doctor_look(Doctor *d, DoctorDone done, void *userdata);

/* The same, unless one is under way or the last one is younger than five minutes. */
void doctor_look_again(Doctor *d);

/* Looks at the programs that tasks need, as whoever runs this. */
int doctor_probe(Doctor *d, DoctorDone done, void *userdata);

/* Of the last look that is over; valid until the next one is. */
const FindingList *doctor_findings(const Doctor *d);
