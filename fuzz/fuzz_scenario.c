/* Scenarios that are read keep what their header promises; what is refused says where and why. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "script/names.h"
#include "script/scenario/scenario.h"

static void must(bool holds) {
    if (!holds) {
        abort();
    }
}

static void look_at_step(const struct scenario *s, const struct step *step, bool in_all) {
    struct bytes text = BYTES_INIT;
    must(step->verb < STEP_VERBS && step->node != NULL && step->node->line > 0);
    must(step->actor < (int)s->client_count && step->actor >= STEP_EACH);
    must(in_all == (step->actor == STEP_EACH) && !(in_all && step->verb == STEP_ALL));
    must(step->verb > STEP_RESET || step->actor != STEP_NOBODY);
    must(step_describe(step, &text) == TB_OK && text.len > 0);
    bytes_release(&text);
    for (size_t i = 0; step->verb == STEP_ALL && i < step->all.steps.count; i++) {
        look_at_step(s, &step->all.steps.items[i], true);
    }
}

static void look_at(const struct suite *suite) {
    must(suite->defaults.within_ms > 0);
    for (size_t i = 0; i < suite->count; i++) {
        const struct scenario *s = &suite->scenarios[i];
        must(s->name[0] != '\0' && s->node != NULL && s->settings.within_ms > 0);
        must(s->client_count > 0 && s->client_names[s->client_count] == NULL);
        for (size_t j = 0; j < s->steps.count; j++) {
            look_at_step(s, &s->steps.items[j], false);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct document *doc = NULL;
    struct bytes message = BYTES_INIT;
    struct arena *arena = arena_new();
    struct names *names = names_new();
    must(arena != NULL && names != NULL);
    if (document_parse("FILE", (const char *)data, size, &doc, &message) == TB_OK) {
        struct reader r = {.doc = doc, .arena = arena, .names = names, .message = &message};
        const struct node *root = document_root(doc);
        const struct suite *suite = NULL;
        int err = TB_OK;
        if (root->kind == NODE_MAP) {
            err = suite_read(&r, node_get(root, "defaults"), node_get(root, "scenarios"), &suite);
        }
        must(err == TB_OK || (err == TB_EINVAL && message.len > 5));
        must(err != TB_EINVAL || memcmp(message.data, "FILE:", 5) == 0);
        if (err == TB_OK && suite != NULL) {
            look_at(suite);
        }
    }
    arena_free(arena);
    names_free(names);
    document_free(doc);
    bytes_release(&message);
    return 0;
}
