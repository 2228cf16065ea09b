/* Streams: pulled, asleep, woken, cut; and what becomes of peers that leave or stop reading. */
#include "http-fixture.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

/* A source as a test wants it: `text` goes out once for each wake, then `then` is what fill says. */
typedef struct Source {
        HttpStream *stream;
        const char *text; /* NULL: nothing */
        HttpFill then;
        unsigned fills, closed, half_closed;
        bool heartbeat_when_half_closed;
} Source;

static HttpFill source_fill(void *userdata, Buffer *to) {
        Source *s = userdata;

        TAP_CHECK_INT(to->size, 0);
        TAP_CHECK(s->stream);
        s->fills++;
        if (s->text)
                TAP_CHECK_INT(buffer_append_string(to, s->text), 0);
        s->text = NULL;
        return s->then;
}

static void source_closed(void *userdata) {
        Source *s = userdata;

        s->closed++;
        s->stream = NULL;
        s->then = HTTP_FILL_SLEEP;
}

static void source_half_closed(void *userdata) {
        Source *s = userdata;

        s->half_closed++;
        if (!s->heartbeat_when_half_closed)
                return;
        s->text = ":\n\n";
        http_stream_wake(s->stream);
}

static const HttpStreamSource source_ops = {
        .fill = source_fill,
        .closed = source_closed,
        .half_closed = source_half_closed,
};

static void source_say(Source *s, const char *text, HttpFill then) {
        s->text = text;
        s->then = then;
        http_stream_wake(s->stream);
}

static void on_request_stream(HttpRequest *r, void *userdata) {
        Source *s = userdata;
        unsigned fills = s->fills;

        TAP_CHECK_INT(http_reply_stream(r, 200, "text/event-stream", &source_ops, s, &s->stream), 0);
        TAP_CHECK_INT(s->fills, fills);
}

/* A client that has the header of a stream, which is asleep. */
static bool open_stream(HttpFixture *f, HttpClient *c, Source *s, HttpOver over, const char *version) {
        char request[64];

        *s = (Source){ .then = HTTP_FILL_SLEEP };
        if ((!f->server && !http_fixture_start(f, NULL, on_request_stream, s)) || !http_client_open(c, f, over))
                return false;
        snprintf(request, sizeof(request), "GET /s %s\r\nHost: x\r\n\r\n", version);
        http_client_send(c, request);
        return TAP_CHECK(HTTP_WAIT(f, http_client_got(c, "\r\n\r\n") && s->fills > 0));
}

static void test_a_stream_goes_on_with_each_wake(void) {
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};
        Source s;

        if (!open_stream(&f, &c, &s, HTTP_OVER_TCP, "HTTP/1.1"))
                return;
        TAP_CHECK_CONTAINS(c.received.data, "Transfer-Encoding: chunked\r\n");
        TAP_CHECK_CONTAINS(c.received.data, "Content-Type: text/event-stream\r\n");

        source_say(&s, "one", HTTP_FILL_SLEEP);
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c, "3\r\none\r\n")));
        source_say(&s, "two", HTTP_FILL_SLEEP);
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c, "3\r\ntwo\r\n")));

        source_say(&s, "three", HTTP_FILL_END);
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c, "5\r\nthree\r\n0\r\n\r\n")));
        TAP_CHECK(HTTP_WAIT(&f, s.closed == 1));
        TAP_CHECK(!c.ended);
}

static void test_the_connection_is_kept_behind_a_stream(void) {
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};
        Source s;

        if (!open_stream(&f, &c, &s, HTTP_OVER_UNIX, "HTTP/1.1"))
                return;
        /* The second request waits in the socket while the first one's stream sleeps. */
        http_client_send(&c, "GET /s HTTP/1.1\r\nHost: x\r\n\r\n");
        http_fixture_pass(&f, 50 * USEC_PER_MSEC);
        TAP_CHECK_INT(s.fills, 1);
        source_say(&s, NULL, HTTP_FILL_END);
        TAP_CHECK(HTTP_WAIT(&f, s.closed == 1));

        TAP_CHECK(HTTP_WAIT(&f, s.stream || s.closed > 1));
        source_say(&s, "second", HTTP_FILL_END);
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c, "second\r\n0\r\n\r\n")));
        TAP_CHECK(HTTP_WAIT(&f, s.closed == 2));
}

static void test_more_is_asked_until_there_is_no_more(void) {
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};
        Source s;

        if (!open_stream(&f, &c, &s, HTTP_OVER_TCP, "HTTP/1.1"))
                return;
        source_say(&s, "x", HTTP_FILL_MORE);
        TAP_CHECK(HTTP_WAIT(&f, s.fills == 3)); /* asleep, x, and again: which has nothing */
        s.then = HTTP_FILL_SLEEP;
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c, "1\r\nx\r\n")));
        TAP_CHECK_INT(s.closed, 0);
}

static void test_waking_often_does_not_fill_often(void) {
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};
        Source s;

        if (!open_stream(&f, &c, &s, HTTP_OVER_TCP, "HTTP/1.1"))
                return;
        for (unsigned i = 0; i < 100; i++)
                http_stream_wake(s.stream);
        TAP_CHECK_INT(s.fills, 1);
        http_fixture_pass(&f, 100 * USEC_PER_MSEC);
        TAP_CHECK_INT(s.fills, 2);
}

static HttpFill fill_and_wake(void *userdata, Buffer *to) {
        Source *s = userdata;

        if (s->fills < 1000)
                http_stream_wake(s->stream);
        buffer_append_string(to, s->fills % 2 == 0 ? "even" : "");
        return ++s->fills <= 1000 ? HTTP_FILL_SLEEP : HTTP_FILL_END;
}

static void on_request_self_waking(HttpRequest *r, void *userdata) {
        static const HttpStreamSource ops = { .fill = fill_and_wake, .closed = source_closed };
        Source *s = userdata;

        http_reply_stream(r, 200, NULL, &ops, s, &s->stream);
}

static void test_a_wake_inside_fill_is_not_lost(void) {
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};
        Source s = {};

        if (!http_fixture_start(&f, NULL, on_request_self_waking, &s) || !http_client_open(&c, &f, HTTP_OVER_TCP))
                return;
        http_client_send(&c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        TAP_CHECK(HTTP_WAIT(&f, s.closed == 1));
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c, "\r\n0\r\n\r\n")));
        TAP_CHECK_INT(http_client_count(&c, "even"), 501);
        TAP_CHECK_INT(s.fills, 1001);
}

static void test_abort_is_seen_as_broken(void) {
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};
        Source s;

        if (!open_stream(&f, &c, &s, HTTP_OVER_TCP, "HTTP/1.1"))
                return;
        source_say(&s, "part", HTTP_FILL_ABORT);
        TAP_CHECK(HTTP_WAIT(&f, c.ended));
        TAP_CHECK(http_client_got(&c, "4\r\npart\r\n"));
        TAP_CHECK(!http_client_got(&c, "\r\n0\r\n"));
        TAP_CHECK_INT(s.closed, 1);
}

/* Even if the client keeps its end open. */
static void test_a_connection_cut_makes_room_at_once(void) {
        static const HttpLimits limits = { .connections_max = 1, .idle_usec = 60 * USEC_PER_SEC };

        static const struct {
                const char *version, *text;
                HttpFill end;
        } cases[] = {
                { "HTTP/1.0", NULL, HTTP_FILL_END },   { "HTTP/1.0", "part", HTTP_FILL_END },
                { "HTTP/1.0", NULL, HTTP_FILL_ABORT }, { "HTTP/1.0", "part", HTTP_FILL_ABORT },
                { "HTTP/1.1", NULL, HTTP_FILL_ABORT }, { "HTTP/1.1", "part", HTTP_FILL_ABORT },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(http_fixture_done) HttpFixture f = {};
                _cleanup_(http_client_done) HttpClient c = {}, d = {};
                Source s;

                if (!http_fixture_start(&f, &limits, on_request_stream, &s) ||
                    !open_stream(&f, &c, &s, HTTP_OVER_TCP, cases[i].version))
                        return;
                if (!http_client_open(&d, &f, HTTP_OVER_TCP))
                        return;
                http_client_send(&d, "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
                http_client_stop_reading(&c);
                source_say(&s, cases[i].text, cases[i].end);
                TAP_CHECK(HTTP_WAIT(&f, http_client_got(&d, "HTTP/1.1 200 OK")));
        }
}

static void test_http_1_0_streams_end_with_the_connection(void) {
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};
        Source s;

        if (!open_stream(&f, &c, &s, HTTP_OVER_TCP, "HTTP/1.0"))
                return;
        TAP_CHECK(!http_client_got(&c, "chunked"));
        source_say(&s, "one", HTTP_FILL_SLEEP);
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c, "\r\n\r\none")));
        source_say(&s, NULL, HTTP_FILL_END);
        TAP_CHECK(HTTP_WAIT(&f, c.ended));
        TAP_CHECK_INT(c.error, 0);
        TAP_CHECK_INT(s.closed, 1);
        TAP_CHECK(HTTP_WAIT(&f, sd_event_run(f.event, 0) == 0));
}

static void test_head_of_a_stream_closes_it(void) {
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};
        Source s = { .then = HTTP_FILL_SLEEP };

        if (!http_fixture_start(&f, NULL, on_request_stream, &s) || !http_client_open(&c, &f, HTTP_OVER_TCP))
                return;
        http_client_send(&c, "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c, "\r\n\r\n") && s.closed == 1));
        TAP_CHECK_INT(s.fills, 0);
        TAP_CHECK(!c.ended);
}

/* --- time --- */

static int compare_usec(const void *a, const void *b) {
        usec_t x = *(const usec_t *) a, y = *(const usec_t *) b;

        return x < y ? -1 : x > y;
}

/* Nagle's algorithm against delayed acknowledgements, or a corked socket, would make it 40 ms or 200 ms. */
static void check_latency(HttpOver over) {
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};
        usec_t took[21], start;
        Source s;

        start = clock_monotonic_usec();
        if (!open_stream(&f, &c, &s, over, "HTTP/1.1"))
                return;
        printf("# header after %llu us\n", (unsigned long long) (clock_monotonic_usec() - start));

        for (unsigned i = 0; i < ELEMENTSOF(took); i++) {
                http_fixture_pass(&f, 5 * USEC_PER_MSEC);
                start = clock_monotonic_usec();
                source_say(&s, "tick", HTTP_FILL_SLEEP);
                if (!TAP_CHECK(HTTP_WAIT(&f, http_client_count(&c, "tick") == i + 1)))
                        return;
                took[i] = clock_monotonic_usec() - start;
        }
        qsort(took, ELEMENTSOF(took), sizeof(took[0]), compare_usec);
        printf("# an event arrives after %llu us (median), %llu us (longest)\n",
               (unsigned long long) took[ELEMENTSOF(took) / 2],
               (unsigned long long) took[ELEMENTSOF(took) - 1]);
        TAP_CHECK(took[ELEMENTSOF(took) / 2] < 20 * USEC_PER_MSEC);
}

static void test_single_events_leave_at_once(void) {
        check_latency(HTTP_OVER_TCP);
        check_latency(HTTP_OVER_UNIX);
}

static void test_sleeping_streams_cost_no_wake_up(void) {
        _cleanup_(http_fixture_done) HttpFixture f = {};
        HttpClient c[10] = {};
        Source s;

        for (unsigned i = 0; i < ELEMENTSOF(c); i++)
                if (!open_stream(&f, &c[i], &s, i % 2 ? HTTP_OVER_TCP : HTTP_OVER_UNIX, "HTTP/1.1"))
                        return;
        TAP_CHECK(HTTP_WAIT(&f, sd_event_run(f.event, 0) == 0));
        TAP_CHECK_INT(sd_event_run(f.event, 3 * USEC_PER_SEC), 0);
        for (unsigned i = 0; i < ELEMENTSOF(c); i++)
                http_client_done(&c[i]);
}

/* --- peers --- */

static void test_a_peer_that_leaves_a_unix_socket_is_noticed_at_once(void) {
        _cleanup_(http_fixture_done) HttpFixture f = {};
        HttpClient c = {};
        Source s;

        if (!open_stream(&f, &c, &s, HTTP_OVER_UNIX, "HTTP/1.1"))
                return;
        http_client_done(&c);
        TAP_CHECK(HTTP_WAIT(&f, s.closed == 1));
        TAP_CHECK_INT(s.fills, 1);
        TAP_CHECK(HTTP_WAIT(&f, sd_event_run(f.event, 0) == 0));
}

static void test_a_heartbeat_finds_out_that_a_tcp_peer_left(void) {
        _cleanup_(http_fixture_done) HttpFixture f = {};
        HttpClient c = {};
        Source s;

        if (!open_stream(&f, &c, &s, HTTP_OVER_TCP, "HTTP/1.1"))
                return;
        s.heartbeat_when_half_closed = true;
        http_client_done(&c);
        TAP_CHECK(HTTP_WAIT(&f, s.closed == 1));
        TAP_CHECK_INT(s.half_closed, 1);
        TAP_CHECK_INT(s.fills, 2);
}

static void test_a_reset_ends_a_sleeping_stream(void) {
        _cleanup_(http_fixture_done) HttpFixture f = {};
        struct linger linger = { .l_onoff = 1 };
        HttpClient c = {};
        Source s;

        if (!open_stream(&f, &c, &s, HTTP_OVER_TCP, "HTTP/1.1"))
                return;
        TAP_CHECK_INT(setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
        http_client_done(&c);
        TAP_CHECK(HTTP_WAIT(&f, s.closed == 1));
        TAP_CHECK_INT(s.fills, 1);
}

/* As `printf 'GET ...' | nc` does. */
static void test_a_half_closed_peer_gets_its_stream(void) {
        for (HttpOver over = HTTP_OVER_TCP; over <= HTTP_OVER_UNIX; over++) {
                _cleanup_(http_fixture_done) HttpFixture f = {};
                _cleanup_(http_client_done) HttpClient c = {};
                Source s;

                if (!open_stream(&f, &c, &s, over, "HTTP/1.1"))
                        return;
                s.heartbeat_when_half_closed = true;
                shutdown(c.fd, SHUT_WR);
                TAP_CHECK(HTTP_WAIT(&f, s.half_closed == 1 && http_client_got(&c, ":\n\n")));
                for (unsigned i = 1; i <= 3; i++) {
                        source_say(&s, "tick", HTTP_FILL_SLEEP);
                        TAP_CHECK(HTTP_WAIT(&f, http_client_count(&c, "tick") == i));
                }
                TAP_CHECK_INT(s.half_closed, 1);
                TAP_CHECK_INT(sd_event_run(f.event, 200 * USEC_PER_MSEC), 0);
                source_say(&s, "last", HTTP_FILL_END);
                TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c, "last\r\n0\r\n\r\n")));
                TAP_CHECK(HTTP_WAIT(&f, c.ended && s.closed == 1));
        }
}

/* --- much --- */

#define MUCH ((uint64_t) 50 * 1000 * 1000)

typedef struct Flood {
        uint64_t made, got; /* bytes; the n-th is n % 251 */
        uint64_t chunk_left;
        size_t size_line; /* of a chunk, as read so far */
        int state;
        unsigned wrong, closed;
        size_t memory_max;
} Flood;

static char flood_byte(uint64_t n) {
        return (char) (n % 251);
}

static HttpFill flood_fill(void *userdata, Buffer *to) {
        Flood *flood = userdata;
        char bytes[HTTP_STREAM_CHUNK];
        size_t n = MIN_OF(sizeof(bytes) - flood->made % 1000, MUCH - flood->made);

        for (size_t i = 0; i < n; i++)
                bytes[i] = flood_byte(flood->made++);
        TAP_CHECK_INT(buffer_append(to, bytes, n), 0);
        flood->memory_max = MAX_OF(flood->memory_max, mallinfo2().uordblks);
        return flood->made < MUCH ? HTTP_FILL_MORE : HTTP_FILL_END;
}

static void flood_closed(void *userdata) {
        ((Flood *) userdata)->closed++;
}

static void on_request_flood(HttpRequest *r, void *userdata) {
        static const HttpStreamSource ops = { .fill = flood_fill, .closed = flood_closed };

        TAP_CHECK_INT(http_reply_stream(r, 200, NULL, &ops, userdata, NULL), 0);
}

/* The header ends with an empty line; then chunks: size in hexadecimal, CRLF, bytes, CRLF. */
enum { IN_HEADER, IN_SIZE, IN_BYTES, IN_END };

static void flood_take(Flood *flood, char byte) {
        static const char blank[] = "\r\n\r\n";
        static size_t matched;

        switch (flood->state) {
        case IN_HEADER:
                matched = byte == blank[matched] ? matched + 1 : byte == '\r';
                if (matched == 4) {
                        flood->state = IN_SIZE;
                        matched = 0;
                }
                break;
        case IN_SIZE:
                if (byte == '\n')
                        flood->state = IN_BYTES;
                else if (byte != '\r')
                        flood->chunk_left = flood->chunk_left * 16 +
                                            (uint64_t) (byte <= '9' ? byte - '0' : (byte | 32) - 'a' + 10);
                break;
        case IN_BYTES:
                flood->wrong += byte != flood_byte(flood->got++);
                if (--flood->chunk_left == 0)
                        flood->state = IN_END;
                break;
        case IN_END:
                if (byte == '\n')
                        flood->state = IN_SIZE;
                break;
        }
}

static void flood_on_data(HttpClient *c, const char *data, size_t size) {
        Flood *flood = c->userdata;

        for (size_t i = 0; i < size; i++)
                if (flood->state != IN_BYTES || flood->chunk_left > 0)
                        flood_take(flood, data[i]);
}

static void test_a_slow_reader_gets_every_byte(void) {
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = { .on_data = flood_on_data, .read_max = 20000 };
        Flood flood = {};
        size_t before;

        c.userdata = &flood;
        if (!http_fixture_start(&f, NULL, on_request_flood, &flood) || !http_client_open(&c, &f, HTTP_OVER_TCP))
                return;
        before = mallinfo2().uordblks;
        http_client_send(&c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");

        /* It starts late: the server fills the socket's buffers and then waits. */
        http_client_stop_reading(&c);
        http_fixture_pass(&f, 300 * USEC_PER_MSEC);
        TAP_CHECK(flood.made < MUCH);
        http_client_read_on(&c);
        TAP_CHECK(HTTP_WAIT(&f, flood.got == MUCH || c.ended));
        TAP_CHECK(HTTP_WAIT(&f, flood.closed == 1));
        TAP_CHECK_INT(flood.got, MUCH);
        TAP_CHECK_INT(flood.wrong, 0);

        printf("# %llu MB, memory grew by %zu bytes\n", (unsigned long long) (flood.got / 1000000),
               flood.memory_max > before ? flood.memory_max - before : 0);
        TAP_CHECK(flood.memory_max < before + 256 * 1024);
}

static void test_a_stalled_reader_is_dropped(void) {
        static const HttpLimits limits = {
                .connections_max = 4,
                .idle_usec = 30 * USEC_PER_SEC,
                .stream_stall_usec = USEC_PER_SEC,
        };
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};
        Flood flood = {};
        usec_t start;

        if (!http_fixture_start(&f, &limits, on_request_flood, &flood) || !http_client_open(&c, &f, HTTP_OVER_TCP))
                return;
        http_client_stop_reading(&c);
        http_client_send(&c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        start = clock_monotonic_usec();
        TAP_CHECK(HTTP_WAIT(&f, flood.closed == 1));
        TAP_CHECK(clock_monotonic_usec() - start >= 900 * USEC_PER_MSEC);
        TAP_CHECK(clock_monotonic_usec() - start < 5 * USEC_PER_SEC);
        TAP_CHECK(flood.made < MUCH);

        /* A sleeping stream is not stalled. */
        TAP_CHECK(HTTP_WAIT(&f, sd_event_run(f.event, 0) == 0));
}

static void test_a_sleeping_stream_does_not_stall(void) {
        static const HttpLimits limits = {
                .connections_max = 4,
                .idle_usec = USEC_PER_SEC,
                .stream_stall_usec = USEC_PER_SEC,
        };
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};
        Source s = { .then = HTTP_FILL_SLEEP };

        if (!http_fixture_start(&f, &limits, on_request_stream, &s) || !http_client_open(&c, &f, HTTP_OVER_TCP))
                return;
        http_client_send(&c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        http_fixture_pass(&f, 3500 * USEC_PER_MSEC);
        TAP_CHECK_INT(s.closed, 0);
        if (s.stream)
                source_say(&s, "still here", HTTP_FILL_SLEEP);
        TAP_CHECK(HTTP_WAIT(&f, http_client_got(&c, "still here")));
}

static unsigned long resident_kilobytes(void) {
        unsigned long pages = 0;
        FILE *file = fopen("/proc/self/statm", "re");

        if (file) {
                if (fscanf(file, "%*u %lu", &pages) != 1)
                        pages = 0;
                fclose(file);
        }
        return pages * (unsigned long) sysconf(_SC_PAGESIZE) / 1024;
}

#define VIEWERS 1000

static bool allow_descriptors(void) {
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return false;
        limit.rlim_cur = MAX_OF(limit.rlim_cur, MIN_OF(limit.rlim_max, (rlim_t) (2 * VIEWERS + 100)));
        return limit.rlim_cur >= 2 * VIEWERS + 100 && setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

static void check_memory(HttpFixture *f, HttpClient *clients, Source *sources, const char *text) {
        size_t before = mallinfo2().uordblks, after;
        unsigned long resident = resident_kilobytes();

        for (unsigned i = 0; i < VIEWERS; i++) {
                if (!open_stream(f, &clients[i], &sources[i], HTTP_OVER_UNIX, "HTTP/1.1"))
                        return;
                source_say(&sources[i], text, HTTP_FILL_SLEEP);
                TAP_CHECK(HTTP_WAIT(f, clients[i].received.size > HTTP_STREAM_CHUNK));
                TAP_CHECK_INT(sources[i].fills, 2);
                buffer_done(&clients[i].received);
        }
        TAP_CHECK(HTTP_WAIT(f, sd_event_run(f->event, 0) == 0));

        after = mallinfo2().uordblks;
        printf("# %u sleeping streams: %zu bytes of heap and %lu KB of resident memory each (the clients' too)\n",
               VIEWERS, (after - before) / VIEWERS, (resident_kilobytes() - resident) / VIEWERS);
        /* Nothing was counted: a sanitizer's allocator. */
        TAP_CHECK(after == 0 || after - before < (size_t) VIEWERS * 24 * 1024);
}

static void on_request_viewer(HttpRequest *r, void *userdata) {
        Source **next = userdata;

        on_request_stream(r, (*next)++);
}

static void test_a_thousand_sleeping_streams_are_cheap(void) {
        static const HttpLimits limits = { .connections_max = VIEWERS };
        static HttpClient clients[VIEWERS];
        static Source sources[VIEWERS];
        static char text[HTTP_STREAM_CHUNK + 1];
        HttpFixture f = {};
        Source *next = sources;

        if (!allow_descriptors()) {
                tap_skip("needs 2,100 file descriptors");
                return;
        }
        memset(text, 'x', sizeof(text) - 1);
        if (http_fixture_start(&f, &limits, on_request_viewer, &next))
                check_memory(&f, clients, sources, text);
        for (unsigned i = 0; i < VIEWERS; i++)
                http_client_done(&clients[i]);
        http_fixture_done(&f);
        for (unsigned i = 0; i < VIEWERS; i++)
                TAP_CHECK_INT(sources[i].closed, 1);
}

static const TapTest tests[] = {
        { "a stream goes on with each wake", test_a_stream_goes_on_with_each_wake },
        { "the connection is kept behind a stream", test_the_connection_is_kept_behind_a_stream },
        { "more is asked until there is no more", test_more_is_asked_until_there_is_no_more },
        { "waking often does not fill often", test_waking_often_does_not_fill_often },
        { "a wake inside fill is not lost", test_a_wake_inside_fill_is_not_lost },
        { "abort is seen as broken", test_abort_is_seen_as_broken },
        { "a connection that is cut makes room at once", test_a_connection_cut_makes_room_at_once },
        { "HTTP/1.0 streams end with the connection", test_http_1_0_streams_end_with_the_connection },
        { "HEAD of a stream closes it", test_head_of_a_stream_closes_it },
        { "single events leave at once", test_single_events_leave_at_once },
        { "sleeping streams cost no wake-up", test_sleeping_streams_cost_no_wake_up },
        { "a peer that leaves a unix socket is noticed at once",
          test_a_peer_that_leaves_a_unix_socket_is_noticed_at_once },
        { "a heartbeat finds out that a TCP peer left", test_a_heartbeat_finds_out_that_a_tcp_peer_left },
        { "a reset ends a sleeping stream", test_a_reset_ends_a_sleeping_stream },
        { "a half-closed peer gets its stream", test_a_half_closed_peer_gets_its_stream },
        { "a slow reader gets every byte", test_a_slow_reader_gets_every_byte },
        { "a stalled reader is dropped", test_a_stalled_reader_is_dropped },
        { "a sleeping stream does not stall", test_a_sleeping_stream_does_not_stall },
        { "a thousand sleeping streams are cheap", test_a_thousand_sleeping_streams_are_cheap },
};

int main(void) {
        return tap_main(tests, ELEMENTSOF(tests));
}
