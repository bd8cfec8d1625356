/* app/dial/plan.h - what becomes of the flags of whatever dials out.
 *
 * Owns the client_target that client_dial() takes, and all that it points at: the URL, the route,
 * the proxy, the TLS contexts, the request. Decides whether a redirect is followed and whether a
 * refused attempt is made again. Credentials stay home: what the user gave to authenticate
 * (Authorization, Cookie) goes only where scheme, host and port are those of the URL that was
 * given. Never dials, waits, or asks a name server.
 */
#ifndef TB_APP_DIAL_PLAN_H
#define TB_APP_DIAL_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "app/dial/flags.h"
#include "base/bytes.h"
#include "conn/client.h"

struct dial_plan;

enum dial_redirect {
    DIAL_STAY,   /* it is no redirect, or none that is to be followed: the refusal stands */
    DIAL_FOLLOW, /* the target has changed: dial it */
    DIAL_WRONG   /* it should be followed, and cannot be: *message says why. The target is as before
                  */
};

/* Makes a plan of the flags, which must stay as they are as long as the plan, and of a URL; version
 * makes the default User-Agent, taburet/VERSION. All that can be wrong is found here, before
 * anything is dialled: the request is one that ws_request_write() takes, files were read, the
 * environment's proxies are understood. EXIT_OK; or EXIT_USAGE (a flag, a file, an environment
 * variable), EXIT_URL or EXIT_SYSTEM, and *message is one line without a newline, safe for a
 * terminal, with no password in it. *notes gets lines, each with its \n, that a person should see
 * whatever else is shown: what --insecure means, what of the URL is not sent. */
int dial_plan_new(const struct dial_flags *f, const char *url, const char *version,
                  struct dial_plan **plan, struct bytes *message, struct bytes *notes);

/* The same beside another plan, whose flags say the same of TLS: they share its contexts, whose
 * files are read but once. It outlives this one. */
int dial_plan_new_beside(struct dial_plan *other, const struct dial_flags *f, const char *url,
                         const char *version, struct dial_plan **plan, struct bytes *message,
                         struct bytes *notes);

/* NULL is allowed. */
void dial_plan_free(struct dial_plan *p);

/* Where to dial now. Stays valid until dial_plan_redirect() gives DIAL_FOLLOW, dial_plan_retry()
 * gives true, dial_plan_restart() is called, or the plan is freed. */
const struct client_target *dial_plan_target(const struct dial_plan *p);

/* After a refusal: whether it is a redirect, an answer of 3xx with a Location, that is to be
 * followed (--location). As curl does, wss:// may lead to ws://. */
enum dial_redirect dial_plan_redirect(struct dial_plan *p, const struct client_refusal *r,
                                      struct bytes *message);

/* After a refusal that was no redirect: whether to try again (--retry), and in how many
 * milliseconds. Counts the tries. Each begins at the URL that was given. The pause is 1 s, then
 * twice as long each time, 10 min at most; or --retry-delay; or what the server's Retry-After says
 * in seconds, where that is longer. */
bool dial_plan_retry(struct dial_plan *p, const struct client_refusal *r, uint64_t *delay_ms);

/* Back to the URL that was given, with no redirect and no try counted: for a connection that was
 * open, is lost, and is to come back. */
void dial_plan_restart(struct dial_plan *p);

#endif
