/* Story: a Manager between a fake systemd and a directory of its own, for tests that tell what happens one step at a
 * time.
 *
 *         _cleanup_(story_done) Story s = {};
 *         FakeUnit *unit;
 *
 *         if (!story_begin(&s) || !(unit = story_run(&s)))
 *                 return;
 *         fake_unit_end(unit, "exit-code", CLD_EXITED, 3);
 *         if (TAP_CHECK(STORY_UNTIL(&s, story_is_finished(&s))))
 *                 TAP_CHECK_INT(story_task(&s)->exit_code, 3);
 *
 * Nothing waits for the time of day: STORY_UNTIL() turns the loop, a bounded number of times, and test_clock_advance()
 * puts the clocks forward. Verbs check for themselves that all went well, and say so. The lines that the service logs
 * are kept instead of shown. */
#pragma once

#include "fake-systemd.h"
#include "scratch.h"
#include "tap.h"
#include "test-clock.h"
#include "test-disk.h"

#include <remote-developer/manager.h>

/* Who asks for what the verbs do. */
#define STORY_ACTOR "token:story"

typedef struct Story {
        sd_event *event; /* owned; one set before the begin is used */
        Config config; /* to be changed before the service starts */
        RuntimeScope scope;
        bool no_namespaces; /* as in ManagerOptions */
        unsigned spawns_max; /* likewise; 0: as many as anybody asks for */
        FakeSystemd systemd;
        Manager *manager; /* NULL: the service does not run */
        Scratch scratch;
        char *state, *journal, *endings; /* directories in it; the last is not there at first */
        char *programs; /* one more: those of the shipped recipes are there, but empty */
        unsigned recovered;    /* how often the manager called it */
        char id[TASK_ID_SIZE + 1]; /* of the task that the verbs are about: the latest created */
        TaskRef ref;               /* what story_task() gave */
        Problem problem;           /* of the latest verb that can have one */
} Story;

/* Everything but the service; with it. Either is the begin of every story. */
bool story_open(Story *s);
bool story_begin(Story *s);
void story_done(Story *s);

/* From manager_new() to the end of the recovery; `story_load` only manager_new(), without a connection. */
bool story_load(Story *s);
bool story_start_service(Story *s);
void story_stop_service(Story *s);

/* So much later that units are compared again, whatever there is; what comes of it is for story_settle(). */
void story_monitor(Story *s);

/* A new connection to the manager, up to the answer to the list of units. */
bool story_connect(Story *s);

/* At most 1000 turns of at most 20 ms. */
#define STORY_UNTIL(s, condition)                                                                            \
        ({                                                                                                   \
                bool _met;                                                                                   \
                for (unsigned _turns = 0; !(_met = (condition)) && _turns < 1000 && story_turn(s); _turns++) \
                        ;                                                                                    \
                _met;                                                                                        \
        })

bool story_turn(Story *s);
void story_pass(Story *s, usec_t usec); /* puts the clocks forward, and settles */
void story_settle(Story *s); /* until nothing happens any more */

/* Asks for a task as a client does; s->id becomes its id. 0 or negative errno, with s->problem. */
int story_create(Story *s, const char *request);
int story_cancel(Story *s);
int story_resume(Story *s);

/* A task of the command "make", up to where its unit is asked for; and up to running. NULL: a check has failed. */
FakeUnit *story_ask(Story *s);
FakeUnit *story_run(Story *s);
FakeUnit *story_run_with(Story *s, const char *fields); /* of the request, such as `, "timeout": 5` */

/* A task of the agent, up to running; what the recorder will say of its end is there already: exit 0. */
FakeUnit *story_run_agent(Story *s);

FakeUnit *story_unit(Story *s);     /* of the task; NULL: not loaded */
const Task *story_task(Story *s);   /* valid until the next call or turn; never NULL */
bool story_is_finished(Story *s);
bool story_is_in(Story *s, TaskState state);

/* Result and reason of the finished task as "failed exit-code"; of one that is not finished when nothing happens any
 * more, its state. */
const char *story_verdict(Story *s);

/* The recorder's account of this attempt: its words, NULL for the invocation that the unit has. */
void story_record(Story *s, const char *invocation_id, const char *service_result, const char *exit_code,
                  const char *exit_status);

/* The same where the recorder writes when it cannot write beside the document. */
void story_record_spilled(Story *s, const char *invocation_id, const char *service_result, const char *exit_code,
                          const char *exit_status);

/* Files of the state directory; `suffix` may be ".json", or the whole name. Fresh memory or NULL. */
char *story_path(const Story *s, const char *suffix);
char *story_read(const Story *s, const char *suffix);
bool story_document_has(Story *s, const char *text);
void story_write(const Story *s, const char *suffix, const char *text);
unsigned story_count_files(const Story *s, const char *part);

/* The journal, made by systemd-journal-remote; where there is none the test is skipped, and false returned. Lines of
 * the task's output, in order, ended by NULL; an entry of the manager about the unit, as "FIELD=value\n..." with
 * placeholders. */
bool story_has_journal(void);
void story_log(Story *s, const char *first, ...) __attribute__((sentinel));
void story_log_many(Story *s, const char *line, size_t n); /* n times the same */
void story_log_long(Story *s, const char *line);            /* in pieces, as journald has a line of any length */
void story_log_numbered(Story *s, size_t n);               /* "line 0", "line 1", ... */
void story_log_entry(Story *s, const char *fields);

/* What was written is from here on in a file of its own; vacuuming then removes it. */
void story_rotate_journal(const Story *s);
void story_vacuum_journal(const Story *s);

/* {id}, {unit}, {invocation}, {session} and {state} (the directory) in the text replaced by the task's. Fresh
 * memory. */
char *story_expand(Story *s, const char *text);

/* As a full disk: until it has room again every write fails with EFBIG. test-disk.h knows more errors. */
void story_fill_disk(bool full);

/* How many lines the service logged with that text since the story began. */
unsigned story_told(const char *text);
