/* Tokens: making, finding and reading them, and what their file must not say. */
#include "../lib/scratch.h"
#include "../lib/tap.h"

#include <remote-developer/digest.h>
#include <remote-developer/files.h>
#include <remote-developer/log.h>
#include <remote-developer/strings.h>
#include <remote-developer/token-file.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <syslog.h>

#define DAY (86400 * USEC_PER_SEC)

static void test_digest(void) {
        char text[DIGEST_TEXT_SIZE], other[DIGEST_TEXT_SIZE];

        TAP_CHECK_INT(digest_of("abc", 3, text), 0); /* FIPS 180-2, appendix B.1 */
        TAP_CHECK_STRING(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        TAP_CHECK_INT(digest_of("", 0, other), 0);
        TAP_CHECK_STRING(other, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        TAP_CHECK(digest_equal(text, text) && !digest_equal(text, other));
        memcpy(other, text, sizeof(other));
        other[63] = 'e';
        TAP_CHECK(!digest_equal(text, other));
}

/* --- making and finding --- */

static void test_a_new_token_is_found_by_its_text_alone(void) {
        _cleanup_(token_list_done) TokenList l = TOKEN_LIST_NULL;
        char one[TOKEN_TEXT_SIZE], two[TOKEN_TEXT_SIZE];
        usec_t now = clock_realtime_usec();

        TAP_CHECK_INT(token_list_add(&l, "one", ACCESS_READ, 0, one, NULL), 0);
        TAP_CHECK_INT(token_list_add(&l, "two", ACCESS_ADMIN, now + DAY, two, NULL), 0);
        TAP_CHECK(string_has_prefix(one, TOKEN_PREFIX) && strlen(one) == TOKEN_TEXT_SIZE - 1);
        TAP_CHECK(strcmp(one, two) != 0);
        TAP_CHECK(token_list_find(&l, one, now) == &l.items[0]);
        TAP_CHECK(token_list_find(&l, two, now) == &l.items[1]);
        TAP_CHECK(!strstr(l.items[0].sha256, one + strlen(TOKEN_PREFIX)));
        /* Neither what is stored, nor the name, nor a part. */
        TAP_CHECK(!token_list_find(&l, l.items[0].sha256, now));
        TAP_CHECK(!token_list_find(&l, "one", now));
        TAP_CHECK(!token_list_find(&l, "", now));
        for (size_t i = 0; i < TOKEN_TEXT_SIZE - 1; i++) {
                char wrong[TOKEN_TEXT_SIZE];

                memcpy(wrong, one, sizeof(wrong));
                wrong[i] ^= 1;
                TAP_CHECK(!token_list_find(&l, wrong, now));
                wrong[i] = 0;
                TAP_CHECK(!token_list_find(&l, wrong, now));
        }
}

static void test_an_expired_token_is_none(void) {
        _cleanup_(token_list_done) TokenList l = TOKEN_LIST_NULL;
        char text[TOKEN_TEXT_SIZE];

        TAP_CHECK_INT(token_list_add(&l, "x", ACCESS_RUN, 5 * DAY, text, NULL), 0);
        TAP_CHECK(token_list_find(&l, text, 5 * DAY - 1));
        TAP_CHECK(!token_list_find(&l, text, 5 * DAY));
        TAP_CHECK(!token_list_find(&l, text, 6 * DAY));
}

static void test_names(void) {
        static const char *const bad[] = { "", " ", "a b", "-x", ".x", "_x", "a/b", "a\n", "é", "a\"b", "token:x" };
        _cleanup_(token_list_done) TokenList l = TOKEN_LIST_NULL;
        char text[TOKEN_TEXT_SIZE], longest[TOKEN_NAME_MAX + 2];

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                TAP_CHECK_INT(token_list_add(&l, bad[i], ACCESS_READ, 0, text, NULL), -EINVAL);
        memset(longest, 'x', sizeof(longest) - 1);
        longest[TOKEN_NAME_MAX + 1] = 0;
        TAP_CHECK_INT(token_list_add(&l, longest, ACCESS_READ, 0, text, NULL), -EINVAL);
        longest[TOKEN_NAME_MAX] = 0;
        TAP_CHECK_INT(token_list_add(&l, longest, ACCESS_READ, 0, text, NULL), 0);
        TAP_CHECK_INT(token_list_add(&l, "ci.build-7_x", ACCESS_READ, 0, text, NULL), 0);
        TAP_CHECK_INT(token_list_add(&l, "ci.build-7_x", ACCESS_ADMIN, 0, text, NULL), -EEXIST);
        TAP_CHECK_INT(l.n, 2);
}

static void test_there_is_a_most(void) {
        _cleanup_(token_list_done) TokenList l = TOKEN_LIST_NULL;
        char text[TOKEN_TEXT_SIZE];

        for (size_t i = 0; i < TOKENS_MAX; i++) {
                _cleanup_free_ char *name = string_format("t%zu", i);

                TAP_CHECK_INT(token_list_add(&l, name, ACCESS_READ, 0, text, NULL), 0);
        }
        TAP_CHECK_INT(token_list_add(&l, "more", ACCESS_READ, 0, text, NULL), -ENOSPC);
        TAP_CHECK_INT(token_list_remove(&l, "more"), -ENOENT);
        TAP_CHECK_INT(token_list_remove(&l, "t0"), 0);
        TAP_CHECK_INT(token_list_remove(&l, "t0"), -ENOENT);
        TAP_CHECK_INT(token_list_remove(&l, "t63"), 0);
        TAP_CHECK_STRING(l.items[0].name, "t1");
        TAP_CHECK_INT(token_list_add(&l, "more", ACCESS_READ, 0, text, NULL), 0);
        TAP_CHECK_INT(l.n, TOKENS_MAX - 1);
}

static void test_expiry(void) {
        static const struct {
                const char *text;
                usec_t at;
        } good[] = { { "45s", 45 * USEC_PER_SEC }, { "30min", 1800 * USEC_PER_SEC }, { "12h", DAY / 2 },
                     { "90d", 90 * DAY }, { "2w", 14 * DAY }, { "3653d", 3653 * DAY } };
        static const char *const bad[] = { "", "90", "d", "-1d", "0d", "1.5d", "90 d", "90days", "3654d", "1y",
                                           "Never", "99999999999999999999d", "18446744073709551615s" };
        usec_t at = 7;

        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                TAP_CHECK(token_parse_expiry(good[i].text, 1000, &at) == 0 && at == 1000 + good[i].at);
        TAP_CHECK(token_parse_expiry("never", 1000, &at) == 0 && at == 0);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                if (token_parse_expiry(bad[i], 1000, &at) != -EINVAL)
                        tap_fail(__FILE__, __LINE__, "\"%s\" is taken", bad[i]);
}

/* --- on disk --- */

static int open_scratch(const Scratch *s) {
        return open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void test_what_was_written_is_read_back(void) {
        _cleanup_(scratch_done) Scratch s = SCRATCH_NULL;
        _cleanup_(token_list_done) TokenList l = TOKEN_LIST_NULL, back = TOKEN_LIST_NULL;
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        _cleanup_close_ int fd = -EBADF;
        char one[TOKEN_TEXT_SIZE], two[TOKEN_TEXT_SIZE];
        usec_t now = clock_realtime_usec();
        struct stat st;

        if (!scratch_init(&s) || !TAP_CHECK((fd = open_scratch(&s)) >= 0))
                return;
        TAP_CHECK_INT(token_list_read(fd, &back, NULL), 0);
        TAP_CHECK_INT(back.n, 0);
        token_list_add(&l, "one", ACCESS_RUN, now + DAY, one, NULL);
        token_list_add(&l, "two", ACCESS_READ, 0, two, NULL);
        TAP_CHECK_INT(token_list_write(fd, &l), 0);
        TAP_CHECK(fstatat(fd, TOKEN_FILE, &st, 0) == 0 && (st.st_mode & 07777) == 0600);
        TAP_CHECK_INT(token_list_read(fd, &back, NULL), 0);
        TAP_CHECK_INT(back.n, 2);
        TAP_CHECK_STRING(token_list_find(&back, one, now)->name, "one");
        TAP_CHECK_INT(token_list_find(&back, one, now)->scope, ACCESS_RUN);
        TAP_CHECK(!token_list_find(&back, one, now + DAY + 1));
        TAP_CHECK(token_list_find(&back, two, now + 9999 * DAY));
        TAP_CHECK_INT(file_read(fd, TOKEN_FILE, 65536, &text), 0);
        TAP_CHECK(!strstr(text.data, one) && !strstr(text.data, one + strlen(TOKEN_PREFIX)));
}

#define SHA "\"sha256\":\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\""
#define MADE "\"created_at\":\"2026-11-22T12:30:29.123456Z\""
#define GOOD "{\"name\":\"a\",\"scope\":\"run\"," SHA "," MADE ",\"never_expires\":true}"
#define FILE_OF(tokens) "{\"version\":1,\"tokens\":[" tokens "]}"

static const char *const broken[] = {
        "",
        "{",
        "[]",
        "{}",
        "null",
        "{\"version\":2,\"tokens\":[]}",
        "{\"version\":1}",
        "{\"version\":1,\"tokens\":[]} x",
        FILE_OF("1"),
        FILE_OF("{}"),
        FILE_OF(GOOD "," GOOD),
        FILE_OF("{\"scope\":\"run\"," SHA "," MADE ",\"never_expires\":true}"),
        FILE_OF("{\"name\":\"a b\",\"scope\":\"run\"," SHA "," MADE ",\"never_expires\":true}"),
        FILE_OF("{\"name\":\"a\"," SHA "," MADE ",\"never_expires\":true}"),
        FILE_OF("{\"name\":\"a\",\"scope\":\"none\"," SHA "," MADE ",\"never_expires\":true}"),
        FILE_OF("{\"name\":\"a\",\"scope\":\"root\"," SHA "," MADE ",\"never_expires\":true}"),
        FILE_OF("{\"name\":\"a\",\"scope\":\"run\"," MADE ",\"never_expires\":true}"),
        FILE_OF("{\"name\":\"a\",\"scope\":\"run\",\"sha256\":\"\"," MADE ",\"never_expires\":true}"),
        FILE_OF("{\"name\":\"a\",\"scope\":\"run\",\"sha256\":\"ba78\"," MADE ",\"never_expires\":true}"),
        FILE_OF("{\"name\":\"a\",\"scope\":\"run\"," SHA ",\"never_expires\":true}"),
        FILE_OF("{\"name\":\"a\",\"scope\":\"run\"," SHA "," MADE "}"),
        FILE_OF("{\"name\":\"a\",\"scope\":\"run\"," SHA "," MADE ",\"expires_at\":\"soon\"}"),
        FILE_OF("{\"name\":\"a\",\"scope\":\"run\"," SHA "," MADE ",\"expires_at\":null}"),
        FILE_OF("{\"name\":\"a\",\"scope\":\"run\"," SHA "," MADE ",\"never_expires\":true,\"more\":1}"),
        FILE_OF(GOOD ",{\"name\":\"b\"}"),
};

static void write_file(const Scratch *s, const char *text, mode_t mode) {
        _cleanup_close_ int fd = open_scratch(s);

        (void) unlinkat(fd, TOKEN_FILE, 0);
        TAP_CHECK_INT(file_write_durable(fd, TOKEN_FILE, text, strlen(text), mode), 0);
        TAP_CHECK_INT(fchmodat(fd, TOKEN_FILE, mode, 0), 0);
}

/* As many as there may be, and one more. */
static void test_a_file_of_too_many_tokens(void) {
        _cleanup_(scratch_done) Scratch s = SCRATCH_NULL;
        _cleanup_close_ int fd = -EBADF;

        if (!scratch_init(&s) || !TAP_CHECK((fd = open_scratch(&s)) >= 0))
                return;
        for (size_t n = TOKENS_MAX; n <= TOKENS_MAX + 1; n++) {
                _cleanup_(token_list_done) TokenList l = TOKEN_LIST_NULL;
                _cleanup_(problem_done) Problem problem = PROBLEM_NULL;
                _cleanup_(buffer_done) Buffer text = BUFFER_NULL;

                buffer_append_string(&text, "{\"version\":1,\"tokens\":[");
                for (size_t i = 0; i < n; i++)
                        buffer_append_format(&text, "%s{\"name\":\"t%zu\",\"scope\":\"run\"," SHA "," MADE
                                                    ",\"never_expires\":true}", i > 0 ? "," : "", i);
                buffer_append_string(&text, "]}");
                write_file(&s, text.data, 0600);
                TAP_CHECK_INT(token_list_read(fd, &l, &problem), n > TOKENS_MAX ? -EBADMSG : 0);
                TAP_CHECK_INT(l.n, n > TOKENS_MAX ? 0 : TOKENS_MAX);
                if (n > TOKENS_MAX)
                        TAP_CHECK_CONTAINS(problem_sentence(&problem), "more than 64 tokens");
        }
}

static void test_a_broken_file_holds_no_token(void) {
        _cleanup_(scratch_done) Scratch s = SCRATCH_NULL;
        _cleanup_close_ int fd = -EBADF;

        if (!scratch_init(&s) || !TAP_CHECK((fd = open_scratch(&s)) >= 0))
                return;
        for (size_t i = 0; i < ELEMENTSOF(broken); i++) {
                _cleanup_(token_list_done) TokenList l = TOKEN_LIST_NULL;
                _cleanup_(problem_done) Problem problem = PROBLEM_NULL;

                write_file(&s, broken[i], 0600);
                if (token_list_read(fd, &l, &problem) != -EBADMSG || l.n != 0 || problem.error >= 0)
                        tap_fail(__FILE__, __LINE__, "it is believed: %s", broken[i]);
        }
}

static void test_who_may_have_written_it(void) {
        _cleanup_(scratch_done) Scratch s = SCRATCH_NULL;
        _cleanup_(token_list_done) TokenList l = TOKEN_LIST_NULL;
        _cleanup_close_ int fd = -EBADF;

        if (!scratch_init(&s) || !TAP_CHECK((fd = open_scratch(&s)) >= 0))
                return;
        for (mode_t bit = 1; bit <= 040; bit <<= 1) {
                write_file(&s, FILE_OF(GOOD), 0600 | bit);
                TAP_CHECK_INT(token_list_read(fd, &l, NULL), -EBADMSG);
        }
        write_file(&s, FILE_OF(GOOD), 0600);
        TAP_CHECK_INT(token_list_read(fd, &l, NULL), 0);
        TAP_CHECK_INT(l.n, 1);
        token_list_done(&l);
        if (geteuid() == 0) {
                TAP_CHECK_INT(fchownat(fd, TOKEN_FILE, 12345, 0, 0), 0);
                TAP_CHECK_INT(token_list_read(fd, &l, NULL), -EBADMSG);
        }
        TAP_CHECK_INT(renameat(fd, TOKEN_FILE, fd, "elsewhere"), 0);
        TAP_CHECK_INT(symlinkat("elsewhere", fd, TOKEN_FILE), 0);
        TAP_CHECK_INT(token_list_read(fd, &l, NULL), -EBADMSG);
        TAP_CHECK_INT(unlinkat(fd, TOKEN_FILE, 0), 0);
        TAP_CHECK_INT(mkdirat(fd, TOKEN_FILE, 0700), 0);
        TAP_CHECK_INT(token_list_read(fd, &l, NULL), -EBADMSG);
        TAP_CHECK_INT(l.n, 0);
}

/* --- while the service runs --- */

static unsigned errors_logged;

static void sink(int priority, const LogAbout *about _unused_, const char *text) {
        errors_logged += priority == LOG_ERR && strstr(text, "no token is valid");
}

static void make_older(const Scratch *s) {
        const struct timespec times[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };

        TAP_CHECK_INT(utimensat(AT_FDCWD, scratch_path(s, TOKEN_FILE), times, 0), 0);
}

static void test_a_change_is_seen_at_once(void) {
        _cleanup_(scratch_done) Scratch s = SCRATCH_NULL;
        _cleanup_(token_list_done) TokenList l = TOKEN_LIST_NULL;
        _cleanup_(token_file_freep) TokenFile *f = NULL;
        _cleanup_close_ int fd = -EBADF;
        char text[TOKEN_TEXT_SIZE];

        if (!scratch_init(&s) || !TAP_CHECK((fd = open_scratch(&s)) >= 0) ||
            !TAP_CHECK_INT(token_file_new(s.path, &f), 0))
                return;
        TAP_CHECK_INT(token_file_look(f)->n, 0);
        /* As fast as one can: in the grain of the file's times. */
        for (unsigned i = 0; i < 50; i++) {
                token_list_add(&l, "x", ACCESS_READ, 0, text, NULL);
                TAP_CHECK_INT(token_list_write(fd, &l), 0);
                TAP_CHECK(token_list_find(token_file_look(f), text, 1));
                token_list_remove(&l, "x");
                TAP_CHECK_INT(token_list_write(fd, &l), 0);
                TAP_CHECK(!token_list_find(token_file_look(f), text, 1));
        }
        TAP_CHECK(!token_file_fault(f));
}

/* By an editor, in place: the inode and the size stay, and of the times only what the kernel's clock tells apart
 * (before Linux 6.13 a tick). */
static void test_a_change_in_place_is_seen_at_once(void) {
        static const char good[] = FILE_OF(GOOD), *bad = FILE_OF("1" GOOD);
        _cleanup_(scratch_done) Scratch s = SCRATCH_NULL;
        _cleanup_(token_file_freep) TokenFile *f = NULL;
        _cleanup_close_ int fd = -EBADF;

        if (!scratch_init(&s) || !TAP_CHECK_INT(token_file_new(s.path, &f), 0))
                return;
        write_file(&s, good, 0600);
        fd = openat(s.fd, TOKEN_FILE, O_WRONLY | O_CLOEXEC);
        log_set_sink(sink);
        for (unsigned i = 0; i < 200; i++) {
                const char *text = i % 2 == 0 ? bad : good;

                if (!TAP_CHECK(pwrite(fd, text, strlen(good), 0) == (ssize_t) strlen(good)) ||
                    !TAP_CHECK_INT(token_file_look(f)->n, i % 2))
                        break;
        }
        log_set_sink(NULL);
}

static void test_a_broken_file_is_told_once_and_mended_at_once(void) {
        _cleanup_(scratch_done) Scratch s = SCRATCH_NULL;
        _cleanup_(token_file_freep) TokenFile *f = NULL;

        if (!scratch_init(&s) || !TAP_CHECK_INT(token_file_new(s.path, &f), 0))
                return;
        errors_logged = 0;
        log_set_sink(sink);
        write_file(&s, FILE_OF(GOOD), 0600);
        TAP_CHECK_INT(token_file_look(f)->n, 1);
        write_file(&s, FILE_OF(GOOD) "x", 0600);
        make_older(&s);
        for (unsigned i = 0; i < 5; i++)
                TAP_CHECK_INT(token_file_look(f)->n, 0);
        TAP_CHECK_CONTAINS(token_file_fault(f), "no token is valid");
        TAP_CHECK_INT(errors_logged, 1);
        write_file(&s, FILE_OF(GOOD), 0600);
        TAP_CHECK_INT(token_file_look(f)->n, 1);
        TAP_CHECK(!token_file_fault(f));
        write_file(&s, FILE_OF(GOOD), 0644);
        TAP_CHECK_INT(token_file_look(f)->n, 0);
        TAP_CHECK_CONTAINS(token_file_fault(f), "0600");
        TAP_CHECK_INT(errors_logged, 2);
        TAP_CHECK_INT(unlink(scratch_path(&s, TOKEN_FILE)), 0);
        TAP_CHECK(!token_file_fault(f) && token_file_look(f)->n == 0);
        log_set_sink(NULL);
}

static const TapTest tests[] = {
        { "digests", test_digest },
        { "a new token is found by its text alone", test_a_new_token_is_found_by_its_text_alone },
        { "an expired token is none", test_an_expired_token_is_none },
        { "names", test_names },
        { "there is a most", test_there_is_a_most },
        { "expiry", test_expiry },
        { "what was written is read back", test_what_was_written_is_read_back },
        { "a file of too many tokens", test_a_file_of_too_many_tokens },
        { "a broken file holds no token", test_a_broken_file_holds_no_token },
        { "who may have written it", test_who_may_have_written_it },
        { "a change is seen at once", test_a_change_is_seen_at_once },
        { "a change in place is seen at once", test_a_change_in_place_is_seen_at_once },
        { "a broken file is told once, and mended at once", test_a_broken_file_is_told_once_and_mended_at_once },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}
