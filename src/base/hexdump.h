/* base/hexdump.h - bytes as a person reads them: offset, hexadecimal, ASCII.
 *
 * Whatever the bytes are, only printable ASCII comes out (and the … of a dump that was cut).
 */
#ifndef TB_BASE_HEXDUMP_H
#define TB_BASE_HEXDUMP_H

#include <stddef.h>

#include "base/bytes.h"

enum { HEXDUMP_WIDTH = 16 }; /* bytes in a line */

/* Appends p[0..n), 16 bytes a line, each line behind `indent` spaces and ended by a newline:
 *
 *     00000000  68 65 6c 6c 6f                                    |hello|
 *
 * At most max_lines of them, then "… N more bytes" where some are left; 0 is no limit. Nothing is
 * appended for n = 0. TB_OK or TB_ENOMEM (out is unchanged then). */
int hexdump(struct bytes *out, const void *p, size_t n, unsigned indent, size_t max_lines);

#endif
