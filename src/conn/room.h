/* conn/room.h - everybody who gets the same messages, of one endpoint.
 *
 * A message is framed once, into the room's log, and once more for each way of compressing it that
 * a member has agreed to (permessage-deflate without context takeover, by window size). A member
 * has no queue but a place in one of these logs (conn/output), and gets one write at the end of
 * the turn. A member that does not read holds back no one: past its limit it is closed, or
 * messages are left out for it, whole and counted.
 */
#ifndef TB_CONN_ROOM_H
#define TB_CONN_ROOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/list.h"
#include "conn/chunk.h"
#include "proto/deflate.h"

struct conn;
struct endpoint;
struct room_use;

/* A log and those who follow it. */
struct room_log {
    struct chain chain;
    size_t members;
    size_t last;      /* the size of the newest frame */
    uint64_t flushed; /* the chain's end when the last turn ended */
};

struct room {
    struct endpoint *endpoint;
    struct list queue;   /* endpoint.dirty_rooms, if something was logged in this turn */
    struct list members; /* conns, by their `member` hook */
    struct list *next;   /* the member that room_flush() comes to next, or NULL */
    size_t count;
    struct room_use *use; /* who works with it just now */
    struct room_log plain;
    struct room_log deflated[WS_DEFLATE_BITS_MAX + 1]; /* by the window's bits */
    struct bytes packed;                               /* the message that is being compressed */
};

/* A room for connections of the endpoint, which outlives it and writes what was logged to all of
 * its rooms at the end of the turn. An endpoint may have any number of them. */
void room_init(struct room *room, struct endpoint *ep);

/* No members may be left. May be called from inside of every callback of the endpoint, that of the
 * last member's end, too. */
void room_release(struct room *room);

/* From now on the connection, which is open and in no room, gets what the room gets. Its own
 * compression must be without context takeover, or none. TB_OK or TB_ENOMEM. */
int room_join(struct room *room, struct conn *c);

/* No more; what was logged so far is still sent. In no room: nothing happens. */
void room_leave(struct conn *c);

/* A message to every member, TEXT or BINARY; it is sent at the end of the turn. If memory is out,
 * the members who cannot get it are closed with 1011. */
void room_broadcast(struct room *room, uint8_t opcode, const uint8_t *p, size_t n);

/* The end of the turn, for a room in endpoint.dirty_rooms: writes what was logged to every member.
 */
void room_flush(struct room *room);

#endif
