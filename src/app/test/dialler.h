/* app/test/dialler.h - how a scenario's client reaches its server: what the command line says, with
 * what the file says beside it.
 *
 * A header of the file is sent unless the command line gives, replaces or removes that one; its
 * subprotocols are offered unless the command line offers some. User and password of the server's
 * URL go to that server. The way to a mock of ours is a straight one: no proxy, no other address.
 */
#ifndef TB_APP_TEST_DIALLER_H
#define TB_APP_TEST_DIALLER_H

#include <stdbool.h>

#include "app/dial/plan.h"
#include "base/bytes.h"
#include "proto/url.h"
#include "script/scenario/player.h"

struct dialler {
    struct dial_flags flags;
    struct url home;          /* the server's; empty: none is known */
    struct bytes login;       /* "USER:PASSWORD" of it, terminated; empty: none */
    struct dial_plan *keeper; /* of what all dials share */
};

/* For mocks of ours, or for servers, one of which is at the URL (NULL: the scenarios say). Checks
 * the flags, which stay as they are as long as the dialler. Exit codes, *message and *notes are
 * those of dial_plan_new(). */
int dialler_init(struct dialler *d, const struct dial_flags *flags, bool to_mock, const char *url,
                 struct bytes *message, struct bytes *notes);
void dialler_release(struct dialler *d);

/* The dialler as a player takes it. */
struct player_dialler dialler_for_player(struct dialler *d);

#endif
