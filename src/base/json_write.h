/* base/json_write.h - text as a JSON string (RFC 8259 s.7).
 *
 * For JSON that is put together piece by piece. Owns nothing.
 */
#ifndef TB_BASE_JSON_WRITE_H
#define TB_BASE_JSON_WRITE_H

#include <stddef.h>

#include "base/bytes.h"

/* Appends p[0..n) as a string in quotes: what is valid UTF-8 stays, but for quotes, backslashes and
 * control characters, which are escaped, and a byte that is not becomes U+FFFD. TB_OK or TB_ENOMEM
 * (out is unchanged then). p is not out's own memory. */
int json_write_string(struct bytes *out, const void *p, size_t n);

#endif
