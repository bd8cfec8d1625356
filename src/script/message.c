#include "script/message.h"

#include "base/err.h"

const char *const message_type_names[] = {"text", "binary", "ping", "pong", "close", NULL};

void message_set(struct message *m, enum message_type type, bool from_client, const void *p,
                 size_t n) {
    m->type = type;
    m->from_client = from_client;
    m->data = p;
    m->size = n;
    m->code = 0;
    m->is_utf8 = false;
    m->state = MESSAGE_JSON_UNREAD;
}

void message_release(struct message *m) {
    json_index_release(&m->json);
    *m = (struct message){.type = MESSAGE_TEXT};
}

const struct json_index *message_json(struct message *m, bool *nomem) {
    int err = TB_OK;
    if (m->state == MESSAGE_JSON_UNREAD) {
        err = json_index_read(&m->json, m->data, m->size);
    }
    if (nomem != NULL) {
        *nomem = err == TB_ENOMEM;
    }
    if (m->state == MESSAGE_JSON_UNREAD && err != TB_ENOMEM) {
        m->state = err == TB_OK ? MESSAGE_JSON_READ : MESSAGE_JSON_NONE;
    }
    return m->state == MESSAGE_JSON_READ ? &m->json : NULL;
}
