/* app/test/trial.h - one run of one scenario: against a mock of its own, which is fresh, or against
 * a server that is there.
 *
 * Owns all that the run needs: the mock and the endpoint on which it is served, the endpoint of the
 * clients, the player, and the recording, which is kept in a temporary file until it is known
 * whether anybody wants it. It ends by itself; nothing of it is on the loop any more then.
 */
#ifndef TB_APP_TEST_TRIAL_H
#define TB_APP_TEST_TRIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "app/recording.h"
#include "app/test/outcome.h"
#include "conn/endpoint.h"
#include "script/scenario/player.h"

struct mock;
struct trial;

/* Everything is the caller's and outlives the trial. */
struct trial_config {
    struct loop *loop;
    const struct test_case *c;
    enum target target;
    struct player_dialler dialler;
    uint64_t seed;
    uint64_t max_message;        /* bytes, of what the clients take */
    uint64_t connect_timeout_ms; /* of theirs */
    bool records;
    bool remembers_met;
    void *ctx;
    void (*on_step)(void *ctx, const struct step *step, const char *client);
    void (*on_log)(void *ctx, const char *client, const struct bytes *text);
    /* The end, not from inside trial_start(): the trial is to be released, there or later. */
    void (*on_done)(void *ctx, struct trial *t);
};

struct trial {
    struct outcome outcome;     /* what is taken out of it is the taker's */
    struct recording recording; /* the conversation, if it is recorded */
    /* private */
    struct trial_config config;
    char url[48]; /* of the mock */
    struct mock *mock;
    struct trace *mock_trace;
    struct trace *trace;
    struct endpoint_config configs[2];
    struct endpoint_shared shared[2];
    struct endpoint server;
    struct endpoint clients;
    struct player *player; /* NULL: it is done */
    unsigned endpoints;    /* on the loop */
};

/* Starts it, where *t lies from now on. TB_OK; or an error, and *message says what could not be
 * done, in one line: on_done comes all the same, unless t->endpoints is 0. */
int trial_start(struct trial *t, const struct trial_config *config, struct bytes *message);

/* Ends the scenario before its time: it fails with `why`, a literal. */
void trial_stop(struct trial *t, const char *why);

void trial_release(struct trial *t);

#endif
