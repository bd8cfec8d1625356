/* script/message.h - a message as rules and expectations look at it.
 *
 * It is read as JSON at most once, and only when somebody asks. The bytes are the caller's and stay
 * until the message is set anew. Zeroed, it may be set.
 */
#ifndef TB_SCRIPT_MESSAGE_H
#define TB_SCRIPT_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json_index.h"

enum message_type { MESSAGE_TEXT, MESSAGE_BINARY, MESSAGE_PING, MESSAGE_PONG, MESSAGE_CLOSE };

/* The words of `type:`, in that order; NULL ends them. */
extern const char *const message_type_names[];

enum message_json { MESSAGE_JSON_UNREAD, MESSAGE_JSON_READ, MESSAGE_JSON_NONE };

struct message {
    enum message_type type;
    bool from_client;
    const uint8_t *data;
    size_t size;
    uint16_t code; /* of a close */
    bool is_utf8;  /* that is known; false: somebody would have to look */
    /* private */
    enum message_json state;
    struct json_index json;
};

/* Another message, with no code, of which nothing is known; the memory of the last one is used
 * again. */
void message_set(struct message *m, enum message_type type, bool from_client, const void *p,
                 size_t n);

/* Frees what was kept; *m may be set again. */
void message_release(struct message *m);

/* Its JSON, until it is set anew, or NULL: it is none (a binary message may be some). *nomem (may
 * be NULL) says whether it is unknown only because memory was out; to ask again is to try again. */
const struct json_index *message_json(struct message *m, bool *nomem);

#endif
