/* app/serve/article.h - the four modes of a WebSocket conversation, as an article once showed them.
 *
 *   request, response        any message comes back, to everybody
 *   request, two responses   a message with "double" in it: "… #1" and "… #2", to everybody
 *   request, no response     a message with "ignore" in it (asked first)
 *   response, no request     "hello world N" from time to time, while anybody is connected
 */
#ifndef TB_APP_SERVE_ARTICLE_H
#define TB_APP_SERVE_ARTICLE_H

#include <stdint.h>
#include <uv.h>

#include "conn/conn.h"

struct server;
struct trace;

struct article {
    struct server *server;
    struct trace *trace;
    uv_timer_t clock;
    uint64_t sent; /* how many times "hello world" was sent */
};

/* The behaviour; the endpoints' ctx is a struct article. */
extern const struct conn_behaviour article_behaviour;

/* Starts the clock (0 ms: never) on the server's first loop; article_stop() ends it. */
void article_start(struct article *a, struct server *server, struct trace *trace,
                   uint64_t every_ms);
void article_stop(struct article *a);

#endif
