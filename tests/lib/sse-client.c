/* SseClient: see sse-client.h. Reads HTTP, events and JSON by itself, so that a mistake in the service's own code is
 * not made twice. */
#include "sse-client.h"

#include <remote-developer/strings.h>

#include <ctype.h>

/* --- events --- */

/* True: the text at `*at` is such a line, whose value is taken and which is passed. */
static bool take_field(char **at, const char *name, const char **ret) {
        char *end;

        if (!string_has_prefix(*at, name))
                return false;
        *ret = *at + strlen(name);
        end = strchrnul(*at, '\n');
        *at = *end ? end + 1 : end;
        *end = 0;
        return true;
}

static void hand_out(SseClient *c, char *text) {
        SseEvent e = {};

        while (take_field(&text, "event: ", &e.name) || take_field(&text, "id: ", &e.id) ||
               take_field(&text, "data: ", &e.data))
                ;
        TAP_CHECK_STRING(text, "");
        c->on_event(c, &e);
}

static void take_events(SseClient *c) {
        char *end;

        while (c->text.data && (end = strstr(c->text.data, "\n\n"))) {
                size_t size = (size_t) (end - c->text.data) + 2;

                *end = 0;
                hand_out(c, c->text.data);
                buffer_consume(&c->text, size);
        }
}

/* --- HTTP --- */

static bool take_head(SseClient *c) {
        char *end = c->raw.data ? strstr(c->raw.data, "\r\n\r\n") : NULL;

        if (!end)
                return false;
        TAP_CHECK(sscanf(c->raw.data, "HTTP/1.1 %u", &c->status) == 1);
        buffer_consume(&c->raw, (size_t) (end - c->raw.data) + 4);
        return true;
}

static bool take_chunk(SseClient *c) {
        char *end = c->raw.data ? strstr(c->raw.data, "\r\n") : NULL;
        size_t head, size;

        if (!end || c->ended)
                return false;
        head = (size_t) (end - c->raw.data) + 2;
        size = strtoull(c->raw.data, NULL, 16);
        if (c->raw.size < head + size + 2)
                return false;
        TAP_CHECK_INT(buffer_append(&c->text, c->raw.data + head, size), 0);
        buffer_consume(&c->raw, head + size + 2);
        c->ended = size == 0;
        return true;
}

static void on_data(HttpClient *http, const char *data, size_t size) {
        SseClient *c = http->userdata;

        if (c->hangs_up_after > 0)
                size = MIN_OF(size, c->hangs_up_after - MIN_OF(c->received, c->hangs_up_after));
        TAP_CHECK_INT(buffer_append(&c->raw, data, size), 0);
        c->received += size;
        if (c->status == 0 && !take_head(c))
                return;
        while (take_chunk(c))
                ;
        take_events(c);
        if (sse_client_is_over(c))
                http_client_stop_reading(http);
}

bool sse_client_open(SseClient *c, HttpFixture *f, HttpOver over, const char *path, const char *headers) {
        _cleanup_free_ char *request = string_format("GET %s HTTP/1.1\r\nHost: localhost:15001\r\n%s"
                                                     "Connection: close\r\n\r\n", path, headers ?: "");
        size_t read_max = c->http.read_max;

        sse_client_close(c);
        c->http = (HttpClient){ .on_data = on_data, .userdata = c, .read_max = read_max };
        c->open = TAP_CHECK(request) && http_client_open(&c->http, f, over);
        return c->open && TAP_CHECK(http_client_send(&c->http, request));
}

void sse_client_close(SseClient *c) {
        size_t read_max = c->http.read_max;

        if (c->open)
                http_client_done(&c->http);
        buffer_done(&c->raw);
        buffer_done(&c->text);
        c->http = (HttpClient){ .read_max = read_max };
        c->open = c->ended = false;
        c->status = 0;
        c->received = 0;
}

void sse_client_done(SseClient *c) {
        sse_client_close(c);
}

bool sse_client_is_over(const SseClient *c) {
        return c->http.ended || (c->hangs_up_after > 0 && c->received >= c->hangs_up_after);
}

/* --- JSON --- */

static void append_character(Buffer *to, unsigned c) {
        char bytes[4];
        size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : 3;

        bytes[0] = (char) (n == 1 ? c : n == 2 ? 0xc0 | c >> 6 : 0xe0 | c >> 12);
        for (size_t i = 1; i < n; i++)
                bytes[i] = (char) (0x80 | (c >> 6 * (n - 1 - i) & 0x3f));
        TAP_CHECK_INT(buffer_append(to, bytes, n), 0);
}

/* What is behind a backslash; returns how much of it that was. No surrogates: nothing that needs them is escaped. */
static size_t append_escaped(Buffer *to, const char *s) {
        static const char letters[] = "bfnrt", meant[] = "\b\f\n\r\t";
        const char *letter = strchr(letters, *s);
        unsigned c;

        if (*s == 'u' && TAP_CHECK(sscanf(s + 1, "%4x", &c) == 1)) {
                append_character(to, c);
                return 5;
        }
        TAP_CHECK_INT(buffer_append(to, letter && *s ? &meant[letter - letters] : s, 1), 0);
        return 1;
}

bool sse_string(const SseEvent *e, const char *key, Buffer *ret) {
        /* Quotes within a text are escaped: this is never part of one. */
        _cleanup_free_ char *start = string_format("\"%s\": \"", key);
        const char *s = e->data ? strstr(e->data, start) : NULL;

        buffer_clear(ret);
        if (!s)
                return false;
        for (s += strlen(start); *s && *s != '"'; s++)
                if (*s == '\\')
                        s += append_escaped(ret, s + 1);
                else
                        TAP_CHECK_INT(buffer_append(ret, s, 1), 0);
        return TAP_CHECK(*s == '"');
}

static unsigned base64_value(char c) {
        static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        const char *found = c ? strchr(letters, c) : NULL;

        TAP_CHECK(found);
        return found ? (unsigned) (found - letters) : 0;
}

bool sse_bytes(const SseEvent *e, const char *key, Buffer *ret) {
        _cleanup_(buffer_done) Buffer text = BUFFER_NULL;
        unsigned bits = 0, n = 0;

        buffer_clear(ret);
        if (!sse_string(e, key, &text))
                return false;
        TAP_CHECK_INT(text.size % 4, 0);
        for (size_t i = 0; i < text.size && text.data[i] != '='; i++) {
                bits = bits << 6 | base64_value(text.data[i]);
                n += 6;
                if (n >= 8) {
                        n -= 8;
                        TAP_CHECK_INT(buffer_append(ret, &(char){ (char) (bits >> n) }, 1), 0);
                }
        }
        return true;
}
