/* Digest: see digest.h. */
#include <remote-developer/digest.h>

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#define DIGEST_SIZE 32

void digest_write_hex(const unsigned char *bytes, size_t size, char *ret) {
        static const char digits[] = "0123456789abcdef";

        for (size_t i = 0; i < size; i++) {
                *ret++ = digits[bytes[i] >> 4];
                *ret++ = digits[bytes[i] & 15];
        }
        *ret = 0;
}

int digest_of(const void *data, size_t size, char ret[static DIGEST_TEXT_SIZE]) {
        unsigned char bytes[DIGEST_SIZE];

        if (gnutls_hash_fast(GNUTLS_DIG_SHA256, data, size, bytes) < 0)
                return -EIO;
        digest_write_hex(bytes, sizeof(bytes), ret);
        return 0;
}

bool digest_equal(const char a[static DIGEST_TEXT_SIZE], const char b[static DIGEST_TEXT_SIZE]) {
        return gnutls_memcmp(a, b, DIGEST_TEXT_SIZE) == 0;
}
