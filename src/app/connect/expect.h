/* app/connect/expect.h - what must come, in this order (--expect, --expect-close). */
#ifndef TB_APP_CONNECT_EXPECT_H
#define TB_APP_CONNECT_EXPECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/options.h"
#include "base/pattern.h"

struct expect {
    const struct option_list *texts; /* the patterns as they were given */
    struct pattern **patterns;
    size_t met;        /* how many of them have come */
    struct bytes last; /* the beginning of the last message that did not match */
    uint64_t seen;     /* messages that were looked at for the pattern that is awaited */
    bool gave_up;      /* one of them was too costly to be searched */
};

/* Compiles the patterns; the list is the caller's. TB_OK, TB_ENOMEM, or TB_EINVAL and *message says
 * what is wrong. Release in any case. */
int expect_init(struct expect *e, const struct option_list *texts, struct bytes *message);
void expect_release(struct expect *e);

/* Whether something is still awaited. */
bool expect_is_pending(const struct expect *e);

/* Looks at a message. */
void expect_see(struct expect *e, const uint8_t *p, size_t n);

/* Appends what is awaited and what came instead, in one line that is not escaped yet. */
void expect_explain(const struct expect *e, struct bytes *out);

#endif
