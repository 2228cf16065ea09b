/* room: model
 *
 * Recipe: how a kind of task runs: steps that prepare it, the work, steps that look at what came of it. The shipped
 * ones are a table in recipe.c; those of the configuration come over them.
 *
 *   prepare  ──▶  work  ──▶  review
 *   ExecStartPre  ExecStart  ExecStopPost, behind the recorder: never changes the verdict
 *
 * Each step is an argv, never a shell. In its texts {name} stands for a value of the task, anywhere in an argument and
 * more than once; what is put in is not looked at again. {{name}} is the text "{name}"; braces around anything but
 * letters of a to z and "_" are text. Only known names get here: the reader of the configuration refuses the others.
 *
 * Life cycle: `Recipe r = {};` is a complete recipe; recipe_done() gives back all that it owns.
 */
#pragma once

#include <remote-developer/agent-kind.h>
#include <remote-developer/buffer.h>
#include <remote-developer/clock.h>
#include <remote-developer/sandbox.h>

#define RECIPE_STEPS_MAX 16
#define RECIPE_NAME_SIZE_MAX ((size_t) 64)
/* One argument of a program is capped by the kernel at 128 KiB (MAX_ARG_STRLEN), the 0 behind it included. */
#define RECIPE_ARGUMENT_SIZE_MAX ((size_t) 128 * 1024 - 1)
/* All arguments, or all variables, of one step. */
#define RECIPE_LIST_SIZE_MAX ((size_t) 1024 * 1024)
/* What a step reads from its stdin: the description of a task has as much as a request. */
#define RECIPE_INPUT_SIZE_MAX ((size_t) 16 * 1024 * 1024)

typedef struct RecipeStep {
        char *status;        /* the word of the original API while it runs: "cloning_repository" */
        unsigned progress;   /* 1 to 99 */
        char **command;      /* argv with placeholders, never empty; NULL, of the work only: what the request says */
        char *input;         /* stdin, with placeholders; NULL: /dev/null */
        char **environment;  /* "NAME=value", with placeholders, of this step only */
        char *when;          /* a placeholder's name: the step is left out where that has no value; NULL: always */
        usec_t timeout_usec; /* 0: task_execution.default_timeout. The work has none: its limit is the task's */
        size_t line;         /* of the file, from 1; 0: shipped */
} RecipeStep;

typedef struct Recipe {
        char *name;
        int agent;           /* AgentKind */
        Sandbox sandbox;
        char **environment;  /* of all its steps and the work; a step's comes over it, the request's over both */
        RecipeStep *steps;   /* what prepares it */
        size_t n_steps;
        RecipeStep work;
        char **resume;       /* argv of the work where an agent's session goes on; NULL: as the first time */
        char *resume_input;  /* its stdin; NULL: /dev/null */
        RecipeStep *reviews; /* what looks at the changes */
        size_t n_reviews;
        size_t line;         /* of the file, from 1; 0: shipped */
} Recipe;

/* What the placeholders stand for; the members have their names. All borrowed; NULL or empty: no value. */
typedef struct RecipeValues {
        const char *task_id;
        const char *task_description;
        size_t task_description_size;  /* it may hold NUL bytes; 0: up to the first one */
        const char *github_repo;       /* as it was given */
        const char *repository_url;    /* what git is told: "https://github.com/owner/name.git" for "owner/name" */
        const char *devpod_name;
        const char *pod;
        const char *namespace;
        const char *branch;            /* of the task's work tree */
        const char *workspace;         /* the work tree that is made for the task; none with a working_directory */
        const char *working_directory; /* where the work runs: the request's, or the workspace */
        const char *workspaces;        /* the directory of all workspaces */
        const char *session_id;        /* of the agent, a UUID */
        const char *attempt;           /* in decimal, from "1" */
        char *const *command;          /* no placeholder: the argv of a work that has none of its own */
} RecipeValues;

void recipe_step_done(RecipeStep *s);
void recipe_done(Recipe *r);

/* On error `ret` is unchanged. */
int recipe_copy(const Recipe *r, Recipe *ret);

/* An array, with all that it holds in fresh memory; and back, NULL accepted. */
int recipe_list_copy(const Recipe *recipes, size_t n, Recipe **ret);
Recipe *recipe_list_free(Recipe *recipes, size_t n);

/* The shipped recipes, never to be freed. */
extern const Recipe shipped_recipes[];
extern const size_t n_shipped_recipes;

/* Whether they run in the same way; where they stand does not matter. */
bool recipe_is_equal(const Recipe *a, const Recipe *b);
bool recipe_is_shipped(const Recipe *r); /* equal to the shipped one of its name */

/* By its name, or NULL. */
const Recipe *recipe_find(const Recipe *recipes, size_t n, const char *name);

typedef struct RecipePlaceholder {
        const char *name;
        size_t offset;     /* of the member in RecipeValues */
        size_t size_offset; /* of that with its size; 0: it has none */
        const char *field; /* of the request, from which the value comes; NULL: the service always has one */
} RecipePlaceholder;

#define RECIPE_PLACEHOLDERS 13
extern const RecipePlaceholder recipe_placeholders[RECIPE_PLACEHOLDERS];

/* The row, or NULL. */
const RecipePlaceholder *recipe_find_placeholder(const char *name, size_t size);

/* The first placeholder of the text that there is none of: its name, in the text, and the length of that. NULL: all
 * are known. */
const char *recipe_find_unknown(const char *text, size_t *ret_size);

/* Whether the step is not left out by its `when`. */
bool recipe_step_applies(const RecipeStep *s, const RecipeValues *v);

/* The work of an attempt: as the recipe says for the first one, or where an agent's session goes on. Borrowed. */
RecipeStep recipe_work(const Recipe *r, bool resumes);

/* The first placeholder without a value that a text of the recipe uses, but for steps that are left out; NULL: there
 * is none. */
const RecipePlaceholder *recipe_lacks(const Recipe *r, const RecipeValues *v);

/* The first placeholder whose value holds a NUL byte and is used in an argument or a variable, which cannot have one;
 * NULL: there is none. */
const RecipePlaceholder *recipe_cuts(const Recipe *r, const RecipeValues *v);

/* The first program that is in none of the directories (program_path_new()); those with a slash or a placeholder in
 * their name are not looked for. NULL: all are there. `ret_line` is that of its step. */
const char *recipe_missing_program(const Recipe *r, char *const *directories, size_t *ret_line);

/* The texts with the values in their places. -ENODATA: one has none, or a work without a command of its own got none;
 * -E2BIG: an argument, all of them, or the input got too long; -EILSEQ: a NUL byte in what cannot have one. On error
 * nothing is set. `ret_input` is a null buffer where the step reads nothing, `ret_environment` NULL where it has none
 * of its own. */
int recipe_expand(const RecipeStep *s, const RecipeValues *v, char ***ret_argv, Buffer *ret_input,
                  char ***ret_environment);

/* The same for a list of texts, such as the recipe's environment. */
int recipe_expand_list(char *const *texts, const RecipeValues *v, char ***ret);

/* What a unit tells: the commands of one attempt, all borrowed. */
typedef struct RecipeCommands {
        char *const *work;
        char *const *const *steps; /* what prepares it */
        size_t n_steps;
} RecipeCommands;

/* What those tell of their task. */
typedef struct RecipeTrace {
        const Recipe *recipe;
        bool resumes; /* its work goes on with a session */
        char *values[RECIPE_PLACEHOLDERS]; /* NULL: no command has it */
} RecipeTrace;

void recipe_trace_done(RecipeTrace *t);
const char *recipe_trace_value(const RecipeTrace *t, const char *placeholder); /* borrowed; NULL: it is not known */

/* Finds the first recipe with an agent that these commands can be of. 1: there is one; 0; or -ENOMEM. */
int recipe_recognise(const Recipe *recipes, size_t n, const RecipeCommands *c, RecipeTrace *ret);
