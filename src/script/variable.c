#include "script/variable.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "base/err.h"
#include "script/fake.h"
#include "script/message.h"
#include "script/path.h"

static int piece(struct value *value, const void *p, size_t n) {
    *value = (struct value){.kind = VALUE_PIECE, .p = p, .size = n};
    return TB_OK;
}

/* What was appended, if it could be. */
static int built(struct value *value, int err) {
    value->kind = err == TB_OK ? VALUE_BUILT : VALUE_NONE;
    return err;
}

/* ---- the message ---- */

static int get_text(const struct variable *v, struct scope *s, struct bytes *out,
                    struct value *value) {
    (void)v;
    (void)out;
    return s->message == NULL ? TB_OK : piece(value, s->message->data, s->message->size);
}

/* *at is JSON_NONE if there is no such value; else *x is what it is a value of. */
static int find_json(const struct variable *v, struct scope *s, const struct json_index **x,
                     ptrdiff_t *at) {
    bool nomem = false;
    *at = JSON_NONE;
    *x = s->message == NULL ? NULL : message_json(s->message, &nomem);
    if (*x != NULL) {
        *at = v->path == NULL ? 0 : path_first(v->path, *x);
    }
    return nomem ? TB_ENOMEM : TB_OK;
}

int variable_get_json(const struct variable *v, struct scope *s, struct value *value) {
    const struct json_index *x;
    ptrdiff_t at;
    int err = find_json(v, s, &x, &at);
    *value = (struct value){.kind = VALUE_NONE};
    if (err != TB_OK || at == JSON_NONE) {
        return err;
    }
    const struct json_value *found = &x->values[at];
    return piece(value, x->text + found->offset, found->size);
}

static int get_json(const struct variable *v, struct scope *s, struct bytes *out,
                    struct value *value) {
    const struct json_index *x;
    ptrdiff_t at;
    int err = find_json(v, s, &x, &at);
    if (err != TB_OK || at == JSON_NONE) {
        return err;
    }
    const struct json_value *found = &x->values[at];
    const char *text = x->text + found->offset;
    if (found->kind != JSON_KIND_STRING || v->path == NULL) {
        return piece(value, text, found->size);
    }
    if (memchr(text, '\\', found->size) == NULL) {
        return piece(value, text + 1, found->size - 2);
    }
    return built(value, json_index_append(x, (size_t)at, out));
}

/* ---- the rule and the connection ---- */

static int get_n(const struct variable *v, struct scope *s, struct bytes *out,
                 struct value *value) {
    (void)v;
    return built(value, bytes_appendf(out, "%" PRIu64, s->n));
}

static int get_conn_id(const struct variable *v, struct scope *s, struct bytes *out,
                       struct value *value) {
    (void)v;
    return s->peer == NULL ? TB_OK : built(value, bytes_appendf(out, "%" PRIu64, s->peer->id));
}

static int get_conn_addr(const struct variable *v, struct scope *s, struct bytes *out,
                         struct value *value) {
    (void)v;
    (void)out;
    if (s->peer == NULL || s->peer->address == NULL) {
        return TB_OK;
    }
    return piece(value, s->peer->address, strlen(s->peer->address));
}

static int get_path(const struct variable *v, struct scope *s, struct bytes *out,
                    struct value *value) {
    (void)out;
    const struct path_part *part = s->peer == NULL ? NULL : peer_path(s->peer, v->name);
    return part == NULL ? TB_OK : piece(value, part->value, part->size);
}

static int get_query(const struct variable *v, struct scope *s, struct bytes *out,
                     struct value *value) {
    bool found = false;
    int err = s->peer == NULL ? TB_OK : peer_query(s->peer, v->name, out, &found);
    return found ? built(value, err) : err;
}

static int get_header(const struct variable *v, struct scope *s, struct bytes *out,
                      struct value *value) {
    bool found = false;
    int err = s->peer == NULL ? TB_OK : peer_header(s->peer, v->name, out, &found);
    return found ? built(value, err) : err;
}

/* ---- the world ---- */

static int get_env(const struct variable *v, struct scope *s, struct bytes *out,
                   struct value *value) {
    (void)s;
    (void)out;
    const char *text = getenv(v->name);
    return text == NULL ? TB_OK : piece(value, text, strlen(text));
}

static int get_now(const struct variable *v, struct scope *s, struct bytes *out,
                   struct value *value) {
    (void)s;
    struct timespec now;
    struct tm tm;
    char text[32];
    clock_gettime(CLOCK_REALTIME, &now);
    if (gmtime_r(&now.tv_sec, &tm) == NULL) { /* a year that no int holds */
        return TB_OK;
    }
    int ms = (int)(now.tv_nsec / 1000000);
    if (v->kind == VARIABLE_NOW_MS) {
        return built(value, bytes_appendf(out, "%jd", (intmax_t)now.tv_sec * 1000 + ms));
    }
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
    return built(value, bytes_appendf(out, "%s.%03dZ", text, ms));
}

static int get_made_up(const struct variable *v, struct scope *s, struct bytes *out,
                       struct value *value) {
    switch (v->kind) {
    case VARIABLE_FAKE_NAME:
        return built(value, fake_name(s->chance, out));
    case VARIABLE_FAKE_EMAIL:
        return built(value, fake_email(s->chance, out));
    case VARIABLE_FAKE_WORD:
        return built(value, fake_word(s->chance, out));
    default:
        return built(value, fake_uuid(s->chance, out));
    }
}

/* ---- the file's own ---- */

static int get_stored(const struct store *store, unsigned slot, struct value *value) {
    const struct bytes *found = store == NULL ? NULL : store_get(store, slot);
    return found == NULL ? TB_OK : piece(value, found->data, found->len);
}

static int get_own(const struct variable *v, struct scope *s, struct bytes *out,
                   struct value *value) {
    (void)out;
    for (size_t i = 0; s->captures != NULL && i < s->captures->count; i++) {
        if (s->captures->items[i].slot == v->slot) {
            return piece(value, s->captures->items[i].p, s->captures->items[i].size);
        }
    }
    get_stored(s->own, v->slot, value);
    return value->kind != VALUE_NONE ? TB_OK : get_stored(s->vars, v->slot, value);
}

static int get_client(const struct variable *v, struct scope *s, struct bytes *out,
                      struct value *value) {
    (void)out;
    return s->clients == NULL ? TB_OK : get_stored(s->clients[v->client], v->slot, value);
}

int variable_get(const struct variable *v, struct scope *s, struct bytes *out,
                 struct value *value) {
    static int (*const get[])(const struct variable *v, struct scope *s, struct bytes *out,
                              struct value *value) = {
        [VARIABLE_TEXT] = get_text,
        [VARIABLE_JSON] = get_json,
        [VARIABLE_N] = get_n,
        [VARIABLE_CONN_ID] = get_conn_id,
        [VARIABLE_CONN_ADDR] = get_conn_addr,
        [VARIABLE_PATH] = get_path,
        [VARIABLE_QUERY] = get_query,
        [VARIABLE_HEADER] = get_header,
        [VARIABLE_ENV] = get_env,
        [VARIABLE_NOW] = get_now,
        [VARIABLE_NOW_MS] = get_now,
        [VARIABLE_UUID] = get_made_up,
        [VARIABLE_FAKE_NAME] = get_made_up,
        [VARIABLE_FAKE_EMAIL] = get_made_up,
        [VARIABLE_FAKE_WORD] = get_made_up,
        [VARIABLE_OWN] = get_own,
        [VARIABLE_CLIENT] = get_client,
    };
    *value = (struct value){.kind = VALUE_NONE};
    return get[v->kind](v, s, out, value);
}
