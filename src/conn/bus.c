#include "conn/bus.h"

#include <stdlib.h>
#include <string.h>

#include "base/blob.h"
#include "base/err.h"
#include "conn/endpoint.h"

/* A message on its way to another loop. */
struct delivery {
    struct loop_task task;
    struct endpoint *to;
    void (*deliver)(struct endpoint *to, const uint8_t *p, size_t n);
    struct blob *payload;
    struct delivery *next;
};

static void free_deliveries(struct delivery *first) {
    while (first != NULL) {
        struct delivery *next = first->next;
        atomic_fetch_sub_explicit(&first->to->shared->in_transit, first->payload->size,
                                  memory_order_relaxed);
        blob_unref(first->payload);
        free(first);
        first = next;
    }
}

/* Nothing more is said on a loop that stops. */
static void run_delivery(struct loop_task *task) {
    struct delivery *d = (struct delivery *)task;
    if (!d->to->stopping) {
        d->deliver(d->to, d->payload->data, d->payload->size);
    }
    d->next = NULL;
    free_deliveries(d);
}

/* Makes a delivery for every loop but one. */
static int prepare(const struct bus *bus, const struct endpoint *from,
                   void (*deliver)(struct endpoint *to, const uint8_t *p, size_t n),
                   struct blob *payload, struct delivery **first) {
    for (size_t i = 0; i < bus->count; i++) {
        if (bus->endpoints[i] == from) {
            continue;
        }
        struct delivery *d = malloc(sizeof *d);
        if (d == NULL) {
            return TB_ENOMEM;
        }
        *d = (struct delivery){.task = {.run = run_delivery},
                               .to = bus->endpoints[i],
                               .deliver = deliver,
                               .payload = blob_ref(payload),
                               .next = *first};
        *first = d;
        atomic_fetch_add_explicit(&from->shared->in_transit, payload->size, memory_order_relaxed);
    }
    return TB_OK;
}

int bus_send(const struct bus *bus, struct endpoint *from,
             void (*deliver)(struct endpoint *to, const uint8_t *p, size_t n), const void *p,
             size_t n) {
    if (bus->count < 2) {
        return TB_OK;
    }
    struct blob *payload = blob_new(n);
    if (payload == NULL) {
        return TB_ENOMEM;
    }
    if (n > 0) {
        memcpy(payload->data, p, n);
    }
    struct delivery *first = NULL;
    int err = prepare(bus, from, deliver, payload, &first);
    blob_unref(payload);
    if (err != TB_OK) {
        free_deliveries(first);
        return err;
    }
    while (first != NULL) {
        struct delivery *d = first;
        first = d->next;
        loop_post(d->to->loop, &d->task);
    }
    return TB_OK;
}

/* ---- broadcasting ---- */

static void deliver_text(struct endpoint *to, const uint8_t *p, size_t n) {
    room_broadcast(&to->room, WS_OP_TEXT, p, n);
}

static void deliver_binary(struct endpoint *to, const uint8_t *p, size_t n) {
    room_broadcast(&to->room, WS_OP_BINARY, p, n);
}

int bus_broadcast(const struct bus *bus, struct endpoint *from, uint8_t opcode, const uint8_t *p,
                  size_t n) {
    int err = bus_send(bus, from, opcode == WS_OP_TEXT ? deliver_text : deliver_binary, p, n);
    if (err == TB_OK) {
        room_broadcast(&from->room, opcode, p, n);
    }
    return err;
}
