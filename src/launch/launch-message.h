/* LaunchRequest: what the service may ask of the launcher, and how that is written. */
#pragma once

#include <remote-developer/config.h>
#include <remote-developer/secrets.h>
#include <remote-developer/task.h>

typedef enum LaunchVerb {
        LAUNCH_START,   /* the unit of a task's attempt */
        LAUNCH_OPERATE, /* that of an operation on what a task has left */
        LAUNCH_STOP,
        LAUNCH_KILL,  /* SIGKILL */
        LAUNCH_RESET, /* its failure, and what the launcher keeps for it */
        LAUNCH_PROBE, /* the programs of tasks, as their user sees them */
        LAUNCH_VERB_COUNT,
} LaunchVerb;

typedef enum LaunchWhom {
        LAUNCH_WHOM_MAIN,
        LAUNCH_WHOM_ALL,
        LAUNCH_WHOM_COUNT,
} LaunchWhom;

/* Both ended by NULL. */
extern const char *const launch_verb_words[];
extern const char *const launch_whom_words[];

/* All owned. What a verb has no use for is not set. */
typedef struct LaunchRequest {
        uint64_t number; /* of the request; its answer has it, too */
        int verb;        /* LaunchVerb */
        char *unit;      /* to stop, kill or reset: of a task or an operation */
        int whom;        /* LaunchWhom, to kill */
        Task *task;      /* to start or operate: as far as its unit depends on it */
        char *text;      /* to operate: what the step reads */
        Secrets secrets;
} LaunchRequest;

#define LAUNCH_REQUEST_NULL ((LaunchRequest){ .verb = -1, .whom = -1 })

void launch_request_done(LaunchRequest *r);

/* What is borrowed in `r` stays so. */
int launch_request_to_json(const LaunchRequest *r, Json **ret);

/* Takes nothing from whoever wrote it but a request that this configuration allows: what is not known, belongs to
 * another verb, or names a foreign unit is refused with field and sentence. On error `ret` has the number, if there
 * was one, and nothing else. */
int launch_request_parse(const Json *message, const Config *config, LaunchRequest *ret, Problem *problem);

/* The task that a unit belongs to, as its own or as that of an operation; false: it is none of ours. */
bool launch_task_of_unit(const char *unit, char ret_id[static TASK_ID_SIZE + 1]);

/* `error` is 0 or a negative errno, `sentence` what there is to say, or NULL. */
int launch_reply_to_json(uint64_t number, int error, const char *sentence, Json **ret);

/* `ret_sentence` is borrowed from the message. -EBADMSG: it is no reply. */
int launch_reply_parse(const Json *message, uint64_t *ret_number, int *ret_error, const char **ret_sentence);
