/* Report: what a step tells the service, one JSON object in a file below reports/<task id>/. */
#pragma once

#include "step.h"

#include <remote-developer/json.h>

/* "ok" and "error" from the step's problem and `r`, "refused" (whoever asked can put it right), "operation", then the
 * fields of `more` (taken; NULL: none); the file is there whole or not at all. Returns `r`, or the error that kept the
 * report from being written. */
int report_write(Step *s, const char *name, int r, Json *more);

/* As bytes, in which the task's secrets are masked first. */
int report_write_bytes(Step *s, const char *name, Buffer *data);
