/* net/address.h - who is at the other end, kept small and shown as text.
 *
 * A connection keeps this instead of a sockaddr_storage of 128 bytes.
 */
#ifndef TB_NET_ADDRESS_H
#define TB_NET_ADDRESS_H

#include <stdint.h>
#include <sys/socket.h>
#include <uv.h>

struct address {
    uint8_t ip[16]; /* IPv4: the first four bytes */
    uint16_t port;  /* host order */
    uint8_t family; /* AF_INET, AF_INET6, AF_UNIX; 0: not known */
};

enum { ADDRESS_TEXT_MAX = 64 };

/* An address of the system's; family 0 if it is of none of these. */
void address_of_sockaddr(struct address *a, const struct sockaddr *from);

/* The peer's address of a connected stream; family 0 if the system does not tell. */
void address_of_peer(struct address *a, const uv_stream_t *stream);

/* Writes "127.0.0.1:5123", "[::1]:5123", "unix" or "unknown", terminated; returns text. */
const char *address_text(const struct address *a, char text[ADDRESS_TEXT_MAX]);

#endif
