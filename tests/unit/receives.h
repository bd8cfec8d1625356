/* receives.h - a client of the tests (ws_client.h) hears what it was sent, compressed or not. */
#ifndef TB_TESTS_UNIT_RECEIVES_H
#define TB_TESTS_UNIT_RECEIVES_H

#include <stdbool.h>
#include <stddef.h>

struct ws_client;

/* The next message is that text, after inflating if it is to be compressed; what the server has
 * compressed refers to nothing that it said before. The test fails if it is not. */
void assert_receives(struct ws_client *c, bool compressed, const void *p, size_t n);

#endif
