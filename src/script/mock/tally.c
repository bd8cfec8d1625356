/* What the loops of a mock count together. */
#include <stdlib.h>

#include "script/mock/state.h"

static void tally_free(struct tally *t) {
    if (t != NULL) {
        free(t->counters);
        free(t->fired);
        free(t->struck);
        free(t->on);
        free(t->open);
        free(t);
    }
}

/* calloc() may give NULL for nothing at all. */
static void *zeroed(size_t count, size_t size) {
    return calloc(count > 0 ? count : 1, size);
}

static struct tally *tally_new(const struct script *script, unsigned version) {
    const struct mock_plan *plan = script->server;
    struct tally *t = calloc(1, sizeof *t);
    if (t == NULL) {
        return NULL;
    }
    t->version = version;
    t->counters = zeroed(script->counters, sizeof *t->counters);
    t->fired = zeroed(plan->rule_count, sizeof *t->fired);
    t->struck = zeroed(plan->fault_count, sizeof *t->struck);
    t->on = zeroed(plan->fault_count, sizeof *t->on);
    t->open = zeroed(plan->route_count, sizeof *t->open);
    if (t->counters == NULL || t->fired == NULL || t->struck == NULL || t->on == NULL ||
        t->open == NULL) {
        tally_free(t);
        return NULL;
    }
    for (size_t i = 0; i < plan->route_count; i++) {
        const struct plan_route *route = &plan->routes[i];
        for (size_t k = 0; k < route->fault_count; k++) {
            atomic_store(&t->on[route->faults[k].index], route->faults[k].enabled);
        }
    }
    return t;
}

static struct tally *find(const struct mock *mock, unsigned version) {
    struct tally *t = mock->newest;
    while (t != NULL && t->version != version) {
        t = t->older;
    }
    return t;
}

struct tally *tally_use(struct mock *mock, const struct script *script, unsigned version) {
    uv_mutex_lock(&mock->mutex);
    struct tally *t = find(mock, version);
    if (t == NULL && (t = tally_new(script, version)) != NULL) {
        t->older = mock->newest;
        mock->newest = t;
    }
    if (t != NULL) {
        t->users++;
    }
    uv_mutex_unlock(&mock->mutex);
    return t;
}

void tally_drop(struct mock *mock, struct tally *t) {
    if (t == NULL) {
        return;
    }
    uv_mutex_lock(&mock->mutex);
    if (--t->users == 0) {
        struct tally **at = &mock->newest;
        while (*at != t) {
            at = &(*at)->older;
        }
        *at = t->older;
        tally_free(t);
    }
    uv_mutex_unlock(&mock->mutex);
}
