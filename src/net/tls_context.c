#include "net/tls_context.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/text.h"

/* ---- reasons ---- */

const char *tls_reason(const char *if_no_pem) {
    unsigned long first = ERR_peek_error();
    if (ERR_SYSTEM_ERROR(first)) {
        return strerror((int)ERR_GET_REASON(first));
    }
    int code = ERR_GET_REASON(first);
    if (code == PEM_R_NO_START_LINE || code == ERR_R_UNSUPPORTED) {
        return if_no_pem;
    }
    const char *text = ERR_reason_error_string(first);
    return text != NULL ? text : "not readable";
}

static void append_quoted(struct bytes *message, const char *before, const char *file) {
    bytes_appendf(message, "%s '", before);
    text_escape(message, file, strlen(file), TEXT_ONE_LINE);
    bytes_append_str(message, "'");
}

int tls_explain(struct bytes *message, const char *what, const char *file, const char *why) {
    append_quoted(message, what, file);
    bytes_appendf(message, " (%s)", why);
    ERR_clear_error();
    return TB_ECRYPTO;
}

const char *tls_day(const ASN1_TIME *time, char day[TLS_DAY_MAX]) {
    struct tm date = {0};
    if (ASN1_TIME_to_tm(time, &date) != 1 || strftime(day, TLS_DAY_MAX, "%Y-%m-%d", &date) == 0) {
        memcpy(day, "?", 2);
    }
    return day;
}

/* ---- certificate and key ---- */

struct asked {
    const char *passphrase;
    bool asked;
};

/* Taburet is started by a script as often as by a person: what was not given is not asked for. */
static int give_passphrase(char *buf, int size, int writing, void *data) {
    (void)writing;
    struct asked *a = data;
    size_t n = a->passphrase == NULL ? 0 : strlen(a->passphrase);
    a->asked = true;
    if (a->passphrase == NULL || n > (size_t)size) {
        return -1;
    }
    memcpy(buf, a->passphrase, n);
    return (int)n;
}

static const char *const no_certificate = "it has no certificate in PEM form";
static const char *const cannot_use_key = "cannot use the private key";

static void refuse_key(const struct tls_pair *pair, bool asked, struct bytes *message) {
    const char *why;
    if (asked) {
        why = pair->passphrase == NULL ? pair->if_locked : "its passphrase is wrong";
    } else {
        why = tls_reason("it has no private key in PEM form");
    }
    tls_explain(message, cannot_use_key, pair->key_file, why);
}

/* The caller frees the key; NULL if there is none, and *message says why. */
static EVP_PKEY *read_key(const struct tls_pair *pair, struct bytes *message) {
    struct asked asked = {pair->passphrase, false};
    BIO *in = BIO_new_file(pair->key_file, "r");
    EVP_PKEY *key = in == NULL ? NULL : PEM_read_bio_PrivateKey(in, NULL, give_passphrase, &asked);
    if (key == NULL) {
        refuse_key(pair, asked.asked, message);
    }
    BIO_free(in);
    return key;
}

static int refuse_pair(const struct tls_pair *pair, struct bytes *message) {
    append_quoted(message, "the private key", pair->key_file);
    append_quoted(message, " does not belong to the certificate", pair->cert_file);
    ERR_clear_error();
    return TB_ECRYPTO;
}

int tls_load_pair(SSL_CTX *ssl, const struct tls_pair *pair, struct bytes *message) {
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(ssl, pair->cert_file) != 1) {
        return tls_explain(message, "cannot use the certificate", pair->cert_file,
                           tls_reason(no_certificate));
    }
    EVP_PKEY *key = read_key(pair, message);
    if (key == NULL) {
        return TB_ECRYPTO;
    }
    int err = TB_OK;
    if (X509_check_private_key(SSL_CTX_get0_certificate(ssl), key) != 1) {
        err = refuse_pair(pair, message);
    } else if (SSL_CTX_use_PrivateKey(ssl, key) != 1) {
        err = tls_explain(message, cannot_use_key, pair->key_file, tls_reason("not supported"));
    }
    EVP_PKEY_free(key);
    return err;
}

/* ---- whom to trust ---- */

/* A tester has a peer's own certificate at hand more often than its issuer's. */
int tls_load_trust(SSL_CTX *ssl, const char *ca_file, struct bytes *message) {
    ERR_clear_error();
    if (SSL_CTX_load_verify_file(ssl, ca_file) != 1) {
        bool empty = ERR_GET_REASON(ERR_peek_error()) == X509_R_NO_CERTIFICATE_OR_CRL_FOUND;
        return tls_explain(message, "cannot use the CA certificates", ca_file,
                           empty ? no_certificate : tls_reason(no_certificate));
    }
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ssl), X509_V_FLAG_PARTIAL_CHAIN);
    return TB_OK;
}

/* ---- the context ---- */

static int refuse_passphrase(char *buf, int size, int writing, void *data) {
    (void)buf;
    (void)size;
    (void)writing;
    (void)data;
    return -1;
}

static void set_policy(SSL_CTX *ssl) {
    SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(ssl, 0);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_default_passwd_cb(ssl, refuse_passphrase); /* a certificate can be encrypted, too */
}

struct tls_context *tls_context_new(const SSL_METHOD *method) {
    struct tls_context *c = calloc(1, sizeof *c);
    if (c == NULL) {
        return NULL;
    }
    c->ssl = SSL_CTX_new(method);
    c->wire = tls_wire_new();
    if (c->ssl == NULL || c->wire == NULL) {
        tls_context_free(c);
        return NULL;
    }
    set_policy(c->ssl);
    return c;
}

void tls_context_free(struct tls_context *context) {
    if (context == NULL) {
        return;
    }
    SSL_CTX_free(context->ssl);
    BIO_meth_free(context->wire);
    free(context);
}
