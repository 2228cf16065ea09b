/* room: model
 *
 * ConfigKey: the table behind Config. One row a key says where it stands in the file, what it may hold,
 * where it is kept in Config, its default and its line of help. The reader, --help and the tests walk this
 * table: to add a key, add a member to Config and a row here, then its comment in
 * config/long_running_tasks.yaml and its paragraph in remote-developerd(8). A test sees to it that neither
 * is forgotten.
 */
#pragma once

#include <remote-developer/buffer.h>
#include <remote-developer/config.h>

/* Of the file, in bytes. Ours has 6 kB; this bounds what a mistaken --config=FILE can cost. */
#define CONFIG_SIZE_MAX ((size_t) 1024 * 1024)

typedef enum ConfigKind {
        CONFIG_SECONDS, /* usec_t, written as whole seconds */
        CONFIG_LINES,   /* unsigned */
        CONFIG_DAYS,    /* unsigned */
        CONFIG_ATTEMPTS, /* unsigned */
        CONFIG_TASKS,       /* unsigned */
        CONFIG_CONNECTIONS, /* unsigned */
        CONFIG_STREAMS,     /* unsigned */
        CONFIG_BOOLEAN, /* bool */
        CONFIG_ACTION,  /* OrphanedTaskAction, written as its word */
        CONFIG_STALL,   /* TaskStallAction, written as its word */
        CONFIG_USER,    /* char *, owned: a user name, or a user id in decimal */
        CONFIG_DIRECTORY, /* char *, owned: an absolute path, or empty */
        CONFIG_PATTERNS, /* char **, owned: a list of patterns for fnmatch(3); each text goes to its end */
        CONFIG_PATHS,    /* char **, owned: a list of absolute paths, likewise */
        CONFIG_HOSTS,    /* char **, owned: a list of names and addresses of hosts, likewise */
        CONFIG_SANDBOX,  /* Sandbox, written as its word */
        CONFIG_MEMORY,   /* uint64_t of bytes, written as task_limits_parse_size() reads it */
        CONFIG_PERCENT,  /* uint64_t */
        CONFIG_PROCESSES, /* uint64_t */
        CONFIG_WEIGHT,   /* uint64_t */
        CONFIG_KINDS,
} ConfigKind;

typedef struct ConfigKey {
        const char *section;
        const char *name;
        ConfigKind kind;
        size_t offset;            /* of the member in Config */
        uint64_t min, max;        /* inclusive, in the unit that the file is written in; numbers only */
        const char *default_text; /* as it would stand in the file */
        const char *help;         /* a sentence without capital and full stop */
} ConfigKey;

#define CONFIG_KEYS 35
#define CONFIG_SECTIONS 7

/* Of a CONFIG_PATTERNS, CONFIG_PATHS or CONFIG_HOSTS. */
#define CONFIG_PATTERNS_MAX ((size_t) 1024)
#define CONFIG_PATTERN_SIZE_MAX ((size_t) 4096)

extern const ConfigKey config_keys[CONFIG_KEYS]; /* those of one section stand together */
extern const char *const config_sections[CONFIG_SECTIONS];

/* The section that has no rows: what it holds has names of its own. */
#define CONFIG_RECIPES "recipes"

/* The row, or NULL. */
const ConfigKey *config_key_find(const char *section, const char *name);

/* The user's text as it may stand in a sentence: in quotes, on one line, without control characters, not too
 * long. NULL: no memory. */
char *config_key_quote(const char *text);

/* What was probably meant by a name that is not in the table, of a key or (`section` NULL) of a section;
 * the other names where nothing is near. Appends the second half of a sentence: "did you mean
 * \"claude_timeout\"?". 0 or -ENOMEM. */
int config_key_advise(const char *section, const char *name, Buffer *to);

/* The same for any table of names, each shorter than 40 letters. */
int config_key_advise_among(const char *const *names, size_t n, const char *name, Buffer *to);

/* What the key may hold, to stand behind "must be": "a whole number of seconds from 1 to 604800". */
#define CONFIG_DESCRIPTION_SIZE 96
const char *config_key_describe(const ConfigKey *key, char buffer[static CONFIG_DESCRIPTION_SIZE]);

/* Sets the member from the text of a value; that of a list gets one more. 0, -EINVAL when the text is not what
 * config_key_describe() says, -E2BIG when there are too many, or -ENOMEM. On error `c` is unchanged. */
int config_key_set(const ConfigKey *key, Config *c, const char *text);
