/* script/scenario/player.h - runs one scenario against a server, and says what came of it.
 *
 * Owns the run: its clients' connections, what they have received and nobody has looked at yet,
 * their variables, and the limits of all that is waited for. Everything happens on the endpoint's
 * loop, and nothing waits for ever. Which server it is, and what it takes to reach it, the caller
 * says; reports are the caller's, too.
 *
 * What a person would expect is decided here: messages that come while no step waits are kept, and
 * the next `expect` sees the first of them; what is ignored is no message for any step; a scenario
 * ends with its first step that fails.
 */
#ifndef TB_SCRIPT_SCENARIO_PLAYER_H
#define TB_SCRIPT_SCENARIO_PLAYER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "conn/client.h"
#include "script/scenario/result.h"
#include "script/scenario/scenario.h"
#include "script/scope.h"

struct endpoint;
struct mock;
struct player;

enum {
    PLAYER_INBOX_MAX = 64 * 1024 * 1024, /* bytes that may wait to be looked at */
    PLAYER_CAME_MAX = 20,                /* messages that a failure shows */
    PLAYER_KEEP_DEFAULT = 10,            /* events of the transcript */
    PLAYER_GOODBYE_MS = 1000             /* for the closes at the end */
};

/* What a client wants to connect to. Stays as it is until release() is called. */
struct player_dial {
    const char *url;
    const char *const *headers; /* "Name: value" */
    size_t header_count;
    const char *const *protocols;
    size_t protocol_count;
};

/* How it is reached: TLS, proxies, further headers. */
struct player_dialler {
    /* Fills in the target. *hold (may stay NULL) is what it points at. TB_OK; TB_EINVAL, and
     * *message says what is wrong, in one safe line; or TB_ENOMEM. After an error nothing is
     * released. */
    int (*target)(void *ctx, const struct player_dial *want, struct client_target *target,
                  void **hold, struct bytes *message);
    void (*release)(void *ctx, void *hold);
    void *ctx;
};

/* Everything is the caller's and outlives the player. */
struct player_config {
    const struct suite *suite;
    const struct scenario *scenario;
    const struct store *vars; /* of the file, with --var; NULL: none */
    unsigned counters;        /* of the script */
    uint64_t seed;            /* of this run of the scenario */
    const char *base_url; /* relative URLs are resolved against it, and it is the one of a client
                             for which the file says none; NULL: there is none */
    bool base_wins;       /* an absolute URL of the file keeps its path, but goes there; the one of
                             `defaults` keeps it only if base_url has none of its own */
    struct player_dialler dialler;
    struct endpoint *endpoint; /* its behaviour is player_behaviour */
    struct mock *mock;         /* for `fault` and `verify`; NULL: it is not ours that is tested */
    size_t keep;               /* events of the transcript; 0: PLAYER_KEEP_DEFAULT */
    void *ctx;
    /* A step begins; a step says something, not safe for a terminal. client is NULL if it is
     * nobody's. Either may be NULL. */
    void (*on_step)(void *ctx, const struct step *step, const char *client);
    void (*on_log)(void *ctx, const char *client, const struct bytes *text);
    /* A message that came is what a step awaited. The event is gone after the return. NULL is
     * allowed. */
    void (*on_met)(void *ctx, const struct step *step, const struct play_event *event);
    /* The end: the result is the receiver's; the player is gone, and its connections are closed.
     * Not called from inside player_start() or player_stop(). */
    void (*on_done)(void *ctx, struct play_result *result);
};

extern const struct conn_behaviour player_behaviour;

/* Starts; NULL if memory is out. `skip` is not looked at. */
struct player *player_start(const struct player_config *config);

/* Whether a URL of a file names a scheme: then it is no path that is seen from base_url. */
bool player_url_is_absolute(const char *text);

/* Ends it before its time: it fails with `why`, which is a literal. */
void player_stop(struct player *player, const char *why);

#endif
