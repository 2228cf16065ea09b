/* Problem: see problem.h. */
#include <remote-developer/problem.h>

#include <remote-developer/strings.h>

#include <stdarg.h>
#include <stdio.h>

void problem_done(Problem *p) {
        free(p->field);
        free(p->sentence);
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

const char *problem_sentence(const Problem *p) {
        return p->sentence ?: strerror(-p->error);
}
