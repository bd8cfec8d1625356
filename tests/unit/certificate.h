/* certificate.h - keys and certificates that a test makes for itself, in files. */
#ifndef TB_TESTS_UNIT_CERTIFICATE_H
#define TB_TESTS_UNIT_CERTIFICATE_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>

struct certificate {
    const char *name;  /* of its subject; NULL: none */
    const char *hosts; /* as in OpenSSL's settings, "DNS:a.test,IP:127.0.0.1"; NULL: none */
    long from, to;     /* seconds from now on */
    bool is_issuer;    /* may sign others */
};

/* Writes the key, with a passphrase unless it is NULL. Returns the key, or NULL if it was NULL or
 * cannot be written. */
EVP_PKEY *certificate_write_key(const char *file, EVP_PKEY *key, char *passphrase);

/* A certificate for the key, signed by the issuer (NULL: by itself), written to a file. The caller
 * frees it; NULL if it cannot be made. */
X509 *certificate_write(const char *file, const struct certificate *c, EVP_PKEY *key, X509 *issuer,
                        EVP_PKEY *issuer_key);

#endif
