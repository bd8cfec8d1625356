/* The messages that were received, for `verify`. */
#include <stdlib.h>
#include <string.h>

#include "script/mock/state.h"

struct received {
    struct list hook;
    enum message_type type;
    size_t size;
    uint8_t data[];
};

static void forget(struct mock_loop *l, struct received *first) {
    list_remove(&first->hook);
    l->received_bytes -= sizeof *first + first->size;
    free(first);
}

/* The oldest go, until only so many bytes are left. */
static void forget_down_to(struct mock_loop *l, size_t most) {
    for (struct list *hook = l->received.next, *next; hook != &l->received; hook = next) {
        if (l->received_bytes <= most) {
            return;
        }
        next = hook->next;
        l->received_more = true;
        forget(l, LIST_ENTRY(hook, struct received, hook));
    }
}

void received_forget(struct mock_loop *l) {
    forget_down_to(l, 0);
    l->received_more = false;
}

void received_keep(struct mock_loop *l, const struct message *message) {
    size_t most = l->mock->config.keep_received;
    size_t size = sizeof(struct received) + message->size;
    struct received *kept = size > most ? NULL : malloc(size);
    if (kept == NULL) {
        l->received_more = true;
        return;
    }
    kept->type = message->type;
    kept->size = message->size;
    if (message->size > 0) {
        memcpy(kept->data, message->data, message->size);
    }
    list_init(&kept->hook);
    list_append(&l->received, &kept->hook);
    l->received_bytes += size;
    forget_down_to(l, most);
}

bool mock_received(struct mock *mock, const struct matcher *m, const struct scope *scope,
                   uint64_t *count) {
    struct mock_loop *l = &mock->loops[0];
    struct message message = {.type = MESSAGE_TEXT};
    struct scope own = {.vars = &l->script->vars, .chance = &l->chance};
    if (scope != NULL) {
        own = *scope;
    }
    own.message = &message;
    struct match match;
    bool complete = !l->received_more;
    *count = 0;
    match_init(&match, &own, NULL);
    for (struct list *hook = l->received.next; hook != &l->received; hook = hook->next) {
        const struct received *kept = LIST_ENTRY(hook, struct received, hook);
        match_clear(&match);
        message_set(&message, kept->type, true, kept->data, kept->size);
        *count += matcher_matches(m, &match);
        complete = complete && !match.nomem;
    }
    match_release(&match);
    message_release(&message);
    return complete;
}
