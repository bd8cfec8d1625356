#include "script/sole_matcher.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "script/chance.h"
#include "script/matcher.h"
#include "script/names.h"
#include "script/reader.h"

struct sole_matcher {
    struct document *doc;
    struct arena *arena;
    struct names *names;
    const struct matcher *matcher;
    atomic_uint *counters;
    struct chance chance;
    struct scope scope;
    struct match match;
};

static int read(struct sole_matcher *m, struct bytes *message) {
    struct reader r = {.doc = m->doc,
                       .arena = m->arena,
                       .names = m->names,
                       .message = message,
                       .no_handshake = true};
    int err = matcher_read(&r, document_root(m->doc), &m->matcher);
    err = err == TB_OK ? names_check(&r) : err;
    if (err == TB_OK) {
        m->counters = calloc(r.counters + 1, sizeof(*m->counters));
        err = m->counters == NULL ? TB_ENOMEM : TB_OK;
    }
    return err;
}

int sole_matcher_new(const char *name, const char *text, size_t n, struct sole_matcher **m,
                     struct bytes *message) {
    struct sole_matcher *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return TB_ENOMEM;
    }
    uint64_t seed = 0;
    made->arena = arena_new();
    made->names = names_new();
    match_init(&made->match, &made->scope, NULL);
    int err = made->arena == NULL || made->names == NULL ? TB_ENOMEM : chance_seed(&seed);
    err = err == TB_OK ? document_parse(name, text, n, &made->doc, message) : err;
    err = err == TB_OK ? read(made, message) : err;
    if (err != TB_OK) {
        sole_matcher_free(made);
        return err;
    }
    chance_init(&made->chance, seed);
    made->scope.chance = &made->chance;
    made->match.counters = made->counters;
    *m = made;
    return TB_OK;
}

void sole_matcher_free(struct sole_matcher *m) {
    if (m == NULL) {
        return;
    }
    match_release(&m->match);
    names_free(m->names);
    arena_free(m->arena);
    document_free(m->doc);
    free(m->counters);
    free(m);
}

bool sole_matcher_matches(struct sole_matcher *m, struct message *message, bool *gave_up) {
    match_clear(&m->match);
    m->scope.message = message;
    bool yes = matcher_matches(m->matcher, &m->match);
    if (gave_up != NULL) {
        *gave_up = *gave_up || m->match.gave_up;
    }
    return yes;
}

int sole_matcher_describe(const struct sole_matcher *m, struct bytes *out) {
    return matcher_describe(m->matcher, out);
}

int sole_matcher_why_not(struct sole_matcher *m, struct message *message, struct bytes *out) {
    match_clear(&m->match);
    m->match.looking = true;
    m->scope.message = message;
    int err = matcher_why_not(m->matcher, &m->match, out);
    m->match.looking = false;
    return err;
}
