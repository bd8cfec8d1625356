/* net/race.h - the first connection to any of several addresses (RFC 8305 s.5).
 *
 * Tries one address after the other: the next one RACE_STEP_MS after the one before, or at once
 * when that failed. The first to connect wins and the others are given up. It has no patience of
 * its own: it lasts as long as the system tries, or until somebody cancels it.
 */
#ifndef TB_NET_RACE_H
#define TB_NET_RACE_H

#include "net/loop.h"
#include "net/source.h"
#include "net/targets.h"

enum { RACE_STEP_MS = 250 };

struct race;

/* Called on the loop, never from inside race_start(). */
struct race_events {
    /* This target's turn has come. The race may be cancelled from here. */
    void (*on_try)(void *ctx, const struct target *target);
    /* The end, told once, after which the race is gone. The target that won and its socket, which
     * is connected and the receiver's: non-blocking, close-on-exec, and for TCP without delay; or
     * NULL and -1: each target's `error` says why. */
    void (*on_end)(void *ctx, const struct target *winner, int fd);
};

/* Starts with the first target, if there is one. Targets, source and events are the caller's and
 * must last as long as the race; `error` of the targets is set. NULL if memory is out. */
struct race *race_start(struct loop *loop, struct targets *targets, const struct source *source,
                        const struct race_events *events, void *ctx);

/* Nothing is told any more, and the targets and the source are touched no more. What the loop still
 * needs is freed in later turns. */
void race_cancel(struct race *race);

#endif
