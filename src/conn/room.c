#include "conn/room.h"

#include <string.h>

#include "base/err.h"
#include "conn/conn_state.h"
#include "conn/endpoint.h"
#include "conn/trace.h"
#include "proto/frame.h"

/* ---- life ---- */

static void log_init(struct room_log *log, struct chunk_pool *pool) {
    *log = (struct room_log){0};
    chain_init(&log->chain, pool, true);
}

void room_init(struct room *room, struct endpoint *ep) {
    room->endpoint = ep;
    room->count = 0;
    room->next = NULL;
    room->use = NULL;
    bytes_init(&room->packed);
    list_init(&room->queue);
    list_init(&room->members);
    log_init(&room->plain, &ep->pool);
    for (size_t bits = 0; bits <= WS_DEFLATE_BITS_MAX; bits++) {
        log_init(&room->deflated[bits], &ep->pool);
    }
}

/* Somebody goes through the members, whose callbacks may release the room. */
struct room_use {
    struct room_use *outer;
    bool released;
};

/* Not inlined: gcc would take a room that was released, and has the address of a use that is over,
 * for one that somebody looks at. */
__attribute__((noinline)) static void begin_use(struct room *room, struct room_use *use) {
    *use = (struct room_use){.outer = room->use};
    room->use = use;
}

/* Whether the room is still there. */
static bool end_use(struct room *room, const struct room_use *use) {
    if (use->released) {
        return false;
    }
    room->use = use->outer;
    return true;
}

void room_release(struct room *room) {
    for (struct room_use *use = room->use; use != NULL; use = use->outer) {
        use->released = true;
    }
    list_remove(&room->queue);
    bytes_release(&room->packed);
    chain_release(&room->plain.chain);
    for (size_t bits = 0; bits <= WS_DEFLATE_BITS_MAX; bits++) {
        chain_release(&room->deflated[bits].chain);
    }
}

/* ---- members ---- */

static struct room_log *log_of(struct room *room, const struct conn *c) {
    const struct ws_deflate *deflate = &c->session.deflate;
    return deflate->on ? &room->deflated[deflate->server_max_window_bits] : &room->plain;
}

int room_join(struct room *room, struct conn *c) {
    struct room_log *log = log_of(room, c);
    int err = output_follow(&c->out, &log->chain);
    if (err != TB_OK) {
        return err;
    }
    log->members++;
    room->count++;
    list_append(&room->members, &c->member);
    c->room = room;
    return TB_OK;
}

void room_leave(struct conn *c) {
    struct room *room = c->room;
    if (room == NULL) {
        return;
    }
    log_of(room, c)->members--;
    room->count--;
    if (room->next == &c->member) {
        room->next = c->member.next;
    }
    list_remove(&c->member);
    c->room = NULL;
    if (output_leave(&c->out) != TB_OK) {
        conn_abandon(c);
    } else if (output_listed(&c->out) > 0 && list_is_empty(&c->queue)) {
        list_append(&c->endpoint->dirty, &c->queue); /* the room writes for it no more */
    }
}

/* ---- the logs ---- */

/* Frames a message. */
static int log_frame(struct room_log *log, uint8_t opcode, uint8_t rsv, const uint8_t *p,
                     size_t n) {
    uint8_t *dst = chain_reserve(&log->chain, WS_HEAD_MAX + n);
    if (dst == NULL) {
        return TB_ENOMEM;
    }
    const struct ws_head head = {
        .fin = true, .rsv = rsv, .opcode = opcode, .len_size = ws_len_size(n), .length = n};
    size_t size = ws_head_write(&head, dst);
    if (n > 0) {
        memcpy(dst + size, p, n);
    }
    log->last = size + n;
    chain_commit(&log->chain, log->last);
    return TB_OK;
}

static int deflate(struct room *room, uint8_t bits, const uint8_t *p, size_t n) {
    bytes_clear(&room->packed);
    struct ws_deflate_cache *cache = room->endpoint->cache;
    struct ws_deflater *deflater = ws_deflater_take(cache, bits);
    int err = deflater == NULL ? TB_ENOMEM : bytes_reserve(&room->packed, ws_deflate_bound(n));
    if (err == TB_OK) {
        err = ws_deflate_message(deflater, p, n, room->packed.data, &room->packed.len);
    }
    ws_deflater_give(cache, deflater);
    return err;
}

static int log_deflated(struct room *room, uint8_t bits, uint8_t opcode, const uint8_t *p,
                        size_t n) {
    struct room_log *log = &room->deflated[bits];
    if (n < WS_DEFLATE_WORTH) {
        return log_frame(log, opcode, 0, p, n);
    }
    int err = deflate(room, bits, p, n);
    if (err != TB_OK) {
        return err;
    }
    const struct bytes *packed = &room->packed;
    return packed->len < n ? log_frame(log, opcode, WS_RSV1, packed->data, packed->len)
                           : log_frame(log, opcode, 0, p, n);
}

/* ---- broadcasting ---- */

static struct conn *first_member(struct room *room, const struct room_log *log) {
    for (struct list *hook = room->members.next; hook != &room->members; hook = hook->next) {
        struct conn *c = LIST_ENTRY(hook, struct conn, member);
        if (log_of(room, c) == log) {
            return c;
        }
    }
    return NULL;
}

/* A message that somebody cannot get must not be missed silently. Whoever is abandoned leaves, and
 * others may leave with it. Whether the room is still there. */
static bool abandon_members(struct room *room, const struct room_log *log) {
    struct room_use use;
    struct conn *c;
    begin_use(room, &use);
    while (!use.released && (c = first_member(room, log)) != NULL) {
        conn_abandon(c);
    }
    return end_use(room, &use);
}

static void trace_members(struct room *room, struct trace *trace, uint8_t opcode, const uint8_t *p,
                          size_t n) {
    for (struct list *hook = room->members.next; hook != &room->members; hook = hook->next) {
        const struct conn *c = LIST_ENTRY(hook, struct conn, member);
        const struct room_log *log = log_of(room, c);
        const struct chunk *tail = log->chain.tail;
        const struct trace_sent sent = {.opcode = opcode,
                                        .data = p,
                                        .size = n,
                                        .wire = tail->data + tail->used - log->last,
                                        .wire_size = log->last};
        trace_sent(trace, c, &sent);
    }
}

void room_broadcast(struct room *room, uint8_t opcode, const uint8_t *p, size_t n) {
    struct endpoint *ep = room->endpoint;
    if (room->plain.members > 0 && log_frame(&room->plain, opcode, 0, p, n) != TB_OK &&
        !abandon_members(room, &room->plain)) {
        return;
    }
    for (uint8_t bits = WS_DEFLATE_BITS_MIN; bits <= WS_DEFLATE_BITS_MAX; bits++) {
        struct room_log *log = &room->deflated[bits];
        if (log->members > 0 && log_deflated(room, bits, opcode, p, n) != TB_OK &&
            !abandon_members(room, log)) {
            return;
        }
    }
    if (list_is_empty(&room->queue)) {
        list_append(&ep->dirty_rooms, &room->queue);
    }
    if (trace_wants(ep->config->trace, LOG_VERBOSE)) {
        trace_members(room, ep->config->trace, opcode, p, n);
    }
}

/* ---- the end of the turn ---- */

/* A large message's memory is not kept for the next one. */
static void release_packed(struct room *room) {
    if (room->packed.cap > CHUNK_SIZE) {
        bytes_release(&room->packed);
    }
}

/* Nobody is to stand in a chunk that was made for something large once he has read it. */
static void begin_flush(struct room *room) {
    chain_move_on(&room->plain.chain);
    for (size_t bits = WS_DEFLATE_BITS_MIN; bits <= WS_DEFLATE_BITS_MAX; bits++) {
        chain_move_on(&room->deflated[bits].chain);
    }
}

static void end_flush(struct room *room) {
    room->plain.flushed = room->plain.chain.end;
    for (size_t bits = WS_DEFLATE_BITS_MIN; bits <= WS_DEFLATE_BITS_MAX; bits++) {
        room->deflated[bits].flushed = room->deflated[bits].chain.end;
    }
    release_packed(room);
}

static void flush_next(struct room *room, const struct room_use *use) {
    struct conn *c = LIST_ENTRY(room->next, struct conn, member);
    const struct room_log *log = log_of(room, c);
    room->next = c->member.next;
    conn_flush(c);
    output_settle(&c->out);
    if (!use->released) {
        conn_check_backlog(c, (size_t)(log->chain.end - log->flushed));
    }
}

/* Members may leave while one of them is flushed: that one, and any other. */
void room_flush(struct room *room) {
    struct room_use use;
    list_remove(&room->queue);
    begin_flush(room);
    begin_use(room, &use);
    room->next = room->members.next;
    while (!use.released && room->next != &room->members) {
        flush_next(room, &use);
    }
    if (end_use(room, &use)) {
        room->next = NULL;
        end_flush(room);
    }
}
