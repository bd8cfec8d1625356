#include "script/scope.h"

#include <stdlib.h>
#include <string.h>

#include "base/encoding.h"
#include "base/err.h"
#include "proto/http1.h"

/* ---- variables ---- */

void store_release(struct store *s) {
    for (size_t i = 0; i < s->count; i++) {
        bytes_release(&s->values[i]);
    }
    free(s->values);
    free(s->set);
    *s = (struct store){0};
}

static int store_grow(struct store *s, size_t count) {
    struct bytes *values = realloc(s->values, count * sizeof(*values));
    if (values == NULL) {
        return TB_ENOMEM;
    }
    s->values = values;
    bool *set = realloc(s->set, count * sizeof(*set));
    if (set == NULL) {
        return TB_ENOMEM;
    }
    s->set = set;
    for (; s->count < count; s->count++) {
        bytes_init(&s->values[s->count]);
        s->set[s->count] = false;
    }
    return TB_OK;
}

int store_set(struct store *s, unsigned slot, const void *p, size_t n) {
    int err = slot < s->count ? TB_OK : store_grow(s, (size_t)slot + 1);
    if (err != TB_OK) {
        return err;
    }
    struct bytes *value = &s->values[slot];
    err = n > value->len ? bytes_reserve(value, n - value->len) : TB_OK;
    if (err != TB_OK) {
        return err;
    }
    bytes_clear(value);
    s->set[slot] = true;
    return bytes_append(value, p, n);
}

const struct bytes *store_get(const struct store *s, unsigned slot) {
    return slot < s->count && s->set[slot] ? &s->values[slot] : NULL;
}

/* ---- the handshake ---- */

const struct path_part *peer_path(const struct peer *peer, const char *name) {
    for (size_t i = 0; i < peer->path_count; i++) {
        if (strcmp(peer->path[i].name, name) == 0) {
            return &peer->path[i];
        }
    }
    return NULL;
}

int peer_header(const struct peer *peer, const char *name, struct bytes *out, bool *found) {
    size_t count = peer->head != NULL ? http1_header_count(peer->head) : 0;
    size_t len_before = out->len;
    *found = false;
    for (size_t i = 0; i < count; i++) {
        if (!http1_str_is_nocase(http1_header_name(peer->head, i), name)) {
            continue;
        }
        struct http1_str value = http1_header_value(peer->head, i);
        int err = *found ? bytes_append(out, ", ", 2) : TB_OK;
        if (err == TB_OK) {
            err = bytes_append(out, value.p, value.n);
        }
        if (err != TB_OK) {
            out->len = len_before;
            return err;
        }
        *found = true;
    }
    return TB_OK;
}

/* Takes the character in front of *s, as a form writes it. */
static char take_one(struct http1_str *s) {
    char c = '%';
    size_t size = percent_decode_one(s->p, s->n, &c);
    if (size == 1 && c == '+') {
        c = ' ';
    }
    size = size > 0 ? size : 1;
    s->p += size;
    s->n -= size;
    return c;
}

static bool is_name(struct http1_str s, const char *name) {
    while (s.n > 0 && *name != '\0') {
        if (take_one(&s) != *name) {
            return false;
        }
        name++;
    }
    return s.n == 0 && *name == '\0';
}

/* Cuts the front of *s off, up to the next `c`, which goes too. */
static struct http1_str cut(struct http1_str *s, char c) {
    const char *end = s->n > 0 ? memchr(s->p, c, s->n) : NULL;
    struct http1_str front = {s->p, end != NULL ? (size_t)(end - s->p) : s->n};
    size_t used = end != NULL ? front.n + 1 : front.n;
    s->p = used > 0 ? s->p + used : s->p;
    s->n -= used;
    return front;
}

static int append_decoded(struct bytes *out, struct http1_str value) {
    int err = bytes_reserve(out, value.n);
    while (err == TB_OK && value.n > 0) {
        char c = take_one(&value);
        err = bytes_append(out, &c, 1);
    }
    return err;
}

int peer_query(const struct peer *peer, const char *name, struct bytes *out, bool *found) {
    struct http1_str query = {NULL, 0};
    *found = false;
    if (peer->head != NULL) {
        query = http1_target(peer->head);
        cut(&query, '?');
    }
    while (query.n > 0) {
        struct http1_str value = cut(&query, '&');
        if (is_name(cut(&value, '='), name)) {
            int err = append_decoded(out, value);
            *found = err == TB_OK;
            return err;
        }
    }
    return TB_OK;
}
