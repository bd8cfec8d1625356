/* net/tls_peer.h - the peer's certificate and the peer's refusals, in words; for the files of this
 * room only. What a certificate says is hostile, and is escaped and shortened here. */
#ifndef TB_NET_TLS_PEER_H
#define TB_NET_TLS_PEER_H

#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include "base/bytes.h"

/* Appends why the chain is not trusted, as one line. TB_OK or TB_ENOMEM. */
int tls_peer_distrust(X509_STORE_CTX *store, struct bytes *out);

/* Appends what was agreed on and who the peer is, as one line. TB_OK or TB_ENOMEM. */
int tls_peer_describe(const SSL *ssl, struct bytes *out);

/* Our own certificate, as the server sees it. */
enum tls_own { TLS_OWN_NOT_WANTED, TLS_OWN_MISSING, TLS_OWN_GIVEN };

/* Appends why a client's TLS failed, from OpenSSL's error. TB_OK or TB_ENOMEM. */
int tls_peer_failure(unsigned long error, enum tls_own own, struct bytes *out);

#endif
