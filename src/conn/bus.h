/* conn/bus.h - one room over several loops.
 *
 * A message that is said on one loop goes to that loop's room at once, and to the other loops as
 * one shared copy, through their mailboxes. Every member gets the messages of one sender in the
 * order in which they were said.
 */
#ifndef TB_CONN_BUS_H
#define TB_CONN_BUS_H

#include <stddef.h>
#include <stdint.h>

struct endpoint;

struct bus {
    struct endpoint **endpoints; /* the owner's */
    size_t count;
};

/* To everybody on every loop, from the thread of `from`. TB_OK, or TB_ENOMEM (nobody gets it
 * then). */
int bus_broadcast(const struct bus *bus, struct endpoint *from, uint8_t opcode, const uint8_t *p,
                  size_t n);

#endif
