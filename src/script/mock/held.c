#include "script/mock/held.h"

#include <stdlib.h>
#include <string.h>

size_t held_size(const struct message *message, const struct captures *captures) {
    size_t size = sizeof(struct held) + (message != NULL ? message->size : 0);
    for (size_t i = 0; captures != NULL && i < captures->count; i++) {
        size += captures->items[i].size;
    }
    return size;
}

static uint8_t *put(uint8_t *to, const uint8_t *p, size_t n) {
    if (n > 0) {
        memcpy(to, p, n);
    }
    return to + n;
}

struct held *held_new(const struct message *message, const struct captures *captures) {
    struct held *h = calloc(1, held_size(message, captures));
    if (h == NULL) {
        return NULL;
    }
    uint8_t *end = h->bytes;
    if (message != NULL) {
        h->is_message = true;
        message_set(&h->message, message->type, message->from_client, h->bytes, message->size);
        h->message.code = message->code;
        end = put(end, message->data, message->size);
    }
    for (size_t i = 0; captures != NULL && i < captures->count; i++) {
        h->captures.items[i] = captures->items[i];
        h->captures.items[i].p = end;
        end = put(end, captures->items[i].p, captures->items[i].size);
        h->captures.count++;
    }
    return h;
}

void held_free(struct held *h) {
    if (h != NULL) {
        message_release(&h->message);
        free(h);
    }
}
