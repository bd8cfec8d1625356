#include "base/err.h"
#include "net/tls_context.h"

/* Clients are told whom we trust, so that one who has several certificates can choose. */
static int ask_for_certificates(SSL_CTX *ssl, const char *ca_file, struct bytes *message) {
    int err = tls_load_trust(ssl, ca_file, message);
    if (err != TB_OK) {
        return err;
    }
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(ca_file);
    if (names == NULL) { /* but a revocation list, perhaps */
        return tls_explain(message, "cannot use the CA certificates", ca_file,
                           tls_reason("it has no certificate in PEM form"));
    }
    SSL_CTX_set_client_CA_list(ssl, names);
    SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, tls_judge_peer);
    return TB_OK;
}

int tls_server_new(const char *cert_file, const char *key_file, const char *client_ca_file,
                   struct tls_context **context, struct bytes *message) {
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
    if (err == TB_OK && client_ca_file != NULL) {
        err = ask_for_certificates(c->ssl, client_ca_file, message);
    }
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
