/* Json: what is JSON and what is not, by RFC 8259 and not by what a parser happens to accept; values put in and got
 * out. */
#include "../lib/tap.h"

#include <remote-developer/json.h>

#define REPLACEMENT "\xef\xbf\xbd"
#define BYTES(literal) literal, sizeof(literal) - 1

static int parse(const char *data, size_t size, Json **ret, Problem *problem) {
        /* In memory of its very size, so that a sanitizer sees what is read beyond. */
        _cleanup_free_ char *copy = malloc(size ?: 1);

        memcpy(copy, data, size);
        return json_parse(copy, size, ret, problem);
}

static const struct {
        const char *data;
        size_t size;
        const char *is; /* as json_append() writes it */
} good[] = {
        { BYTES("{}"), "{}" },
        { BYTES(" \t\r\n{ } \n"), "{}" },
        { BYTES("[]"), "[]" },
        { BYTES("null"), "null" },
        { BYTES("true"), "true" },
        { BYTES("false"), "false" },
        { BYTES("0"), "0" },
        { BYTES("12"), "12" },
        { BYTES("-7"), "-7" },
        { BYTES("1.5"), "1.5" },
        { BYTES("-0.25"), "-0.25" },
        { BYTES("1e5"), "1e5" },
        { BYTES("1E+2"), "1E+2" },
        { BYTES("2.5e-3"), "2.5e-3" },
        { BYTES("9223372036854775807"), "9223372036854775807" },
        { BYTES("18446744073709551615"), "18446744073709551615" },
        { BYTES("-9223372036854775808"), "-9223372036854775808" },
        { BYTES("\"\""), "\"\"" },
        { BYTES("\"a/b\\/c\""), "\"a/b/c\"" },
        { BYTES("\"\\\"\\\\\\b\\f\\n\\r\\t\""), "\"\\\"\\\\\\b\\f\\n\\r\\t\"" },
        { BYTES("\"\\u00e4\\u20AC\\ud83d\\ude00\""), "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"" },
        { BYTES("\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\x7f\""), "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\x7f\"" },
        /* Half a pair of surrogates is grammatical, but no character. */
        { BYTES("\"\\ud83d\\ude00\""), "\"\xf0\x9f\x98\x80\"" },
        { BYTES("[\"\\ud800\\udc00\",\"\\udbff\\udfff\",\"\\ud7ff\\ue000\"]"),
          "[\"\xf0\x90\x80\x80\",\"\xf4\x8f\xbf\xbf\",\"\xed\x9f\xbf\xee\x80\x80\"]" },
        { BYTES("\"\\u0000\""), "\"\\u0000\"" },
        { BYTES("[1,[2,{\"a\":[]}],null]"), "[1,[2,{\"a\":[]}],null]" },
        { BYTES("{\"b\":1,\"a\":2}"), "{\"b\":1,\"a\":2}" },
        { BYTES("{\"\":1}"), "{\"\":1}" },
        { BYTES("[{\"a\":{\"a\":\":\"}},{\"a\":[{\"a\":1}]}]"), "[{\"a\":{\"a\":\":\"}},{\"a\":[{\"a\":1}]}]" },
        /* What looks like a token inside a string is none; an escaped backslash is not the begin of an escape. */
        { BYTES("[\"NaN 01 -.5\",\"Infinity\"]"), "[\"NaN 01 -.5\",\"Infinity\"]" },
        { BYTES("{\"a\\\\u0000\":\"\\\\\"}"), "{\"a\\\\u0000\":\"\\\\\"}" },
        { BYTES("{\"a\":\"\\u0000\" }"), "{\"a\":\"\\u0000\"}" },
};

static void test_json_is_read(void) {
        for (size_t i = 0; i < ELEMENTSOF(good); i++) {
                _cleanup_(problem_done) Problem problem = PROBLEM_NULL;
                _cleanup_(buffer_done) Buffer b = BUFFER_NULL;
                _cleanup_json_ Json *j = NULL;

                if (parse(good[i].data, good[i].size, &j, &problem) < 0) {
                        tap_fail(__FILE__, __LINE__, "%s: %s", good[i].data, problem.sentence);
                        continue;
                }
                TAP_CHECK_INT(json_append(j, &b), 0);
                TAP_CHECK_STRING(b.data, good[i].is);
        }
}

static const struct {
        const char *data;
        size_t size;
        const char *part; /* of the sentence; "": whatever json-c calls it */
} bad[] = {
        { BYTES(""), "ends too early" },
        { BYTES("  "), "ends too early" },
        { BYTES("{"), "ends too early" },
        { BYTES("{\"a\""), "ends too early" },
        { BYTES("{\"a\":1"), "ends too early" },
        { BYTES("[1,"), "ends too early" },
        { BYTES("\"abc"), "ends too early" },
        { BYTES("\"abc\\"), "ends too early" },
        { BYTES("nul"), "ends too early" },
        { BYTES("1e"), "ends too early" },
        { BYTES("-"), "byte 1" },
        /* RFC 8259 leaves it open which one counts. */
        { BYTES("{\"a\":1,\"b\":2,\"a\":3}"), "stands twice" },
        { BYTES("[{\"a\":1,\"\\u0061\":\":\"}]"), "stands twice" },
        /* behind the value */
        { BYTES("{}x"), "byte 3" },
        { BYTES("{}{}"), "byte 3" },
        { BYTES("{} //"), "byte 4" },
        { BYTES("1 2"), "byte 3" },
        { BYTES("1,"), "byte 2" },
        { BYTES("nulll"), "byte 5" },
        { BYTES("{}\0"), "NUL" },
        { BYTES("\0{}"), "NUL" },
        { BYTES("{\"a\":\"b\0c\"}"), "NUL" },
        /* half a surrogate pair is no character */
        { BYTES("\"\\ud800\""), "byte 1" },
        { BYTES("\"\\ud800x\""), "byte 1" },
        { BYTES("\"\\ud83d\\u0041\""), "byte 1" },
        { BYTES("\"\\ud800\\n\""), "byte 1" },
        { BYTES("\"\\udbff\\udbff\""), "byte 1" },
        { BYTES("\"\\udc00\\ud800\""), "byte 1" },
        { BYTES("\"\\uDFFF\""), "byte 1" },
        { BYTES("\"\\ud800\\ue000\""), "byte 1" },
        { BYTES("\"\\ude00\""), "byte 1" },
        /* words */
        { BYTES("NULL"), "" },
        { BYTES("True"), "" },
        { BYTES("NaN"), "byte 1: this is no number" },
        { BYTES("[1,Infinity]"), "byte 4: this is no number" },
        { BYTES("-Infinity"), "byte 1: this is no number" },
        { BYTES("undefined"), "" },
        /* numbers */
        { BYTES("[01]"), "number expected" },
        { BYTES("[00]"), "byte 2: this is no number" },
        { BYTES("012"), "byte 1: this is no number" },
        { BYTES("-01"), "byte 1: this is no number" },
        { BYTES("{\"a\": 1.}"), "byte 7: this is no number" },
        { BYTES("1."), "byte 1: this is no number" },
        { BYTES("1.e1"), "byte 1: this is no number" },
        { BYTES("-.5"), "byte 1: this is no number" },
        { BYTES(".5"), "byte 1" },
        { BYTES("+1"), "byte 1" },
        { BYTES("--1"), "" },
        { BYTES("1-1"), "" },
        { BYTES("1.2.3"), "" },
        { BYTES("1e1.5"), "" },
        { BYTES("0x10"), "" },
        { BYTES("1_000"), "" },
        /* strings */
        { BYTES("'a'"), "" },
        { BYTES("\"\x01\""), "byte 1: a string must be UTF-8 and escape control characters" },
        { BYTES("[\"a\",\"b\nc\"]"), "byte 6: a string must" },
        { BYTES("\"\t\""), "a string must" },
        { BYTES("\"\\x\""), "" },
        { BYTES("\"\\u12g4\""), "" },
        { BYTES("\"\\u12\""), "" },
        { BYTES("\"\xff\""), "" },
        { BYTES("\"\x80\""), "" },
        { BYTES("\"\xc3\""), "" },
        { BYTES("\"\xc0\x80\""), "a string must" },
        { BYTES("\"\xe0\x80\x80\""), "a string must" },
        { BYTES("\"\xed\xa0\x80\""), "a string must" },
        { BYTES("\"\xf4\x90\x80\x80\""), "a string must" },
        { BYTES("\"\xf5\x80\x80\x80\""), "a string must" },
        { BYTES("{\"\xc0\x80\":1}"), "byte 2: a string must" },
        /* A name is a C string to json-c: "command\0x" would pass for "command". */
        { BYTES("{\"command\\u0000x\":1}"), "byte 2: a string must" },
        { BYTES("{\"command\\u0000\" :1}"), "byte 2: a string must" },
        /* structure */
        { BYTES("[1,]"), "byte 4" },
        { BYTES("[,1]"), "" },
        { BYTES("[1,,2]"), "" },
        { BYTES("[1 2]"), "" },
        { BYTES("{\"a\":1,}"), "byte 8" },
        { BYTES("{,}"), "" },
        { BYTES("{a:1}"), "" },
        { BYTES("{\"a\" 1}"), "" },
        { BYTES("{\"a\":}"), "" },
        { BYTES("{1:2}"), "" },
        { BYTES("]"), "" },
        { BYTES("[}"), "byte 2" },
        { BYTES("/**/{}"), "" },
        { BYTES("\xef\xbb\xbf{}"), "byte 1" },
        { BYTES("\f{}"), "" },
        { BYTES("\xc2\xa0{}"), "" },
};

static void test_what_is_no_json_is_refused(void) {
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                _cleanup_(problem_done) Problem problem = PROBLEM_NULL;
                Json *j = (Json *) 1;

                if (parse(bad[i].data, bad[i].size, &j, &problem) != -EINVAL || problem.error != -EINVAL)
                        tap_fail(__FILE__, __LINE__, "\"%s\" is taken for JSON", bad[i].data);
                else if (!strstr(problem.sentence, bad[i].part) || problem.field || j != (Json *) 1)
                        tap_fail(__FILE__, __LINE__, "\"%s\": %s", bad[i].data, problem.sentence);
        }
}

static int parse_nested(size_t depth, const char *inside, Problem *problem) {
        _cleanup_(buffer_done) Buffer b = BUFFER_NULL;
        _cleanup_json_ Json *j = NULL;

        for (size_t i = 0; i < depth; i++)
                TAP_CHECK_INT(buffer_append_string(&b, i % 2 ? "{\"a\":" : "["), 0);
        TAP_CHECK_INT(buffer_append_string(&b, inside), 0);
        for (size_t i = depth; i-- > 0;)
                TAP_CHECK_INT(buffer_append_string(&b, i % 2 ? "}" : "]"), 0);
        return json_parse(b.data, b.size, &j, problem);
}

static void test_depth_is_bounded(void) {
        _cleanup_(problem_done) Problem problem = PROBLEM_NULL;

        TAP_CHECK_INT(parse_nested(63, "1", NULL), 0);
        TAP_CHECK_INT(parse_nested(64, "1", NULL), -EINVAL);
        TAP_CHECK_INT(parse_nested(JSON_DEPTH_MAX + 1, "1", &problem), -EINVAL);
        TAP_CHECK_CONTAINS(problem.sentence, "nested more than 64 deep");
        TAP_CHECK_INT(parse_nested(100000, "", NULL), -EINVAL);
}

/* `n` times `value` in an array, behind `begin`. */
static int parse_many(size_t n, const char *begin, const char *value, bool strict, Problem *problem) {
        _cleanup_(buffer_done) Buffer b = BUFFER_NULL;
        _cleanup_json_ Json *j = NULL;

        TAP_CHECK_INT(buffer_append_string(&b, begin), 0);
        for (size_t i = 0; i < n; i++) {
                TAP_CHECK_INT(buffer_append_string(&b, i ? "," : "["), 0);
                TAP_CHECK_INT(buffer_append_string(&b, value), 0);
        }
        TAP_CHECK_INT(buffer_append_string(&b, *begin == '{' ? "]}" : "]"), 0);
        return strict ? json_parse(b.data, b.size, &j, problem) : json_parse_leniently(b.data, b.size, &j);
}

static void test_values_are_bounded(void) {
        _cleanup_(problem_done) Problem problem = PROBLEM_NULL;

        TAP_CHECK_INT(parse_many(400000, "", "1", true, NULL), 0);
        TAP_CHECK_INT(parse_many(400000, "", "1", false, NULL), 0);
        TAP_CHECK_INT(parse_many(450000, "", "1", true, &problem), -EINVAL);
        TAP_CHECK_CONTAINS(problem.sentence, "too many values");
        TAP_CHECK_INT(parse_many(38000, "", "{}", true, NULL), 0);
        TAP_CHECK_INT(parse_many(39000, "", "{}", true, NULL), -EINVAL);
        TAP_CHECK_INT(parse_many(69000, "", "[]", false, NULL), 0);
        TAP_CHECK_INT(parse_many(71000, "", "[]", false, NULL), -EINVAL);
        TAP_CHECK_INT(parse_many(200000, "", "\",[{\\\",,,\\\\\"", true, NULL), 0);
        /* What would hide them where the other reading is not strict. */
        TAP_CHECK_INT(parse_many(39000, "{'\"':", "{}", false, NULL), -EINVAL);
        TAP_CHECK_INT(parse_many(39000, "/*\"*/", "{}", false, NULL), -EINVAL);
        TAP_CHECK_INT(parse_many(39000, "//\"\n", "{}", false, NULL), -EINVAL);
}

/* Every beginning of a document is refused, so that a torn file is never taken for a whole one. */
static void test_every_cut_is_refused(void) {
        static const char whole[] = "{\"a\": [1.5e3, true, null, \"\\u00e4\xc3\xa4\\n\"], \"b\": {\"c\": -0}}";
        _cleanup_json_ Json *j = NULL;

        for (size_t n = 0; n < strlen(whole); n++)
                TAP_CHECK_INT(parse(whole, n, &j, NULL), -EINVAL);
        TAP_CHECK_INT(parse(whole, strlen(whole), &j, NULL), 0);
}

/* Another program's own: what only strictness refuses is taken, but whole. */
static void test_lenience(void) {
        static const struct {
                const char *text, *is;
        } rows[] = {
                { "[\"\\ud83d\"]", "[\"" REPLACEMENT "\"]" },
                { "{\"a\":\"\t\"}", "{\"a\":\"\\t\"}" },
                { " {\"a\":1.50} \n", "{\"a\":1.50}" },
        };
        static const char *const refused[] = { "", "{", "{\"a\":", "\"abc", "[1", "nul", "{} behind", "{}{}" };
        Json *none = NULL;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(buffer_done) Buffer b = BUFFER_NULL;
                _cleanup_json_ Json *j = NULL;

                TAP_CHECK_INT(json_parse_leniently(rows[i].text, strlen(rows[i].text), &j), 0);
                TAP_CHECK_INT(json_append(j, &b), 0);
                TAP_CHECK_STRING(b.data, rows[i].is);
        }
        for (size_t i = 0; i < ELEMENTSOF(refused); i++)
                TAP_CHECK_INT(json_parse_leniently(refused[i], strlen(refused[i]), &none), -EINVAL);
        TAP_CHECK_INT(json_parse_leniently("{}\0", 3, &none), -EINVAL);
        TAP_CHECK(!none);
}

static void check_written(Json *value, const char *should) {
        _cleanup_(buffer_done) Buffer b = BUFFER_NULL;

        TAP_CHECK_INT(json_append(value, &b), 0);
        TAP_CHECK_STRING(b.data, should);
        json_free(value);
}

static void test_values_are_written(void) {
        check_written(json_new_string("a\"\n\x01"), "\"a\\\"\\n\\u0001\"");
        check_written(json_new_string(NULL), "null");
        check_written(json_new_text(NULL, 0), "null");
        check_written(json_new_text("", 0), "\"\"");
        check_written(json_new_text("\0a\0", 3), "\"\\u0000a\\u0000\"");
        check_written(json_new_text("\0\xc3\xa4\xc3\0", 5), "\"\\u0000\xc3\xa4\xef\xbf\xbd\\u0000\"");
        check_written(json_new_string(""), "\"\"");
        check_written(json_new_uint64(UINT64_MAX), "18446744073709551615");
        check_written(json_new_double(0.1), "0.100000");
        check_written(json_new_double(1e15), "1000000000000000.000000");
        check_written(json_new_time(1), "\"1970-01-01T00:00:00.000001Z\"");
        check_written(json_new_time(0), "null");
        check_written(json_new_time(USEC_INFINITY), "null");
        check_written(json_new_array(), "[]");
        check_written(json_new_object(), "{}");
}

/* What could not be read back would make a task's whole document unreadable. */
static void test_broken_text_is_repaired(void) {
        check_written(json_new_string("cut \xe2\x82"), "\"cut " REPLACEMENT REPLACEMENT "\"");
        check_written(json_new_string("\xff" "ab"), "\"" REPLACEMENT "ab\"");
        check_written(json_new_string("\xc3\xa4\xc0\x80\xe2\x82\xac"),
                      "\"\xc3\xa4" REPLACEMENT REPLACEMENT "\xe2\x82\xac\"");
        check_written(json_new_string("\xf0\x9f\x98\x80"), "\"\xf0\x9f\x98\x80\"");
}

static void test_members(void) {
        _cleanup_json_ Json *object = json_new_object(), *array = json_new_array();
        Json *shared = json_new_string("x");

        TAP_CHECK_INT(json_set_string(object, "s", "text"), 0);
        TAP_CHECK_INT(json_set_string(object, "none", NULL), 0);
        TAP_CHECK_INT(json_set_uint64(object, "n", 5), 0);
        TAP_CHECK_INT(json_set_bool(object, "yes", true), 0);
        TAP_CHECK_INT(json_set_bool(object, "no", false), 0);
        TAP_CHECK_INT(json_set(object, "shared", json_share(shared)), 0);
        TAP_CHECK_INT(json_push(array, shared), 0);
        TAP_CHECK_INT(json_push(array, NULL), 0);

        TAP_CHECK_STRING(json_get_string(object, "s"), "text");
        TAP_CHECK_STRING(json_get_string(object, "n"), NULL);
        TAP_CHECK_STRING(json_get_string(object, "none"), NULL);
        TAP_CHECK_STRING(json_get_string(object, "absent"), NULL);
        TAP_CHECK_STRING(json_get_string(object, "shared"), "x");
        TAP_CHECK(json_get_bool(object, "yes"));
        TAP_CHECK(!json_get_bool(object, "no") && !json_get_bool(object, "n") && !json_get_bool(object, "absent"));
        TAP_CHECK(json_get(object, "n") && !json_get(object, "none") && !json_get(object, "absent"));
        TAP_CHECK(json_is_object(object) && !json_is_object(array) && !json_is_object(NULL));
        TAP_CHECK_INT(json_length(array), 2);
        TAP_CHECK(json_at(array, 0) == shared && !json_at(array, 1));
        check_written(json_share(array), "[\"x\",null]");
}

static void test_wrong_kinds_are_passed_over(void) {
        _cleanup_json_ Json *array = json_new_array();

        TAP_CHECK(!json_get(array, "a") && !json_get(NULL, "a") && !json_get_string(NULL, "a"));
        TAP_CHECK_INT(json_length(NULL), 0);
        TAP_CHECK(!json_share(NULL));
        TAP_CHECK(!json_free(NULL));
}

static void test_replacing_a_member(void) {
        _cleanup_json_ Json *object = json_new_object();

        TAP_CHECK_INT(json_set_string(object, "a", "first"), 0);
        TAP_CHECK_INT(json_set_string(object, "b", "other"), 0);
        TAP_CHECK_INT(json_set_uint64(object, "a", 2), 0);
        check_written(json_share(object), "{\"a\":2,\"b\":\"other\"}");
}

static const TapTest tests[] = {
        { "JSON is read", test_json_is_read },
        { "what is no JSON is refused", test_what_is_no_json_is_refused },
        { "the depth is bounded", test_depth_is_bounded },
        { "values are bounded", test_values_are_bounded },
        { "every cut is refused", test_every_cut_is_refused },
        { "lenience", test_lenience },
        { "values are written", test_values_are_written },
        { "broken text is repaired", test_broken_text_is_repaired },
        { "members", test_members },
        { "wrong kinds are passed over", test_wrong_kinds_are_passed_over },
        { "replacing a member keeps its place", test_replacing_a_member },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}
