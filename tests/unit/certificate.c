#include "certificate.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>

EVP_PKEY *certificate_write_key(const char *file, EVP_PKEY *key, char *passphrase) {
    FILE *out = fopen(file, "w");
    bool ok = key != NULL && out != NULL &&
              PEM_write_PrivateKey(out, key, passphrase == NULL ? NULL : EVP_aes_256_cbc(), NULL, 0,
                                   NULL, passphrase) == 1;
    if (out != NULL) {
        fclose(out);
    }
    return ok ? key : NULL;
}

static bool add_extension(X509 *cert, int kind, const char *value) {
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, kind, value);
    bool ok = extension != NULL && X509_add_ext(cert, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return ok;
}

static bool fill(X509 *cert, const struct certificate *c, EVP_PKEY *key, X509 *issuer) {
    static long serial;
    X509_NAME *name = X509_get_subject_name(cert);
    if (c->name != NULL) {
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)c->name, -1,
                                   -1, 0);
    }
    return X509_set_version(cert, X509_VERSION_3) == 1 &&
           ASN1_INTEGER_set(X509_get_serialNumber(cert), ++serial) == 1 &&
           X509_set_issuer_name(cert, issuer == NULL ? name : X509_get_subject_name(issuer)) == 1 &&
           X509_gmtime_adj(X509_getm_notBefore(cert), c->from) != NULL &&
           X509_gmtime_adj(X509_getm_notAfter(cert), c->to) != NULL &&
           X509_set_pubkey(cert, key) == 1 &&
           (!c->is_issuer || add_extension(cert, NID_basic_constraints, "critical,CA:TRUE")) &&
           (c->hosts == NULL || add_extension(cert, NID_subject_alt_name, c->hosts));
}

X509 *certificate_write(const char *file, const struct certificate *c, EVP_PKEY *key, X509 *issuer,
                        EVP_PKEY *issuer_key) {
    X509 *cert = X509_new();
    FILE *out = fopen(file, "w");
    bool ok = cert != NULL && out != NULL && fill(cert, c, key, issuer) &&
              X509_sign(cert, issuer == NULL ? key : issuer_key, EVP_sha256()) > 0 &&
              PEM_write_X509(out, cert) == 1;
    if (out != NULL) {
        fclose(out);
    }
    if (!ok) {
        X509_free(cert);
        return NULL;
    }
    return cert;
}
