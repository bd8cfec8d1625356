/* Any matcher and any message: what matches is as near as can be, is among the candidates, and
 * what is said of it is safe for a terminal. The first byte chooses the message's type; up to a NUL
 * stands the matcher, as YAML, and behind it the message. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "proto/http1.h"
#include "script/chance.h"
#include "script/matcher.h"
#include "script/message.h"
#include "script/names.h"
#include "script/reader.h"
#include "script/selector.h"

enum { MATCHER_MAX = 1024, REGEXES_MAX = 3, TYPES = 5 };

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

/* A search that is hopeless takes its time until it is given up. */
static bool is_quick(const char *yaml) {
    unsigned count = 0;
    for (const char *p = yaml; (p = strstr(p, "regex")) != NULL; p++) {
        count++;
    }
    return count <= REGEXES_MAX;
}

static void check_words(struct bytes *words) {
    for (size_t i = 0; i < words->len;) {
        uint32_t point = 0;
        size_t size = text_decode(words->data + i, words->len - i, &point);
        require(size > 0 && !text_is_unsafe(point));
        i += size;
    }
    require(words->len > 0);
    bytes_clear(words);
}

static void check_candidates(struct arena *arena, const struct matcher *m,
                             const struct message *message) {
    const struct selector *selector;
    struct candidates candidates;
    require(selector_new(arena, &m, 1, &selector) == TB_OK);
    require(candidates_init(&candidates, 1, selector_literals(selector)) == TB_OK);
    selector_look(selector, message->data, message->size, &candidates);
    require(candidates_next(&candidates, 0) == 0);
    candidates_release(&candidates);
}

static void check(struct arena *arena, const struct matcher *m, struct scope *scope,
                  atomic_uint *counters) {
    struct match x;
    struct bytes words = BYTES_INIT;
    match_init(&x, scope, counters);
    x.looking = true;
    bool matches = matcher_matches(m, &x);
    if (!x.gave_up) {
        require((matcher_nearness(m, &x) == 1000) == matches);
    }
    if (matches) {
        check_candidates(arena, m, scope->message);
    } else {
        require(matcher_why_not(m, &x, &words) == TB_OK);
        check_words(&words);
    }
    x.looking = false;
    matcher_matches(m, &x);
    require(matcher_describe(m, &words) == TB_OK);
    check_words(&words);
    match_release(&x);
    bytes_release(&words);
}

static void run(struct reader *r, const struct document *doc, struct message *message) {
    static const char request[] = "GET /a?b=c HTTP/1.1\r\nHost: h\r\n\r\n";
    struct http1 *head = http1_new(HTTP1_REQUEST, &http1_default_limits);
    size_t used;
    require(head != NULL);
    require(http1_feed(head, (const uint8_t *)request, sizeof(request) - 1, &used) == HTTP1_DONE);
    struct peer peer = {.id = 1, .head = head};
    struct chance chance;
    struct scope scope = {.message = message, .peer = &peer, .chance = &chance};
    const struct matcher *m;
    chance_init(&chance, 1);
    int err = matcher_read(r, document_root(doc), &m);
    require(err == TB_OK || (err == TB_EINVAL && r->message->len > 0));
    if (err == TB_OK) {
        atomic_uint *counters = calloc(r->counters + 1, sizeof(*counters));
        require(counters != NULL);
        check(r->arena, m, &scope, counters);
        free(counters);
    }
    http1_free(head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint8_t *end = size > 1 ? memchr(data + 1, '\0', size - 1) : NULL;
    if (end == NULL || end - data > MATCHER_MAX || !is_quick((const char *)data + 1)) {
        return 0;
    }
    struct bytes complaint = BYTES_INIT;
    struct document *doc = NULL;
    struct message message = {.size = 0};
    message_set(&message, (enum message_type)(data[0] % TYPES), (data[0] & 0x80) != 0, end + 1,
                size - (size_t)(end + 1 - data));
    int err = document_parse("fuzz.yaml", (const char *)data + 1, (size_t)(end - data - 1), &doc,
                             &complaint);
    if (err == TB_OK) {
        struct reader r = {
            .doc = doc, .arena = arena_new(), .names = names_new(), .message = &complaint};
        require(r.arena != NULL && r.names != NULL);
        run(&r, doc, &message);
        arena_free(r.arena);
        names_free(r.names);
    }
    document_free(doc);
    message_release(&message);
    bytes_release(&complaint);
    return 0;
}
