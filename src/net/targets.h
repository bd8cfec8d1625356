/* net/targets.h - the addresses that a connection is tried to, in the order of the tries.
 *
 * Owns the list, and for each address why it did not work. Asks no name server.
 */
#ifndef TB_NET_TARGETS_H
#define TB_NET_TARGETS_H

#include <stddef.h>
#include <stdint.h>

#include "net/host.h"

struct target {
    struct host_address address;
    int error; /* the errno of a failed try, or 0 */
};

struct targets {
    struct target *items;
    size_t count;
    int family; /* AF_UNSPEC: any; addresses of another family are left out */
};

#define TARGETS_INIT                                                                               \
    { NULL, 0, AF_UNSPEC }

struct dial_override; /* net/dial.h */

void targets_release(struct targets *t);

/* Adds an address of IPv4 or IPv6, with that port. TB_OK or TB_ENOMEM. */
int targets_add(struct targets *t, const struct sockaddr *address, uint16_t port);

/* Adds the addresses of a host that needs no look-up: one with an override (the last that names it,
 * or else the last for "*"), an address, or a name of this machine (host_is_localhost(): ::1, then
 * 127.0.0.1). TB_OK, TB_ENOMEM, or TB_EINVAL: it is a name to look up; or the override is wrong,
 * and *bad is its address that is none (NULL otherwise). */
int targets_add_host(struct targets *t, const char *host, uint16_t port,
                     const struct dial_override *overrides, size_t override_count,
                     const char **bad);

/* Adds a Unix socket. TB_OK, TB_ENOMEM, or TB_EINVAL: the path is empty or longer than the system
 * allows. */
int targets_add_unix(struct targets *t, const char *path);

/* Lets the families take turns, beginning with the first address's; within one, the order stays
 * (RFC 8305 s.4). */
void targets_interleave(struct targets *t);

#endif
