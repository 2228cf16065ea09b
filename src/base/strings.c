/* Strings: see strings.h. */
#include <remote-developer/strings.h>

#include <stdarg.h>
#include <stdio.h>

bool string_equal(const char *a, const char *b) {
        if (!a || !b)
                return a == b;
        return strcmp(a, b) == 0;
}

bool string_is_empty(const char *s) {
        return !s || !*s;
}

bool string_has_prefix(const char *s, const char *prefix) {
        return strncmp(s, prefix, strlen(prefix)) == 0;
}

int string_replace(char **p, const char *s) {
        char *copy = NULL;

        if (s) {
                copy = strdup(s);
                if (!copy)
                        return -ENOMEM;
        }

        free(*p);
        *p = copy;
        return 0;
}

char *string_format(const char *format, ...) {
        char *s = NULL;
        va_list ap;
        int n;

        va_start(ap, format);
        n = vasprintf(&s, format, ap);
        va_end(ap);
        return n < 0 ? NULL : s;
}

int string_table_lookup(const char *const *table, size_t n, const char *s) {
        for (size_t i = 0; i < n; i++)
                if (string_equal(table[i], s))
                        return (int) i;
        return -EINVAL;
}

int string_to_uint64(const char *s, uint64_t *ret) {
        unsigned long long v;
        char *end;

        if (!s || *s < '0' || *s > '9')
                return -EINVAL;

        errno = 0;
        v = strtoull(s, &end, 10);
        if (*end)
                return -EINVAL;
        if (errno == ERANGE)
                return -ERANGE;

        *ret = v;
        return 0;
}

size_t strv_length(char *const *v) {
        size_t n = 0;

        while (v && v[n])
                n++;
        return n;
}

char **strv_free(char **v) {
        for (size_t i = 0; v && v[i]; i++)
                free(v[i]);
        free(v);
        return NULL;
}

int strv_append(char ***v, const char *s) {
        size_t n = strv_length(*v);
        char **longer, *copy;

        copy = strdup(s);
        if (!copy)
                return -ENOMEM;

        longer = reallocarray(*v, n + 2, sizeof(char *));
        if (!longer) {
                free(copy);
                return -ENOMEM;
        }

        longer[n] = copy;
        longer[n + 1] = NULL;
        *v = longer;
        return 0;
}

int strv_copy(char *const *v, char ***ret) {
        _cleanup_strv_ char **copy = NULL;
        int r;

        for (size_t i = 0; v && v[i]; i++) {
                r = strv_append(&copy, v[i]);
                if (r < 0)
                        return r;
        }

        *ret = TAKE_PTR(copy);
        return 0;
}
