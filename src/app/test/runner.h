/* app/test/runner.h - runs what was selected, so many scenarios side by side, and hands over what
 * came of each in the order of the files.
 *
 * Owns the loop, the running trials, the signals and the limit of time. Reports are the caller's.
 */
#ifndef TB_APP_TEST_RUNNER_H
#define TB_APP_TEST_RUNNER_H

#include <stdbool.h>
#include <stdint.h>

#include "app/test/dialler.h"
#include "app/test/keep.h"
#include "app/test/outcome.h"
#include "app/test/selection.h"

/* Everything is the caller's. None of the callbacks may be NULL. */
struct runner_config {
    const struct selection *selection;
    const struct test_settings *settings;
    struct dialler *diallers; /* by target; only those that are needed */
    struct keep *keep;        /* NULL: nothing is recorded */
    void *ctx;
    void (*on_start)(void *ctx, const struct test_case *c, uint64_t round);
    void (*on_step)(void *ctx, const struct test_case *c, enum target target,
                    const struct step *step, const char *client);
    void (*on_log)(void *ctx, const struct test_case *c, enum target target, const char *client,
                   const struct bytes *text);
    /* What came of it is the receiver's. In the order of the files. False: stop, nobody hears it.
     */
    bool (*on_finding)(void *ctx, struct finding *f);
};

/* How it ended. */
struct runner_end {
    uint64_t not_run; /* scenarios that were not begun */
    bool interrupted;
    bool timed_out; /* --max-time */
    bool broken;    /* the system refused: *message says what */
};

/* Runs everything. *message gets what a person should know, lines without the last newline. */
struct runner_end runner_run(const struct runner_config *config, struct bytes *message);

#endif
