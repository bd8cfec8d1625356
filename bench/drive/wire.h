/* drive/wire.h - as much of RFC 6455 as a client needs to drive a server.
 *
 * Every message is text: 20 bytes that say who sent it and which one it is (the stamp), then 'x'
 * up to the wanted size. So each message that comes back can be told from every other. */
#ifndef DRIVE_WIRE_H
#define DRIVE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STAMP_LEN = 20 };

/* "CCCCCCCC-NNNNNNNNNNN" in hexadecimal: the client's index, then its message's number. */
void stamp_write(uint8_t stamp[STAMP_LEN], uint32_t client, uint64_t number);

/* False if it is no stamp. */
bool stamp_read(const uint8_t stamp[STAMP_LEN], uint32_t *client, uint64_t *number);

/* `depth` masked frames in a row (s.5.2, s.5.3), which go out in one write. Built once; for each
 * use only the stamps change. */
struct burst {
    uint8_t *bytes;
    size_t frame_len;
    size_t head_len;
    unsigned depth;
};

/* size: bytes of each message's payload, STAMP_LEN or more. */
void burst_init(struct burst *b, size_t size, unsigned depth);
void burst_release(struct burst *b);
size_t burst_len(const struct burst *b);

/* Makes the frames those of `client`, numbered from `first`. */
void burst_stamp(struct burst *b, uint32_t client, uint64_t first);

/* Takes a server's frames apart. Zeroed memory is a fresh reader. */
struct reader {
    uint8_t head[10];
    uint8_t head_len;
    uint8_t stamp[STAMP_LEN];
    uint64_t length; /* of the payload; valid once the head is complete */
    uint64_t got;    /* payload bytes so far */
    bool in_payload;
};

/* Takes bytes from p[0..n) up to the end of one message; returns how many, and whether a text
 * message is whole. Pings and pongs are passed over; anything that a server may not
 * send here (another opcode, a fragment, a mask, a wrong fill) ends the run. */
size_t reader_feed(struct reader *r, const uint8_t *p, size_t n, bool *whole);

#endif
