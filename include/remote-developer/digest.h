/* Digest: SHA-256, and comparing what must not be guessed byte by byte. The only place that knows GnuTLS, which
 * libmicrohttpd brings along.
 */
#pragma once

#include <remote-developer/macros.h>

/* 64 hexadecimal digits in lower case and a 0. */
#define DIGEST_TEXT_SIZE ((size_t) 65)

/* 0 or -EIO: the library refuses. */
int digest_of(const void *data, size_t size, char ret[static DIGEST_TEXT_SIZE]);

/* Takes the same time wherever they differ. */
bool digest_equal(const char a[static DIGEST_TEXT_SIZE], const char b[static DIGEST_TEXT_SIZE]);

/* `size` bytes in hexadecimal digits, and a 0: 2 * size + 1 bytes of `ret`. */
void digest_write_hex(const unsigned char *bytes, size_t size, char *ret);
