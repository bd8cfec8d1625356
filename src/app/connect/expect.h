/* app/connect/expect.h - what must come, in this order (--expect).
 *
 * Each is a regular expression that must be found in a message, or, where it begins with a brace, a
 * matcher as files have it (script/matcher.h).
 */
#ifndef TB_APP_CONNECT_EXPECT_H
#define TB_APP_CONNECT_EXPECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/options.h"
#include "base/pattern.h"
#include "script/message.h"
#include "script/sole_matcher.h"

/* One of the two. */
struct expectation {
    struct pattern *pattern;
    struct sole_matcher *matcher;
};

struct expect {
    const struct option_list *texts; /* as they were given */
    struct expectation *items;
    size_t met;        /* how many of them have come */
    struct bytes last; /* the beginning of the last message that did not match */
    uint64_t seen;     /* messages that were looked at for the pattern that is awaited */
    bool gave_up;      /* one of them was too costly to be searched */
    struct bytes why;  /* why the last one did not match; empty: nothing more is known */
    struct message message;
};

/* Compiles them; the list is the caller's. TB_OK, TB_ENOMEM, or TB_EINVAL and *message says what is
 * wrong, in one line or as document_refuse() does. Release in any case. */
int expect_init(struct expect *e, const struct option_list *texts, struct bytes *message);
void expect_release(struct expect *e);

/* Whether something is still awaited. */
bool expect_is_pending(const struct expect *e);

/* Looks at a message, TEXT or BINARY, of the server. */
void expect_see(struct expect *e, uint8_t opcode, const uint8_t *p, size_t n);

/* Appends what is awaited and what came instead, in one line that is not escaped yet. */
void expect_explain(const struct expect *e, struct bytes *out);

#endif
