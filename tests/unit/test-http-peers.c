/* The peers of streams: those that leave, those that read slowly or not at all, and many of them. */
#include "http-fixture.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

static void test_a_peer_that_leaves_a_unix_socket_is_noticed_at_once(void) {
        HttpSource s;
        _cleanup_(http_fixture_done) HttpFixture f = {};
        HttpClient c = {};

        if (!http_source_open(&s, &f, &c, HTTP_OVER_UNIX, "HTTP/1.1"))
                return;
        http_client_done(&c);
        TAP_CHECK(HTTP_WAIT(&f, s.closed == 1));
        TAP_CHECK_INT(s.fills, 1);
        http_fixture_settle(&f);
}

static void test_a_heartbeat_finds_out_that_a_tcp_peer_left(void) {
        HttpSource s;
        _cleanup_(http_fixture_done) HttpFixture f = {};
        HttpClient c = {};

        if (!http_source_open(&s, &f, &c, HTTP_OVER_TCP, "HTTP/1.1"))
                return;
        s.heartbeat_when_half_closed = true;
        http_client_done(&c);
        TAP_CHECK(HTTP_WAIT(&f, s.closed == 1));
        TAP_CHECK_INT(s.half_closed, 1);
        TAP_CHECK_INT(s.fills, 2);
}

static void test_a_reset_ends_a_sleeping_stream(void) {
        HttpSource s;
        _cleanup_(http_fixture_done) HttpFixture f = {};
        struct linger linger = { .l_onoff = 1 };
        HttpClient c = {};

        if (!http_source_open(&s, &f, &c, HTTP_OVER_TCP, "HTTP/1.1"))
                return;
        TAP_CHECK_INT(setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), 0);
        http_client_done(&c);
        TAP_CHECK(HTTP_WAIT(&f, s.closed == 1));
        TAP_CHECK_INT(s.fills, 1);
}

/* As `printf 'GET ...' | nc` does. */
static void test_a_half_closed_peer_gets_its_stream(void) {
        for (HttpOver over = HTTP_OVER_TCP; over <= HTTP_OVER_UNIX; over++) {
                HttpSource s;
                _cleanup_(http_fixture_done) HttpFixture f = {};
                _cleanup_(http_client_done) HttpClient c = {};

                if (!http_source_open(&s, &f, &c, over, "HTTP/1.1"))
                        return;
                s.heartbeat_when_half_closed = true;
                shutdown(c.fd, SHUT_WR);
                TAP_CHECK(HTTP_WAIT(&f, s.half_closed == 1 && http_client_got(&c, ":\n\n")));
                for (unsigned i = 1; i <= 3; i++) {
                        http_source_say(&s, "tick", HTTP_FILL_SLEEP);
                        TAP_CHECK(HTTP_WAIT(&f, http_client_count(&c, "tick") == i));
                }
                TAP_CHECK_INT(s.half_closed, 1);
                http_fixture_settle(&f);
                TAP_CHECK(http_fixture_rests(&f, 200 * USEC_PER_MSEC));
                http_source_say(&s, "last", HTTP_FILL_END);
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

        TAP_CHECK_INT(http_request_reply_stream(r, 200, NULL, &ops, userdata, NULL), 0);
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
        Flood flood = {};
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = { .on_data = flood_on_data, .read_max = 20000 };
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
                .connections.all = 4,
                .idle_usec = 30 * USEC_PER_SEC,
                .stream_stall_usec = USEC_PER_SEC,
        };
        Flood flood = {};
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};
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
        http_fixture_settle(&f);
}

static void test_a_sleeping_stream_does_not_stall(void) {
        static const HttpLimits limits = {
                .connections.all = 4,
                .idle_usec = USEC_PER_SEC,
                .stream_stall_usec = USEC_PER_SEC,
        };
        HttpSource s = { .then = HTTP_FILL_SLEEP };
        _cleanup_(http_fixture_done) HttpFixture f = {};
        _cleanup_(http_client_done) HttpClient c = {};

        if (!http_fixture_start(&f, &limits, http_source_on_request, &s) || !http_client_open(&c, &f, HTTP_OVER_TCP))
                return;
        http_client_send(&c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        http_fixture_pass(&f, 3500 * USEC_PER_MSEC);
        TAP_CHECK_INT(s.closed, 0);
        if (s.stream)
                http_source_say(&s, "still here", HTTP_FILL_SLEEP);
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

static void check_memory(HttpFixture *f, HttpClient *clients, HttpSource *sources, const char *text) {
        size_t before = mallinfo2().uordblks, after;
        unsigned long resident = resident_kilobytes();

        for (unsigned i = 0; i < VIEWERS; i++) {
                if (!http_source_open(&sources[i], f, &clients[i], HTTP_OVER_UNIX, "HTTP/1.1"))
                        return;
                http_source_say(&sources[i], text, HTTP_FILL_SLEEP);
                TAP_CHECK(HTTP_WAIT(f, clients[i].received.size > HTTP_STREAM_CHUNK));
                TAP_CHECK_INT(sources[i].fills, 2);
                buffer_done(&clients[i].received);
        }
        http_fixture_settle(f);

        after = mallinfo2().uordblks;
        printf("# %u sleeping streams: %zu bytes of heap and %lu KB of resident memory each (the clients' too)\n",
               VIEWERS, (after - before) / VIEWERS, (resident_kilobytes() - resident) / VIEWERS);
        /* Nothing was counted: a sanitizer's allocator. */
        TAP_CHECK(after == 0 || after - before < (size_t) VIEWERS * 24 * 1024);
}

static void on_request_viewer(HttpRequest *r, void *userdata) {
        HttpSource **next = userdata;

        http_source_on_request(r, (*next)++);
}

static void test_a_thousand_sleeping_streams_are_cheap(void) {
        static const HttpLimits limits = { .connections.all = VIEWERS };
        static HttpClient clients[VIEWERS];
        static HttpSource sources[VIEWERS];
        static char text[HTTP_STREAM_CHUNK + 1];
        HttpFixture f = {};
        HttpSource *next = sources;

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
