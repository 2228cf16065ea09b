/* Problem: see problem.h. */
#include <remote-developer/problem.h>

#include <remote-developer/strings.h>

#include <stdarg.h>
#include <stdio.h>

void problem_done(Problem *p) {
        free(p->field);
        free(p->sentence);
        free(p->task_id);
        *p = PROBLEM_NULL;
}

int problem_set(Problem *p, int error, const char *field, const char *format, ...) {
        va_list ap;

        assert(error < 0);
        if (!p || p->error < 0)
                return error;

        p->error = error;
        p->field = field ? strndup(field, PROBLEM_VALUE_MAX) : NULL;
        va_start(ap, format);
        if (vasprintf(&p->sentence, format, ap) < 0)
                p->sentence = NULL;
        va_end(ap);
        return error;
}

void problem_name_task(Problem *p, const char *task_id) {
        if (p)
                (void) string_replace(&p->task_id, task_id);
}

const char *problem_sentence(const Problem *p) {
        return p->sentence ?: strerror(-p->error);
}
