#include "net/tls_client.h"

#include <openssl/err.h>

#include "base/err.h"
#include "net/tls_context.h"

/* The one protocol that we speak in TLS (RFC 7301). */
static const unsigned char alpn[] = "\x08http/1.1";

static int load_trust(SSL_CTX *ssl, const char *ca_file, struct bytes *message) {
    if (ca_file != NULL) {
        return tls_load_trust(ssl, ca_file, message);
    }
    ERR_clear_error();
    return SSL_CTX_set_default_verify_paths(ssl) == 1 ? TB_OK : TB_ENOMEM;
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
