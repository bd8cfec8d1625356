/* script/scope.h - what templates and matchers may look at, and the variables' values.
 *
 * A scope is put together by whoever runs a rule or a step; it owns nothing.
 */
#ifndef TB_SCRIPT_SCOPE_H
#define TB_SCRIPT_SCOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

struct chance;
struct http1;
struct message;

/* Values of variables by their slots (script/names.h). Zeroed, it is empty. */
struct store {
    struct bytes *values;
    bool *set;
    size_t count;
};

void store_release(struct store *s);

/* Keeps a copy of p[0..n), which is not the store's own memory. TB_OK or TB_ENOMEM (the value is
 * what it was then). */
int store_set(struct store *s, unsigned slot, const void *p, size_t n);

/* NULL: it has no value. */
const struct bytes *store_get(const struct store *s, unsigned slot);

/* What the named groups of regexes caught: pieces of the message. */
enum { CAPTURES_MAX = 32 };

struct captures {
    size_t count;
    struct {
        unsigned slot;
        const uint8_t *p;
        size_t size;
    } items[CAPTURES_MAX];
};

/* Who talks: a connection's handshake and what its route caught. */
struct peer {
    uint64_t id;              /* conn.id */
    const char *address;      /* conn.addr; NULL: unknown */
    const struct http1 *head; /* of the request: header.NAME, query.NAME; NULL: none */
    /* path.NAME: the pieces of the path that the route's {names} caught, percent-decoded. */
    size_t path_count;
    const struct path_part {
        const char *name;
        const char *value;
        size_t size;
    } * path;
};

/* The piece of the path of that name, or NULL. */
const struct path_part *peer_path(const struct peer *peer, const char *name);

/* Appends a header's value; of one that comes several times, all of them with ", " between (RFC
 * 9110 s.5.3). *found says whether there is one. TB_OK or TB_ENOMEM (out is unchanged then). */
int peer_header(const struct peer *peer, const char *name, struct bytes *out, bool *found);

/* Appends the query's first value of that name, which is compared decoded, byte by byte. A + is a
 * space, %XX a byte, a % that no such follows stands for itself; a name without = has an empty
 * value. As peer_header(). */
int peer_query(const struct peer *peer, const char *name, struct bytes *out, bool *found);

struct scope {
    struct message *message;         /* text, json.*; NULL: none */
    const struct captures *captures; /* looked at first; NULL: none */
    const struct store *own;         /* set, save; NULL: none */
    const struct store *vars;        /* of the file; NULL: none */
    const struct peer *peer;         /* NULL: none */
    uint64_t n;                      /* how often this rule has fired before */
    struct chance *chance;           /* random, fake, uuid; never NULL */
    const struct store *const
        *clients;        /* of a scenario, in the order of reader.clients; NULL: none */
    const char *missing; /* set by each expansion: the first variable that had no value, or NULL */
};

#endif
