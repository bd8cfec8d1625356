#include "net/targets.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "net/dial.h"

void targets_release(struct targets *t) {
    free(t->items);
    *t = (struct targets)TARGETS_INIT;
}

static int add(struct targets *t, const struct host_address *address) {
    struct target *items = realloc(t->items, (t->count + 1) * sizeof *items);
    if (items == NULL) {
        return TB_ENOMEM;
    }
    t->items = items;
    items[t->count++] = (struct target){.address = *address};
    return TB_OK;
}

static bool is_wanted(const struct targets *t, int family) {
    bool is_ip = family == AF_INET || family == AF_INET6;
    return is_ip && (t->family == AF_UNSPEC || t->family == family);
}

int targets_add(struct targets *t, const struct sockaddr *address, uint16_t port) {
    struct host_address a;
    if (!is_wanted(t, address->sa_family)) {
        return TB_OK;
    }
    host_address_set(&a, address, port);
    return add(t, &a);
}

/* TB_EINVAL: text is no address. */
static int add_text(struct targets *t, const char *text, uint16_t port) {
    struct host_address a;
    int err = host_parse(&a, text, port);
    return err == TB_OK ? targets_add(t, &a.sa.any, port) : err;
}

static int add_texts(struct targets *t, const char *const *texts, size_t count, uint16_t port,
                     const char **bad) {
    int err = TB_OK;
    for (size_t i = 0; i < count && err == TB_OK; i++) {
        err = add_text(t, texts[i], port);
        if (err == TB_EINVAL) {
            *bad = texts[i];
        }
    }
    return err;
}

static const struct dial_override *find_override(const struct dial_override *overrides,
                                                 size_t count, const char *name, uint16_t port) {
    const struct dial_override *for_all = NULL;
    for (size_t i = count; i > 0; i--) {
        const struct dial_override *o = &overrides[i - 1];
        char host[HOST_NAME_SIZE];
        if (o->port == port && host_is_same(host_bare(o->host, host), name)) {
            return o;
        }
        if (o->port == port && for_all == NULL && strcmp(o->host, "*") == 0) {
            for_all = o;
        }
    }
    return for_all;
}

int targets_add_host(struct targets *t, const char *host, uint16_t port,
                     const struct dial_override *overrides, size_t override_count,
                     const char **bad) {
    static const char *const loopback[] = {"::1", "127.0.0.1"};
    char name[HOST_NAME_SIZE];
    host_bare(host, name);
    *bad = NULL;
    const struct dial_override *o = find_override(overrides, override_count, name, port);
    if (o != NULL) {
        return add_texts(t, o->addresses, o->address_count, port, bad);
    }
    if (host_is_localhost(name)) {
        return add_texts(t, loopback, 2, port, bad);
    }
    return add_text(t, name, port);
}

int targets_add_unix(struct targets *t, const char *path) {
    struct host_address a = {.size = sizeof a.sa.un};
    size_t n = strlen(path);
    if (n == 0 || n >= sizeof a.sa.un.sun_path) {
        return TB_EINVAL;
    }
    a.sa.un.sun_family = AF_UNIX;
    memcpy(a.sa.un.sun_path, path, n);
    return add(t, &a);
}

static bool is_of(const struct target *t, int family) {
    return t->address.sa.any.sa_family == family;
}

/* Moves the item at `from` up to `to`; those between move down by one. */
static void move_up(struct targets *t, size_t from, size_t to) {
    struct target moved = t->items[from];
    memmove(&t->items[to + 1], &t->items[to], (from - to) * sizeof moved);
    t->items[to] = moved;
}

void targets_interleave(struct targets *t) {
    for (size_t i = 1; i < t->count; i++) {
        int before = t->items[i - 1].address.sa.any.sa_family;
        size_t other = i;
        while (other < t->count && is_of(&t->items[other], before)) {
            other++;
        }
        if (other == t->count) {
            return;
        }
        move_up(t, other, i);
    }
}
