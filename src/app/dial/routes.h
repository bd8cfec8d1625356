/* app/dial/routes.h - --resolve and --connect-to. */
#ifndef TB_APP_DIAL_ROUTES_H
#define TB_APP_DIAL_ROUTES_H

#include <stddef.h>
#include <stdint.h>

#include "app/dial/words.h"
#include "base/options.h"
#include "net/dial.h"

/* A host without brackets, and a port. Of a rule: "" is any host, or the same; 0 any port, or the
 * same. */
struct route_end {
    const char *host;
    uint16_t port;
};

struct connect_rule {
    struct route_end from, to;
};

/* Zeroed, it is empty. */
struct routes {
    struct words texts; /* which the others point into */
    struct dial_override *overrides;
    size_t override_count;
    struct connect_rule *rules;
    size_t rule_count;
};

/* TB_OK; TB_EINVAL, and *message says in one line which argument is wrong; or TB_ENOMEM. Release in
 * any case. */
int routes_read(struct routes *r, const struct option_list *resolve,
                const struct option_list *connect_to, struct bytes *message);
void routes_release(struct routes *r);

/* Where to connect for that end: of the rules, the first that fits counts. */
struct route_end routes_end(const struct routes *r, struct route_end end);

#endif
