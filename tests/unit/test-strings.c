/* Strings: comparing, replacing, numbers, vectors. */
#include "../lib/tap.h"

#include <remote-developer/strings.h>

#include <limits.h>

static void test_equal(void) {
        TAP_CHECK(string_equal("a", "a"));
        TAP_CHECK(string_equal("", ""));
        TAP_CHECK(string_equal(NULL, NULL));
        TAP_CHECK(!string_equal("a", NULL));
        TAP_CHECK(!string_equal(NULL, ""));
        TAP_CHECK(!string_equal("a", "A"));
        TAP_CHECK(!string_equal("a", "ab"));
}

static void test_empty_and_prefix(void) {
        TAP_CHECK(string_is_empty(NULL));
        TAP_CHECK(string_is_empty(""));
        TAP_CHECK(!string_is_empty(" "));
        TAP_CHECK(string_has_prefix("task-1", "task-"));
        TAP_CHECK(string_has_prefix("task-", "task-"));
        TAP_CHECK(string_has_prefix("", ""));
        TAP_CHECK(!string_has_prefix("task", "task-"));
        TAP_CHECK(!string_has_prefix("Task-", "task-"));
}

static void test_replace(void) {
        char *s = NULL;

        TAP_CHECK_INT(string_replace(&s, "first"), 0);
        TAP_CHECK_STRING(s, "first");
        /* From within itself: the copy must be made before the old one goes. */
        TAP_CHECK_INT(string_replace(&s, s + 2), 0);
        TAP_CHECK_STRING(s, "rst");
        TAP_CHECK_INT(string_replace(&s, NULL), 0);
        TAP_CHECK_STRING(s, NULL);
        TAP_CHECK_INT(string_replace(&s, NULL), 0);
}

static void test_cut_size(void) {
        static const struct {
                const char *text;
                size_t max, size;
        } rows[] = {
                { "abc", 3, 3 },
                { "abc", 2, 2 },
                { "abc", 0, 0 },
                { "", 0, 0 },
                { "a\xc3\xa4", 3, 3 },
                { "a\xc3\xa4", 2, 1 },
                { "\xf0\x9f\x98\x80x", 4, 4 },
                { "\xf0\x9f\x98\x80x", 3, 0 },
                /* No text: somewhere. */
                { "\x80\x80\x80\x80\x80\x80\x80\x80", 6, 3 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                TAP_CHECK_INT(string_cut_size(rows[i].text, strlen(rows[i].text), rows[i].max), rows[i].size);
}

static void test_format(void) {
        _cleanup_free_ char *s = string_format("%s-%d", "a", INT_MIN);
        _cleanup_free_ char *empty = string_format("%s", "");

        TAP_CHECK_STRING(s, "a--2147483648");
        TAP_CHECK_STRING(empty, "");
}

static void test_table_lookup(void) {
        static const char *const table[] = { "zero", NULL, "two" };

        TAP_CHECK_INT(string_table_lookup(table, 3, "zero"), 0);
        TAP_CHECK_INT(string_table_lookup(table, 3, "two"), 2);
        TAP_CHECK_INT(string_table_lookup(table, 2, "two"), -EINVAL);
        TAP_CHECK_INT(string_table_lookup(table, 3, "Two"), -EINVAL);
        TAP_CHECK_INT(string_table_lookup(table, 0, "zero"), -EINVAL);
}

static const struct {
        const char *text;
        int r;
        uint64_t value;
} numbers[] = {
        { "0", 0, 0 },
        { "00012", 0, 12 },
        { "18446744073709551615", 0, UINT64_MAX },
        { "18446744073709551616", -ERANGE, 0 },
        { "99999999999999999999999", -ERANGE, 0 },
        { NULL, -EINVAL, 0 },
        { "", -EINVAL, 0 },
        { " 1", -EINVAL, 0 },
        { "1 ", -EINVAL, 0 },
        { "+1", -EINVAL, 0 },
        { "-1", -EINVAL, 0 },
        { "0x10", -EINVAL, 0 },
        { "1e3", -EINVAL, 0 },
        { "1.0", -EINVAL, 0 },
        { "99999999999999999999999x", -EINVAL, 0 },
};

static void test_numbers(void) {
        for (size_t i = 0; i < ELEMENTSOF(numbers); i++) {
                uint64_t v = 7;
                int r = string_to_uint64(numbers[i].text, &v);

                if (r != numbers[i].r || v != (r < 0 ? 7 : numbers[i].value))
                        tap_fail(__FILE__, __LINE__, "\"%s\" gives %d, %llu", numbers[i].text ?: "NULL", r,
                                 (unsigned long long) v);
        }
}

static void test_encoding(void) {
        static const struct {
                const char *text, *encoded;
        } rows[] = {
                { "", "" },
                { "/usr/bin/make-9_A.z", "/usr/bin/make-9_A.z" },
                { "$HOME; 'x' \"y\" \\ %n", "=24HOME=3b=20=27x=27=20=22y=22=20=5c=20=25n" },
                { "=3d", "=3d3d" },
                { "\xc3\xa4\n\x01\xff", "=c3=a4=0a=01=ff" },
        };
        static const char *const broken[] = { "=", "=4", "a=4", "=g0", "=0g", "=4A", "x=", "==", ("=\xff" "0") };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *s = string_encode(rows[i].text);

                if (!TAP_CHECK_STRING(s, rows[i].encoded))
                        continue;
                TAP_CHECK_INT(string_decode(s), 0);
                TAP_CHECK_STRING(s, rows[i].text);
        }
        for (size_t i = 0; i < ELEMENTSOF(broken); i++) {
                _cleanup_free_ char *s = strdup(broken[i]);

                TAP_CHECK_INT(string_decode(s), -EINVAL);
        }
}

static void test_vectors(void) {
        _cleanup_strv_ char **v = NULL, **copy = NULL;

        TAP_CHECK_INT(strv_length(NULL), 0);
        for (int i = 0; i < 100; i++) {
                _cleanup_free_ char *s = string_format("string %d", i);

                TAP_CHECK_INT(strv_append(&v, s), 0);
                TAP_CHECK_INT(strv_length(v), i + 1);
        }
        TAP_CHECK_INT(strv_copy(v, &copy), 0);
        TAP_CHECK_INT(strv_length(copy), 100);
        for (int i = 0; i < 100; i++) {
                TAP_CHECK_STRING(copy[i], v[i]);
                TAP_CHECK(copy[i] != v[i]);
        }
        TAP_CHECK(!copy[100]);
        TAP_CHECK(!strv_free(NULL));
}

static void test_copy_of_no_vector(void) {
        char **copy = (char **) 1;

        TAP_CHECK_INT(strv_copy(NULL, &copy), 0);
        TAP_CHECK_INT(strv_length(copy), 0);
        strv_free(copy);
}

static size_t append(char *to, const char *s) {
        memcpy(to, s, strlen(s));
        return strlen(s);
}

/* Every place of something invalid, among ASCII and among longer characters, against the step by step model. */
static void test_whole_texts_of_utf8(void) {
        static const char *const plain[] = { "a", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80" };
        static const char *const broken[] = { "\x80", "\xc3", "\xe2\x82", "\xf0\x9f\x98", "\xff", "\xed\xa0\x80" };
        char text[256];

        TAP_CHECK(string_is_utf8(NULL, 0));
        TAP_CHECK(string_is_utf8("a\0b", 3));
        for (size_t kind = 0; kind < ELEMENTSOF(plain); kind++)
                for (size_t n = 0; n < 40; n++)
                        for (size_t at = 0; at <= n; at++) {
                                size_t size = 0;

                                for (size_t i = 0; i < n; i++)
                                        size += append(text + size, plain[kind]);
                                TAP_CHECK(string_is_utf8(text, size));
                                size = 0;
                                for (size_t i = 0; i < n; i++) {
                                        if (i == at)
                                                size += append(text + size, broken[n % ELEMENTSOF(broken)]);
                                        size += append(text + size, plain[kind]);
                                }
                                if (at == n)
                                        size += append(text + size, broken[n % ELEMENTSOF(broken)]);
                                TAP_CHECK(!string_is_utf8(text, size));
                        }
}

static const TapTest tests[] = {
        { "whole texts of UTF-8", test_whole_texts_of_utf8 },
        { "equal, also with NULL", test_equal },
        { "empty, and prefixes", test_empty_and_prefix },
        { "replace", test_replace },
        { "where a text is cut", test_cut_size },
        { "format", test_format },
        { "looking up in a table", test_table_lookup },
        { "whole decimal numbers", test_numbers },
        { "letters that nothing quotes", test_encoding },
        { "vectors", test_vectors },
        { "a copy of no vector", test_copy_of_no_vector },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}
