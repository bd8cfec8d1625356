/* net/tls_context.h - what a server's and a client's context share; for the files of this room
 * only. */
#ifndef TB_NET_TLS_CONTEXT_H
#define TB_NET_TLS_CONTEXT_H

#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <stdbool.h>

#include "net/tls.h"

struct tls_context {
    SSL_CTX *ssl;
    BIO_METHOD *wire; /* reads what was received, collects what is to be sent */
};

/* Certificate chain and private key, PEM. */
struct tls_pair {
    const char *cert_file;
    const char *key_file;
    const char *passphrase; /* NULL: there is none */
    const char *if_locked;  /* what to say of an encrypted key then */
};

/* A context with our policy and nothing in it; NULL if memory is out. */
struct tls_context *tls_context_new(const SSL_METHOD *method);

/* A stream's BIO: its data is the stream's struct tls_state (tls.c). NULL if memory is out. */
BIO_METHOD *tls_wire_new(void);

/* Callbacks that keep in the stream's state why it fails: for SSL_CTX_set_verify(), and, a
 * client's, for SSL_CTX_set_client_cert_cb(). */
int tls_judge_peer(int ok, X509_STORE_CTX *store);
int tls_has_no_cert(SSL *ssl, X509 **cert, EVP_PKEY **key);

/* TB_OK, or TB_ECRYPTO and *message says why. */
int tls_load_pair(SSL_CTX *ssl, const struct tls_pair *pair, struct bytes *message);

/* What is in the file is trusted as it is, be it a root or not. TB_OK, or TB_ECRYPTO and *message
 * says why. */
int tls_load_trust(SSL_CTX *ssl, const char *ca_file, struct bytes *message);

/* Appends "WHAT 'FILE' (WHY)" and clears OpenSSL's errors. Returns TB_ECRYPTO. */
int tls_explain(struct bytes *message, const char *what, const char *file, const char *why);

/* Why OpenSSL refused a file, from what it said first, which is nearest to the cause; if_no_pem
 * where what was looked for is not in it. */
const char *tls_reason(const char *if_no_pem);

enum { TLS_DAY_MAX = 32 };

/* Writes "2026-12-31", or "?" if it is no date; returns day. */
const char *tls_day(const ASN1_TIME *time, char day[TLS_DAY_MAX]);

#endif
