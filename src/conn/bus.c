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
    struct blob *payload;
    struct delivery *next;
    uint8_t opcode;
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

/* Nothing more is broadcast on a loop that stops. */
static void deliver(struct loop_task *task) {
    struct delivery *d = (struct delivery *)task;
    if (!d->to->stopping) {
        room_broadcast(&d->to->room, d->opcode, d->payload->data, d->payload->size);
    }
    d->next = NULL;
    free_deliveries(d);
}

/* Makes a delivery for every loop but one. */
static int prepare(const struct bus *bus, const struct endpoint *from, uint8_t opcode,
                   struct blob *payload, struct delivery **first) {
    for (size_t i = 0; i < bus->count; i++) {
        if (bus->endpoints[i] == from) {
            continue;
        }
        struct delivery *d = malloc(sizeof *d);
        if (d == NULL) {
            return TB_ENOMEM;
        }
        *d = (struct delivery){.task = {.run = deliver},
                               .to = bus->endpoints[i],
                               .payload = blob_ref(payload),
                               .next = *first,
                               .opcode = opcode};
        *first = d;
        atomic_fetch_add_explicit(&from->shared->in_transit, payload->size, memory_order_relaxed);
    }
    return TB_OK;
}

static int send_to_others(const struct bus *bus, const struct endpoint *from, uint8_t opcode,
                          const uint8_t *p, size_t n) {
    struct blob *payload = blob_new(n);
    if (payload == NULL) {
        return TB_ENOMEM;
    }
    if (n > 0) {
        memcpy(payload->data, p, n);
    }
    struct delivery *first = NULL;
    int err = prepare(bus, from, opcode, payload, &first);
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

int bus_broadcast(const struct bus *bus, struct endpoint *from, uint8_t opcode, const uint8_t *p,
                  size_t n) {
    int err = bus->count > 1 ? send_to_others(bus, from, opcode, p, n) : TB_OK;
    if (err == TB_OK) {
        room_broadcast(&from->room, opcode, p, n);
    }
    return err;
}
