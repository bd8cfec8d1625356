/* conn/bus.h - what is said on one loop, on the others.
 *
 * A message goes to the other loops as one shared copy, through their mailboxes; what is done with
 * it there is its sender's to say. Those of one sender come in the order in which they were sent.
 */
#ifndef TB_CONN_BUS_H
#define TB_CONN_BUS_H

#include <stddef.h>
#include <stdint.h>

struct endpoint;

/* One endpoint of each loop. A loop is released (net/loop.h) before its endpoint is: what stands in
 * its mailbox is for that. */
struct bus {
    struct endpoint **endpoints; /* the owner's */
    size_t count;
};

/* Calls deliver() with a copy of p[0..n), which is gone after the return, for each endpoint but
 * `from`, on its own thread, unless it is stopping by then. `from` is the one whose thread this is:
 * it has what is said already. Returns TB_OK, or TB_ENOMEM (nobody gets it then). Senders wait
 * while much is on its way (endpoint_must_wait()). */
int bus_send(const struct bus *bus, struct endpoint *from,
             void (*deliver)(struct endpoint *to, const uint8_t *p, size_t n), const void *p,
             size_t n);

/* A message, TEXT or BINARY, to the room of every endpoint (endpoint.room), from the thread of
 * `from`, whose own room gets it at once. TB_OK, or TB_ENOMEM (nobody gets it then). */
int bus_broadcast(const struct bus *bus, struct endpoint *from, uint8_t opcode, const uint8_t *p,
                  size_t n);

#endif
