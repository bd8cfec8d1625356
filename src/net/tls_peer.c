#include "net/tls_peer.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl3.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "net/tls_context.h"

enum { NAME_MAX_SHOWN = 253, NAMES_MAX_SHOWN = 5 };

/* ---- names ---- */

static int append_shortened(struct bytes *out, const void *p, size_t n) {
    int err = text_escape(out, p, n < NAME_MAX_SHOWN ? n : NAME_MAX_SHOWN, TEXT_ONE_LINE);
    return err == TB_OK && n > NAME_MAX_SHOWN ? bytes_append_str(out, "...") : err;
}

/* "O=Example, CN=Root" */
static int append_distinguished(struct bytes *out, const X509_NAME *name) {
    BIO *text = BIO_new(BIO_s_mem());
    int err = TB_ENOMEM;
    char *p;
    if (text != NULL &&
        X509_NAME_print_ex(text, name, 0,
                           XN_FLAG_ONELINE & ~(ASN1_STRFLGS_ESC_MSB | XN_FLAG_SPC_EQ)) >= 0) {
        long n = BIO_get_mem_data(text, &p);
        err = append_shortened(out, p, n < 0 ? 0 : (size_t)n);
    }
    BIO_free(text);
    return err;
}

static int append_ip(struct bytes *out, const uint8_t *p, int n) {
    char text[INET6_ADDRSTRLEN];
    int family = n == 4 ? AF_INET : AF_INET6;
    if ((n != 4 && n != 16) || inet_ntop(family, p, text, sizeof text) == NULL) {
        return bytes_append_str(out, "?");
    }
    return bytes_append_str(out, text);
}

/* Whom we wanted: a name, or an address in its usual form. */
static int append_wanted(struct bytes *out, X509_VERIFY_PARAM *param) {
    const char *host = X509_VERIFY_PARAM_get0_host(param, 0);
    if (host != NULL) {
        return append_shortened(out, host, strlen(host));
    }
    char *text = X509_VERIFY_PARAM_get1_ip_asc(param);
    ASN1_OCTET_STRING *ip = text == NULL ? NULL : a2i_IPADDRESS(text);
    int err =
        ip == NULL ? TB_ENOMEM : append_ip(out, ASN1_STRING_get0_data(ip), ASN1_STRING_length(ip));
    ASN1_OCTET_STRING_free(ip);
    OPENSSL_free(text);
    return err;
}

/* ---- a certificate that is for somebody else ---- */

/* Its names, up to a bound. */
struct names {
    struct bytes *out;
    unsigned count;
    int err;
};

static void add_name(struct names *n, const ASN1_STRING *s, bool is_ip) {
    n->count++;
    if (n->err != TB_OK || n->count > NAMES_MAX_SHOWN) {
        return;
    }
    const uint8_t *p = ASN1_STRING_get0_data(s);
    int size = ASN1_STRING_length(s);
    n->err = bytes_append_str(n->out, n->count == 1 ? " but for '" : ", '");
    if (n->err == TB_OK) {
        n->err = is_ip ? append_ip(n->out, p, size) : append_shortened(n->out, p, (size_t)size);
    }
    if (n->err == TB_OK) {
        n->err = bytes_append_str(n->out, "'");
    }
}

static void add_alternative_names(struct names *n, const X509 *cert) {
    GENERAL_NAMES *all = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(all); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(all, i);
        if (name->type == GEN_DNS) {
            add_name(n, name->d.dNSName, false);
        } else if (name->type == GEN_IPADD) {
            add_name(n, name->d.iPAddress, true);
        }
    }
    GENERAL_NAMES_free(all);
}

static void add_common_names(struct names *n, const X509 *cert) {
    const X509_NAME *subject = X509_get_subject_name(cert);
    int at = -1;
    while ((at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0) {
        add_name(n, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)), false);
    }
}

static int append_names(struct bytes *out, const X509 *cert) {
    struct names n = {out, 0, TB_OK};
    add_alternative_names(&n, cert);
    if (n.count == 0) {
        add_common_names(&n, cert);
    }
    if (n.err == TB_OK && n.count == 0) {
        return bytes_append_str(out, ", and names no host at all");
    }
    if (n.err == TB_OK && n.count > NAMES_MAX_SHOWN) {
        return bytes_appendf(out, " and %u more", n.count - NAMES_MAX_SHOWN);
    }
    return n.err;
}

static int say_mismatch(X509_STORE_CTX *store, const X509 *cert, struct bytes *out) {
    int err = bytes_append_str(out, "the certificate is not for '");
    err = err == TB_OK ? append_wanted(out, X509_STORE_CTX_get0_param(store)) : err;
    err = err == TB_OK ? bytes_append_str(out, "'") : err;
    return err == TB_OK ? append_names(out, cert) : err;
}

/* ---- a chain that is not trusted ---- */

static int say_named(struct bytes *out, const char *before, const X509_NAME *name,
                     const char *after) {
    int err = bytes_appendf(out, "%s '", before);
    err = err == TB_OK ? append_distinguished(out, name) : err;
    return err == TB_OK ? bytes_appendf(out, "'%s", after) : err;
}

static int say_date(struct bytes *out, int depth, const char *what, const ASN1_TIME *time) {
    char day[TLS_DAY_MAX];
    return bytes_appendf(out, "the %scertificate %s %s", depth == 0 ? "" : "issuer's ", what,
                         tls_day(time, day));
}

int tls_peer_distrust(X509_STORE_CTX *store, struct bytes *out) {
    int code = X509_STORE_CTX_get_error(store);
    int depth = X509_STORE_CTX_get_error_depth(store);
    const X509 *cert = X509_STORE_CTX_get_current_cert(store);
    if (cert == NULL) {
        return bytes_append_str(out, X509_verify_cert_error_string(code));
    }
    switch (code) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return say_mismatch(store, cert, out);
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return say_date(out, depth, "expired on", X509_get0_notAfter(cert));
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return say_date(out, depth, "is not valid before", X509_get0_notBefore(cert));
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        return say_named(out, "the certificate's chain ends in", X509_get_subject_name(cert),
                         ", which is not trusted here");
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        return say_named(out, "the certificate's issuer", X509_get_issuer_name(cert),
                         " is not known here");
    default:
        return bytes_append_str(out, X509_verify_cert_error_string(code));
    }
}

/* ---- a peer that was accepted ---- */

static int describe_cert(const X509 *cert, struct bytes *out) {
    char day[TLS_DAY_MAX];
    int err = bytes_append_str(out, ", certificate ");
    err = err == TB_OK ? append_distinguished(out, X509_get_subject_name(cert)) : err;
    err = err == TB_OK ? bytes_append_str(out, ", issued by ") : err;
    err = err == TB_OK ? append_distinguished(out, X509_get_issuer_name(cert)) : err;
    return err == TB_OK
               ? bytes_appendf(out, ", valid until %s", tls_day(X509_get0_notAfter(cert), day))
               : err;
}

int tls_peer_describe(const SSL *ssl, struct bytes *out) {
    const X509 *cert = SSL_get0_peer_certificate(ssl);
    int err = bytes_appendf(out, "%s, %s", SSL_get_version(ssl), SSL_get_cipher_name(ssl));
    if (err == TB_OK && cert != NULL) {
        err = describe_cert(cert, out);
    }
    if (err == TB_OK && cert != NULL && SSL_get_verify_mode(ssl) == SSL_VERIFY_NONE) {
        err = bytes_append_str(out, ", not verified");
    }
    return err;
}

/* ---- a handshake that failed ---- */

/* What servers say of a certificate that they miss, or do not like (RFC 8446 s.6.2; RFC 5246
 * s.7.2.2 knew no alert for a missing one). */
static bool is_about_our_cert(int alert) {
    switch (alert) {
    case SSL_AD_HANDSHAKE_FAILURE:
    case SSL3_AD_NO_CERTIFICATE:
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_REVOKED:
    case SSL_AD_CERTIFICATE_EXPIRED:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_UNKNOWN_CA:
    case SSL_AD_ACCESS_DENIED:
    case SSL_AD_CERTIFICATE_REQUIRED:
        return true;
    default:
        return false;
    }
}

static int say_alert(int alert, enum tls_own own, struct bytes *out) {
    bool about_ours = is_about_our_cert(alert);
    if (about_ours && own == TLS_OWN_MISSING) {
        return bytes_append_str(out, "the server wants a client certificate (--cert)");
    }
    /* A handshake failure has many causes. */
    bool sure = about_ours && own == TLS_OWN_GIVEN && alert != SSL_AD_HANDSHAKE_FAILURE;
    return bytes_appendf(out, "the server refused%s: %s%s", sure ? " the client certificate" : "",
                         SSL_alert_desc_string_long(alert),
                         alert == SSL_AD_PROTOCOL_VERSION ? " (TLS 1.2 and 1.3 were offered)" : "");
}

int tls_peer_failure(unsigned long error, enum tls_own own, struct bytes *out) {
    int reason = ERR_GET_REASON(error);
    bool from_tls = ERR_GET_LIB(error) == ERR_LIB_SSL;
    if (from_tls && reason > SSL_AD_REASON_OFFSET && reason <= SSL_AD_REASON_OFFSET + UINT8_MAX) {
        return say_alert(reason - SSL_AD_REASON_OFFSET, own, out);
    }
    if (from_tls && (reason == SSL_R_UNSUPPORTED_PROTOCOL || reason == SSL_R_VERSION_TOO_LOW)) {
        return bytes_append_str(out, "the server speaks no TLS that is new enough (1.2 at least)");
    }
    const char *text = ERR_reason_error_string(error);
    return bytes_append_str(out, text != NULL ? text : "the cryptographic library refused");
}
