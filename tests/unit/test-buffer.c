/* Buffer: growing, its bound, formats, JSON strings, taking from the front. */
#include "../lib/tap.h"

#include <remote-developer/buffer.h>
#include <remote-developer/json.h>
#include <remote-developer/strings.h>

#include <sys/mman.h>

/* U+FFFD, which stands for what is no UTF-8. */
#define REPLACEMENT "\xef\xbf\xbd"

static bool is_whole(const Buffer *b) {
        return b->data && b->size < b->allocated && b->data[b->size] == 0;
}

static void test_null_is_complete(void) {
        Buffer b = BUFFER_NULL;

        buffer_clear(&b);
        buffer_consume(&b, 0);
        TAP_CHECK(!buffer_take(&b));
        buffer_done(&b);
        TAP_CHECK_INT(buffer_append(&b, NULL, 0), 0);
        TAP_CHECK_STRING(b.data, "");
        buffer_done(&b);
        TAP_CHECK(!b.data && b.size == 0 && b.allocated == 0);
}

static void test_bytes_stay_as_they_were(void) {
        enum { N = 20000 };
        _cleanup_(buffer_done) Buffer b = BUFFER_NULL;
        _cleanup_free_ char *model = malloc(N * 40);
        size_t size = 0, moves = 0;

        srandom(1);
        for (int i = 0; i < N; i++) {
                size_t before = b.allocated, n = (size_t) random() % 40;

                for (size_t k = 0; k < n; k++)
                        model[size + k] = (char) random();
                if (!TAP_CHECK_INT(buffer_append(&b, model + size, n), 0))
                        return;
                size += n;
                moves += b.allocated != before;
                if (!is_whole(&b) || b.size != size)
                        tap_fail(__FILE__, __LINE__, "after %d appends the buffer is not whole", i);
        }
        TAP_CHECK_INT(memcmp(b.data, model, size), 0);
        /* Doubling: 64 bytes become 400 kB in 13 steps. */
        TAP_CHECK(moves <= 14);
}

static void test_clear_keeps_memory_take_gives_it_away(void) {
        Buffer b = BUFFER_NULL;
        size_t allocated;
        char *taken;

        TAP_CHECK_INT(buffer_append_string(&b, "abc"), 0);
        allocated = b.allocated;
        buffer_clear(&b);
        TAP_CHECK_INT(b.size, 0);
        TAP_CHECK_STRING(b.data, "");
        TAP_CHECK_INT(b.allocated, allocated);
        TAP_CHECK_INT(buffer_append_string(&b, "de"), 0);
        taken = buffer_take(&b);
        TAP_CHECK_STRING(taken, "de");
        TAP_CHECK(!b.data && b.size == 0 && b.allocated == 0);
        free(taken);
}

static void test_formats_of_every_length(void) {
        _cleanup_(buffer_done) Buffer b = BUFFER_NULL;

        /* Around 64, where memory is first got and first grows. */
        for (int n = 0; n < 200; n++) {
                buffer_done(&b);
                TAP_CHECK_INT(buffer_append_format(&b, "%*s|", n, ""), 0);
                TAP_CHECK_INT(b.size, n + 1);
                TAP_CHECK(is_whole(&b) && b.data[n] == '|');
        }
        buffer_clear(&b);
        TAP_CHECK_INT(buffer_append_format(&b, "%s-%d", "a", 5), 0);
        TAP_CHECK_INT(buffer_append_format(&b, "%s", ""), 0);
        TAP_CHECK_INT(buffer_append_format(&b, "/%03u%%", 7U), 0);
        TAP_CHECK_STRING(b.data, "a-5/007%");
}

/* A buffer that is full but for `room` bytes, in address space that is never touched but at its end. */
static bool begin_full(Buffer *b, size_t room) {
        b->allocated = BUFFER_SIZE_MAX + 1;
        b->size = BUFFER_SIZE_MAX - room;
        b->data = mmap(NULL, b->allocated, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        return TAP_CHECK(b->data != MAP_FAILED);
}

static void end_full(Buffer *b) {
        munmap(b->data, b->allocated);
}

static void test_bound(void) {
        Buffer b = BUFFER_NULL;

        if (!begin_full(&b, 3))
                return;
        TAP_CHECK_INT(buffer_append(&b, "abcd", 4), -E2BIG);
        TAP_CHECK_INT(buffer_append(&b, "abcd", SIZE_MAX), -E2BIG);
        TAP_CHECK_INT(buffer_append_string(&b, "abcd"), -E2BIG);
        TAP_CHECK_INT(buffer_append_format(&b, "%d", 1234), -E2BIG);
        TAP_CHECK_INT(b.size, BUFFER_SIZE_MAX - 3);
        TAP_CHECK_INT(b.data[b.size], 0);
        TAP_CHECK_INT(buffer_append_json_string(&b, "ab", 2), -E2BIG);
        TAP_CHECK_INT(buffer_append_json_string(&b, "\n", 1), -E2BIG);
        TAP_CHECK_INT(b.size, BUFFER_SIZE_MAX - 3);
        TAP_CHECK_INT(b.data[b.size], 0);
        TAP_CHECK_INT(buffer_append_json_string(&b, "a", 1), 0);
        TAP_CHECK_INT(b.size, BUFFER_SIZE_MAX);
        TAP_CHECK_STRING(b.data + BUFFER_SIZE_MAX - 3, "\"a\"");
        TAP_CHECK_INT(buffer_append(&b, "", 0), 0);
        TAP_CHECK_INT(buffer_append(&b, "x", 1), -E2BIG);
        end_full(&b);
}

static void test_refused_append_leaves_null(void) {
        Buffer b = BUFFER_NULL;

        TAP_CHECK_INT(buffer_append(&b, "x", BUFFER_SIZE_MAX + 1), -E2BIG);
        TAP_CHECK(!b.data && b.size == 0 && b.allocated == 0);
}

static void test_consume(void) {
        enum { N = 1000 };
        _cleanup_(buffer_done) Buffer b = BUFFER_NULL;
        unsigned char in = 0, out = 0;

        srandom(2);
        for (int i = 0; i < N; i++) {
                size_t n = (size_t) random() % 100;

                for (size_t k = 0; k < n; k++, in++)
                        TAP_CHECK_INT(buffer_append(&b, &in, 1), 0);
                n = b.size > 0 ? (size_t) random() % (b.size + 1) : 0;
                for (size_t k = 0; k < n; k++, out++)
                        if ((unsigned char) b.data[k] != out)
                                tap_fail(__FILE__, __LINE__, "byte %zu is wrong in round %d", k, i);
                buffer_consume(&b, n);
        }
        buffer_consume(&b, b.size);
        TAP_CHECK_STRING(b.data, "");
}

/* --- JSON strings --- */

#define BYTES(literal) literal, sizeof(literal) - 1

static const struct {
        const char *data;
        size_t size;
        const char *json;
} strings[] = {
        { BYTES(""), "\"\"" },
        { BYTES("plain text"), "\"plain text\"" },
        { BYTES("a\"b\\c/d"), "\"a\\\"b\\\\c/d\"" },
        { BYTES("\n\r\t"), "\"\\n\\r\\t\"" },
        { BYTES("\b\f\x1b\x01\x1f"), "\"\\u0008\\u000c\\u001b\\u0001\\u001f\"" },
        { BYTES("a\0b"), "\"a\\u0000b\"" },
        { BYTES("\x7f"), "\"\x7f\"" },
        { BYTES("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"), "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"" },
        { BYTES("\x80"), "\"" REPLACEMENT "\"" },
        { BYTES("a\xff" "b"), "\"a" REPLACEMENT "b\"" },
        { BYTES("\xc0\x80"), "\"" REPLACEMENT REPLACEMENT "\"" },
        { BYTES("\xed\xa0\x80"), "\"" REPLACEMENT REPLACEMENT REPLACEMENT "\"" },
        { BYTES("\xf4\x90\x80\x80"), "\"" REPLACEMENT REPLACEMENT REPLACEMENT REPLACEMENT "\"" },
        /* Cut in the middle, and what follows is no continuation. */
        { BYTES("\xe2\x82"), "\"" REPLACEMENT REPLACEMENT "\"" },
        { BYTES("\xf0\x9f\x98x"), "\"" REPLACEMENT REPLACEMENT REPLACEMENT "x\"" },
        { BYTES("\xe2\xc3\xa4"), "\"" REPLACEMENT "\xc3\xa4\"" },
        { BYTES("\xe2\x82\""), "\"" REPLACEMENT REPLACEMENT "\\\"\"" },
        /* What stands behind the end does not count. */
        { "\xc3\xa4", 1, "\"" REPLACEMENT "\"" },
        { "a\xe2\x82\xac", 3, "\"a" REPLACEMENT REPLACEMENT "\"" },
        { "\xf0\x9f\x98\x80", 3, "\"" REPLACEMENT REPLACEMENT REPLACEMENT "\"" },
};

static void test_json_strings(void) {
        _cleanup_(buffer_done) Buffer b = BUFFER_NULL;

        for (size_t i = 0; i < ELEMENTSOF(strings); i++) {
                buffer_clear(&b);
                TAP_CHECK_INT(buffer_append_json_string(&b, strings[i].data, strings[i].size), 0);
                TAP_CHECK_STRING(b.data, strings[i].json);
        }
}

/* By arithmetic, not by the table of ranges that the program uses: decode, then ask whether this is the shortest
 * form of something that exists. */
static size_t model_sequence_length(const unsigned char *s, size_t size) {
        static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
        size_t n = s[0] < 0x80 ? 1 : s[0] >> 5 == 6 ? 2 : s[0] >> 4 == 14 ? 3 : s[0] >> 3 == 30 ? 4 : 0;
        uint32_t c = n < 2 ? s[0] : s[0] & (0x7fU >> n);

        if (n == 0 || n > size)
                return 0;
        for (size_t i = 1; i < n; i++) {
                if (s[i] >> 6 != 2)
                        return 0;
                c = c << 6 | (s[i] & 0x3f);
        }
        return c < smallest[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0 : n;
}

static void model_append(Buffer *b, const unsigned char *s, size_t size) {
        for (size_t i = 0, n; i < size; i += n) {
                n = model_sequence_length(s + i, size - i);
                TAP_CHECK_INT(n > 0 ? buffer_append(b, s + i, n) : buffer_append_string(b, REPLACEMENT), 0);
                n = MAX_OF(n, (size_t) 1);
        }
}

/* What comes out is JSON, and reading it back gives what went in, repaired. */
static bool reads_back(const unsigned char *s, size_t size, Buffer *json, Buffer *model) {
        _cleanup_json_ Json *object = NULL;
        const char *text;

        buffer_clear(json);
        buffer_clear(model);
        if (buffer_append_string(json, "{\"a\":") < 0 || buffer_append_json_string(json, (const char *) s, size) < 0 ||
            buffer_append_string(json, "}") < 0)
                return false;
        model_append(model, s, size);
        if (json_parse(json->data, json->size, &object, NULL) < 0)
                return false;
        text = json_get_string(object, "a");
        return text && model->data && strcmp(text, model->data) == 0;
}

static void test_json_strings_of_every_two_bytes(void) {
        _cleanup_(buffer_done) Buffer json = BUFFER_NULL, model = BUFFER_NULL;
        unsigned bad = 0;

        for (unsigned i = 0x101; i < 0x10000; i++) {
                unsigned char s[] = { (unsigned char) (i >> 8), (unsigned char) i };

                if (s[0] && s[1] && !reads_back(s, 2, &json, &model) && bad++ == 0)
                        tap_fail(__FILE__, __LINE__, "%02x %02x does not read back", s[0], s[1]);
        }
        TAP_CHECK_INT(bad, 0);
}

static void test_json_strings_of_many_sequences(void) {
        /* Where the valid ranges begin and end. */
        static const unsigned char edges[] = { 0x01, 0x22, 0x5c, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf,
                                               0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef,
                                               0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xf8, 0xff };
        enum { N = ELEMENTSOF(edges) };
        _cleanup_(buffer_done) Buffer json = BUFFER_NULL, model = BUFFER_NULL;
        unsigned bad = 0;

        for (unsigned i = 0; i < N * N * N * N; i += 3) {
                unsigned char s[] = { edges[i / (N * N * N)], edges[i / (N * N) % N], edges[i / N % N], edges[i % N] };

                if (!reads_back(s, 4, &json, &model) && bad++ == 0)
                        tap_fail(__FILE__, __LINE__, "%02x %02x %02x %02x does not read back", s[0], s[1], s[2], s[3]);
        }
        TAP_CHECK_INT(bad, 0);
}

/* RFC 4648's own, and the two letters that are no letters. */
static void test_base64(void) {
        static const struct {
                const char *text, *base64;
        } rows[] = {
                { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg==" },
                { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" }, { "\xfb\xef\xbe", "++++" },
                { "\xff\xff\xff", "////" }, { "\xff", "/w==" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(buffer_done) Buffer b = BUFFER_NULL;

                TAP_CHECK_INT(buffer_append_string(&b, "x"), 0);
                TAP_CHECK_INT(buffer_append_base64(&b, rows[i].text, strlen(rows[i].text)), 0);
                TAP_CHECK_STRING(b.data + 1, rows[i].base64);
                TAP_CHECK_INT(b.size, 1 + strlen(rows[i].base64));
        }
}

static void test_base64_bound(void) {
        _cleanup_(buffer_done) Buffer b = BUFFER_NULL;

        TAP_CHECK_INT(buffer_append_string(&b, "x"), 0);
        TAP_CHECK_INT(buffer_append_base64(&b, "", SIZE_MAX), -E2BIG);
        TAP_CHECK_INT(buffer_append_base64(&b, "", BUFFER_SIZE_MAX / 4 * 3), -E2BIG);
        TAP_CHECK_STRING(b.data, "x");
}

static const TapTest tests[] = {
        { "the null buffer is complete", test_null_is_complete },
        { "bytes stay as they were while memory doubles", test_bytes_stay_as_they_were },
        { "clear keeps memory, take gives it away", test_clear_keeps_memory_take_gives_it_away },
        { "formats of every length", test_formats_of_every_length },
        { "the bound holds and nothing is appended in part", test_bound },
        { "a refused first append leaves the null buffer", test_refused_append_leaves_null },
        { "consume drops from the front", test_consume },
        { "base64", test_base64 },
        { "base64 keeps the bound", test_base64_bound },
        { "JSON strings", test_json_strings },
        { "JSON strings of every two bytes read back", test_json_strings_of_every_two_bytes },
        { "JSON strings of sequences at the edges of UTF-8 read back", test_json_strings_of_many_sequences },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}
