/* What the files of the Doctor share.
 *
 *   doctor.c           life cycle; the unit in which programs are looked at
 *   doctor-machine.c   what can be seen without running anything
 *   doctor-fence.c     whether tasks are fenced in, and their limits kept
 *   doctor-programs.c  the programs that tasks need, one after the other
 */
#pragma once

#include <remote-developer/doctor.h>
#include <remote-developer/program-run.h>

typedef struct sd_event_source sd_event_source;

struct Doctor {
        sd_event *event;
        DoctorOptions options;
        FindingList found; /* of the look under way */
        FindingList findings;
        usec_t looked_at_usec; /* monotonic; when the last look began; 0: none did */
        bool looking;
        bool has_told_fence; /* in the log */
        ProgramRun *program;
        size_t position; /* in the table of programs */
        DoctorDone done;
        void *userdata;
};

/* The look is over. */
void doctor_finish(Doctor *d);

/* doctor-machine.c */
void doctor_look_at_machine(Doctor *d);

/* doctor-fence.c */
void doctor_look_at_fence(Doctor *d);

bool doctor_is_of_system(const Doctor *d);

/* Who runs the tasks, for a remedy: "" where that is whoever reads it. */
const char *doctor_sudo(const Doctor *d, char *buffer, size_t size);

/* doctor-programs.c */
int doctor_next_program(Doctor *d);
