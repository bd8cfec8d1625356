#include "base/err.h"
#include "net/tls_context.h"

int tls_server_new(const char *cert_file, const char *key_file, struct tls_context **context,
                   struct bytes *message) {
    const struct tls_pair pair = {
        .cert_file = cert_file,
        .key_file = key_file,
        .if_locked = "the private key is encrypted; taburet needs it without a passphrase",
    };
    struct tls_context *c = tls_context_new(TLS_server_method());
    if (c == NULL) {
        return TB_ENOMEM;
    }
    int err = tls_load_pair(c->ssl, &pair, message);
    if (err != TB_OK) {
        tls_context_free(c);
        return err;
    }
    *context = c;
    return TB_OK;
}

static void note_date(struct bytes *notes, const char *what, const ASN1_TIME *time) {
    char day[TLS_DAY_MAX];
    bytes_appendf(notes, "the certificate %s %s: clients that check it will refuse it\n", what,
                  tls_day(time, day));
}

void tls_server_note(const struct tls_context *context, struct bytes *notes) {
    const X509 *cert = SSL_CTX_get0_certificate(context->ssl);
    const ASN1_TIME *from = X509_get0_notBefore(cert);
    const ASN1_TIME *to = X509_get0_notAfter(cert);
    if (X509_cmp_current_time(to) < 0) {
        note_date(notes, "expired on", to);
    } else if (X509_cmp_current_time(from) > 0) {
        note_date(notes, "is not valid before", from);
    }
}
