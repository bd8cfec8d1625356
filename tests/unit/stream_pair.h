/* stream_pair.h - a stream on a loop, and the plain socket at its other end, on one thread. */
#ifndef TB_TESTS_UNIT_STREAM_PAIR_H
#define TB_TESTS_UNIT_STREAM_PAIR_H

#include <stdbool.h>

#include "base/bytes.h"
#include "net/listen.h"
#include "net/stream.h"

struct stream_pair {
    struct stream stream; /* the first member: events find the pair by it */
    struct loop loop;
    struct listener listener;
    struct tls_context *tls;
    struct bytes received;
    int peer;       /* the other end, non-blocking; -1 once it is closed */
    int accepted;   /* the result of stream_accept(); 1: none yet */
    unsigned reads; /* how often each event was told */
    unsigned writes;
    unsigned secured;
    unsigned ends;
    unsigned closes;
    int end_status;
    void (*on_read)(struct stream_pair *pair); /* what else happens; may be NULL */
    void (*on_secured)(struct stream_pair *pair);
    void (*on_end)(struct stream_pair *pair);
};

/* Makes the pair; small_buffers: the kernel keeps little. False if the system refuses. */
bool stream_pair_init(struct stream_pair *pair, enum stream_kind kind, struct tls_context *tls,
                      bool small_buffers);

/* Closes what is open and frees everything. */
void stream_pair_release(struct stream_pair *pair);

/* One turn of the loop, which waits for at most a millisecond. */
void stream_pair_turn(struct stream_pair *pair);

/* Turns until *count is at least n; false at the limit. */
bool stream_pair_await(struct stream_pair *pair, const unsigned *count, unsigned n);

/* Turns until the peer has received n bytes, appended to out. False if it does not. */
bool stream_pair_peer_reads(struct stream_pair *pair, struct bytes *out, size_t n);

/* Turns until nothing more comes to the peer: 0 (FIN) or an errno. */
int stream_pair_peer_end(struct stream_pair *pair);

#endif
