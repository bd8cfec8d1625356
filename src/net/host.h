/* net/host.h - a host as a user writes it, and the system's form of an address.
 *
 * Nothing here asks a name server, or waits for anything.
 */
#ifndef TB_NET_HOST_H
#define TB_NET_HOST_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

/* A name of the domain name system has at most 253 characters. */
enum { HOST_NAME_SIZE = 256, HOST_ADDRESS_TEXT_MAX = 64 };

/* What socket calls take. */
struct host_address {
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_un un;
        struct sockaddr_storage storage;
    } sa;
    socklen_t size;
};

/* The host without the brackets in which an IPv6 address may stand, terminated and cut off at
 * HOST_NAME_SIZE; returns name. */
const char *host_bare(const char *host, char name[HOST_NAME_SIZE]);

/* Whether two names are the same: the case of ASCII and a last dot say nothing. */
bool host_is_same(const char *a, const char *b);

/* Whether the name is "localhost" or ends with ".localhost": that is this machine's loopback,
 * whatever a name server or the system's files say (RFC 6761 s.6.3). */
bool host_is_localhost(const char *name);

/* Reads an address, of IPv6 also with brackets or a zone (fe80::1%eth0). TB_OK; TB_EINVAL if the
 * host is no address but perhaps a name; TB_ENOMEM. *a is meaningful after TB_OK only. */
int host_parse(struct host_address *a, const char *host, uint16_t port);

/* Takes a copy of an IPv4 or IPv6 address, for that port. */
void host_address_set(struct host_address *a, const struct sockaddr *from, uint16_t port);

/* Writes the address of IPv4 or IPv6 without a port or brackets, terminated; returns text. */
const char *host_address_text(const struct host_address *a, char text[HOST_ADDRESS_TEXT_MAX]);

#endif
