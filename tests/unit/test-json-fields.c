/* JsonField tables: every kind read and written, every wrong kind refused, flags, unknown names. */
#include "../lib/tap.h"

#include <remote-developer/json.h>
#include <remote-developer/strings.h>

#include <limits.h>

static const char *const colours[] = { "red", "green", "blue", NULL };

typedef struct Thing {
        char *string;
        char **strv, **pairs;
        bool yes;
        int number, colour;
        uint64_t big;
        usec_t seconds, time;
        char *hidden;
        Buffer text;
} Thing;

#define FIELD(name, kind, ...) { #name, kind, offsetof(Thing, name), __VA_ARGS__ }

static const JsonField fields[] = {
        FIELD(string, JSON_STRING, 0, NULL),   FIELD(strv, JSON_STRV, 0, NULL),
        FIELD(pairs, JSON_PAIRS, 0, NULL),     FIELD(yes, JSON_BOOL, 0, NULL),
        FIELD(number, JSON_INT, 0, NULL),      FIELD(colour, JSON_ENUM, 0, colours),
        FIELD(big, JSON_UINT64, 0, NULL),      FIELD(seconds, JSON_SECONDS, 0, NULL),
        FIELD(time, JSON_TIME, 0, NULL),       FIELD(hidden, JSON_STRING, JSON_HIDDEN, NULL),
        FIELD(text, JSON_TEXT, 0, NULL),
        { "ignored", JSON_IGNORED, 0, 0, NULL },
};

/* Each kind once more, left out when it is not set. */
static const JsonField sparse[] = {
        FIELD(string, JSON_STRING, JSON_OMIT_UNSET, NULL),   FIELD(strv, JSON_STRV, JSON_OMIT_UNSET, NULL),
        FIELD(pairs, JSON_PAIRS, JSON_OMIT_UNSET, NULL),     FIELD(yes, JSON_BOOL, JSON_OMIT_UNSET, NULL),
        FIELD(number, JSON_INT, JSON_OMIT_UNSET, NULL),      FIELD(colour, JSON_ENUM, JSON_OMIT_UNSET, colours),
        FIELD(big, JSON_UINT64, JSON_OMIT_UNSET, NULL),      FIELD(seconds, JSON_SECONDS, JSON_OMIT_UNSET, NULL),
        FIELD(time, JSON_TIME, JSON_OMIT_UNSET, NULL),
        FIELD(hidden, JSON_STRING, JSON_HIDDEN | JSON_OMIT_UNSET, NULL),
        FIELD(text, JSON_TEXT, JSON_OMIT_UNSET, NULL),
};

#define THING_NULL ((Thing){ .number = -1, .colour = -1 })

static void thing_done(Thing *t) {
        free(t->string);
        buffer_done(&t->text);
        strv_free(t->strv);
        strv_free(t->pairs);
        free(t->hidden);
        *t = THING_NULL;
}

static int read_thing(const char *text, bool strict, Thing *t, Problem *problem) {
        _cleanup_json_ Json *j = NULL;

        if (json_parse(text, strlen(text), &j, NULL) < 0) {
                tap_fail(__FILE__, __LINE__, "%s is no JSON", text);
                return -EBADMSG;
        }
        return json_read_fields(j, fields, ELEMENTSOF(fields), strict, t, problem);
}

static void check_written(const Thing *t, const JsonField *rows, size_t n, bool with_hidden, const char *should) {
        _cleanup_json_ Json *j = json_new_object();
        _cleanup_(buffer_done) Buffer b = BUFFER_NULL;

        TAP_CHECK_INT(json_write_fields(j, rows, n, with_hidden, t), 0);
        TAP_CHECK_INT(json_append(j, &b), 0);
        TAP_CHECK_STRING(b.data, should);
}

#define WHOLE "{\"string\":\"a\xc3\xa4\",\"strv\":[\"\",\"b\"],\"pairs\":{\"k\":\"v=w\",\"e\":\"\"},\"yes\":true," \
              "\"number\":7,\"colour\":\"blue\",\"big\":18446744073709551615,\"seconds\":1.500000," \
              "\"time\":\"2026-11-22T12:30:29.000001Z\""

#define TEXT ",\"text\":\"a\\u0000\xc3\xa4\""

static void test_every_kind(void) {
        _cleanup_(thing_done) Thing t = THING_NULL;

        TAP_CHECK_INT(read_thing(WHOLE ",\"hidden\":\"h\"" TEXT ",\"ignored\":[{}]}", true, &t, NULL), 0);
        TAP_CHECK_INT(t.text.size, 4);
        TAP_CHECK_STRING(t.string, "a\xc3\xa4");
        TAP_CHECK_INT(strv_length(t.strv), 2);
        TAP_CHECK_STRING(t.strv[0], "");
        TAP_CHECK_STRING(t.strv[1], "b");
        TAP_CHECK_INT(strv_length(t.pairs), 2);
        TAP_CHECK_STRING(t.pairs[0], "k=v=w");
        TAP_CHECK_STRING(t.pairs[1], "e=");
        TAP_CHECK(t.yes);
        TAP_CHECK_INT(t.number, 7);
        TAP_CHECK_INT(t.colour, 2);
        TAP_CHECK(t.big == UINT64_MAX);
        TAP_CHECK_INT(t.seconds, 1500000);
        TAP_CHECK_INT(t.time, (usec_t) 1795350629 * USEC_PER_SEC + 1);
        check_written(&t, fields, ELEMENTSOF(fields), false, WHOLE TEXT "}");
        check_written(&t, fields, ELEMENTSOF(fields), true, WHOLE ",\"hidden\":\"h\"" TEXT "}");
        check_written(&t, sparse, ELEMENTSOF(sparse), true, WHOLE ",\"hidden\":\"h\"" TEXT "}");
}

/* The table's order is only the likely one. */
static void test_members_come_in_any_order(void) {
        _cleanup_(thing_done) Thing t = THING_NULL;

        TAP_CHECK_INT(read_thing("{\"big\":3,\"unknown\":0,\"yes\":true,\"ignored\":0,\"string\":\"s\","
                                 "\"hidden\":\"h\",\"seconds\":1,\"number\":4}", false, &t, NULL), 0);
        TAP_CHECK_INT(t.big, 3);
        TAP_CHECK_INT(t.number, 4);
        TAP_CHECK(t.yes);
        TAP_CHECK_STRING(t.string, "s");
        TAP_CHECK_STRING(t.hidden, "h");
        TAP_CHECK_INT(t.seconds, USEC_PER_SEC);
}

static void test_unset(void) {
        Thing t = THING_NULL;

        check_written(&t, fields, ELEMENTSOF(fields), true,
                      "{\"string\":null,\"strv\":[],\"pairs\":{},\"yes\":false,\"number\":null,\"colour\":null,"
                      "\"big\":0,\"seconds\":0,\"time\":null,\"hidden\":null,\"text\":null}");
        check_written(&t, sparse, ELEMENTSOF(sparse), true, "{}");
}

static void test_zero_is_set_for_ints_and_enums(void) {
        Thing t = { .number = 0, .colour = 0 };

        check_written(&t, sparse, ELEMENTSOF(sparse), true, "{\"number\":0,\"colour\":\"red\"}");
}

static void test_empty_vectors_are_unset(void) {
        _cleanup_(thing_done) Thing t = THING_NULL;

        TAP_CHECK_INT(read_thing("{\"strv\":[],\"pairs\":{}}", true, &t, NULL), 0);
        TAP_CHECK(t.strv && t.pairs);
        check_written(&t, sparse, ELEMENTSOF(sparse), true, "{}");
}

static void test_null_counts_as_not_there(void) {
        _cleanup_(thing_done) Thing t = THING_NULL;

        TAP_CHECK_INT(read_thing(WHOLE "}", true, &t, NULL), 0);
        TAP_CHECK_INT(read_thing("{\"string\":null,\"strv\":null,\"pairs\":null,\"yes\":null,\"number\":null,"
                                 "\"colour\":null,\"big\":null,\"seconds\":null,\"time\":null}",
                                 true, &t, NULL), 0);
        check_written(&t, fields, ELEMENTSOF(fields), false, WHOLE ",\"text\":null}");
}

static void test_reading_again_replaces(void) {
        _cleanup_(thing_done) Thing t = THING_NULL;

        TAP_CHECK_INT(read_thing(WHOLE "}", true, &t, NULL), 0);
        TAP_CHECK_INT(read_thing("{\"string\":\"new\",\"strv\":[\"x\"],\"pairs\":{\"x\":\"y\"},\"yes\":false}", true,
                                 &t, NULL), 0);
        TAP_CHECK_STRING(t.string, "new");
        TAP_CHECK_INT(strv_length(t.strv), 1);
        TAP_CHECK_STRING(t.pairs[0], "x=y");
        TAP_CHECK(!t.yes);
        TAP_CHECK_INT(t.number, 7);
}

static const struct {
        const char *member, *field, *wanted;
} wrong[] = {
        { "\"string\":1", "string", "a string without NUL" },
        { "\"string\":[]", "string", "a string without NUL" },
        { "\"string\":\"a\\u0000b\"", "string", "a string without NUL" },
        { "\"text\":1", "text", "a string" },
        { "\"strv\":\"a\"", "strv", "an array of strings without NUL" },
        { "\"strv\":{}", "strv", "an array of strings without NUL" },
        { "\"strv\":[\"a\",1]", "strv", "an array of strings without NUL" },
        { "\"strv\":[\"a\",null]", "strv", "an array of strings without NUL" },
        { "\"strv\":[[]]", "strv", "an array of strings without NUL" },
        { "\"strv\":[\"\\u0000\"]", "strv", "an array of strings without NUL" },
        { "\"pairs\":[]", "pairs", "an object of strings without NUL" },
        { "\"pairs\":\"a=b\"", "pairs", "an object of strings without NUL" },
        { "\"pairs\":{\"a\":1}", "pairs", "an object of strings without NUL" },
        { "\"pairs\":{\"a\":\"b\",\"c\":null}", "pairs", "an object of strings without NUL" },
        { "\"pairs\":{\"\":\"b\"}", "pairs", "an object of strings without NUL" },
        { "\"pairs\":{\"a=b\":\"c\"}", "pairs", "an object of strings without NUL" },
        { "\"pairs\":{\"a\":\"\\u0000\"}", "pairs", "an object of strings without NUL" },
        { "\"yes\":1", "yes", "true or false" },
        { "\"yes\":\"true\"", "yes", "true or false" },
        { "\"number\":\"1\"", "number", "a whole number" },
        { "\"number\":1.0", "number", "a whole number" },
        { "\"number\":true", "number", "a whole number" },
        { "\"number\":2147483648", "number", "a whole number" },
        { "\"number\":-2147483649", "number", "a whole number" },
        { "\"number\":18446744073709551615", "number", "a whole number" },
        { "\"big\":-1", "big", "a whole number from 0 up" },
        { "\"big\":1.5", "big", "a whole number from 0 up" },
        { "\"big\":\"1\"", "big", "a whole number from 0 up" },
        { "\"seconds\":-0.5", "seconds", "a number of seconds" },
        { "\"seconds\":\"1\"", "seconds", "a number of seconds" },
        { "\"seconds\":1e300", "seconds", "a number of seconds" },
        { "\"seconds\":1e999", "seconds", "a number of seconds" },
        { "\"seconds\":true", "seconds", "a number of seconds" },
        { "\"time\":\"yesterday\"", "time", "an RFC 3339 time" },
        { "\"time\":1700000000", "time", "an RFC 3339 time" },
        { "\"time\":\"2026-11-22T12:30:29Z\\u0000\"", "time", "an RFC 3339 time" },
        { "\"colour\":\"Red\"", "colour", "red, green or blue" },
        { "\"colour\":\"\"", "colour", "red, green or blue" },
        { "\"colour\":0", "colour", "red, green or blue" },
};

static void test_wrong_kinds_are_refused(void) {
        for (size_t i = 0; i < ELEMENTSOF(wrong); i++) {
                _cleanup_free_ char *text = string_format("{%s}", wrong[i].member);
                _cleanup_free_ char *sentence = string_format("%s must be %s", wrong[i].field, wrong[i].wanted);
                _cleanup_(problem_done) Problem problem = PROBLEM_NULL;
                _cleanup_(thing_done) Thing t = THING_NULL;

                if (read_thing(text, false, &t, &problem) != -EINVAL)
                        tap_fail(__FILE__, __LINE__, "%s is accepted", text);
                TAP_CHECK_STRING(problem.field, wrong[i].field);
                TAP_CHECK_STRING(problem.sentence, sentence);
                check_written(&t, sparse, ELEMENTSOF(sparse), true, "{}");
        }
}

static void test_limits_of_numbers(void) {
        _cleanup_(thing_done) Thing t = THING_NULL;

        TAP_CHECK_INT(read_thing("{\"number\":2147483647,\"big\":0,\"seconds\":0}", true, &t, NULL), 0);
        TAP_CHECK_INT(t.number, INT_MAX);
        TAP_CHECK_INT(read_thing("{\"number\":-2147483648}", true, &t, NULL), 0);
        TAP_CHECK_INT(t.number, INT_MIN);
        /* A hundred years, and rounding to the nearest microsecond. */
        TAP_CHECK_INT(read_thing("{\"seconds\":3153600000}", true, &t, NULL), 0);
        TAP_CHECK_INT(t.seconds, 3153600000 * USEC_PER_SEC);
        TAP_CHECK_INT(read_thing("{\"seconds\":3153600001}", true, &t, NULL), -EINVAL);
        TAP_CHECK_INT(read_thing("{\"seconds\":0.1}", true, &t, NULL), 0);
        TAP_CHECK_INT(t.seconds, 100000);
        TAP_CHECK_INT(read_thing("{\"seconds\":0.0000019}", true, &t, NULL), 0);
        TAP_CHECK_INT(t.seconds, 2);
}

static void test_seconds_are_read_as_written(void) {
        srandom(4);
        for (unsigned i = 0; i < 2000; i++) {
                _cleanup_(thing_done) Thing t = THING_NULL, back = THING_NULL;
                _cleanup_json_ Json *j = json_new_object();

                t.seconds = (usec_t) random() * (usec_t) (i % 2 ? 1 : 1000);
                TAP_CHECK_INT(json_write_fields(j, fields, ELEMENTSOF(fields), true, &t), 0);
                TAP_CHECK_INT(json_read_fields(j, fields, ELEMENTSOF(fields), true, &back, NULL), 0);
                TAP_CHECK_INT(back.seconds, t.seconds);
        }
}

static void test_unknown_names(void) {
        _cleanup_(problem_done) Problem problem = PROBLEM_NULL, other = PROBLEM_NULL;
        _cleanup_(thing_done) Thing t = THING_NULL;

        TAP_CHECK_INT(read_thing("{\"strin\":1,\"number\":5}", false, &t, &problem), 0);
        TAP_CHECK_INT(t.number, 5);
        TAP_CHECK_INT(read_thing("{\"strin\":1}", true, &t, &problem), -EINVAL);
        TAP_CHECK_STRING(problem.field, "strin");
        TAP_CHECK_STRING(problem.sentence, "Unknown field: strin. The fields are: string, strv, pairs, yes, number, "
                                           "colour, big, seconds, time, hidden, text, ignored");
        /* Also when it is null, and though it differs only in case. */
        TAP_CHECK_INT(read_thing("{\"String\":null}", true, &t, &other), -EINVAL);
        TAP_CHECK_STRING(other.field, "String");
}

static void test_what_is_no_object_is_refused(void) {
        static const char *const texts[] = { "[]", "null", "1", "\"a\"", "true" };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                _cleanup_(problem_done) Problem problem = PROBLEM_NULL;
                _cleanup_(thing_done) Thing t = THING_NULL;

                TAP_CHECK_INT(read_thing(texts[i], false, &t, &problem), -EINVAL);
                TAP_CHECK_CONTAINS(problem.sentence, "must be an object");
                TAP_CHECK_STRING(problem.field, NULL);
        }
}

/* "open member,member,... close", where an empty member stands for a name of its own. */
static void fill(Buffer *b, const char *open, const char *member, const char *close, unsigned n) {
        TAP_CHECK_INT(buffer_append_string(b, open), 0);
        for (unsigned i = 0; i < n; i++) {
                TAP_CHECK_INT(buffer_append_string(b, i > 0 ? "," : ""), 0);
                if (*member)
                        TAP_CHECK_INT(buffer_append_string(b, member), 0);
                else
                        TAP_CHECK_INT(buffer_append_format(b, "\"%u\":\"\"", i), 0);
        }
        TAP_CHECK_INT(buffer_append_string(b, close), 0);
}

/* What a request of 1 MiB can hold must not take long: one loop serves everybody. With a vector that is walked for
 * each string this took 24 s. */
static void test_many_members_are_read_in_no_time(void) {
        _cleanup_(buffer_done) Buffer strings = BUFFER_NULL, pairs = BUFFER_NULL;
        _cleanup_(thing_done) Thing t = THING_NULL;
        usec_t begin;

        fill(&strings, "{\"strv\":[", "\"\"", "]}", 340000);
        fill(&pairs, "{\"pairs\":{", "", "}}", 80000);
        begin = clock_monotonic_usec();
        TAP_CHECK_INT(read_thing(strings.data, true, &t, NULL), 0);
        TAP_CHECK_INT(read_thing(pairs.data, true, &t, NULL), 0);
        TAP_CHECK(clock_monotonic_usec() - begin < 5 * USEC_PER_SEC);
        TAP_CHECK_INT(strv_length(t.strv), 340000);
        TAP_CHECK_INT(strv_length(t.pairs), 80000);
}

static const TapTest tests[] = {
        { "every kind is read and written", test_every_kind },
        { "members come in any order", test_members_come_in_any_order },
        { "what is not set", test_unset },
        { "0 is set for ints and enums", test_zero_is_set_for_ints_and_enums },
        { "empty vectors are not set", test_empty_vectors_are_unset },
        { "null counts as not there", test_null_counts_as_not_there },
        { "reading again replaces", test_reading_again_replaces },
        { "wrong kinds are refused and change nothing", test_wrong_kinds_are_refused },
        { "limits of numbers", test_limits_of_numbers },
        { "seconds are read as written", test_seconds_are_read_as_written },
        { "unknown names are refused only when strict", test_unknown_names },
        { "what is no object is refused", test_what_is_no_object_is_refused },
        { "many members are read in no time", test_many_members_are_read_in_no_time },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}
