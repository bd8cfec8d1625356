#include "script/mock/outbox.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "conn/conn.h"

/* A message that waits, or a close. */
struct item {
    struct list hook;
    uint64_t due_ms;
    struct member *member;
    size_t size; /* that waiting_take() was told */
    struct made made;
    struct wire_shape shape; /* of a message that is not plain: its maker's may be gone by then */
    uint64_t *fragments;     /* the shape's, or NULL */
    bool closes;             /* made.bytes is the reason, terminated */
    uint16_t code;
};

struct outbox {
    struct list items;
    struct item *swapped; /* goes behind the next one */
    uint64_t last_due_ms;
    uint64_t free_us; /* when a limited line has sent what was put */
    struct alarm *alarm;
};

static void item_free(struct item *item) {
    if (item != NULL) {
        list_remove(&item->hook);
        waiting_give(item->member->run, item->member, item->size);
        item->member->run->held_back--;
        bytes_release(&item->made.bytes);
        free(item->fragments);
        free(item);
    }
}

static size_t fragments_size(const struct wire_shape *shape) {
    return shape == NULL ? 0 : shape->fragment_count * sizeof *shape->fragments;
}

static int keep_fragments(struct item *item, const struct wire_shape *shape) {
    size_t size = fragments_size(shape);
    if (size == 0) {
        return TB_OK;
    }
    item->fragments = malloc(size);
    if (item->fragments == NULL) {
        return TB_ENOMEM;
    }
    memcpy(item->fragments, shape->fragments, size);
    item->shape.fragments = item->fragments;
    return TB_OK;
}

/* Nothing of the message is shared with whoever made it. */
static int keep_made(struct item *item, const struct made *made) {
    item->made = (struct made){.opcode = made->opcode, .raw = made->raw, .plain = made->plain};
    int err = TB_OK;
    if (made->shape != NULL) {
        item->shape = *made->shape;
        item->shape.fragments = NULL;
        item->made.shape = &item->shape;
        err = keep_fragments(item, made->shape);
    }
    return err == TB_OK ? bytes_append(&item->made.bytes, made->bytes.data, made->bytes.len) : err;
}

static void out_of_memory(struct member *m) {
    conn_close(m->conn, WS_CLOSE_INTERNAL, "out of memory");
}

static void give_up(struct member *m) {
    static const char why[] = "too much waits behind a fault's delay";
    mock_note(m->run->loop, NULL, NULL, "#%" PRIu64 " is closed: %s", m->peer.id, why);
    conn_close(m->conn, WS_CLOSE_POLICY, why);
}

/* For so many bytes. NULL: it cannot be kept, and the member is closed. */
static struct item *item_new(struct member *m, size_t n) {
    size_t size = sizeof(struct item) + n;
    if (!waiting_take(m->run, m, size)) {
        give_up(m);
        return NULL;
    }
    struct item *item = calloc(1, sizeof *item);
    if (item == NULL) {
        waiting_give(m->run, m, size);
        out_of_memory(m);
        return NULL;
    }
    list_init(&item->hook);
    item->member = m;
    item->size = size;
    m->run->held_back++;
    return item;
}

/* What came of filling it in: the item, or NULL, and the member is closed. */
static struct item *filled(struct item *item, int err) {
    if (err != TB_OK) {
        out_of_memory(item->member);
        item_free(item);
        return NULL;
    }
    return item;
}

static struct item *item_of_message(struct member *m, const struct made *made) {
    struct item *item = item_new(m, made->bytes.len + fragments_size(made->shape));
    return item == NULL ? NULL : filled(item, keep_made(item, made));
}

static struct item *item_of_close(struct member *m, uint16_t code, const char *reason) {
    size_t n = strlen(reason) + 1;
    struct item *item = item_new(m, n);
    if (item == NULL) {
        return NULL;
    }
    item->closes = true;
    item->code = code;
    return filled(item, bytes_append(&item->made.bytes, reason, n));
}

static struct outbox *outbox_of(struct member *m) {
    if (m->outbox == NULL && (m->outbox = calloc(1, sizeof *m->outbox)) != NULL) {
        list_init(&m->outbox->items);
    } else if (m->outbox == NULL) {
        out_of_memory(m);
    }
    return m->outbox;
}

void outbox_free(struct outbox *o) {
    if (o == NULL) {
        return;
    }
    for (struct list *hook = o->items.next, *next; hook != &o->items; hook = next) {
        next = hook->next;
        item_free(LIST_ENTRY(hook, struct item, hook));
    }
    item_free(o->swapped);
    if (o->alarm != NULL) {
        alarm_stop(o->alarm);
    }
    free(o);
}

bool outbox_is_empty(const struct outbox *o) {
    return o == NULL || list_is_empty(&o->items);
}

bool outbox_holds(const struct outbox *o) {
    return o != NULL && (!list_is_empty(&o->items) || o->swapped != NULL);
}

static uint64_t now_ms(const struct member *m) {
    return uv_now(&m->run->loop->ep->loop->uv);
}

/* ---- sending ---- */

static void send_item(struct member *m, const struct item *item) {
    if (m->conn == NULL) {
        return;
    }
    if (item->closes) {
        conn_close(m->conn, item->code, (const char *)item->made.bytes.data);
    } else {
        made_send(&item->made, m->conn);
    }
}

/* In how many milliseconds the next one is due; 0: there is none. */
static uint64_t send_what_is_due(struct member *m) {
    struct list *items = &m->outbox->items;
    uint64_t now = now_ms(m);
    for (struct list *hook = items->next, *next; hook != items; hook = next) {
        struct item *item = LIST_ENTRY(hook, struct item, hook);
        if (item->due_ms > now) {
            return item->due_ms - now;
        }
        next = hook->next;
        list_remove(&item->hook);
        send_item(m, item);
        item_free(item);
    }
    return 0;
}

static void on_due(struct alarm *a) {
    struct member *m = a->member;
    struct outbox *o = m->outbox;
    uint64_t next_ms = send_what_is_due(m);
    if (next_ms == 0) {
        o->alarm = NULL;
        alarm_stop(a);
    } else {
        alarm_again(a, next_ms);
    }
}

/* ---- putting ---- */

/* The time on a line of that rate: from when it is free, so long as the bytes take. */
static uint64_t line_ms(struct member *m, size_t size, uint64_t rate) {
    struct outbox *o = m->outbox;
    uint64_t now_us = now_ms(m) * 1000;
    o->free_us = o->free_us > now_us ? o->free_us : now_us;
    o->free_us += (uint64_t)((double)size * 1e6 / (double)rate);
    return (o->free_us + 999) / 1000;
}

/* Behind what waits, and not before it is due. */
static void put(struct member *m, struct item *item, uint64_t due_ms) {
    struct outbox *o = m->outbox;
    o->last_due_ms = due_ms > o->last_due_ms ? due_ms : o->last_due_ms;
    item->due_ms = o->last_due_ms;
    list_append(&o->items, &item->hook);
    if (o->alarm == NULL) {
        uint64_t now = now_ms(m);
        o->alarm = alarm_set(m->run, m, item->due_ms > now ? item->due_ms - now : 0, on_due);
    }
    if (o->alarm == NULL) {
        out_of_memory(m);
    }
}

void outbox_put(struct member *m, const struct made *made, uint64_t delay_ms, uint64_t rate) {
    struct item *item = outbox_of(m) == NULL ? NULL : item_of_message(m, made);
    if (item == NULL) {
        return;
    }
    uint64_t due = now_ms(m) + delay_ms;
    uint64_t line = rate > 0 ? line_ms(m, made->bytes.len, rate) : 0;
    put(m, item, line > due ? line : due);
}

void outbox_close(struct member *m, uint16_t code, const char *reason) {
    struct item *item = outbox_of(m) == NULL ? NULL : item_of_close(m, code, reason);
    if (item != NULL) {
        put(m, item, now_ms(m));
    }
}

/* ---- swapping ---- */

bool outbox_swap(struct member *m, const struct made *made) {
    struct outbox *o = outbox_of(m);
    if (o != NULL && o->swapped != NULL) {
        return false;
    }
    struct item *item = o == NULL ? NULL : item_of_message(m, made);
    if (item != NULL) {
        o->swapped = item;
    }
    return true;
}

void outbox_put_swapped(struct member *m) {
    struct outbox *o = m->outbox;
    struct item *item = o == NULL ? NULL : o->swapped;
    if (item == NULL) {
        return;
    }
    o->swapped = NULL;
    if (list_is_empty(&o->items)) {
        send_item(m, item);
        item_free(item);
    } else {
        put(m, item, o->last_due_ms);
    }
}
