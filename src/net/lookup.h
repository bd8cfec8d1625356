/* net/lookup.h - a name's addresses from the system, without waiting for them.
 *
 * Asks getaddrinfo() on a thread of its own, which nobody waits for: a lookup that hangs holds up
 * neither the loop, nor its end, nor the end of the process, once it was cancelled.
 */
#ifndef TB_NET_LOOKUP_H
#define TB_NET_LOOKUP_H

#include <netdb.h>

#include "net/loop.h"

struct lookup;

/* Told once, on the loop, never from inside lookup_start(), after which the lookup is gone. `error`
 * is 0 or an EAI_ of getaddrinfo(), which leaves errno for EAI_SYSTEM; there are addresses if it is
 * 0, and they last until lookup_done returns. They have the port 0. */
typedef void lookup_done(void *ctx, int error, const struct addrinfo *addresses);

/* Looks for the addresses of that family, or of all (AF_UNSPEC). The name is copied. TB_OK (and
 * *lookup), TB_ENOMEM, or TB_ESYS (no thread is to be had; errno says why). Whoever wants the loop
 * to end cancels first. */
int lookup_start(struct lookup **lookup, struct loop *loop, const char *name, int family,
                 lookup_done *done, void *ctx);

/* Nothing is told any more; on the loop's thread. The thread ends when it can, and touches nothing
 * but what is its own. */
void lookup_cancel(struct lookup *lookup);

#endif
