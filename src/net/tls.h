/* net/tls.h - TLS for streams, through OpenSSL.
 *
 * Owns the context (certificate, key, policy) and, per stream, the state that turns the bytes of
 * the wire into plain bytes and back. TLS 1.2 at least, no renegotiation, no session cache, no
 * compression.
 */
#ifndef TB_NET_TLS_H
#define TB_NET_TLS_H

#include "base/bytes.h"

struct tls_context;

/* A server's context from PEM files. On failure returns TB_ECRYPTO or TB_ENOMEM and *message says
 * which file and why, in one line. Nobody is asked for a passphrase. The context is shared by all
 * threads. */
int tls_server_new(const char *cert_file, const char *key_file, struct tls_context **context,
                   struct bytes *message);

/* Appends a line to *notes if the certificate is not valid today: it is served all the same, but
 * clients that check it will not have it. */
void tls_server_note(const struct tls_context *context, struct bytes *notes);

void tls_context_free(struct tls_context *context);

#endif
