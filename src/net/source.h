/* net/source.h - where a connection leaves the machine (--interface).
 *
 * Either by a device (eth0), or from one of the machine's own addresses.
 */
#ifndef TB_NET_SOURCE_H
#define TB_NET_SOURCE_H

#include <net/if.h>

#include "net/host.h"

struct source {
    char device[IF_NAMESIZE];    /* or "" */
    struct host_address address; /* without a device, and if its size is not 0: this one */
};

/* Takes the name of a device, or an address of this machine (with or without brackets); NULL: the
 * system chooses. 0, or an errno: ENODEV (it is neither), ENOMEM, or why the address cannot be
 * used. */
int source_init(struct source *s, const char *name);

/* The family of the source's address, or AF_UNSPEC if the source does not care. */
int source_family(const struct source *s);

/* Has a TCP socket of that family, which is not connected yet, leave there. A device for which the
 * user lacks the right to bind is stood for by its address. 0 or an errno (EADDRNOTAVAIL: the
 * device has no address of that family). */
int source_bind(const struct source *s, int fd, int family);

#endif
