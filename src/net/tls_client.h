/* net/tls_client.h - whom a client trusts, and who it says that it is.
 *
 * Owns nothing beyond the context that it makes, which is for stream_secure(). Certificate and
 * host name are verified (RFC 5280, RFC 6125; a wildcard is the whole left-most label or nothing)
 * unless the settings say otherwise.
 */
#ifndef TB_NET_TLS_CLIENT_H
#define TB_NET_TLS_CLIENT_H

#include <stdbool.h>

#include "net/tls.h"

/* The strings are the caller's, and needed only during the call. */
struct tls_client_settings {
    const char *ca_file;    /* PEM; trusted instead of the system's store. NULL: the system's, or
                             * what SSL_CERT_FILE and SSL_CERT_DIR name */
    const char *cert_file;  /* our own certificate with its chain, PEM; NULL: none */
    const char *key_file;   /* its private key, PEM; NULL: it stands in cert_file */
    const char *passphrase; /* of an encrypted key; NULL: such a key is an error */
    bool insecure;          /* neither certificate nor host name is verified */
};

/* A client's context. TB_OK, or TB_ENOMEM, or TB_ECRYPTO and *message says which file and why, in
 * one line. Nobody is asked for a passphrase. */
int tls_client_new(const struct tls_client_settings *settings, struct tls_context **context,
                   struct bytes *message);

#endif
