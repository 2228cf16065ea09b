/* TlsFixture: see tls-fixture.h. */
#include "tls-fixture.h"

#include "tap.h"

#include <remote-developer/files.h>

#include <fcntl.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>

static bool write_out(const char *path, const gnutls_datum_t *pem) {
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        return TAP_CHECK(fd >= 0) && TAP_CHECK_INT(file_write_all(fd, pem->data, pem->size), 0);
}

static bool sign(gnutls_x509_crt_t certificate, gnutls_x509_privkey_t key, usec_t begins_usec, usec_t ends_usec) {
        static const char name[] = "localhost";

        return gnutls_x509_crt_set_version(certificate, 3) >= 0 &&
               gnutls_x509_crt_set_serial(certificate, "\1", 1) >= 0 &&
               gnutls_x509_crt_set_activation_time(certificate, (time_t) (begins_usec / USEC_PER_SEC)) >= 0 &&
               gnutls_x509_crt_set_expiration_time(certificate, (time_t) (ends_usec / USEC_PER_SEC)) >= 0 &&
               gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_DNSNAME, name, sizeof(name) - 1, 0) >= 0 &&
               gnutls_x509_crt_set_key(certificate, key) >= 0 &&
               gnutls_x509_crt_sign2(certificate, certificate, key, GNUTLS_DIG_SHA256, 0) >= 0;
}

bool tls_files_write(TlsFiles *f, const char *directory, const char *name, usec_t begins_usec, usec_t ends_usec) {
        gnutls_x509_privkey_t key;
        gnutls_x509_crt_t certificate;
        gnutls_datum_t key_pem = {}, certificate_pem = {};
        bool ok;

        snprintf(f->certificate, sizeof(f->certificate), "%s/%s.crt", directory, name);
        snprintf(f->key, sizeof(f->key), "%s/%s.key", directory, name);
        gnutls_x509_privkey_init(&key);
        gnutls_x509_crt_init(&certificate);
        ok = TAP_CHECK(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
                                                    GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0) >= 0) &&
             TAP_CHECK(sign(certificate, key, begins_usec, ends_usec)) &&
             TAP_CHECK(gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &key_pem) >= 0) &&
             TAP_CHECK(gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_PEM, &certificate_pem) >= 0) &&
             write_out(f->key, &key_pem) && write_out(f->certificate, &certificate_pem);
        gnutls_free(key_pem.data);
        gnutls_free(certificate_pem.data);
        gnutls_x509_crt_deinit(certificate);
        gnutls_x509_privkey_deinit(key);
        return ok;
}

void tls_files_remove(const TlsFiles *f) {
        (void) unlink(f->certificate);
        (void) unlink(f->key);
}

TlsIdentity *tls_files_identity(const char *directory) {
        usec_t now = clock_realtime_usec(), day = 24 * 3600 * USEC_PER_SEC;
        TlsIdentity *t = NULL;
        TlsFiles f = {};

        if (tls_files_write(&f, directory, "tls", now - day, now + 100 * day))
                TAP_CHECK_INT(tls_identity_read(f.certificate, f.key, &t, NULL), 0);
        tls_files_remove(&f);
        return t;
}

bool tls_session_begin(TlsSession *s, int fd, const char *certificate_pem, const char *priorities) {
        const gnutls_datum_t pem = { .data = (unsigned char *) certificate_pem,
                                     .size = (unsigned) strlen(certificate_pem) };
        bool ok = gnutls_certificate_allocate_credentials(&s->trusted) >= 0 &&
                  gnutls_certificate_set_x509_trust_mem(s->trusted, &pem, GNUTLS_X509_FMT_PEM) == 1 &&
                  gnutls_init(&s->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) >= 0 &&
                  gnutls_credentials_set(s->session, GNUTLS_CRD_CERTIFICATE, s->trusted) >= 0 &&
                  (priorities ? gnutls_priority_set_direct(s->session, priorities, NULL)
                              : gnutls_set_default_priority(s->session)) >= 0;

        if (!TAP_CHECK(ok))
                return false;
        gnutls_session_set_verify_cert(s->session, "localhost", 0);
        gnutls_transport_set_int(s->session, fd);
        return true;
}

void tls_session_end(TlsSession *s) {
        if (s->session)
                gnutls_deinit(s->session);
        if (s->trusted)
                gnutls_certificate_free_credentials(s->trusted);
        *s = (TlsSession){};
}
