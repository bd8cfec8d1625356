/* app/dial/headers.h - what -H lines ask of a handshake.
 *
 * Sorts them: those that are sent as they are, those that authenticate, and those that stand for
 * another flag (Host, Origin, User-Agent, Sec-WebSocket-Protocol). Refuses those that make the
 * handshake itself. Reads the files that @FILE names. A value is never shown: it may be a secret.
 */
#ifndef TB_APP_DIAL_HEADERS_H
#define TB_APP_DIAL_HEADERS_H

#include <stdbool.h>

#include "app/dial/words.h"
#include "base/options.h"

/* A header that has a value of ours, if the user does not give or remove it. */
struct header_choice {
    bool made;   /* by a -H line */
    char *value; /* NULL: removed */
};

/* Zeroed, it is empty. */
struct headers {
    struct words lines;   /* "Name: value" */
    struct words secrets; /* the same, but Authorization and Cookie */
    bool has_authorization;
    bool has_cookie; /* given or removed */
    struct header_choice host, origin, user_agent;
    struct words subprotocols;
};

/* TB_OK; TB_EINVAL, and *message says in one line what is wrong; or TB_ENOMEM. Release in any case.
 */
int headers_read(struct headers *h, const struct option_list *list, struct bytes *message);
void headers_release(struct headers *h);

#endif
