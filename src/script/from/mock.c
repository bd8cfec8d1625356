/* A recording's conversations as a mock: a route for each path. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "proto/http1.h"
#include "script/from/answers.h"
#include "script/from/conversation.h"
#include "script/from/from.h"
#include "script/from/from_yaml.h"
#include "script/from/place.h"

/* A conversation and where it took place. */
struct visit {
    const struct conversation *c;
    const char *route;
    enum place_kind kind;
};

/* The visits of one route, in their order. */
struct place {
    const struct visit *visits;
    size_t count;
};

/* ---- the handshake ---- */

static void put_protocols(struct yaml_out *y, const struct place *p) {
    const char *comma = "";
    for (size_t i = 0; i < p->count; i++) {
        const char *name = p->visits[i].c->protocol;
        bool is_new =
            name != NULL && http1_str_is_token((struct http1_str){.p = name, .n = strlen(name)});
        for (size_t k = 0; k < i && is_new; k++) {
            const char *other = p->visits[k].c->protocol;
            is_new = other == NULL || strcmp(other, name) != 0;
        }
        if (is_new) {
            yaml_put(y, *comma == '\0' ? "{ protocols: [" : "%s", comma);
            yaml_text(y, name, strlen(name));
            comma = ", ";
        }
    }
    yaml_put(y, *comma == '\0' ? "yes\n" : "] }\n");
}

static void put_reject(struct yaml_out *y, const struct conversation *c) {
    static const char *const told[] = {"location", "retry-after", "www-authenticate"};
    const char *comma = "";
    for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
        const struct from_header *h = from_header_find(c->response, told[i]);
        if (h != NULL) {
            if (*comma == '\0') {
                yaml_put(y, "{ status: %u, headers: { ", c->status);
            }
            yaml_put(y, "%s%s: ", comma, told[i]);
            yaml_text(y, h->value, strlen(h->value));
            comma = ", ";
        }
    }
    if (*comma == '\0') {
        yaml_put(y, "%u\n", c->status);
    } else {
        yaml_put(y, " } }\n");
    }
}

static void put_outcome(struct yaml_out *y, const struct place *p, const struct conversation *c) {
    if (c->why == NULL) {
        yaml_put(y, "accept: ");
        put_protocols(y, p);
    } else {
        yaml_put(y, "reject: ");
        put_reject(y, c);
    }
}

static bool is_same_outcome(const struct conversation *a, const struct conversation *b) {
    return a->why == NULL ? b->why == NULL : b->why != NULL && a->status == b->status;
}

/* Whether all that were accepted came with the header, and none that were refused. */
static bool decides(const struct place *p, const char *name) {
    for (size_t i = 0; i < p->count; i++) {
        const struct conversation *c = p->visits[i].c;
        if ((from_header_find(c->request, name) != NULL) != (c->why == NULL)) {
            return false;
        }
    }
    return true;
}

static const struct conversation *first_of(const struct place *p, bool refused) {
    for (size_t i = 0; i < p->count; i++) {
        if ((p->visits[i].c->why != NULL) == refused) {
            return p->visits[i].c;
        }
    }
    return NULL;
}

/* A header that whoever was refused lacked, or NULL; all were refused in the same way. */
static const char *deciding_header(const struct place *p) {
    const struct conversation *accepted = first_of(p, false);
    const struct conversation *refused = first_of(p, true);
    if (accepted == NULL || refused == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < p->count; i++) {
        const struct conversation *c = p->visits[i].c;
        if (c->why != NULL && c->status != refused->status) {
            return NULL;
        }
    }
    for (int masked = 1; masked >= 0; masked--) { /* what was masked is most likely to decide */
        for (const struct from_header *h = accepted->request; h != NULL; h = h->next) {
            if (from_header_is_masked(h) == (masked == 1) && !from_header_is_noise(h) &&
                decides(p, h->name)) {
                return h->name;
            }
        }
    }
    return NULL;
}

static void put_decision(struct yaml_out *y, const struct place *p, const char *header) {
    yaml_put(y, "        - when: { header: { ");
    yaml_text(y, header, strlen(header));
    yaml_put(y, ": { exists: no } } }\n          ");
    put_outcome(y, p, first_of(p, true));
    yaml_put(y, "        - ");
    put_outcome(y, p, first_of(p, false));
}

/* As it went, one after the other. */
static void put_outcomes(struct yaml_out *y, const struct place *p) {
    for (size_t i = 0, next; i < p->count; i = next) {
        const struct conversation *c = p->visits[i].c;
        next = i + 1;
        while (next < p->count && is_same_outcome(c, p->visits[next].c)) {
            next++;
        }
        yaml_put(y, "        - ");
        if (next < p->count) {
            yaml_put(y, "when: { times: %zu }\n          ", next - i);
        }
        put_outcome(y, p, c);
    }
}

static void put_handshake(struct yaml_out *y, const struct place *p) {
    const char *header = deciding_header(p);
    bool is_plain = first_of(p, true) == NULL;
    for (size_t i = 0; i < p->count; i++) {
        is_plain = is_plain && p->visits[i].c->protocol == NULL;
    }
    if (is_plain) {
        return;
    }
    yaml_put(y, "      handshake:\n");
    if (header != NULL) {
        put_decision(y, p, header);
    } else {
        put_outcomes(y, p);
    }
}

/* ---- routes ---- */

static void put_place(struct yaml_out *y, const struct place *p) {
    const struct conversation **accepted = calloc(p->count, sizeof *accepted);
    size_t count = 0;
    if (accepted == NULL) {
        y->err = TB_ENOMEM;
        return;
    }
    for (size_t i = 0; i < p->count; i++) {
        if (p->visits[i].c->why == NULL) {
            accepted[count++] = p->visits[i].c;
        }
    }
    yaml_put(y, "    ");
    yaml_text(y, p->visits->route, strlen(p->visits->route));
    yaml_put(y, ":\n");
    put_handshake(y, p);
    answers_write(y, accepted, count);
    free(accepted);
}

static int compare_visits(const void *a, const void *b) {
    const struct visit *x = a, *y = b;
    int order = x->kind != y->kind ? (x->kind < y->kind ? -1 : 1) : strcmp(x->route, y->route);
    return order != 0 ? order : (x->c->number > y->c->number) - (x->c->number < y->c->number);
}

/* What takes less comes first: of routes, the first that fits is taken. */
static int compare_places(const void *a, const void *b) {
    const struct visit *x = ((const struct place *)a)->visits;
    const struct visit *y = ((const struct place *)b)->visits;
    int order = (x->kind > y->kind) - (x->kind < y->kind);
    return order != 0 ? order : (x->c->number > y->c->number) - (x->c->number < y->c->number);
}

static void put_places(struct yaml_out *y, struct visit *visits, size_t count) {
    struct place *places = calloc(count + 1, sizeof *places);
    size_t n = 0;
    if (places == NULL) {
        y->err = TB_ENOMEM;
        return;
    }
    qsort(visits, count, sizeof *visits, compare_visits);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || strcmp(visits[i - 1].route, visits[i].route) != 0) {
            places[n++].visits = &visits[i];
        }
        places[n - 1].count++;
    }
    qsort(places, n, sizeof *places, compare_places);
    for (size_t i = 0; i < n && y->err == TB_OK; i++) {
        put_place(y, &places[i]);
    }
    free(places);
}

/* ---- the file ---- */

static bool takes_place(const struct conversation *c) {
    return c->is_begun && conversation_can_come_again(c);
}

static int find_place(struct arena *arena, const struct conversation *c, struct visit *v) {
    struct bytes route = BYTES_INIT;
    int err = place_of(c->target, &route, &v->kind);
    if (err == TB_OK) {
        v->c = c;
        v->route = arena_text(arena, route.data, route.len);
        err = v->route != NULL ? TB_OK : TB_ENOMEM;
    }
    bytes_release(&route);
    return err;
}

static void put_server(struct yaml_out *y, const struct from *f, size_t count) {
    struct arena *arena = arena_new();
    struct visit *visits = calloc(count + 1, sizeof *visits);
    size_t n = 0;
    y->err = y->err == TB_OK && (arena == NULL || visits == NULL) ? TB_ENOMEM : y->err;
    for (const struct conversation *c = f->first; c != NULL && y->err == TB_OK; c = c->next) {
        if (takes_place(c)) {
            y->err = find_place(arena, c, &visits[n++]);
        }
    }
    if (y->err == TB_OK) {
        put_places(y, visits, n);
    }
    free(visits);
    arena_free(arena);
}

static void put_head(struct yaml_out *y, const struct from *f) {
    yaml_comment(y, 0, "A server that behaves as the one in %s%s%s.", f->name,
                 f->started != NULL ? ", recorded at " : "", f->started != NULL ? f->started : "");
    yaml_comment(y, 0,
                 "A message of a client is a rule; one that was answered differently later has "
                 "several, which take");
    yaml_comment(y, 0,
                 "turns. What came unasked (at: connect, after) is what the path's first "
                 "connection saw.");
    for (const struct conversation *c = f->first; c != NULL; c = c->next) {
        if (!takes_place(c)) {
            yaml_comment(y, 0, "Connection %zu is left out%s%s.", c->number,
                         c->why != NULL ? ": " : "", c->why != NULL ? c->why : "");
        }
    }
    yaml_put(y, "taburet: 1\n\nserver:\n");
}

int from_write_mock(const struct from *f, struct bytes *yaml) {
    struct yaml_out y = {.out = yaml, .err = TB_OK};
    size_t count = 0;
    put_head(&y, f);
    for (const struct conversation *c = f->first; c != NULL; c = c->next) {
        count += takes_place(c);
    }
    yaml_put(&y, count > 0 ? "  routes:\n" : "  rules: []\n");
    if (count > 0) {
        put_server(&y, f, count);
    }
    return y.err;
}
