/* The file's `server`: where it listens, and its routes. */
#include "script/mock/mock_plan.h"

#include <string.h>

#include "base/err.h"
#include "proto/url.h"

/* ---- listen ---- */

static int refuse_listen(struct reader *r, const struct node *node) {
    return reader_refuse(
        r, node, "'%s' is no address to listen on: ws://HOST:PORT or wss://HOST:PORT", node->text);
}

/* What a URL of ours has in front, and of whoever wrote another one what was meant. */
struct front {
    const char *written;
    const char *meant; /* NULL: it is ours */
};

static const struct front *find_front(const char *text) {
    static const struct front fronts[] = {{"ws://", NULL},
                                          {"wss://", NULL},
                                          {"http://", "ws://"},
                                          {"https://", "wss://"},
                                          {NULL, "ws://"}};
    const struct front *front = fronts;
    while (front->written != NULL &&
           strncasecmp(text, front->written, strlen(front->written)) != 0) {
        front++;
    }
    return front;
}

static bool is_port(const char *text) {
    return *text != '\0' && text[strspn(text, "0123456789")] == '\0';
}

static int refuse_front(struct reader *r, const struct node *node, const char *meant) {
    struct bytes why = BYTES_INIT;
    struct url u = {.secure = false};
    int err = url_parse(&u, meant, &why);
    if (err == TB_OK && strcmp(u.target, "/") == 0) {
        err = reader_refuse(r, node, "'%s' is no address to listen on: did you mean '%s'?",
                            node->text, meant);
    } else if (err != TB_ENOMEM) {
        err = refuse_listen(r, node);
    }
    url_release(&u);
    bytes_release(&why);
    return err;
}

/* "4000", "localhost:4000" and "http://localhost:4000" are nearly one. */
static int check_front(struct reader *r, const struct node *node) {
    const struct front *front = find_front(node->text);
    if (front->meant == NULL) {
        return TB_OK;
    }
    const char *rest = node->text + (front->written == NULL ? 0 : strlen(front->written));
    struct bytes meant = BYTES_INIT;
    int err =
        bytes_appendf(&meant, "%s%s%s", front->meant, is_port(rest) ? "localhost:" : "", rest);
    err = err == TB_OK ? bytes_append(&meant, "", 1) : err;
    err = err == TB_OK ? refuse_front(r, node, (const char *)meant.data) : err;
    bytes_release(&meant);
    return err;
}

static int take_url(struct reader *r, const struct node *node, const struct url *u,
                    struct mock_listen *listen) {
    if (u->unix_path != NULL || u->user != NULL || strcmp(u->target, "/") != 0) {
        return refuse_listen(r, node);
    }
    *listen = (struct mock_listen){.tls = u->secure,
                                   .host = arena_text(r->arena, u->host, strlen(u->host)),
                                   .port = u->port,
                                   .node = node};
    return listen->host == NULL ? TB_ENOMEM : TB_OK;
}

/* ":0" behind the host is any free port, which no client's URL can say. Returns the size of what
 * stands in front of it, or of all. */
static size_t size_without_free_port(const struct node *node, bool *is_free) {
    size_t n = node->size;
    n -= n > 0 && node->text[n - 1] == '/';
    *is_free = n > 2 && memcmp(node->text + n - 2, ":0", 2) == 0;
    return *is_free ? n - 2 : node->size;
}

static int read_address(struct reader *r, const struct node *node, void *into) {
    struct mock_setup *setup = into;
    struct bytes why = BYTES_INIT;
    struct url u = {.secure = false};
    bool is_free = false;
    int err = reader_scalar(r, node, "an address such as ws://localhost:4000");
    err = err == TB_OK ? check_front(r, node) : err;
    if (err != TB_OK) {
        return err;
    }
    size_t size = size_without_free_port(node, &is_free);
    const char *text = arena_text(r->arena, node->text, size);
    err = text == NULL ? TB_ENOMEM : url_parse(&u, text, &why);
    if (err == TB_OK) {
        struct mock_listen *listen = (struct mock_listen *)setup->listen + setup->listen_count;
        u.port = is_free ? 0 : u.port;
        err = u.port_given && is_free ? refuse_listen(r, node) : take_url(r, node, &u, listen);
        setup->listen_count += err == TB_OK;
    } else if (err == TB_EINVAL) {
        err = refuse_listen(r, node);
    }
    url_release(&u);
    bytes_release(&why);
    return err;
}

static struct mock_setup *setup_of(void *into) {
    struct plan_reader *p = into;
    return &p->plan->setup;
}

static int read_listen(struct reader *r, const struct node *value, void *into) {
    struct mock_setup *setup = setup_of(into);
    size_t count = value->kind == NODE_LIST ? value->count : 1;
    setup->listen = arena_alloc(r->arena, count * sizeof *setup->listen);
    return setup->listen == NULL ? TB_ENOMEM : reader_each(r, value, read_address, setup);
}

/* ---- tls, record ---- */

static int read_cert(struct reader *r, const struct node *value, void *into) {
    struct mock_setup *setup = into;
    return reader_path(r, value, &setup->tls_cert);
}

static int read_key(struct reader *r, const struct node *value, void *into) {
    struct mock_setup *setup = into;
    return reader_path(r, value, &setup->tls_key);
}

static int read_client_ca(struct reader *r, const struct node *value, void *into) {
    struct mock_setup *setup = into;
    return reader_path(r, value, &setup->tls_client_ca);
}

static int read_tls(struct reader *r, const struct node *value, void *into) {
    static const struct field fields[] = {
        {.name = "cert", .read = read_cert, .required = true},
        {.name = "key", .read = read_key, .required = true},
        {.name = "client_ca", .read = read_client_ca},
        {.name = NULL},
    };
    return reader_map(r, value, fields, "tls", setup_of(into));
}

static int read_record(struct reader *r, const struct node *value, void *into) {
    return reader_path(r, value, &setup_of(into)->record);
}

static int check_tls(struct reader *r, const struct mock_setup *setup) {
    for (size_t i = 0; i < setup->listen_count; i++) {
        if (setup->listen[i].tls && setup->tls_cert == NULL) {
            return reader_refuse(r, setup->listen[i].node,
                                 "wss:// needs a certificate: tls: { cert: FILE, key: FILE }");
        }
    }
    return TB_OK;
}

/* ---- routes ---- */

static int read_handshake(struct reader *r, const struct node *value, void *into) {
    (void)r;
    return plan_read_entrances(into, value);
}

static int read_rules(struct reader *r, const struct node *value, void *into) {
    (void)r;
    return plan_read_rules(into, value);
}

static int read_faults(struct reader *r, const struct node *value, void *into) {
    (void)r;
    return plan_read_faults(into, value);
}

static int read_upstream(struct reader *r, const struct node *value, void *into) {
    (void)into;
    return reader_refuse(r, value,
                         "'upstream' makes the route a proxy, which cannot be served yet");
}

#define ROUTE_FIELDS                                                                               \
    {.name = "handshake", .read = read_handshake}, {.name = "rules", .read = read_rules},          \
        {.name = "faults", .read = read_faults}, {                                                 \
        .name = "upstream", .read = read_upstream                                                  \
    }

/* The next route of the plan; there is room for it. */
static struct plan_route *begin_route(struct plan_reader *p, const struct node *node) {
    struct plan_route *route = (struct plan_route *)p->plan->routes + p->plan->route_count;
    *route = (struct plan_route){.node = node, .index = (unsigned)p->plan->route_count};
    p->route = route;
    p->state_count = 0;
    p->plan->route_count++;
    return route;
}

static int select_rules(struct plan_reader *p) {
    struct plan_route *route = p->route;
    const struct matcher **matchers =
        arena_alloc(p->r->arena, (route->rule_count + 1) * sizeof(struct matcher *));
    if (matchers == NULL) {
        return TB_ENOMEM;
    }
    for (size_t i = 0; i < route->rule_count; i++) {
        matchers[i] = route->rules[i].when;
    }
    return selector_new(p->r->arena, matchers, route->rule_count, &route->selector);
}

static int finish_route(struct plan_reader *p) {
    int err = plan_check_states(p);
    return err == TB_OK ? select_rules(p) : err;
}

static int refuse_twin(struct plan_reader *p, const struct node *at,
                       const struct plan_route *twin) {
    return reader_refuse(p->r, at, "%s on line %u takes the same paths already",
                         route_text(twin->path), twin->node->line);
}

static int read_route(struct plan_reader *p, const struct node *key) {
    static const struct field fields[] = {ROUTE_FIELDS, {.name = NULL}};
    struct plan_route *route = begin_route(p, key);
    int err = route_read(p->r, key, &route->path);
    for (const struct plan_route *other = p->plan->routes; err == TB_OK && other < route; other++) {
        if (route_is_same(other->path, route->path)) {
            err = refuse_twin(p, key, other);
        }
    }
    err = err == TB_OK ? reader_map(p->r, key->value, fields, "a route", p) : err;
    return err == TB_OK ? finish_route(p) : err;
}

static int read_routes(struct reader *r, const struct node *value, void *into) {
    struct plan_reader *p = into;
    if (value->kind != NODE_MAP) {
        return reader_refuse(r, value,
                             "routes are a mapping of paths, such as /feed/{symbol}, not %s",
                             node_kind_name(value));
    }
    int err = TB_OK;
    for (const struct node *key = value->first; key != NULL && err == TB_OK; key = key->next) {
        err = p->plan->route_count == PLAN_ROUTES_MAX
                  ? reader_refuse(r, key, "a server has %d routes at most", PLAN_ROUTES_MAX)
                  : read_route(p, key);
    }
    return err;
}

/* What stands right under `server` is a route for every path, and comes last. */
static int read_nothing(struct reader *r, const struct node *value, void *into) {
    (void)r;
    (void)value;
    (void)into;
    return TB_OK;
}

static const struct field server_fields[] = {
    {.name = "listen", .read = read_listen},
    {.name = "tls", .read = read_tls},
    {.name = "record", .read = read_record},
    {.name = "routes", .read = read_routes},
    {.name = "handshake", .read = read_nothing},
    {.name = "rules", .read = read_nothing},
    {.name = "faults", .read = read_nothing},
    {.name = "upstream", .read = read_upstream},
    {.name = NULL},
};

static int read_rest(struct plan_reader *p, const struct node *server) {
    static const struct {
        const char *key;
        int (*read)(struct plan_reader *p, const struct node *value);
    } parts[] = {
        {"handshake", plan_read_entrances},
        {"rules", plan_read_rules},
        {"faults", plan_read_faults},
    };
    struct plan_route *route = begin_route(p, server);
    const struct node *first = NULL;
    int err = route_read_all(p->r, &route->path);
    for (size_t i = 0; i < sizeof parts / sizeof *parts && err == TB_OK; i++) {
        const struct node *value = node_get(server, parts[i].key);
        first = first == NULL ? value : first;
        err = value == NULL ? TB_OK : parts[i].read(p, value);
    }
    for (const struct plan_route *other = p->plan->routes; err == TB_OK && other < route; other++) {
        if (route_is_same(other->path, route->path)) {
            err = reader_refuse(p->r, first,
                                "what stands right under 'server' is for /**, a route that line %u "
                                "has already",
                                other->node->line);
        }
    }
    return err == TB_OK ? finish_route(p) : err;
}

/* ---- faults that rules switch ---- */

/* The faults' names, NULL behind the last; NULL if memory is out. */
static const char **fault_ids(struct reader *r, const struct mock_plan *plan) {
    const char **ids = arena_alloc(r->arena, (plan->fault_count + 1) * sizeof *ids);
    size_t count = 0;
    for (size_t i = 0; ids != NULL && i < plan->route_count; i++) {
        for (size_t k = 0; k < plan->routes[i].fault_count; k++) {
            ids[count++] = plan->routes[i].faults[k].id;
        }
    }
    if (ids != NULL) {
        ids[count] = NULL;
    }
    return ids;
}

static int check_switch(struct reader *r, const struct mock_plan *plan, const char *const *ids,
                        const struct action *a) {
    for (const char *const *id = ids; *id != NULL; id++) {
        if (strcmp(*id, a->fault) == 0) {
            return TB_OK;
        }
    }
    return reader_refuse_unknown(r, a->node->first->value, "fault", "faults", ids,
                                 plan->fault_count);
}

static int check_switches(struct reader *r, const struct mock_plan *plan, const char *const *ids,
                          const struct rule *rule) {
    int err = TB_OK;
    for (size_t i = 0; i < rule->action_count && err == TB_OK; i++) {
        const struct action *a = &rule->actions[i];
        err = a->verb == VERB_FAULT ? check_switch(r, plan, ids, a) : TB_OK;
    }
    return err;
}

static int check_rules(struct reader *r, const struct mock_plan *plan) {
    const char **ids = fault_ids(r, plan);
    int err = ids == NULL ? TB_ENOMEM : TB_OK;
    r->faults = ids;
    for (size_t i = 0; i < plan->route_count; i++) {
        const struct plan_route *route = &plan->routes[i];
        for (size_t k = 0; k < route->rule_count && err == TB_OK; k++) {
            err = check_switches(r, plan, ids, &route->rules[k]);
        }
    }
    return err;
}

static bool has_rest(const struct node *server) {
    return node_get(server, "handshake") != NULL || node_get(server, "rules") != NULL ||
           node_get(server, "faults") != NULL || node_get(server, "routes") == NULL;
}

int mock_plan_read(struct reader *r, const struct node *server, const struct mock_plan **plan) {
    struct mock_plan *made = arena_alloc(r->arena, sizeof *made);
    struct plan_reader p = {.r = r, .plan = made};
    const struct node *routes = server->kind == NODE_MAP ? node_get(server, "routes") : NULL;
    size_t most = (routes == NULL ? 0 : routes->count) + 1;
    if (made == NULL ||
        (made->routes = arena_alloc(r->arena, most * sizeof *made->routes)) == NULL) {
        return TB_ENOMEM;
    }
    int err = reader_mapping(r, server, "a mapping of listen, routes, rules and their kin");
    err = err == TB_OK ? reader_map(r, server, server_fields, "server", &p) : err;
    if (err == TB_OK && has_rest(server)) {
        err = read_rest(&p, server);
    }
    *plan = made;
    err = err == TB_OK ? check_rules(r, made) : err;
    return err == TB_OK ? check_tls(r, &made->setup) : err;
}

const struct mock_setup *mock_plan_setup(const struct mock_plan *plan) {
    return &plan->setup;
}

struct mock_size mock_plan_size(const struct mock_plan *plan) {
    return (struct mock_size){
        .routes = plan->route_count, .rules = plan->rule_count, .faults = plan->fault_count};
}
