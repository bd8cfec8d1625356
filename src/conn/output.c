#include "conn/output.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "proto/frame.h"

enum {
    GATHER_BYTES = 1024 * 1024,
    /* A rest as small as this is copied, so that it does not hold a whole chunk. */
    FLIGHT_COPY_MAX = 4096,
};

void output_init(struct output *out) {
    *out = (struct output){0};
}

/* ---- the place in the log ---- */

static uint64_t place(const struct output *out) {
    return out->chunk == NULL ? 0 : out->chunk->start + out->offset;
}

size_t output_logged(const struct output *out) {
    return out->chain == NULL ? 0 : (size_t)(out->chain->end - place(out));
}

/* A log that was empty when it was joined has its first chunk only now; a chunk that is read to
 * its end is left as soon as there is a next one. */
void output_settle(struct output *out) {
    while (out->chunk != NULL && out->offset == out->chunk->used && out->chunk->next != NULL) {
        struct chunk *next = chunk_ref(out->chunk->next);
        chunk_unref(out->chunk);
        out->chunk = next;
        out->offset = 0;
    }
}

static void leave_log(struct output *out) {
    chunk_unref(out->chunk);
    out->chunk = NULL;
    out->chain = NULL;
    out->offset = 0;
}

int output_follow(struct output *out, struct chain *chain) {
    /* The log gets a chunk to stand in even if it is empty. */
    if (chain_reserve(chain, 0) == NULL) {
        return TB_ENOMEM;
    }
    out->chain = chain;
    out->chunk = chunk_ref(chain->tail);
    out->offset = chain->tail->used;
    return TB_OK;
}

/* ---- the list ---- */

static bool continues_last(const struct output *out, const struct chunk *chunk, size_t from,
                           bool pushed) {
    const struct range *last = out->last;
    return last != NULL && last->chunk == chunk && last->to == from && last->pushed == pushed;
}

static int append(struct output *out, struct chunk *chunk, size_t from, size_t to, bool pushed) {
    if (continues_last(out, chunk, from, pushed)) {
        out->last->to = to;
    } else {
        struct range *r = range_new(chunk, from, to);
        if (r == NULL) {
            return TB_ENOMEM;
        }
        r->pushed = pushed;
        *(out->last == NULL ? &out->first : &out->last->next) = r;
        out->last = r;
    }
    out->listed += to - from;
    out->pushed += pushed ? to - from : 0;
    return TB_OK;
}

static void leave_apart(struct output *out) {
    if (out->apart != NULL) {
        chunk_unref(out->apart);
        out->apart = NULL;
    }
}

static void remove_first(struct output *out) {
    struct range *r = out->first;
    out->first = r->next;
    if (out->first == NULL) {
        out->last = NULL;
        leave_apart(out);
    }
    range_free(r);
}

/* What the log holds so far must be sent before what follows: list it. */
static int list_log(struct output *out) {
    while (output_logged(out) > 0) {
        output_settle(out);
        int err = append(out, out->chunk, out->offset, out->chunk->used, true);
        if (err != TB_OK) {
            return err;
        }
        out->offset = out->chunk->used;
    }
    return TB_OK;
}

int output_leave(struct output *out) {
    int err = list_log(out);
    leave_log(out);
    return err;
}

int output_add(struct output *out, struct chain *own, size_t n) {
    int err = list_log(out);
    if (err != TB_OK) {
        return err;
    }
    return append(out, own->tail, own->tail->used - n, own->tail->used, false);
}

static int push_copy(struct output *out, struct chunk *chunk, size_t from, size_t to) {
    size_t n = to - from;
    struct chain apart = {.pool = chunk->pool, .tail = out->apart};
    uint8_t *dst = chain_reserve(&apart, n);
    out->apart = apart.tail;
    if (dst == NULL) {
        return TB_ENOMEM;
    }
    memcpy(dst, chunk->data + from, n);
    chain_commit(&apart, n);
    return append(out, out->apart, out->apart->used - n, out->apart->used, true);
}

int output_push(struct output *out, struct chunk *chunk, size_t from, size_t to, bool apart) {
    int err = list_log(out);
    if (err != TB_OK) {
        return err;
    }
    return apart ? push_copy(out, chunk, from, to) : append(out, chunk, from, to, true);
}

size_t output_listed(const struct output *out) {
    return out->listed;
}

size_t output_pushed(const struct output *out) {
    return out->pushed;
}

size_t output_pending(const struct output *out) {
    return out->listed + output_logged(out);
}

/* ---- sending ---- */

unsigned output_gather(const struct output *out, uv_buf_t bufs[OUTPUT_BUFS], size_t *bytes) {
    unsigned n = 0;
    *bytes = 0;
    for (const struct range *r = out->first; r != NULL; r = r->next) {
        if (n == OUTPUT_BUFS || *bytes >= GATHER_BYTES) {
            return n;
        }
        bufs[n++] = uv_buf_init((char *)r->chunk->data + r->from, (unsigned)(r->to - r->from));
        *bytes += r->to - r->from;
    }
    size_t offset = out->offset;
    for (struct chunk *c = out->chunk; c != NULL; c = c->next) {
        if (n == OUTPUT_BUFS || *bytes >= GATHER_BYTES) {
            return n;
        }
        if (c->used > offset) {
            bufs[n++] = uv_buf_init((char *)c->data + offset, (unsigned)(c->used - offset));
            *bytes += c->used - offset;
        }
        offset = 0;
    }
    return n;
}

void output_advance(struct output *out, size_t n) {
    while (n > 0 && out->first != NULL) {
        struct range *r = out->first;
        size_t take = r->to - r->from < n ? r->to - r->from : n;
        r->from += take;
        out->listed -= take;
        out->pushed -= r->pushed ? take : 0;
        n -= take;
        if (r->from == r->to) {
            remove_first(out);
        }
    }
    while (n > 0) {
        output_settle(out);
        size_t rest = out->chunk->used - out->offset;
        size_t take = rest < n ? rest : n;
        out->offset += take;
        n -= take;
    }
    output_settle(out);
}

static struct flight *flight_new(size_t bytes, unsigned count, bool copy) {
    size_t size = sizeof(struct flight) + count * sizeof(uv_buf_t) +
                  (copy ? bytes : count * sizeof(struct range *));
    struct flight *f = malloc(size);
    if (f == NULL) {
        return NULL;
    }
    f->bytes = bytes;
    f->count = count;
    f->bufs = (uv_buf_t *)(f + 1);
    f->ranges = NULL;
    return f;
}

/* Copies the pieces behind the object and makes them one. */
static struct flight *flight_copy(const uv_buf_t *bufs, unsigned count, size_t bytes) {
    struct flight *f = flight_new(bytes, 1, true);
    if (f == NULL) {
        return NULL;
    }
    char *to = (char *)(f->bufs + 1);
    f->bufs[0] = uv_buf_init(to, (unsigned)bytes);
    for (unsigned i = 0; i < count; i++) {
        memcpy(to, bufs[i].base, bufs[i].len);
        to += bufs[i].len;
    }
    return f;
}

/* The next piece, as a range of its own. */
static struct range *next_range(struct output *out) {
    const struct range *r = out->first;
    if (r != NULL) {
        return range_new(r->chunk, r->from, r->to);
    }
    output_settle(out);
    return range_new(out->chunk, out->offset, out->chunk->used);
}

static struct flight *flight_hold(struct output *out, const uv_buf_t *bufs, unsigned count,
                                  size_t bytes) {
    struct flight *f = flight_new(bytes, count, false);
    if (f == NULL) {
        return NULL;
    }
    f->ranges = (struct range **)(f->bufs + count);
    for (f->count = 0; f->count < count; f->count++) {
        struct range *r = next_range(out);
        if (r == NULL) {
            out->flight = f;
            output_land(out);
            return NULL;
        }
        f->bufs[f->count] = bufs[f->count];
        f->ranges[f->count] = r;
        output_advance(out, r->to - r->from);
    }
    return f;
}

int output_detach(struct output *out, size_t n) {
    uv_buf_t bufs[OUTPUT_BUFS];
    size_t bytes = 0;
    size_t sum = 0;
    unsigned all = output_gather(out, bufs, &bytes);
    unsigned count = 0;
    while (count < all && sum < n) {
        sum += bufs[count++].len;
    }
    if (n <= FLIGHT_COPY_MAX) {
        out->flight = flight_copy(bufs, count, sum);
        if (out->flight != NULL) {
            output_advance(out, sum);
        }
    } else {
        out->flight = flight_hold(out, bufs, count, sum);
    }
    return out->flight == NULL ? TB_ENOMEM : TB_OK;
}

void output_land(struct output *out) {
    struct flight *f = out->flight;
    out->flight = NULL;
    if (f == NULL) {
        return;
    }
    for (unsigned i = 0; f->ranges != NULL && i < f->count; i++) {
        range_free(f->ranges[i]);
    }
    free(f);
}

/* ---- forgetting ---- */

uint64_t output_drop(struct output *out, size_t limit) {
    uint64_t dropped = 0;
    while (output_logged(out) > limit) {
        output_settle(out);
        struct ws_head head;
        size_t size =
            ws_head_parse(&head, out->chunk->data + out->offset, out->chunk->used - out->offset);
        out->offset += size + (size_t)head.length;
        dropped++;
    }
    return dropped;
}

void output_discard(struct output *out) {
    while (out->first != NULL) {
        remove_first(out);
    }
    leave_apart(out);
    out->listed = 0;
    out->pushed = 0;
    if (out->chain != NULL) {
        leave_log(out);
    }
}

void output_release(struct output *out) {
    output_discard(out);
    output_land(out);
}
