/* json_peek(): the member of the outermost object, wherever it stands, and never one of an inner one. */
#include "../lib/tap.h"

#include <remote-developer/json.h>
#include <remote-developer/strings.h>

#include <stdio.h>

static const struct {
        const char *text, *value;
} rows[] = {
        { "{\"type\":\"a\"}", "a" },
        { " { \"type\" : \"a\" } ", "a" },
        { "{\"x\":1,\"type\":\"a\"}", "a" },
        { "{\"x\":\"\",\"y\":{},\"z\":[],\"n\":null,\"f\":-1.5e3,\"type\":\"a\"}", "a" },
        { "{\"x\":{\"type\":\"b\"},\"type\":\"a\"}", "a" },
        { "{\"x\":[{\"type\":\"b\"},{\"y\":{\"type\":\"c\"}}],\"type\":\"a\"}", "a" },
        { "{\"x\":\"type\",\"type\":\"a\"}", "a" },
        { "{\"x\":\"\\\",\\\"type\\\":\\\"b\\\"\",\"type\":\"a\"}", "a" },
        { "{\"x\":\"\\\\\",\"type\":\"a\"}", "a" },
        { "{\"x\":\"\\\\\\\"\",\"type\":\"a\"}", "a" },
        { "{\"x\":\"}{][\",\"type\":\"a\"}", "a" },
        { "{\"types\":\"b\",\"typ\":\"c\",\"type\":\"a\"}", "a" },
        { "{\"type\":\"a\",\"type\":\"b\"}", "a" },
        { "{\"type\":\"a\",\"cut", "a" },
        { "{\"type\":\"\"}", "" },
        { "{\"type\":\"1234567\"}", "1234567" },
        { "{\"type\":\"12345678\"}", NULL }, /* no room */
        { "{\"type\":\"a\\u0062\"}", NULL },
        { "{\"type\":1}", "1" },
        { "{\"type\": -1.5e3 , \"x\":1}", "-1.5e3" },
        { "{\"type\":null,\"x\":1}", "null" },
        { "{\"type\":false}", "false" },
        { "{\"type\":12345678}", NULL }, /* no room */
        { "{\"type\":{}}", NULL },
        { "{\"type\":}", NULL },
        { "{\"type\":,\"type\":\"a\"}", NULL },
        { "{\"type\":[\"a\"]}", NULL },
        { "{\"x\":{\"type\":\"a\"}}", NULL },
        { "[{\"type\":\"a\"}]", NULL },
        { "\"type\":\"a\"", NULL },
        { "x{\"type\":\"a\"}", NULL },
        { "{\"x\":\"type\"}", NULL },
        { "{}", NULL },
        { "{\"x\":1}{\"type\":\"a\"}", NULL },
        { "{\"x\":1},\"type\":\"a\"", NULL },
        { "{\"x\":1]],\"type\":\"a\"}", NULL },
        { "{type:\"a\"}", NULL },
        { "", NULL },
};

static bool peek(const char *text, size_t n, char ret[static 8]) {
        /* In memory of its very size. */
        _cleanup_free_ char *copy = malloc(MAX_OF(n, (size_t) 1));

        memcpy(copy, text, n);
        return json_peek(copy, n, "type", ret, 8);
}

static void test_rows(void) {
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                char value[8];
                const char *found = peek(rows[i].text, strlen(rows[i].text), value) ? value : NULL;

                if (!TAP_CHECK_STRING(found, rows[i].value))
                        printf("# in %s\n", rows[i].text);
        }
}

/* Each beginning of each text: nothing is read behind it, and nothing but the value is found. */
static void test_beginnings(void) {
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                for (size_t n = 0; n < strlen(rows[i].text); n++) {
                        char value[8];

                        if (peek(rows[i].text, n, value))
                                TAP_CHECK_STRING(value, rows[i].value);
                }
}

static const TapTest tests[] = {
        { "rows", test_rows },
        { "beginnings", test_beginnings },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}
