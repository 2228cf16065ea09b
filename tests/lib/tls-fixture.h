/* TlsFixture: certificates made for a test, and the client's side of TLS. */
#pragma once

#include <remote-developer/tls-identity.h>

#include <gnutls/gnutls.h>

/* Both end after a hundred characters. */
typedef struct TlsFiles {
        char certificate[128], key[128];
} TlsFiles;

/* Writes a certificate of "localhost", signed by itself, and its key (0600), into the directory, as NAME.crt and
 * NAME.key. */
bool tls_files_write(TlsFiles *f, const char *directory, const char *name, usec_t begins_usec, usec_t ends_usec);
void tls_files_remove(const TlsFiles *f);

/* One that is valid now. NULL is a failed check. */
TlsIdentity *tls_files_identity(const char *directory);

/* A client's session over the socket, which does not block, that believes this certificate alone. `priorities` NULL:
 * GnuTLS's own. */
typedef struct TlsSession {
        gnutls_session_t session; /* NULL: none */
        gnutls_certificate_credentials_t trusted;
} TlsSession;

bool tls_session_begin(TlsSession *s, int fd, const char *certificate_pem, const char *priorities);
void tls_session_end(TlsSession *s);
