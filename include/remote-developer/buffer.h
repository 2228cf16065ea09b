/* Buffer: bytes that grow at their end.
 *
 * Invariants: `data` is never NULL after the first successful append and data[size] is then always 0, so the
 * bytes may be read as a C string when they hold no NUL themselves. `size` <= BUFFER_SIZE_MAX: what would grow
 * past it is refused with -E2BIG and leaves the buffer as it was.
 *
 * Life cycle: `Buffer b = BUFFER_NULL;` is a complete buffer; buffer_done() gives its memory back and leaves it
 * null again; buffer_clear() empties it for reuse; buffer_take() hands the bytes out (free() them).
 *
 * One that begins as BUFFER_SECRET overwrites its memory before it gives it back, also when it grows, and stays one.
 *
 * Every verb returns 0, or -ENOMEM or -E2BIG; after an error nothing has been appended.
 */
#pragma once

#include <remote-developer/macros.h>

#include <stdarg.h>

#define BUFFER_SIZE_MAX ((size_t) 256 * 1024 * 1024)

typedef struct Buffer {
        char *data;
        size_t size;
        size_t allocated;
        bool secret;
} Buffer;

#define BUFFER_NULL ((Buffer){})
#define BUFFER_SECRET ((Buffer){ .secret = true })

void buffer_done(Buffer *b);
void buffer_clear(Buffer *b);
char *buffer_take(Buffer *b);

int buffer_append(Buffer *b, const void *data, size_t size);
int buffer_append_string(Buffer *b, const char *s);
int buffer_append_format(Buffer *b, const char *format, ...) _printf_(2, 3);

/* Appends `size` bytes as a JSON string with its quotes. Bytes that are no valid UTF-8 become U+FFFD, one for
 * each, since JSON cannot carry them. */
int buffer_append_json_string(Buffer *b, const char *data, size_t size);

/* In base64 with padding (RFC 4648), without line breaks. */
int buffer_append_base64(Buffer *b, const void *data, size_t size);

/* Drops all behind the first `size` bytes. */
void buffer_cut(Buffer *b, size_t size);

/* Drops the first `size` bytes. */
void buffer_consume(Buffer *b, size_t size);
