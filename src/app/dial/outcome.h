/* app/dial/outcome.h - what a refused connection means: to a script, an exit code; to a person, a
 * hint at what would help. */
#ifndef TB_APP_DIAL_OUTCOME_H
#define TB_APP_DIAL_OUTCOME_H

#include "app/dial/plan.h"
#include "conn/client.h"

/* The exit code of a refusal, of app/command.h. */
int dial_exit_code(const struct client_refusal *r);

/* One sentence that may help, safe for a terminal, without a full stop; NULL if we know of none.
 * It is the plan's, until the next call. Asked before a redirect is followed or a try counted. */
const char *dial_hint(struct dial_plan *p, const struct client_refusal *r);

#endif
