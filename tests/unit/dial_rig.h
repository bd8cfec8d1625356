/* dial_rig.h - flags as a verb reads them, the plan that is made of them, and refusals to show it.
 */
#ifndef TB_TESTS_UNIT_DIAL_RIG_H
#define TB_TESTS_UNIT_DIAL_RIG_H

#include "app/dial/plan.h"
#include "base/options.h"

struct dial_rig {
    struct dial_flags flags;
    struct option_list operands;
    struct dial_plan *plan;
    struct bytes message, notes, request;
    struct http1 *response;
};

/* The one that a test uses, and its setup and teardown. */
extern struct dial_rig rig;
int rig_set_up(void **state);
int rig_tear_down(void **state);

/* These want a plan to be made, or to be refused with that code and that message. */
#define ASSERT_PLAN(...) assert_int_equal(PLAN(&rig, __VA_ARGS__), EXIT_OK)
#define ASSERT_REFUSED(code, expected, ...)                                                        \
    rig_refuses(&rig, code, expected, (const char *const[]){__VA_ARGS__, NULL})

/* Where the plan leads now. */
const struct client_target *target(void);

/* The request has that header with that value; NULL: it has none. */
void assert_header(const char *name, const char *expected);

void rig_init(struct dial_rig *r);
void rig_release(struct dial_rig *r);

/* Releases what was there, reads a command line of words, up to the first NULL, and makes a plan
 * for the last operand. Returns the exit code. */
int rig_plan(struct dial_rig *r, const char *const *words);
#define PLAN(rig, ...) rig_plan(rig, (const char *const[]){__VA_ARGS__, NULL})

/* The same, and wants that exit code and that message. */
void rig_refuses(struct dial_rig *r, int code, const char *expected, const char *const *words);

/* The request as it would be sent now, with the key of 24 As. */
const char *rig_request(struct dial_rig *r);

/* The value of a header of that request, the only one of its name; NULL if there is none. It is
 * gone with the next call. */
const char *rig_header(struct dial_rig *r, const char *name);

/* A refusal with that answer; text is a head without its last empty line, body may be NULL. It
 * lives until the next one. */
struct client_refusal rig_answer(struct dial_rig *r, const char *text, const char *body);

/* The message, terminated. */
const char *rig_message(struct dial_rig *r);

#endif
