/* room: http
 *
 * TlsIdentity: the certificate by which programs on other machines know the service, and its private key.
 *
 *   tls.crt   PEM: the certificate, then those that lead to one which the clients trust
 *   tls.key   PEM: its key, not encrypted, for nobody but who runs the service
 *
 * Checked when it is read, so that a wrong one is told before the first client meets it. The key is erased with it.
 */
#pragma once

#include <remote-developer/clock.h>
#include <remote-developer/problem.h>

#define TLS_CERTIFICATE "tls.crt"
#define TLS_KEY "tls.key"

/* Of either file, in bytes. */
#define TLS_FILE_SIZE_MAX ((size_t) 256 * 1024)

typedef struct TlsIdentity TlsIdentity;

/* -ENOENT: one of the files is not there; -EACCES: the key may be read or written by others; -EBADMSG: they cannot be
 * read as what they are to be, or do not belong together. The problem says which, and what to do. */
int tls_identity_read(const char *certificate, const char *key, TlsIdentity **ret, Problem *problem);
TlsIdentity *tls_identity_free(TlsIdentity *t);
DEFINE_CLEANUP(TlsIdentity *, tls_identity_free)

/* 1: clients would believe the certificate at that time, as far as its two dates go; 0: not yet, or no longer, and the
 * sentence says so; it says so, too, when that is less than 14 days away. Empty otherwise. */
#define TLS_SENTENCE_SIZE 160
int tls_identity_look(const TlsIdentity *t, usec_t now, char sentence[static TLS_SENTENCE_SIZE]);

/* Both as PEM, borrowed. */
const char *tls_identity_certificate(const TlsIdentity *t);
const char *tls_identity_key(const TlsIdentity *t);
