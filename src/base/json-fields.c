/* JsonField tables: structs in and out of JSON by rows. See json.h.
 *
 * One pair of small functions a kind, found by the kind in `kinds[]`. A reader gets the JSON value, the row and the
 * place in the struct; it says what is wrong by returning -EINVAL, and the caller says what would be right. */
#include <remote-developer/json.h>

#include <remote-developer/strings.h>

#include <json-c/json.h>

#define SECONDS_MAX (100.0 * 365 * 86400)

/* A string without NUL inside; those cannot be arguments, paths or field values. */
static const char *plain_string(Json *value) {
        const char *s;

        if (!json_object_is_type(value, json_type_string))
                return NULL;
        s = json_object_get_string(value);
        return strlen(s) == (size_t) json_object_get_string_len(value) ? s : NULL;
}

static int read_string(Json *value, const JsonField *f _unused_, void *p) {
        const char *s = plain_string(value);

        return s ? string_replace(p, s) : -EINVAL;
}

static int read_text(Json *value, const JsonField *f _unused_, void *p) {
        Buffer *text = p;

        if (!json_object_is_type(value, json_type_string))
                return -EINVAL;
        buffer_clear(text);
        return buffer_append(text, json_object_get_string(value), (size_t) json_object_get_string_len(value));
}

/* Room for all from the start: strv_append() walks the vector each time, and a request may hold 300,000 strings. */
static int read_strv(Json *value, const JsonField *f _unused_, void *p) {
        size_t n = json_length(value);
        _cleanup_strv_ char **v = NULL;

        if (!json_object_is_type(value, json_type_array))
                return -EINVAL;
        v = calloc(n + 1, sizeof(char *));
        if (!v)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                const char *s = plain_string(json_at(value, i));

                if (!s)
                        return -EINVAL;
                v[i] = strdup(s);
                if (!v[i])
                        return -ENOMEM;
        }
        strv_free(*(char ***) p);
        *(char ***) p = TAKE_PTR(v);
        return 0;
}

/* They may be secrets, also what is read before something is found wrong. */
static int read_pairs(Json *value, const JsonField *f _unused_, void *p) {
        _cleanup_(strv_erasep) char **v = NULL;
        size_t n = 0;

        if (!json_is_object(value))
                return -EINVAL;
        v = calloc((size_t) json_object_object_length(value) + 1, sizeof(char *));
        if (!v)
                return -ENOMEM;
        json_object_object_foreach(value, key, member) {
                const char *s = plain_string(member);

                if (!s || !*key || strchr(key, '='))
                        return -EINVAL;
                v[n] = string_format("%s=%s", key, s);
                if (!v[n++])
                        return -ENOMEM;
        }
        strv_free(*(char ***) p);
        *(char ***) p = TAKE_PTR(v);
        return 0;
}

static int read_bool(Json *value, const JsonField *f _unused_, void *p) {
        if (!json_object_is_type(value, json_type_boolean))
                return -EINVAL;
        *(bool *) p = json_object_get_boolean(value);
        return 0;
}

static int read_int(Json *value, const JsonField *f _unused_, void *p) {
        int64_t v;

        if (!json_object_is_type(value, json_type_int))
                return -EINVAL;
        v = json_object_get_int64(value);
        if (v < INT32_MIN || v > INT32_MAX)
                return -EINVAL;
        *(int *) p = (int) v;
        return 0;
}

static int read_uint64(Json *value, const JsonField *f _unused_, void *p) {
        if (!json_object_is_type(value, json_type_int) || json_object_get_int64(value) < 0)
                return -EINVAL;
        *(uint64_t *) p = json_object_get_uint64(value);
        return 0;
}

static int read_seconds(Json *value, const JsonField *f _unused_, void *p) {
        double v;

        if (!json_object_is_type(value, json_type_int) && !json_object_is_type(value, json_type_double))
                return -EINVAL;
        v = json_object_get_double(value);
        if (!(v >= 0 && v <= SECONDS_MAX))
                return -EINVAL;
        *(usec_t *) p = (usec_t) (v * (double) USEC_PER_SEC + 0.5);
        return 0;
}

static int read_time(Json *value, const JsonField *f _unused_, void *p) {
        const char *s = plain_string(value);

        return s ? clock_parse(s, p) : -EINVAL;
}

static int read_enum(Json *value, const JsonField *f, void *p) {
        const char *s = plain_string(value);

        for (int i = 0; s && f->words[i]; i++)
                if (string_equal(f->words[i], s)) {
                        *(int *) p = i;
                        return 0;
                }
        return -EINVAL;
}

static int read_ignored(Json *value _unused_, const JsonField *f _unused_, void *p _unused_) {
        return 0;
}

static Json *write_string(const JsonField *f _unused_, const void *p) {
        return json_new_string(*(char *const *) p);
}

static Json *write_text(const JsonField *f _unused_, const void *p) {
        const Buffer *text = p;

        return json_new_text(text->data, text->size);
}

static Json *write_strv(const JsonField *f _unused_, const void *p) {
        _cleanup_json_ Json *array = json_new_array();
        char *const *v = *(char **const *) p;

        for (size_t i = 0; array && v && v[i]; i++)
                if (json_push(array, json_new_string(v[i])) < 0)
                        return NULL;
        return TAKE_PTR(array);
}

static Json *write_pairs(const JsonField *f _unused_, const void *p) {
        _cleanup_json_ Json *object = json_new_object();
        char *const *v = *(char **const *) p;

        for (size_t i = 0; object && v && v[i]; i++) {
                _cleanup_free_ char *key = strndup(v[i], strcspn(v[i], "="));

                if (!key || json_set_string(object, key, v[i] + strlen(key) + 1) < 0)
                        return NULL;
        }
        return TAKE_PTR(object);
}

static Json *write_bool(const JsonField *f _unused_, const void *p) {
        return json_object_new_boolean(*(const bool *) p);
}

static Json *write_int(const JsonField *f _unused_, const void *p) {
        return *(const int *) p < 0 ? json_object_new_null() : json_object_new_int(*(const int *) p);
}

static Json *write_uint64(const JsonField *f _unused_, const void *p) {
        return json_new_uint64(*(const uint64_t *) p);
}

static Json *write_seconds(const JsonField *f _unused_, const void *p) {
        usec_t t = *(const usec_t *) p;

        if (t % USEC_PER_SEC == 0)
                return json_new_uint64(t / USEC_PER_SEC);
        return json_new_double((double) t / (double) USEC_PER_SEC);
}

static Json *write_time(const JsonField *f _unused_, const void *p) {
        return json_new_time(*(const usec_t *) p);
}

static Json *write_enum(const JsonField *f, const void *p) {
        int v = *(const int *) p;

        return json_new_string(v < 0 ? NULL : f->words[v]);
}

static bool unset_pointer(const void *p) {
        return !*(void *const *) p;
}

static bool unset_text(const void *p) {
        return !((const Buffer *) p)->data;
}

static bool unset_strv(const void *p) {
        return strv_length(*(char **const *) p) == 0;
}

static bool unset_bool(const void *p) {
        return !*(const bool *) p;
}

static bool unset_int(const void *p) {
        return *(const int *) p < 0;
}

static bool unset_uint64(const void *p) {
        return *(const uint64_t *) p == 0;
}

static bool unset_enum(const void *p) {
        return *(const int *) p < 0;
}

static const struct {
        int (*read)(Json *value, const JsonField *f, void *p);
        Json *(*write)(const JsonField *f, const void *p);
        bool (*is_unset)(const void *p);
        const char *wanted;
} kinds[] = {
        [JSON_STRING]  = { read_string,  write_string,  unset_pointer, "a string without NUL" },
        [JSON_TEXT]    = { read_text,    write_text,    unset_text,    "a string" },
        [JSON_STRV]    = { read_strv,    write_strv,    unset_strv,    "an array of strings without NUL" },
        [JSON_PAIRS]   = { read_pairs,   write_pairs,   unset_strv,    "an object of strings without NUL" },
        [JSON_BOOL]    = { read_bool,    write_bool,    unset_bool,    "true or false" },
        [JSON_INT]     = { read_int,     write_int,     unset_int,     "a whole number" },
        [JSON_UINT64]  = { read_uint64,  write_uint64,  unset_uint64,  "a whole number from 0 up" },
        [JSON_SECONDS] = { read_seconds, write_seconds, unset_uint64,  "a number of seconds" },
        [JSON_TIME]    = { read_time,    write_time,    unset_uint64,  "an RFC 3339 time" },
        [JSON_ENUM]    = { read_enum,    write_enum,    unset_enum,    NULL },
        [JSON_IGNORED] = { read_ignored, NULL,          NULL,          "anything" },
};

/* What the same table wrote comes in its order: looked for from `*next` on, the field behind the last one found. The
 * first letter spares most calls where a name is of another table, as most of a document's are. */
static const JsonField *find_field(const JsonField *fields, size_t n, const char *name, size_t *next) {
        for (size_t i = 0; i < n; i++) {
                const JsonField *f = &fields[*next + i < n ? *next + i : *next + i - n];

                if (*f->name != *name || !string_equal(f->name, name))
                        continue;
                *next = (size_t) (f - fields) + 1;
                return f;
        }
        return NULL;
}

static int unknown_field(const JsonField *fields, size_t n, const char *name, Problem *problem) {
        _cleanup_(buffer_done) Buffer names = BUFFER_NULL;

        for (size_t i = 0; i < n; i++)
                if (buffer_append_format(&names, "%s%s", i > 0 ? ", " : "", fields[i].name) < 0)
                        return -ENOMEM;
        return problem_set(problem, -EINVAL, name, "Unknown field: %.*s. The fields are: %s", PROBLEM_VALUE_MAX, name,
                           names.data);
}

/* "name must be a or b" */
static int wrong_word(const JsonField *f, Problem *problem) {
        _cleanup_(buffer_done) Buffer words = BUFFER_NULL;

        for (size_t i = 0; f->words[i]; i++) {
                const char *before = i == 0 ? "" : f->words[i + 1] ? ", " : " or ";

                if (buffer_append_format(&words, "%s%s", before, f->words[i]) < 0)
                        return -ENOMEM;
        }
        return problem_set(problem, -EINVAL, f->name, "%s must be %s", f->name, words.data);
}

static int read_field(const JsonField *f, Json *value, void *target, Problem *problem) {
        int r;

        if (!value)
                return 0;

        r = kinds[f->kind].read(value, f, (char *) target + f->offset);
        if (r == -EINVAL && f->kind == JSON_ENUM)
                return wrong_word(f, problem);
        if (r == -EINVAL)
                return problem_set(problem, r, f->name, "%s must be %s", f->name, kinds[f->kind].wanted);
        return r;
}

int json_read_fields(const Json *object, const JsonField *fields, size_t n, bool strict, void *target,
                     Problem *problem) {
        size_t next = 0;
        int r;

        if (!json_is_object(object))
                return problem_set(problem, -EINVAL, NULL, "The JSON must be an object");

        json_object_object_foreach((Json *) object, key, value) {
                const JsonField *f = find_field(fields, n, key, &next);

                if (f)
                        r = read_field(f, value, target, problem);
                else
                        r = strict ? unknown_field(fields, n, key, problem) : 0;
                if (r < 0)
                        return r;
        }
        return 0;
}

int json_write_fields(Json *object, const JsonField *fields, size_t n, bool with_hidden, const void *source) {
        int r;

        for (size_t i = 0; i < n; i++) {
                const JsonField *f = &fields[i];
                const void *p = (const char *) source + f->offset;

                if (!kinds[f->kind].write || ((f->flags & JSON_HIDDEN) && !with_hidden))
                        continue;
                if ((f->flags & JSON_OMIT_UNSET) && kinds[f->kind].is_unset(p))
                        continue;
                r = json_set(object, f->name, kinds[f->kind].write(f, p));
                if (r < 0)
                        return r;
        }
        return 0;
}
