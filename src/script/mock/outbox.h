/* script/mock/outbox.h - what is said to a member, held back for a while: delays, and a rate.
 *
 * In order: nothing overtakes what waits. What waits is bounded (waiting_take()).
 */
#ifndef TB_SCRIPT_MOCK_OUTBOX_H
#define TB_SCRIPT_MOCK_OUTBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "script/mock/state.h"

/* Whether something waits for its time. NULL: no. */
bool outbox_is_empty(const struct outbox *o);

/* Whether it holds anything, also what only waits for the next message. NULL: no. */
bool outbox_holds(const struct outbox *o);

/* Sends the message in so many milliseconds (0: as soon as nothing waits any more), and at that
 * rate (bytes a second; 0: no limit). A member for which too much waits is closed with 1008. */
void outbox_put(struct member *m, const struct made *made, uint64_t delay_ms, uint64_t rate);

/* Keeps it back until outbox_put_swapped(), which says it behind all that waits. False: one is kept
 * back already, behind which this one cannot go as well. */
bool outbox_swap(struct member *m, const struct made *made);
void outbox_put_swapped(struct member *m);

/* Closes the connection behind all that waits for its time. */
void outbox_close(struct member *m, uint16_t code, const char *reason);

#endif
