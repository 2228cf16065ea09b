/* Json: JSON values, and the tables that carry structs in and out of them. The only place that knows json-c.
 *
 * `Json` is a value of any kind. json_free() drops one; a value put into an object or array belongs to that from
 * then on. json_parse() accepts exactly one value with nothing but blanks around it, strict RFC 8259, valid
 * UTF-8, nested at most JSON_DEPTH_MAX deep, and of so many values that they take about JSON_MEMORY_MAX bytes besides
 * their text: some 400,000 strings, or 38,000 objects.
 *
 * JsonField tables are "rows, not branches": one row per field of a struct says its name, kind and place; the
 * same table reads requests, writes documents and reads them back.
 */
#pragma once

#include <remote-developer/buffer.h>
#include <remote-developer/clock.h>
#include <remote-developer/problem.h>

#define JSON_DEPTH_MAX 64
#define JSON_MEMORY_MAX ((size_t) 32 * 1024 * 1024)

typedef struct json_object Json;

Json *json_free(Json *j);
DEFINE_CLEANUP(Json *, json_free)
#define _cleanup_json_ _cleanup_(json_freep)

/* As json_free() of the only owner, but what texts it holds is overwritten before. Of what json-c had in hand while it
 * was parsing nothing can be: its own buffer, as long as the longest string was then, and of a name that came twice
 * the first value. */
Json *json_erase(Json *j);
DEFINE_CLEANUP(Json *, json_erase)

int json_parse(const char *data, size_t size, Json **ret, Problem *problem);
/* What another program wrote for itself: as json_parse(), but what only strictness refuses is taken, half a surrogate
 * pair (which JavaScript writes of a text that was cut inside a character) as U+FFFD. */
int json_parse_leniently(const char *data, size_t size, Json **ret);

int json_append(const Json *j, Buffer *to); /* compact, on one line */

Json *json_new_object(void);
Json *json_new_array(void);
Json *json_new_string(const char *s); /* NULL becomes null, what is no UTF-8 U+FFFD */
Json *json_new_text(const char *data, size_t size); /* the same, of bytes of which some may be NUL */
Json *json_new_uint64(uint64_t v);
Json *json_new_double(double v); /* written with six decimals */
Json *json_new_time(usec_t t); /* RFC 3339; null when not set */

/* One more owner of a value that nobody changes any more; NULL (null) stays that. */
Json *json_share(Json *j);

/* All take ownership of `value`, also on error; NULL is null. -EINVAL: `object` is none. */
int json_set(Json *object, const char *key, Json *value);
int json_set_string(Json *object, const char *key, const char *value);
int json_set_uint64(Json *object, const char *key, uint64_t value);
int json_set_bool(Json *object, const char *key, bool value);
int json_push(Json *array, Json *value);

/* Borrowed; NULL when it is not there or `object` is none. */
Json *json_get(const Json *object, const char *key);
const char *json_get_string(const Json *object, const char *key); /* NULL: not there or no string */
const char *json_text(const Json *j);                             /* of a string; NULL: it is none */
bool json_is_empty_text(const Json *j);
bool json_get_bool(const Json *object, const char *key);          /* false: not there or no boolean */
uint64_t json_get_uint64(const Json *object, const char *key);    /* 0: not there or no whole number from 0 up */
int json_to_uint64(const Json *j, uint64_t *ret);                 /* -EINVAL: no whole number from 0 up */
double json_get_double(const Json *object, const char *key);      /* 0: not there or no number */
bool json_is_object(const Json *j);
size_t json_length(const Json *array);
Json *json_at(const Json *array, size_t i);

/* The values of an object, whatever their names. */
Json *json_next_value(const Json *object, void **state); /* *state is NULL at first; NULL: no more */

/* Without parsing: the first member of the outermost object that has this name, if it is a string without escapes, or
 * a number or word as it stands there (1, true, null), of less than `size` bytes. It costs little more than finding
 * the quotes, and looks no further than that member: what follows may be anything, and what is found is to be believed
 * only once the whole is parsed. */
bool json_peek(const char *data, size_t n, const char *key, char *ret, size_t size);

typedef enum JsonKind {
        JSON_STRING,     /* char *: owned; no NUL inside */
        JSON_TEXT,       /* Buffer: a string with whatever is in it */
        JSON_STRV,       /* char **: array of strings */
        JSON_PAIRS,      /* char **: object of strings, kept as "KEY=VALUE" in the order given */
        JSON_BOOL,       /* bool */
        JSON_INT,        /* int; negative: not set, null */
        JSON_UINT64,     /* uint64_t */
        JSON_SECONDS,    /* usec_t, written as seconds (a fraction allowed) */
        JSON_TIME,       /* usec_t, written as RFC 3339 */
        JSON_ENUM,       /* int, written as a word of `words` */
        JSON_IGNORED,    /* known, taken no notice of */
} JsonKind;

typedef enum JsonFlags {
        JSON_OMIT_UNSET = 1 << 0, /* do not write NULL, empty, 0, false or a negative int or enum */
        JSON_HIDDEN = 1 << 1,     /* only on disk: left out where `json_write_fields` is told so */
} JsonFlags;

typedef struct JsonField {
        const char *name;
        JsonKind kind;
        size_t offset;
        unsigned flags;
        const char *const *words; /* JSON_ENUM: ended by NULL; the value is the index */
} JsonField;

/* Reads the fields that are there into `target`; null counts as not there. With `strict` a name
 * that is not in the table is refused with -EINVAL; a wrong kind always is, both with field and sentence in
 * `problem`. What was read before the problem stays set: the owner's `done` frees it. */
int json_read_fields(
                const Json *object, const JsonField *fields, size_t n, bool strict, void *target, Problem *problem);

/* Writes every field into `object`, the hidden ones only with `with_hidden`. */
int json_write_fields(Json *object, const JsonField *fields, size_t n, bool with_hidden, const void *source);
