/* Finding: what a look at the machine found out about one thing that the service or its tasks need, for the person who
 * will mend it: a sentence, and the command to type.
 */
#pragma once

#include <remote-developer/json.h>

#include <stdio.h>

typedef enum FindingState {
        FINDING_OK,
        FINDING_WARNING, /* something will not work as well as it could, or not for everybody */
        FINDING_ERROR,
} FindingState;

extern const char *const finding_state_words[]; /* ended by NULL */

/* All owned. */
typedef struct Finding {
        char *check; /* one word: "git" */
        int state;   /* FindingState */
        char *message;
        char *remedy; /* a command, or a few; NULL: none, or none is needed */
} Finding;

/* More are not kept, nor more bytes of a text. */
#define FINDINGS_MAX 64
#define FINDING_TEXT_MAX 500

typedef struct FindingList {
        Finding items[FINDINGS_MAX];
        size_t n;
} FindingList;

void finding_list_done(FindingList *l); /* leaves it empty */

/* Without memory the finding is dropped: the next look finds it again. `remedy` is copied, and may be NULL. */
void finding_add(FindingList *l, const char *check, FindingState state, const char *remedy, const char *format, ...)
                _printf_(5, 6);

bool finding_list_has_error(const FindingList *l);

/* An array of {"check", "state", "message", "remedy"}; and what such an array holds, appended. */
int finding_list_to_json(const FindingList *l, Json **ret);
int finding_list_take_json(FindingList *l, const Json *array, Problem *problem);

/* One line a finding, and one for its remedy. */
void finding_list_print(const FindingList *l, FILE *to);
