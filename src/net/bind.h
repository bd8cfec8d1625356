/* net/bind.h - the sockets that a server listens on, all or none.
 *
 * Opens every socket before anything is served, so that a port that is taken stops the program
 * before it has begun. Blocking (it resolves names): for the start of a program only.
 *
 * A port is never shared with somebody else: where several loops share it (SO_REUSEPORT), it is
 * first taken alone. `localhost` means 127.0.0.1 and ::1 (host_is_localhost()); where the
 * machine has no IPv6, that is noted and the rest is served.
 */
#ifndef TB_NET_BIND_H
#define TB_NET_BIND_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/bytes.h"
#include "net/stream.h"

struct binding {
    enum stream_kind kind;
    unsigned loop; /* which of the loops it is for: 0, 1, … */
    int fd;        /* listening; -1 once somebody has taken it over */
};

struct bindings {
    struct binding *items;
    size_t count;
    uint16_t port;         /* the port that was bound; 0 if none */
    const char *unix_path; /* the path that was bound, or NULL */
    dev_t unix_device;     /* the socket file there: bindings_release() removes it, */
    ino_t unix_file;       /* but not what somebody else has put in its place since */
};

#define BINDINGS_INIT                                                                              \
    { NULL, 0, 0, NULL, 0, 0 }

/* Binds every host (name or address) on the port, one socket a loop; an address that several of
 * them mean is bound once. Port 0: any port that is free on all of them. TB_OK; or an error, after
 * which nothing is bound, and *message says what could not be bound and why, in one line: TB_ESYS
 * (the system refused), TB_EINVAL (no such host) or TB_ENOMEM. *notes gets, behind what stands
 * there, what the user should know all the same, one line each. */
int bindings_add_hosts(struct bindings *b, const char *const *hosts, size_t host_count,
                       uint16_t port, unsigned loops, struct bytes *message, struct bytes *notes);

/* Binds a Unix socket; every loop gets its own descriptor of it. A socket file that nobody listens
 * on is replaced; any other file is left alone and an error. `path` is not copied. Results as
 * above. */
int bindings_add_unix(struct bindings *b, const char *path, unsigned loops, struct bytes *message);

/* Closes what nobody took over and removes the socket file, if it is still ours. */
void bindings_release(struct bindings *b);

#endif
