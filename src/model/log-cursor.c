/* The clients' cursor: see log-cursor.h. */
#include <remote-developer/log-cursor.h>

#include <remote-developer/strings.h>

#include <stdio.h>
#include <stdlib.h>

#define CHECK_SIZE 8
#define CHECK_PREFIX ".c_"
#define TAIL_SIZE (sizeof(CHECK_PREFIX) - 1 + CHECK_SIZE)

/* FNV-1a, 32 bits, by its published constants. */
#define HASH_BEGIN 2166136261U

static uint32_t hash_byte(uint32_t hash, char c) {
        return (hash ^ (unsigned char) c) * 16777619U;
}

static uint32_t hash_text(uint32_t hash, const char *s) {
        for (; *s; s++)
                hash = hash_byte(hash, *s);
        return hash;
}

static void write_tail(uint32_t hash, char to[static TAIL_SIZE + 1]) {
        static const char digits[] = "0123456789abcdef";

        memcpy(to, CHECK_PREFIX, sizeof(CHECK_PREFIX));
        to += sizeof(CHECK_PREFIX) - 1;
        for (int shift = 28; shift >= 0; shift -= 4)
                *to++ = digits[hash >> shift & 15];
        *to = 0;
}

/* Makes that begin the encoder's whose cursor this is, with the field behind it. */
static void know_begin(LogCursorEncoder *e, const char *journal_cursor) {
        static const char next[] = ";i=";
        const char *end = strstr(journal_cursor, next);

        e->size = end ? (size_t) (end - journal_cursor) + sizeof(next) - 1 : 0;
        if (e->size > sizeof(e->begin))
                e->size = 0;
        memcpy(e->begin, journal_cursor, e->size);
        e->hash = hash_text(HASH_BEGIN, e->task_id);
        for (size_t i = 0; i < e->size; i++)
                e->hash = hash_byte(e->hash, e->begin[i]);
}

int log_cursor_encoder_encode(LogCursorEncoder *e, const char *journal_cursor, char ret[static LOG_CURSOR_SIZE]) {
        uint32_t hash;
        size_t n;

        if (e->size == 0 || strncmp(journal_cursor, e->begin, e->size) != 0)
                know_begin(e, journal_cursor);
        hash = e->hash;
        for (n = 0; journal_cursor[n]; n++) {
                char c = journal_cursor[n];

                if (n + TAIL_SIZE + 1 >= LOG_CURSOR_SIZE)
                        return -E2BIG;
                if (n >= e->size)
                        hash = hash_byte(hash, c);
                ret[n] = c == ';' ? '.' : c == '=' ? '_' : c;
        }
        write_tail(hash, ret + n);
        return 0;
}

int log_cursor_encode(const char *task_id, const char *journal_cursor, char ret[static LOG_CURSOR_SIZE]) {
        LogCursorEncoder e = LOG_CURSOR_ENCODER(task_id);

        return log_cursor_encoder_encode(&e, journal_cursor, ret);
}

int log_cursor_decode(const char *task_id, const char *cursor, char ret[static LOG_CURSOR_SIZE]) {
        uint32_t hash = hash_text(HASH_BEGIN, task_id);
        size_t n = strlen(cursor), i;
        char tail[TAIL_SIZE + 1];

        if (n <= TAIL_SIZE || n >= LOG_CURSOR_SIZE)
                return -EINVAL;
        for (i = 0; i < n - TAIL_SIZE; i++) {
                char c = cursor[i];

                ret[i] = c == '.' ? ';' : c == '_' ? '=' : c;
                hash = hash_byte(hash, ret[i]);
        }
        ret[i] = 0;
        write_tail(hash, tail);
        return string_equal(tail, cursor + i) ? 0 : -EINVAL;
}

usec_t log_cursor_realtime(const char *journal_cursor) {
        const char *t = strstr(journal_cursor, ";t=");

        return t ? strtoull(t + 3, NULL, 16) : 0;
}

void log_cursor_of_time(usec_t realtime_usec, char ret[static LOG_CURSOR_SIZE]) {
        snprintf(ret, LOG_CURSOR_SIZE, "s=;t=%llx", (unsigned long long) realtime_usec);
}

/* --- order --- */

/* The value of that field of the journal's cursor, "s=...;i=...;b=...", and how long it is; an empty one when it has
 * none. */
static const char *find_field(const char *cursor, char name, size_t *ret_size) {
        const char *s = cursor;

        while (s && *s && !(s[0] == name && s[1] == '=')) {
                s = strchr(s, ';');
                if (s)
                        s++;
        }
        s = s && *s ? s + 2 : "";
        *ret_size = strcspn(s, ";");
        return s;
}

/* Of hexadecimal numbers without leading zeros: the longer one is greater. */
static int compare_numbers(const char *a, const char *b, char name) {
        size_t n, m;

        a = find_field(a, name, &n);
        b = find_field(b, name, &m);
        if (n != m)
                return n < m ? -1 : 1;
        return memcmp(a, b, n);
}

static bool has_same(const char *a, const char *b, char name) {
        size_t n, m;

        a = find_field(a, name, &n);
        b = find_field(b, name, &m);
        return n == m && memcmp(a, b, n) == 0;
}

int log_cursor_compare(const char *a, const char *b) {
        if (has_same(a, b, 's'))
                return compare_numbers(a, b, 'i');
        return compare_numbers(a, b, has_same(a, b, 'b') ? 'm' : 't');
}
