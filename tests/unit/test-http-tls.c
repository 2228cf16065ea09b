/* The HTTP server over TLS: the same as in the clear, with records and handshakes between; and what it does with those
 * who do not speak it. */
#include "http-fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define GET "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
#define DAY_USEC (24 * 3600 * USEC_PER_SEC)

/* What the handler saw, and whether it keeps the next request. */
typedef struct Seen {
        unsigned n, n_known, n_tls;
        size_t body_size;
        bool keep;
        HttpRequest *kept;
        size_t answer_size;
} Seen;

static void reply(HttpRequest *r, size_t size) {
        _cleanup_(buffer_done) Buffer b = BUFFER_NULL;

        for (size_t i = 0; i < size; i += 10)
                TAP_CHECK_INT(buffer_append(&b, "0123456789", 10), 0);
        buffer_append_string(&b, "hello");
        http_request_reply(r, 200, "text/plain", &b);
}

static void on_request(HttpRequest *r, void *userdata) {
        Seen *seen = userdata;

        seen->n++;
        seen->n_known += http_request_peer(r).is_known;
        seen->n_tls += http_request_is_tls(r);
        http_request_body(r, &seen->body_size);
        if (seen->keep)
                seen->kept = r;
        else
                reply(r, seen->answer_size);
}

static bool start(HttpFixture *f, const HttpLimits *limits, Seen *seen) {
        f->with_tls = true;
        return http_fixture_start(f, limits, on_request, seen);
}

/* --- the same as in the clear --- */

static void test_requests_are_answered_and_nobody_is_known(void) {
        Seen seen = {};
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {}, clear = {};

        if (!start(&f, NULL, &seen) || !http_client_open(&c, &f, HTTP_OVER_TLS) ||
            !http_client_open(&clear, &f, HTTP_OVER_TCP))
                return;
        http_client_send(&c, GET GET);
        TAP_CHECK(HTTP_WAIT(&f, http_client_count(&c, "hello") == 2));
        TAP_CHECK_INT(seen.n_known, 0);
        TAP_CHECK_INT(seen.n_tls, 2);
        http_client_send(&clear, GET);
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&clear, "hello")));
        TAP_CHECK_INT(seen.n_known, 1);
        TAP_CHECK_INT(seen.n_tls, 2);
}

/* Many records, of which libmicrohttpd's memory holds a part; and pipelined behind it another request, which GnuTLS
 * may have read already when the socket has nothing more to say. */
static void test_long_bodies_and_answers_come_whole(void) {
        Seen seen = { .answer_size = 1000000 };
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};
        _cleanup_(buffer_done) Buffer b = BUFFER_NULL;
        HttpLimits limits = http_fixture_limits;

        limits.body_max = 1024 * 1024;
        if (!start(&f, &limits, &seen) || !http_client_open(&c, &f, HTTP_OVER_TLS))
                return;
        buffer_append_string(&b, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
        for (unsigned i = 0; i < 100000; i++)
                buffer_append_string(&b, "0123456789");
        buffer_append_string(&b, GET);
        http_client_send_bytes(&c, b.data, b.size);
        TAP_CHECK(HTTP_WAIT(&f, seen.n == 1));
        TAP_CHECK_INT(seen.body_size, 1000000);
        TAP_CHECK(HTTP_WAIT(&f, http_client_count(&c, "hello") == 2));
        TAP_CHECK_INT(http_client_count(&c, "0123456789"), 200000);
}

static void test_an_answer_may_come_late(void) {
        Seen seen = { .keep = true };
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};

        if (!start(&f, NULL, &seen) || !http_client_open(&c, &f, HTTP_OVER_TLS))
                return;
        http_client_send(&c, GET GET); /* the second is in GnuTLS's hands while the first is waited for */
        if (!TAP_CHECK(HTTP_WAIT(&f, seen.kept)))
                return;
        http_fixture_settle(&f);
        TAP_CHECK(http_fixture_rests(&f, 200 * USEC_PER_MSEC));
        seen.keep = false;
        reply(seen.kept, 0);
        TAP_CHECK(HTTP_WAIT(&f, http_client_count(&c, "hello") == 2));
}

static void test_streams_go_on_with_each_wake_and_sleep_between(void) {
        HttpSource s;
        _cleanup_(http_fixture_done) HttpFixture f = { .with_tls = true };
        _cleanup_(http_client_done) HttpClient c = {};

        if (!http_source_open(&s, &f, &c, HTTP_OVER_TLS, "HTTP/1.1"))
                return;
        for (unsigned i = 1; i <= 50; i++) {
                http_source_say(&s, "data: line\n\n", HTTP_FILL_SLEEP);
                TAP_CHECK(HTTP_WAIT(&f, http_client_count(&c, "data: line") == i));
        }
        http_fixture_settle(&f);
        TAP_CHECK(http_fixture_rests(&f, 200 * USEC_PER_MSEC));
        http_source_say(&s, "data: end\n\n", HTTP_FILL_END);
        TAP_CHECK(HTTP_WAIT(&f, s.closed == 1 && http_client_got(&c, "data: end")));
}

static void test_a_viewer_that_leaves_is_noticed(void) {
        HttpSource s;
        _cleanup_(http_fixture_done) HttpFixture f = { .with_tls = true };
        _cleanup_(http_client_done) HttpClient c = {};

        if (!http_source_open(&s, &f, &c, HTTP_OVER_TLS, "HTTP/1.1"))
                return;
        http_client_done(&c);
        c = (HttpClient){};
        TAP_CHECK(HTTP_WAIT(&f, s.closed == 1 || s.half_closed == 1));
        if (s.stream) {
                http_source_say(&s, ":\n\n", HTTP_FILL_SLEEP);
                http_fixture_settle(&f);
        }
        if (s.stream)
                http_source_say(&s, ":\n\n", HTTP_FILL_SLEEP);
        TAP_CHECK(HTTP_WAIT(&f, s.closed == 1));
}

static void on_drained(void *userdata) {
        *(bool *) userdata = true;
}

static void test_drain_answers_what_was_begun(void) {
        Seen seen = { .keep = true };
        bool drained = false;
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {}, idle = {};

        if (!start(&f, NULL, &seen) || !http_client_open(&c, &f, HTTP_OVER_TLS))
                return;
        http_client_send(&c, GET);
        if (!TAP_CHECK(HTTP_WAIT(&f, seen.kept)) || !http_client_open(&idle, &f, HTTP_OVER_TLS))
                return;
        seen.keep = false;
        http_client_send(&idle, GET);
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&idle, "hello")));

        TAP_CHECK_INT(http_server_drain(f.tls, 20 * USEC_PER_SEC, on_drained, &drained), 0);
        TAP_CHECK(HTTP_WAIT(&f, idle.ended));
        TAP_CHECK(!drained);
        reply(seen.kept, 0);
        TAP_CHECK(HTTP_WAIT(&f, drained && c.ended));
        TAP_CHECK(http_client_got(&c, "hello"));
}

static void test_free_ends_what_is_left(void) {
        HttpSource s;
        _cleanup_(http_fixture_done) HttpFixture f = { .with_tls = true };
        _cleanup_(http_client_done) HttpClient c = {}, half = {};

        if (!http_source_open(&s, &f, &c, HTTP_OVER_TLS, "HTTP/1.1") ||
            !http_client_connect(&half, &f, HTTP_OVER_TLS) || !http_client_send(&half, "\x16\x03\x01"))
                return;
        http_fixture_pass(&f, 50 * USEC_PER_MSEC);
        http_fixture_stop_server(&f);
        TAP_CHECK_INT(s.closed, 1);
        TAP_CHECK(HTTP_WAIT(&f, c.ended && half.ended));
}

/* --- who does not speak it --- */

static void test_only_tls_1_2_and_1_3_are_spoken(void) {
        static const struct {
                const char *priorities;
                bool is_spoken;
        } rows[] = {
                { "NORMAL:-VERS-ALL:+VERS-TLS1.3", true },
                { "NORMAL:-VERS-ALL:+VERS-TLS1.2", true },
                { "NORMAL:-VERS-ALL:+VERS-TLS1.1:%VERIFY_ALLOW_SIGN_WITH_SHA1", false },
                { "NORMAL:-VERS-ALL:+VERS-TLS1.0:%VERIFY_ALLOW_SIGN_WITH_SHA1", false },
                { "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+ANON-ECDH", false },
        };
        Seen seen = {};
        _cleanup_(http_fixture_done) HttpFixture f = {};

        if (!start(&f, NULL, &seen))
                return;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(http_client_done) HttpClient c = {};

                TAP_CHECK(http_client_connect(&c, &f, HTTP_OVER_TLS));
                TAP_CHECK_INT(http_client_shake_hands(&c, rows[i].priorities) == 0, rows[i].is_spoken);
        }
        TAP_CHECK_INT(seen.n, 0);
}

static void test_http_in_the_clear_is_no_request(void) {
        Seen seen = {};
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};

        if (!start(&f, NULL, &seen) || !http_client_connect(&c, &f, HTTP_OVER_TLS))
                return;
        http_client_send(&c, GET GET GET GET GET GET);
        TAP_CHECK(HTTP_WAIT(&f, c.ended));
        TAP_CHECK_INT(seen.n, 0);
        TAP_CHECK_INT(http_client_count(&c, "HTTP"), 0);
}

/* MHD would run for ever as long as one is there. Counted when it is clear that nothing comes. */
static void test_half_handshakes_do_not_spin(void) {
        Seen seen = {};
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient none = {}, half = {}, c = {};
        unsigned turns = 0;
        usec_t end;

        if (!start(&f, NULL, &seen) || !http_client_connect(&none, &f, HTTP_OVER_TLS) ||
            !http_client_connect(&half, &f, HTTP_OVER_TLS))
                return;
        http_client_send_bytes(&half, "\x16\x03\x01\x02\x00\x01\x00\x01", 8);
        http_fixture_pass(&f, 2 * USEC_PER_SEC);
        for (end = clock_monotonic_usec() + USEC_PER_SEC; clock_monotonic_usec() < end; turns++)
                sd_event_run(f.event, 100 * USEC_PER_MSEC);
        printf("# %u turns in a second\n", turns);
        TAP_CHECK(turns < 30);
        if (http_client_open(&c, &f, HTTP_OVER_TLS))
                http_client_send(&c, GET);
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c, "hello")));
        TAP_CHECK(!none.ended && !half.ended);
}

/* Longer than libmicrohttpd's memory: it reads a piece a turn, of which nothing tells but the end. */
static void test_a_header_too_long_is_told_soon(void) {
        Seen seen = {};
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient clear = {}, c = {};
        char filler[32 * 1024 + 1] = "";
        usec_t began = clock_monotonic_usec();

        memset(filler, 'x', sizeof(filler) - 1);
        if (!start(&f, NULL, &seen) || !http_client_open(&clear, &f, HTTP_OVER_TCP) ||
            !http_client_open(&c, &f, HTTP_OVER_TLS))
                return;
        http_client_send(&clear, "GET / HTTP/1.1\r\nHost: x\r\nA: ");
        http_client_send(&clear, filler);
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&clear, " 431 ")));
        http_client_send(&c, "GET / HTTP/1.1\r\nHost: x\r\nA: ");
        http_client_send(&c, filler);
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c, " 431 ")));
        printf("# after %u ms\n", (unsigned) ((clock_monotonic_usec() - began) / USEC_PER_MSEC));
        TAP_CHECK(clock_monotonic_usec() - began < 2 * USEC_PER_SEC);
}

/* Whoever holds a connection without a handshake, or with half of one, has it for request_usec, and no more than the
 * quota of them; others are served. */
static void test_half_handshakes_are_cut(void) {
        HttpLimits limits = http_fixture_limits;
        Seen seen = {};
        _cleanup_(http_fixture_done) HttpFixture f = {};
        HttpClient half[20] = {};
        _cleanup_(http_client_done) HttpClient c = {}, further = {};
        usec_t before = clock_monotonic_usec();
        unsigned n_open = 0;

        limits.request_usec = USEC_PER_SEC;
        limits.connections = (HttpQuota){ .all = 64, .peer = ELEMENTSOF(half) + 1 };
        if (!start(&f, &limits, &seen) || !http_client_open(&c, &f, HTTP_OVER_TLS))
                return;
        for (size_t i = 0; i < ELEMENTSOF(half); i++) {
                TAP_CHECK(http_client_connect(&half[i], &f, HTTP_OVER_TLS));
                if (i % 2)
                        TAP_CHECK(http_client_send_bytes(&half[i], "\x16\x03\x01\x02\x00\x01\x00\x01", 8));
        }
        http_fixture_pass(&f, 50 * USEC_PER_MSEC);
        for (size_t i = 0; i < ELEMENTSOF(half); i++)
                n_open += !half[i].ended;
        TAP_CHECK_INT(n_open, ELEMENTSOF(half));
        TAP_CHECK(http_client_connect(&further, &f, HTTP_OVER_TLS));
        TAP_CHECK(HTTP_WAIT(&f, further.ended)); /* one more than there may be */
        TAP_CHECK(clock_monotonic_usec() - before < USEC_PER_SEC);
        http_client_send(&c, GET);
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c, "hello")));
        for (size_t i = 0; i < ELEMENTSOF(half); i++)
                TAP_CHECK(HTTP_WAIT(&f, half[i].ended));
        TAP_CHECK(clock_monotonic_usec() - before < 5 * USEC_PER_SEC);
        TAP_CHECK_INT(seen.n, 1);
        for (size_t i = 0; i < ELEMENTSOF(half); i++)
                http_client_done(&half[i]);
}

/* --- the identity --- */

typedef struct Directory {
        char path[32];
        TlsFiles one, other;
} Directory;

static bool directory_make(Directory *d) {
        usec_t now = clock_realtime_usec();

        strcpy(d->path, "/tmp/tls-test-XXXXXX");
        return TAP_CHECK(mkdtemp(d->path)) &&
               tls_files_write(&d->one, d->path, "one", now - DAY_USEC, now + 100 * DAY_USEC) &&
               tls_files_write(&d->other, d->path, "other", now - DAY_USEC, now + 100 * DAY_USEC);
}

static void directory_done(Directory *d) {
        tls_files_remove(&d->one);
        tls_files_remove(&d->other);
        (void) rmdir(d->path);
}

static void check_refused(const char *certificate, const char *key, int error, const char *text) {
        _cleanup_(problem_done) Problem problem = PROBLEM_NULL;
        _cleanup_(tls_identity_freep) TlsIdentity *t = NULL;

        TAP_CHECK_INT(tls_identity_read(certificate, key, &t, &problem), error);
        TAP_CHECK(!t);
        TAP_CHECK_CONTAINS(problem_sentence(&problem), text);
}

static void test_an_identity_that_cannot_be_used_is_refused(void) {
        _cleanup_(directory_done) Directory d = {};

        if (!directory_make(&d))
                return;
        check_refused(d.one.certificate, "/nowhere/tls.key", -ENOENT, "/nowhere/tls.key: there is no such file");
        check_refused("/nowhere/tls.crt", d.one.key, -ENOENT, "/nowhere/tls.crt: there is no such file");
        check_refused(d.path, d.one.key, -EINVAL, "not a regular file");
        check_refused("/dev/zero", d.one.key, -EINVAL, "not a regular file");
        check_refused(d.one.key, d.one.key, -EBADMSG, "this is no certificate");
        check_refused(d.one.certificate, d.one.certificate, -EBADMSG, "this is no private key");
        check_refused(d.one.certificate, d.other.key, -EBADMSG, "do not belong together");
        TAP_CHECK_INT(chmod(d.one.key, 0644), 0);
        check_refused(d.one.certificate, d.one.key, -EACCES, "others may use this private key");
        TAP_CHECK_INT(chmod(d.one.key, 0620), 0);
        check_refused(d.one.certificate, d.one.key, -EACCES, "others may use this private key");
        TAP_CHECK_INT(chmod(d.one.key, 0640), 0);
        TAP_CHECK_INT(truncate(d.one.key, TLS_FILE_SIZE_MAX + 1), 0);
        check_refused(d.one.certificate, d.one.key, -EFBIG, "longer than 256 KiB");
        TAP_CHECK_INT(truncate(d.one.key, 0), 0);
        check_refused(d.one.certificate, d.one.key, -EBADMSG, "this is no private key");
}

static void test_its_dates_are_told(void) {
        static const struct {
                int64_t begins_days, ends_days;
                int is_valid;
                const char *text;
        } rows[] = {
                { -1, 100, 1, "" },
                { -1, 15, 1, "" },
                { -1, 13, 1, "expires at " },
                { -100, -1, 0, "has expired at " },
                { 1, 100, 0, "is valid from " },
        };
        _cleanup_(directory_done) Directory d = {};
        usec_t now = clock_realtime_usec();

        if (!directory_make(&d))
                return;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(tls_identity_freep) TlsIdentity *t = NULL;
                char sentence[TLS_SENTENCE_SIZE];

                tls_files_write(&d.one, d.path, "one", now + (usec_t) (rows[i].begins_days * (int64_t) DAY_USEC),
                                now + (usec_t) (rows[i].ends_days * (int64_t) DAY_USEC));
                if (!TAP_CHECK_INT(tls_identity_read(d.one.certificate, d.one.key, &t, NULL), 0))
                        continue;
                TAP_CHECK_INT(tls_identity_look(t, now, sentence), rows[i].is_valid);
                TAP_CHECK(*rows[i].text ? strstr(sentence, rows[i].text) != NULL : !*sentence);
        }
}

static const TapTest tests[] = {
        { "requests are answered and nobody is known", test_requests_are_answered_and_nobody_is_known },
        { "long bodies and answers come whole", test_long_bodies_and_answers_come_whole },
        { "an answer may come late", test_an_answer_may_come_late },
        { "streams go on with each wake and sleep between", test_streams_go_on_with_each_wake_and_sleep_between },
        { "a viewer that leaves is noticed", test_a_viewer_that_leaves_is_noticed },
        { "drain answers what was begun", test_drain_answers_what_was_begun },
        { "free ends what is left", test_free_ends_what_is_left },
        { "only TLS 1.2 and 1.3 are spoken", test_only_tls_1_2_and_1_3_are_spoken },
        { "HTTP in the clear is no request", test_http_in_the_clear_is_no_request },
        { "half handshakes do not spin", test_half_handshakes_do_not_spin },
        { "a header too long is told soon", test_a_header_too_long_is_told_soon },
        { "half handshakes are cut", test_half_handshakes_are_cut },
        { "an identity that cannot be used is refused", test_an_identity_that_cannot_be_used_is_refused },
        { "its dates are told", test_its_dates_are_told },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}
