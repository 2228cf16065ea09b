/* Problem: what went wrong, for the person who will read it.
 *
 * Inside, functions return negative errno. Where a person must learn of it, a Problem travels beside the
 * errno: the field it is about (or NULL), and one sentence with the cause and, where there is one, the remedy.
 * The sentence never holds a secret, nor more than PROBLEM_VALUE_MAX bytes of what the user sent.
 *
 * Life cycle: `Problem p = PROBLEM_NULL;`, filled at most once (the first cause stays), problem_done().
 */
#pragma once

#include <remote-developer/macros.h>

#define PROBLEM_VALUE_MAX 200

typedef struct Problem {
        int error;      /* negative errno; 0: no problem */
        char *field;    /* NULL: about the whole */
        char *sentence; /* NULL only when memory ran out */
        char *task_id;  /* of the task that is in the way; NULL: none is, or none is known */
} Problem;

#define PROBLEM_NULL ((Problem){})

void problem_done(Problem *p);

/* Sets the problem if there is none yet and returns `error`, so that `return problem_set(...)` reads well.
 * `p` may be NULL: then only the errno remains. `field` is copied, up to PROBLEM_VALUE_MAX
 * bytes: it may be what the user sent. */
int problem_set(Problem *p, int error, const char *field, const char *format, ...) _printf_(4, 5);

/* Which task is in the way; `p` may be NULL. Where there is no memory it is only said in the sentence. */
void problem_name_task(Problem *p, const char *task_id);

/* The sentence, or strerror of the errno: never NULL. */
const char *problem_sentence(const Problem *p);
