/* base/encoding.h - bytes as hexadecimal and as base64 (RFC 4648), there and back, and what a URL
 * writes with % (RFC 3986).
 *
 * Owns no memory: everything is appended to the caller's bytes, which are unchanged where a
 * function does not return TB_OK. What is read was typed by a person or sent by a peer, so a
 * decoder says at which character it stopped understanding.
 */
#ifndef TB_BASE_ENCODING_H
#define TB_BASE_ENCODING_H

#include <stddef.h>

#include "base/bytes.h"

/* Appends p[0..n) as hexadecimal, lower case, nothing between the bytes. TB_OK or TB_ENOMEM. */
int hex_encode(struct bytes *out, const void *p, size_t n);

/* Appends the bytes that text[0..n) spells: two digits each, in either case; between bytes may
 * stand white space and colons, and 0x in front of a byte that begins the text or follows such a
 * space. TB_OK, TB_ENOMEM or TB_EINVAL: *offset is then where the foreign character stands, or
 * the digit that lacks its second half. */
int hex_decode(struct bytes *out, const char *text, size_t n, size_t *offset);

/* Appends p[0..n) as base64 with padding, in the standard alphabet (RFC 4648 s.4). TB_OK or
 * TB_ENOMEM. */
int base64_encode(struct bytes *out, const void *p, size_t n);

/* Appends the bytes of the base64 in text[0..n). Either alphabet (RFC 4648 s.4, s.5), padding
 * whole or absent, white space anywhere; bits that belong to no byte must be zero (s.3.5). TB_OK,
 * TB_ENOMEM or TB_EINVAL: *offset is then where the foreign character stands, or n where the text
 * ends too early. */
int base64_decode(struct bytes *out, const char *text, size_t n, size_t *offset);

/* Reads the byte in front of text[0..n), n > 0, which may be percent-encoded (RFC 3986 s.2.1).
 * Returns how many characters it takes: 1 or 3, or 0 where two digits do not follow the %. */
size_t percent_decode_one(const char *text, size_t n, char *c);

#endif
