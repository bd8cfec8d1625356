/* script/mock/held.h - a firing that waits: what it needs to go on, in memory of its own. */
#ifndef TB_SCRIPT_MOCK_HELD_H
#define TB_SCRIPT_MOCK_HELD_H

#include <stddef.h>
#include <stdint.h>

#include "script/message.h"
#include "script/scope.h"

struct held {
    size_t next;     /* the action to go on with */
    uint64_t n;      /* of the firing */
    bool is_message; /* a message triggered it */
    struct message message;
    struct captures captures; /* point into bytes */
    uint8_t bytes[];          /* the message, and what was caught from it */
};

/* How much memory it takes. */
size_t held_size(const struct message *message, const struct captures *captures);

/* A copy of the message and the captures, which may be NULL; NULL if memory is out. */
struct held *held_new(const struct message *message, const struct captures *captures);

/* NULL is allowed. */
void held_free(struct held *h);

#endif
