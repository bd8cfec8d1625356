/* app/dial/proxies.h - which proxy a URL is reached through: --proxy, --noproxy, and the
 * environment as curl reads it.
 *
 * For wss:// https_proxy or HTTPS_PROXY, for ws:// http_proxy in small letters only (a web server's
 * child may find HTTP_PROXY made of a client's header); then all_proxy or ALL_PROXY; and no_proxy
 * or NO_PROXY. A variable that is empty is none. A password is never shown.
 */
#ifndef TB_APP_DIAL_PROXIES_H
#define TB_APP_DIAL_PROXIES_H

#include <stdbool.h>

#include "app/dial/flags.h"
#include "base/bytes.h"
#include "net/proxy.h"
#include "proto/url.h"

/* Zeroed, it is empty. */
struct proxy_choice {
    bool chosen;
    struct proxy proxy;
    struct url url; /* which owns the proxy's strings */
};

/* The proxy for that URL, if there is one. TB_OK; TB_EINVAL, and *message says in one line what is
 * wrong and where it is from; or TB_ENOMEM. Release in any case. */
int proxy_choose(struct proxy_choice *c, const struct dial_flags *f, const struct url *url,
                 struct bytes *message);
void proxy_choice_release(struct proxy_choice *c);

#endif
