/* The clients' cursor: see log-cursor.h. */
#include <remote-developer/log-cursor.h>

#include <remote-developer/strings.h>

#include <stdio.h>

#define CHECK_SIZE 8
#define CHECK_PREFIX ".c_"

/* FNV-1a, 32 bits, by its published constants. */
static uint32_t hash_text(uint32_t hash, const char *s) {
        for (; *s; s++)
                hash = (hash ^ (unsigned char) *s) * 16777619U;
        return hash;
}

static uint32_t check_of(const char *task_id, const char *journal_cursor) {
        return hash_text(hash_text(2166136261U, task_id), journal_cursor);
}

static void replace_bytes(char *s, const char *from, const char *to) {
        for (; *s; s++) {
                const char *found = strchr(from, *s);

                if (found)
                        *s = to[found - from];
        }
}

int log_cursor_encode(const char *task_id, const char *journal_cursor, char ret[static LOG_CURSOR_SIZE]) {
        int n = snprintf(ret, LOG_CURSOR_SIZE, "%s" CHECK_PREFIX "%08x", journal_cursor,
                         check_of(task_id, journal_cursor));

        if (n < 0 || n >= LOG_CURSOR_SIZE)
                return -E2BIG;
        replace_bytes(ret, ";=", "._");
        return 0;
}

int log_cursor_decode(const char *task_id, const char *cursor, char ret[static LOG_CURSOR_SIZE]) {
        size_t n = strlen(cursor), tail = strlen(CHECK_PREFIX) + CHECK_SIZE;
        char check[CHECK_SIZE + 1];

        if (n <= tail || n >= LOG_CURSOR_SIZE || !string_has_prefix(cursor + n - tail, CHECK_PREFIX))
                return -EINVAL;
        memcpy(ret, cursor, n - tail);
        ret[n - tail] = 0;
        replace_bytes(ret, "._", ";=");
        snprintf(check, sizeof(check), "%08x", check_of(task_id, ret));
        return string_equal(check, cursor + n - CHECK_SIZE) ? 0 : -EINVAL;
}
