/* conn/wire.h - frames and bytes of any shape, sent past the session's rules.
 *
 * A conn is lawful by itself; whoever wants to see what the peer makes of something else says it
 * through here. What is sent goes the way of all output, in order, and is traced frame by frame.
 * The session does not learn of it: what the peer answers is judged as ever.
 */
#ifndef TB_CONN_WIRE_H
#define TB_CONN_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conn;

/* How a message's frames differ from lawful ones. All zero: not at all. */
struct wire_shape {
    uint64_t fragment; /* payload bytes of a frame, the last one's may be fewer; 0: one frame */
    /* Instead of `fragment`: the sizes of the first frames, one by one; what is left goes into
     * another frame. Where the message ends early, what follows is left out, but for frames that
     * are to be empty. NULL: none. */
    const uint64_t *fragments;
    size_t fragment_count;
    bool has_mask; /* `masked` and `mask` count; else a client's frames have a fresh key each */
    bool masked;
    bool fresh; /* masked with a fresh key for each frame: `mask` does not count */
    uint8_t mask[4];
    bool has_rsv;
    uint8_t rsv; /* of the first frame: RSV1, RSV2, RSV3 as bits 4, 2, 1 */
    bool has_opcode;
    uint8_t opcode; /* of the first frame, 0-15, instead of the message's own */
    bool has_fin;
    bool fin; /* of the last frame; the others' is not set */
    bool has_length;
    uint64_t length; /* what the first frame says that it holds, whatever that is */
};

bool wire_shape_is_plain(const struct wire_shape *shape);

/* Sends a message in that shape, uncompressed. Nothing happens when the connection is not open. If
 * memory is out, the connection is closed with 1011. */
void wire_send(struct conn *c, const struct wire_shape *shape, uint8_t opcode, const uint8_t *p,
               size_t n);

/* Sends bytes as they stand; as wire_send(). */
void wire_send_raw(struct conn *c, const uint8_t *p, size_t n);

#endif
