/* What is hidden, and that nothing else is, however the bytes are cut. */
#include "tap.h"

#include <remote-developer/mask.h>
#include <remote-developer/strings.h>

#include <stdio.h>

static uint64_t state = 1;

static unsigned pick(unsigned n) {
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        return (unsigned) (state >> 33) % n;
}

static Mask *new_mask(const char *const *values) {
        Mask *m = NULL;
        int r = mask_new(&m);

        for (; r >= 0 && *values; values++)
                r = mask_add(m, *values, strlen(*values));
        if (r >= 0)
                r = mask_prepare(m);
        return TAP_CHECK_INT(r, 0) ? m : mask_free(m);
}

/* In pieces of up to `most` bytes, each in memory of its own: nothing behind it is to be read. */
static void pass(const Mask *m, const char *data, size_t size, unsigned most, Buffer *to) {
        MaskStream s;
        size_t n, given, room;

        TAP_CHECK_INT(mask_stream_init(&s, m), 0);
        for (size_t at = 0; at <= size; at += n) {
                bool last = at == size;
                _cleanup_free_ char *piece = NULL, *out = NULL;

                n = pick(most) + 1;
                n = MIN_OF(n, size - at);
                room = mask_room(m, n);
                out = malloc(room + 1);
                piece = malloc(n + 1);
                memcpy(piece, data + at, n);
                given = last ? mask_stream_end(&s, out) : mask_stream_put(&s, piece, n, out);
                if (!TAP_CHECK(given <= room) || !TAP_CHECK_INT(buffer_append(to, out, given), 0) || last)
                        break;
        }
        mask_stream_done(&s);
}

static bool masks(const char *const *values, const char *text, const char *expected) {
        _cleanup_(mask_freep) Mask *m = new_mask(values);
        bool same = true;

        for (unsigned most = 1; m && most < 20; most++) {
                _cleanup_(buffer_done) Buffer b = BUFFER_NULL;

                pass(m, text, strlen(text), most, &b);
                same = TAP_CHECK_STRING(b.data ?: "", expected) && same;
        }
        return m && same;
}

#define VALUES(...) ((const char *[]){ __VA_ARGS__, NULL })

static void test_what_is_hidden(void) {
        static const struct {
                const char *values[3];
                const char *text, *expected;
        } rows[] = {
                { { "secret" }, "a secret\n", "a ***\n" },
                { { "secret" }, "secretsecret secre", "****** secre" },
                { { "secret" }, "sesecret secrsecret secresecre", "se*** secr*** secresecre" },
                { { "short" }, "short", "short" },
                { { "\xc3\xa4\xc3\xb6\xc3\xbc" }, "\xc3\xa4\xc3\xb6\xc3\xbc", "\xc3\xa4\xc3\xb6\xc3\xbc" },
                { { "abcdef", "abcdefghi" }, "abcdefghi abcdefgh", "*** ***gh" },
                { { "abcdef", "defghi" }, "abcdefghi", "***" },
                { { "abcdef", "defghijkl" }, "abcdefghijklm abcdefghijk", "***m ***ghijk" },
                { { "aaaaaa" }, "aaaaaaaaaa aaaaa", "*** aaaaa" },
                { { "abcdefghijkl", "defghi" }, "abcdefghijk", "abc***jk" },
                { { "first line\nsecond line\r\nno\n" }, "first line,second line,no", "***,***,no" },
                { { "  padded \t" }, "padded", "***" },
                { { "       " }, "       ", "       " },
                { { "say \"hi\" \\o/" }, "say \"hi\" \\o/ say \\\"hi\\\" \\\\o/", "*** ***" },
                { { "p\xc3\xa4ss\xf0\x9f\x94\x91word" },
                  "p\xc3\xa4ss\xf0\x9f\x94\x91word p\\u00e4ss\\ud83d\\udd11word", "*** ***" },
                { { "a\tb\tc\td" }, "a\\tb\\tc\\td", "***" },
                { { "secret" }, "", "" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (!masks(rows[i].values, rows[i].text, rows[i].expected))
                        printf("# row %zu\n", i);
}

/* The texts of `texts` in all their places, by looking at each place for each. */
static void mask_slowly(char *const *texts, const char *data, size_t size, Buffer *to) {
        size_t until = 0, given = 0;

        for (size_t at = 0; at < size; at++) {
                size_t longest = 0;

                for (char *const *t = texts; *t; t++)
                        if (strlen(*t) <= size - at && memcmp(data + at, *t, strlen(*t)) == 0)
                                longest = MAX_OF(longest, strlen(*t));
                if (longest == 0)
                        continue;
                if (at >= until) {
                        (void) buffer_append(to, data + given, at - given);
                        (void) buffer_append_string(to, "***");
                }
                until = given = MAX_OF(until, at + longest);
        }
        (void) buffer_append(to, data + given, size - given);
}

static char *random_text(size_t size) {
        char *text = malloc(size + 1);

        for (size_t i = 0; i < size; i++)
                text[i] = "abc"[pick(pick(4) == 0 ? 3 : 2)];
        text[size] = 0;
        return text;
}

/* Few letters, so that texts overlap, begin and end with one another. */
static void test_any_bytes_in_any_pieces(void) {
        for (unsigned round = 0; round < 3000; round++) {
                char *texts[6] = {};
                size_t size = pick(400);
                _cleanup_free_ char *data = random_text(size);
                _cleanup_(buffer_done) Buffer expected = BUFFER_NULL, is = BUFFER_NULL;
                _cleanup_(mask_freep) Mask *m = NULL;

                for (unsigned i = 0; i < 1 + round % 5; i++)
                        texts[i] = random_text(MASK_CHARACTERS_MIN + pick(pick(2) == 0 ? 3 : 30));
                m = new_mask((const char *const *) texts);
                mask_slowly(texts, data, size, &expected);
                pass(m, data, size, 1 + pick(50), &is);
                for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                        free(texts[i]);
                if (!TAP_CHECK_STRING(is.data ?: "", expected.data ?: ""))
                        return;
        }
}

/* Nothing is held back but what may be the begin of a secret. */
static void test_the_rest_is_given_at_once(void) {
        static const struct {
                const char *text;
                size_t given;
        } rows[] = {
                { "hello", 5 }, { "hello s", 6 }, { "hello secre", 6 }, { "hello secre\n", 12 }, { "secret", 3 },
                { "secretse", 3 }, { "secrets", 3 },
        };
        _cleanup_(mask_freep) Mask *m = new_mask(VALUES("secret"));

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                char out[64];
                MaskStream s;

                TAP_CHECK_INT(mask_stream_init(&s, m), 0);
                TAP_CHECK_INT(mask_stream_put(&s, rows[i].text, strlen(rows[i].text), out), rows[i].given);
                mask_stream_done(&s);
        }
}

static void test_a_directory(void) {
        static const struct {
                const char *name, *value;
        } files[] = { { "TOKEN", "secret-one" }, { "key_2", "line one\nline two\n" }, { "input-1", "the prompt" } };
        char path[] = "/tmp/test-mask-XXXXXX";
        _cleanup_(mask_freep) Mask *m = NULL;
        _cleanup_(buffer_done) Buffer b = BUFFER_NULL;
        static const char text[] = "secret-one line two the prompt";

        if (!TAP_CHECK(mkdtemp(path)) || !TAP_CHECK_INT(mask_new(&m), 0))
                return;
        TAP_CHECK(mask_is_empty(m));
        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                _cleanup_free_ char *file = string_format("%s/%s", path, files[i].name);
                FILE *f = fopen(file, "w");

                TAP_CHECK(f && fputs(files[i].value, f) >= 0 && fclose(f) == 0);
        }
        TAP_CHECK_INT(mask_add_directory(m, path), 0);
        TAP_CHECK_INT(mask_prepare(m), 0);
        TAP_CHECK(!mask_is_empty(m));
        TAP_CHECK_INT(mask_apply(m, text, strlen(text), &b), 0);
        TAP_CHECK_STRING(b.data, "*** *** the prompt");
        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                _cleanup_free_ char *file = string_format("%s/%s", path, files[i].name);

                TAP_CHECK_INT(unlink(file), 0);
        }
        TAP_CHECK_INT(rmdir(path), 0);
        TAP_CHECK_INT(mask_add_directory(m, path), -ENOENT);
}

int main(void) {
        static const TapTest tests[] = {
                { "what is hidden", test_what_is_hidden },
                { "any bytes in any pieces", test_any_bytes_in_any_pieces },
                { "the rest is given at once", test_the_rest_is_given_at_once },
                { "the secrets of a directory", test_a_directory },
        };

        return tap_main(tests, ELEMENTSOF(tests));
}
