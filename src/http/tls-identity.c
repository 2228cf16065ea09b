/* TlsIdentity: see tls-identity.h. */
#include <remote-developer/tls-identity.h>

#include <remote-developer/files.h>

#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <sys/stat.h>

#define EXPIRES_SOON_USEC (14 * 24 * 3600 * USEC_PER_SEC)

struct TlsIdentity {
        Buffer certificate, key; /* PEM */
        usec_t begins_usec, ends_usec; /* of the certificate */
};

/* Certificates of a machine are often managed by links. */
static int read_pem(const char *path, Buffer *ret, Problem *problem) {
        _cleanup_free_ char *target = realpath(path, NULL);
        int r = target ? file_read(AT_FDCWD, target, TLS_FILE_SIZE_MAX, ret) : -errno;

        switch (r) {
        case -ENOENT:
                return problem_set(problem, r, NULL, "%s: there is no such file", path);
        case -EFBIG:
                return problem_set(problem, r, NULL, "%s: this is longer than %zu KiB", path,
                                   TLS_FILE_SIZE_MAX / 1024);
        case -EINVAL:
                return problem_set(problem, r, NULL, "%s: this is not a regular file", path);
        default:
                return r < 0 ? problem_set(problem, r, NULL, "%s: cannot be read: %s", path, strerror(-r)) : 0;
        }
}

/* The group is not asked about: of a credential its bits say no more than that somebody has it by an ACL. */
static int check_privacy(const char *path, Problem *problem) {
        struct stat st;

        if (stat(path, &st) < 0)
                return problem_set(problem, -errno, NULL, "%s: %s", path, strerror(errno));
        if (st.st_mode & (S_IRWXO | S_IWGRP))
                return problem_set(problem, -EACCES, NULL,
                                   "%s: others may use this private key; say \"chmod 0600 %s\", and get a new one if "
                                   "somebody has",
                                   path, path);
        return 0;
}

static gnutls_datum_t datum_of(const Buffer *b) {
        return (gnutls_datum_t){ .data = (unsigned char *) b->data, .size = (unsigned) b->size };
}

/* Of the first certificate, the service's own. */
static int read_dates(TlsIdentity *t) {
        const gnutls_datum_t pem = datum_of(&t->certificate);
        gnutls_x509_crt_t certificate = NULL;
        int r;

        r = gnutls_x509_crt_init(&certificate);
        if (r < 0)
                return r;
        r = gnutls_x509_crt_import(certificate, &pem, GNUTLS_X509_FMT_PEM);
        if (r >= 0) {
                t->begins_usec = (usec_t) gnutls_x509_crt_get_activation_time(certificate) * USEC_PER_SEC;
                t->ends_usec = (usec_t) gnutls_x509_crt_get_expiration_time(certificate) * USEC_PER_SEC;
        }
        gnutls_x509_crt_deinit(certificate);
        return r;
}

static int parse_key(const TlsIdentity *t) {
        const gnutls_datum_t pem = datum_of(&t->key);
        gnutls_x509_privkey_t key = NULL;
        int r;

        r = gnutls_x509_privkey_init(&key);
        if (r < 0)
                return r;
        r = gnutls_x509_privkey_import2(key, &pem, GNUTLS_X509_FMT_PEM, NULL, 0);
        gnutls_x509_privkey_deinit(key);
        return r;
}

/* What GnuTLS, and libmicrohttpd with it, will do with them. */
static int try_pair(const TlsIdentity *t) {
        const gnutls_datum_t certificate = datum_of(&t->certificate), key = datum_of(&t->key);
        gnutls_certificate_credentials_t pair = NULL;
        int r;

        r = gnutls_certificate_allocate_credentials(&pair);
        if (r < 0)
                return r;
        r = gnutls_certificate_set_x509_key_mem(pair, &certificate, &key, GNUTLS_X509_FMT_PEM);
        gnutls_certificate_free_credentials(pair);
        return r;
}

static int examine(TlsIdentity *t, const char *certificate, const char *key, Problem *problem) {
        int r;

        r = read_dates(t);
        if (r < 0)
                return problem_set(problem, -EBADMSG, NULL, "%s: this is no certificate in PEM: %s", certificate,
                                   gnutls_strerror(r));
        r = parse_key(t);
        if (r < 0)
                return problem_set(problem, -EBADMSG, NULL, "%s: this is no private key in PEM without a password: %s",
                                   key, gnutls_strerror(r));
        r = try_pair(t);
        if (r < 0)
                return problem_set(problem, -EBADMSG, NULL, "%s and %s do not belong together: %s", certificate, key,
                                   gnutls_strerror(r));
        return 0;
}

int tls_identity_read(const char *certificate, const char *key, TlsIdentity **ret, Problem *problem) {
        _cleanup_(tls_identity_freep) TlsIdentity *t = malloc(sizeof(TlsIdentity));
        int r;

        if (!t)
                return -ENOMEM;
        *t = (TlsIdentity){ .certificate = BUFFER_NULL, .key = BUFFER_SECRET };
        r = read_pem(certificate, &t->certificate, problem);
        if (r >= 0)
                r = read_pem(key, &t->key, problem);
        if (r >= 0)
                r = check_privacy(key, problem);
        if (r >= 0)
                r = examine(t, certificate, key, problem);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(t);
        return 0;
}

TlsIdentity *tls_identity_free(TlsIdentity *t) {
        if (!t)
                return NULL;
        buffer_done(&t->certificate);
        buffer_done(&t->key);
        free(t);
        return NULL;
}

int tls_identity_look(const TlsIdentity *t, usec_t now, char sentence[static TLS_SENTENCE_SIZE]) {
        char date[CLOCK_TEXT_SIZE];

        sentence[0] = 0;
        if (now < t->begins_usec)
                snprintf(sentence, TLS_SENTENCE_SIZE, "The certificate " TLS_CERTIFICATE " is valid from %s on only",
                         clock_format(t->begins_usec, date));
        else if (now >= t->ends_usec)
                snprintf(sentence, TLS_SENTENCE_SIZE, "The certificate " TLS_CERTIFICATE " has expired at %s: clients "
                         "refuse it", clock_format(t->ends_usec, date));
        else if (t->ends_usec - now < EXPIRES_SOON_USEC)
                snprintf(sentence, TLS_SENTENCE_SIZE, "The certificate " TLS_CERTIFICATE " expires at %s",
                         clock_format(t->ends_usec, date));
        return now >= t->begins_usec && now < t->ends_usec;
}

const char *tls_identity_certificate(const TlsIdentity *t) {
        return t->certificate.data;
}

const char *tls_identity_key(const TlsIdentity *t) {
        return t->key.data;
}
