/* Review: the report on what a task has changed, whoever looked: the parts that are the same for a work tree here and
 * one in a pod. */
#pragma once

#include "step.h"

#include <remote-developer/json.h>

/* The lines of `git status --porcelain`, as many as the report has room for. */
int review_add_files(Json *report, const char *status);

/* The last line says so where it was cut, and is part of the bound. */
int review_cut_diff(Buffer *diff);

/* Of a directory that is no repository. */
int review_add_nothing(Step *s, Json *report);
