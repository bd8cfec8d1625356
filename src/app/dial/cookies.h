/* app/dial/cookies.h - a cookie file in Netscape's form, as curl and browsers' tools write it, and
 * which of its cookies a URL gets (RFC 6265 s.5.4).
 *
 * Seven fields with a tab between: domain, whether hosts below it count (TRUE), path, whether only
 * wss:// counts (TRUE), seconds since 1970 when it ends (0: never), name, value. Never writes one,
 * and takes no cookies from servers. A value is never shown.
 */
#ifndef TB_APP_DIAL_COOKIES_H
#define TB_APP_DIAL_COOKIES_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "base/bytes.h"
#include "proto/url.h"

struct cookie {
    char *text; /* owns what the others point at */
    const char *domain;
    bool below; /* hosts below the domain count */
    const char *path;
    bool secure;
    time_t ends; /* 0: never */
    const char *name;
    const char *value;
};

/* Zeroed, it is empty. */
struct cookies {
    struct cookie *items;
    size_t count;
};

/* Adds the cookies of a file. TB_OK; TB_EINVAL, and *message says in one line what is wrong; or
 * TB_ENOMEM. Release in any case. */
int cookies_read(struct cookies *c, const char *path, struct bytes *message);

/* Appends those that the URL gets at that time, "a=b; c=d", the longest path first; if out is not
 * empty, behind another "; ". TB_OK or TB_ENOMEM. */
int cookies_append(const struct cookies *c, const struct url *url, time_t now, struct bytes *out);

void cookies_release(struct cookies *c);

#endif
