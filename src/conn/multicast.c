#include "conn/multicast.h"

#include "base/err.h"
#include "conn/conn_state.h"
#include "conn/endpoint.h"
#include "conn/trace.h"

/* ---- frames ---- */

/* A frame in the chain of an endpoint, which is kept as long as it is looked at. */
struct frame {
    struct chunk *chunk; /* NULL: there is none yet */
    size_t from, to;
};

/* The message, and those who did not get it. They are dealt with when all others have it: closing
 * one may call back, and that may change whatever the array belongs to. */
struct multicast {
    uint8_t opcode;
    const uint8_t *p;
    size_t n;
    const struct endpoint *endpoint;              /* whose frames these are: */
    struct frame frames[WS_DEFLATE_BITS_MAX + 1]; /* by the window's bits; 0: not compressed */
    struct list slow, failed;                     /* conns, by their `queue` hook */
};

/* The frame that fits the connection as well as others, or NULL. */
static struct frame *frame_of(struct multicast *m, const struct conn *c) {
    const struct ws_deflate *deflate = &c->session.deflate;
    if (c->client || c->endpoint != m->endpoint) {
        return NULL;
    }
    if (!deflate->on) {
        return &m->frames[0];
    }
    return deflate->server_no_context_takeover ? &m->frames[deflate->server_max_window_bits] : NULL;
}

/* As the connection's session makes it. */
static int make_frame(const struct multicast *m, struct conn *c, struct frame *f) {
    struct chain *own = &c->endpoint->own;
    size_t written = 0;
    uint8_t *dst = conn_reserve(c, session_message_bound(&c->session, m->n));
    int err = dst == NULL ? TB_ENOMEM
                          : session_put_message(&c->session, m->opcode, m->p, m->n, dst, &written);
    if (err != TB_OK) {
        return err;
    }
    chain_commit(own, written);
    *f = (struct frame){chunk_ref(own->tail), own->tail->used - written, own->tail->used};
    return TB_OK;
}

/* ---- sending ---- */

static int push(const struct multicast *m, struct conn *c, const struct frame *f) {
    if (f->from == f->to) { /* its session says nothing more */
        return TB_OK;
    }
    int err = output_push(&c->out, f->chunk, f->from, f->to, stream_is_busy(&c->stream));
    if (err != TB_OK) {
        return err;
    }
    list_remove(&c->queue);
    list_append(&c->endpoint->dirty, &c->queue);
    const struct trace_sent sent = {.opcode = m->opcode,
                                    .data = m->p,
                                    .size = m->n,
                                    .wire = f->chunk->data + f->from,
                                    .wire_size = f->to - f->from};
    trace_sent(c->endpoint->config->trace, c, &sent);
    return TB_OK;
}

static int send_one(struct multicast *m, struct conn *c) {
    struct frame own = {NULL, 0, 0};
    struct frame *shared = frame_of(m, c);
    struct frame *f = shared != NULL ? shared : &own;
    int err = f->chunk == NULL ? make_frame(m, c, f) : TB_OK;
    if (err == TB_OK) {
        err = push(m, c, f);
    }
    chunk_unref(own.chunk);
    return err;
}

static void set_aside(struct list *list, struct conn *c) {
    list_remove(&c->queue);
    list_append(list, &c->queue);
}

static void leave_out(struct multicast *m, struct conn *c) {
    const struct endpoint_config *config = c->endpoint->config;
    c->dropped++;
    if (config->slow == SLOW_DROP) {
        trace_dropped(config->trace, c, 1);
    } else {
        set_aside(&m->slow, c);
    }
}

/* Whoever is ended may end others of them. */
static void end_each(struct list *conns, void (*end)(struct conn *c)) {
    while (!list_is_empty(conns)) {
        struct conn *c = LIST_ENTRY(conns->next, struct conn, queue);
        set_aside(&c->endpoint->dirty, c);
        end(c);
    }
}

void conn_send_each(struct conn *const *conns, size_t count, uint8_t opcode, const uint8_t *p,
                    size_t n) {
    struct multicast m = {.opcode = opcode, .p = p, .n = n};
    m.endpoint = count > 0 ? conns[0]->endpoint : NULL;
    list_init(&m.slow);
    list_init(&m.failed);
    for (size_t i = 0; i < count; i++) {
        struct conn *c = conns[i];
        if (c->state != CONN_OPEN) {
            continue;
        }
        if (conn_is_too_slow(c, output_logged(&c->out))) {
            leave_out(&m, c);
        } else if (send_one(&m, c) != TB_OK) {
            set_aside(&m.failed, c);
        }
    }
    for (size_t i = 0; i <= WS_DEFLATE_BITS_MAX; i++) {
        chunk_unref(m.frames[i].chunk);
    }
    end_each(&m.slow, conn_close_slow);
    end_each(&m.failed, conn_abandon);
}
