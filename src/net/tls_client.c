#include "net/tls_client.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include "base/err.h"
#include "net/tls_context.h"

/* The one protocol that we speak in TLS (RFC 7301). */
static const unsigned char alpn[] = "\x08http/1.1";

/* With a file, what is in it is trusted as it is, be it a root or not: a tester has a server's own
 * certificate at hand more often than its issuer's. */
static int load_trust(SSL_CTX *ssl, const char *ca_file, struct bytes *message) {
    ERR_clear_error();
    if (ca_file == NULL) {
        return SSL_CTX_set_default_verify_paths(ssl) == 1 ? TB_OK : TB_ENOMEM;
    }
    if (SSL_CTX_load_verify_file(ssl, ca_file) != 1) {
        const char *const none = "it has no certificate in PEM form";
        bool empty = ERR_GET_REASON(ERR_peek_error()) == X509_R_NO_CERTIFICATE_OR_CRL_FOUND;
        return tls_explain(message, "cannot use the CA certificates", ca_file,
                           empty ? none : tls_reason(none));
    }
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ssl), X509_V_FLAG_PARTIAL_CHAIN);
    return TB_OK;
}

static int load_own(SSL_CTX *ssl, const struct tls_client_settings *s, struct bytes *message) {
    const struct tls_pair pair = {
        .cert_file = s->cert_file,
        .key_file = s->key_file != NULL ? s->key_file : s->cert_file,
        .passphrase = s->passphrase,
        .if_locked = "the private key is encrypted; use --pass",
    };
    if (s->cert_file == NULL) {
        SSL_CTX_set_client_cert_cb(ssl, tls_has_no_cert);
        return TB_OK;
    }
    return tls_load_pair(ssl, &pair, message);
}

static int set_up(SSL_CTX *ssl, const struct tls_client_settings *s, struct bytes *message) {
    if (SSL_CTX_set_alpn_protos(ssl, alpn, sizeof alpn - 1) != 0) {
        return TB_ENOMEM;
    }
    int err = load_own(ssl, s, message);
    if (err != TB_OK || s->insecure) {
        return err;
    }
    SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, tls_judge_peer);
    return load_trust(ssl, s->ca_file, message);
}

int tls_client_new(const struct tls_client_settings *settings, struct tls_context **context,
                   struct bytes *message) {
    struct tls_context *c = tls_context_new(TLS_client_method());
    if (c == NULL) {
        return TB_ENOMEM;
    }
    int err = set_up(c->ssl, settings, message);
    if (err != TB_OK) {
        tls_context_free(c);
        return err;
    }
    *context = c;
    return TB_OK;
}
