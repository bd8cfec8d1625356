/* tls_rig.h - a stream that is the client of TLS, and an OpenSSL server at its other end, with the
 * files that both want. */
#ifndef TB_TESTS_UNIT_TLS_RIG_H
#define TB_TESTS_UNIT_TLS_RIG_H

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdbool.h>

#include "certificate.h"
#include "net/tls_client.h"
#include "stream_pair.h"

enum { TLS_RIG_DAY = 24 * 3600, TLS_RIG_FOLDER_MAX = 32, TLS_RIG_FILE_MAX = 64 };

/* A root, a server's certificate signed by it for a.test and b.test, a client's, and what is wrong
 * with each. */
struct tls_rig_files {
    char folder[TLS_RIG_FOLDER_MAX];
    char ca_file[TLS_RIG_FILE_MAX];
    char cert_file[TLS_RIG_FILE_MAX]; /* the server's, until a test writes another one */
    char key_file[TLS_RIG_FILE_MAX];
    char own_cert_file[TLS_RIG_FILE_MAX];   /* the client's, with the same key */
    char both_file[TLS_RIG_FILE_MAX];       /* the client's, and its key */
    char locked_key_file[TLS_RIG_FILE_MAX]; /* the key; its passphrase is "secret" */
    char other_key_file[TLS_RIG_FILE_MAX];
    char other_ca_file[TLS_RIG_FILE_MAX]; /* a root that has signed nothing */
    char empty_file[TLS_RIG_FILE_MAX];
    EVP_PKEY *ca_key, *key, *other_key;
    X509 *ca, *cert;
};

extern struct tls_rig_files made;

struct tls_rig {
    struct stream_pair pair;
    struct tls_context *context;
    SSL_CTX *server_context;
    SSL *server;
};

/* A client that trusts the root, and one that trusts everybody. */
extern const struct tls_client_settings tls_rig_trusting, tls_rig_insecure;

/* For cmocka's group: make and remove the files. */
int tls_rig_make_files(void **state);
int tls_rig_remove_files(void **state);

/* A certificate for the key, signed by the root; the caller frees it. */
X509 *tls_rig_issue(const char *file, const struct certificate *c);

/* The pair with a plain stream, and a server with that certificate and the key. */
void tls_rig_init(struct tls_rig *f, const struct tls_client_settings *settings, X509 *server_cert,
                  bool small_buffers);
void tls_rig_release(struct tls_rig *f);

/* Whether the server, by the result of an operation, only waits for the wire, and the client has
 * not given up; then the loop has had a turn. */
bool tls_rig_waits(struct tls_rig *f, int result);

/* Makes the stream secure, and waits until its owner is told so, or the stream has ended: false. */
bool tls_rig_shake_hands(struct tls_rig *f, const char *host);

/* The server sends, and receives n bytes; the test fails if it cannot. */
void tls_rig_send(struct tls_rig *f, const uint8_t *p, size_t n);
void tls_rig_receive(struct tls_rig *f, struct bytes *out, size_t n);

/* Bytes go both ways. */
void tls_rig_assert_talks(struct tls_rig *f);

void tls_rig_assert_described(const struct tls_rig *f, const char *expected);

/* "2026-12-31", so many seconds from now; returns text. */
const char *tls_rig_day(long from_now, char text[16]);

#endif
