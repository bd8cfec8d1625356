/* conn/multicast.h - one message to several connections that were chosen for it.
 *
 * It is framed once, and once more for each way of compressing it that some of them have in common;
 * whoever masks, or compresses with what it said before, gets a frame of its own. Who is to get it
 * is the caller's to know, each time; for the same many, again and again, there is a room
 * (conn/room.h).
 */
#ifndef TB_CONN_MULTICAST_H
#define TB_CONN_MULTICAST_H

#include <stddef.h>
#include <stdint.h>

struct conn;

/* Sends a message, TEXT or BINARY, to each connection that is open, at the end of the turn, as
 * conn_send() does. They are of one loop, and none is named twice. Callbacks may be called in the
 * end, when the array is not needed any more.
 *
 * None of them has asked for it: what waits for one that does not read is bound by max_backlog, and
 * past it the connection is closed with 1008, or the message is left out for it and counted, as
 * endpoint_config.slow has it. If memory is out, those who cannot get it are closed with 1011. */
void conn_send_each(struct conn *const *conns, size_t count, uint8_t opcode, const uint8_t *p,
                    size_t n);

#endif
