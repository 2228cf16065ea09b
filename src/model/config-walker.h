/* ConfigWalker: a YAML file, one event after the other, with the place of each. Only config-walker.c knows libyaml.
 *
 * It reads less than YAML. Anchors, aliases and tags are refused wherever they stand, in config_walker_next(), the one
 * way to every event; so is a NUL in a text. Events are never kept: nothing that a file says can make the walker
 * recurse or its memory grow.
 *
 * Every verb that walks returns 0 or, with what is wrong and where in the problem, a negative errno. */
#pragma once

#include <remote-developer/problem.h>

typedef enum ConfigEventKind {
        CONFIG_EVENT_TEXT, /* what YAML calls a scalar */
        CONFIG_EVENT_MAPPING,
        CONFIG_EVENT_LIST,
        CONFIG_EVENT_END,       /* of a mapping or a list */
        CONFIG_EVENT_FILE_END,
        CONFIG_EVENT_AROUND, /* begin and end of documents, begin of the file */
} ConfigEventKind;

/* In characters from 1, as people count. */
typedef struct ConfigPlace {
        size_t line, column;
} ConfigPlace;

/* The event that is looked at; valid until the next one. */
typedef struct ConfigEvent {
        ConfigEventKind kind;
        ConfigPlace at;
        const char *text; /* NULL: it is none */
        bool is_plain;    /* the text stands without quotes and in no block */
} ConfigEvent;

typedef struct ConfigWalker ConfigWalker;

/* All borrowed. `name` stands for the file in the sentences. */
int config_walker_new(const char *name, const char *data, size_t size, Problem *problem, ConfigWalker **ret);
ConfigWalker *config_walker_free(ConfigWalker *w);
DEFINE_CLEANUP(ConfigWalker *, config_walker_free)

int config_walker_next(ConfigWalker *w);
const ConfigEvent *config_walker_event(const ConfigWalker *w);

/* Nothing stands where a value belongs: "key:" and the end of the line. */
bool config_walker_is_empty(const ConfigWalker *w);

/* Nothing, or one of YAML's words for it. */
bool config_walker_is_null(const ConfigWalker *w);

/* Sets the problem, "file:line:column: ..." of the event that is looked at, and returns -EINVAL. */
int config_walker_refuse(ConfigWalker *w, const char *field, const char *format, ...) _printf_(3, 4);
int config_walker_refuse_at(ConfigWalker *w, ConfigPlace at, const char *field, const char *format, ...)
                _printf_(4, 5);

/* Calls `entry` for each name of the mapping that has just begun, until it ends. `entry` takes what stands behind the
 * name; `what` has the name, as in "section". */
int config_walker_mapping(ConfigWalker *w, const char *field, const char *what,
                        int (*entry)(ConfigWalker *w, void *userdata), void *userdata);

/* Calls `entry` for each item of the list that has just begun, at its first event. */
int config_walker_list(ConfigWalker *w, int (*entry)(ConfigWalker *w, void *userdata), void *userdata);
