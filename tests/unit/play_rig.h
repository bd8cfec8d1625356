/* play_rig.h - a scenario that stands in a test, played against a server that does what the test
 * says. Both are endpoints on one loop, which runs on the test's own thread.
 */
#ifndef TB_TESTS_UNIT_PLAY_RIG_H
#define TB_TESTS_UNIT_PLAY_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "conn/conn.h"
#include "script/mock/mock.h"
#include "script/scenario/player.h"
#include "server_rig.h"
#include "suite_rig.h"

struct play_rig {
    struct server_rig server;
    struct endpoint endpoint; /* the clients' */
    struct endpoint_config config;
    struct endpoint_shared shared;
    struct suite_rig suite;
    struct player_config player;
    struct play_result *result;
    char base[64]; /* the server's URL */

    /* what the server does; NULL: nothing */
    const struct conn_terms *(*do_request)(struct conn *c, const struct http1 *request);
    void (*do_open)(struct conn *c);
    void (*do_message)(struct conn *c, const char *text); /* by default: it is echoed */
    void (*do_pong)(struct conn *c);
    unsigned opens, closes;
    uint16_t close_code; /* the last */

    /* what was dialled last */
    char url[128];
    char headers[256]; /* each with a ; behind it */
    char protocols[128];
    unsigned held; /* targets that were not released */

    /* what was told */
    char log[256]; /* each with a ; behind it */
    char met[512]; /* "CLIENT LINE MESSAGE", each with a ; behind it */
    unsigned steps;

    /* the mock of the tests */
    uint64_t received;
    bool forgets;    /* something that it has received */
    char faults[64]; /* "+a-b" */
};

extern struct play_rig rig;

/* A test's setup and teardown: after it nothing is left behind. */
int set_up(void **state);
int tear_down(void **state);
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* Reads scenarios and plays the i-th of them. */
void play(const char *text);
void play_at(const char *text, size_t i);

/* The same of what stands behind `steps:`, indented by two: its first line is line 4. */
void play_steps(const char *steps);

/* Starts it only; and: until there is a result. */
void start(const char *text, size_t i);
bool turn_until_done(void);

void assert_passed(void);

/* It failed in that line, for that reason (a piece of it). */
void assert_failed(unsigned line, const char *why);

/* What the failure says more: a piece of it. */
void assert_awaited(const char *text);
void assert_came(size_t i, const char *text);
void assert_why_not(const char *text);
void assert_diff(const char *text);

/* ---- the server ---- */

void say(struct conn *c, const char *text);

/* Says it later. */
void say_after(struct conn *c, uint64_t ms, const char *text);

/* Holds up the loop. */
void sleep_ms(unsigned ms);

#endif
