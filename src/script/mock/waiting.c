/* How much may wait: the firings, and the messages that faults hold back. */
#include "script/mock/state.h"

/* Of one connection, or of a route's clocks; and of all on a loop. */
static const size_t OWN_MAX = (size_t)32 * 1024 * 1024;
static const size_t LOOP_MAX = (size_t)256 * 1024 * 1024;

static size_t *own_of(struct run *run, struct member *m) {
    return m != NULL ? &m->waiting : &run->waiting;
}

bool waiting_take(struct run *run, struct member *m, size_t size) {
    size_t *own = own_of(run, m);
    size_t *all = &run->loop->waiting;
    if (size > OWN_MAX || *own > OWN_MAX - size || *all > LOOP_MAX - size) {
        return false;
    }
    *own += size;
    *all += size;
    return true;
}

void waiting_give(struct run *run, struct member *m, size_t size) {
    *own_of(run, m) -= size;
    run->loop->waiting -= size;
}
