/* net/tls.h - TLS for streams, through OpenSSL: the policy that streams share.
 *
 * A context owns certificate, key and rules of one side, a server's (here) or a client's
 * (net/tls_client.h); it may be used by all threads. TLS 1.2 at least, no renegotiation, no session
 * cache, no compression. What TLS does to a stream's bytes is in net/stream.h.
 */
#ifndef TB_NET_TLS_H
#define TB_NET_TLS_H

#include "base/bytes.h"

struct tls_context;

/* A server's context from PEM files. With client_ca_file (NULL: none), a client must have a
 * certificate that is in that file, or signed by one that is; others are refused in the handshake.
 * On failure returns TB_ECRYPTO or TB_ENOMEM and *message says which file and why, in one line.
 * Nobody is asked for a passphrase. */
int tls_server_new(const char *cert_file, const char *key_file, const char *client_ca_file,
                   struct tls_context **context, struct bytes *message);

/* Appends a line to *notes if the certificate is not valid today: it is served all the same, but
 * clients that check it will not have it. */
void tls_server_note(const struct tls_context *context, struct bytes *notes);

/* NULL is allowed. Streams that use the context keep what they need of it. */
void tls_context_free(struct tls_context *context);

#endif
