/* app/connect/paint.h - a message as text: for a terminal, with colours or without, or in one line.
 *
 * What comes out for a terminal is safe for it, whatever the message is, unless the style is raw.
 */
#ifndef TB_APP_CONNECT_PAINT_H
#define TB_APP_CONNECT_PAINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

enum paint { PAINT_SENT, PAINT_RECEIVED, PAINT_EVENT, PAINT_HEAD, PAINT_ERROR };

/* What a terminal is told before and behind a piece; "" without colours. */
const char *paint_on(bool colour, enum paint paint);
const char *paint_off(bool colour);

struct paint_style {
    bool colour;
    bool pretty; /* JSON is indented */
    bool raw;    /* nothing is escaped */
    bool binary; /* a hexdump, below a line that says the size */
};

/* Appends the message as whole lines, the first of which begins behind an arrow of two columns.
 * TB_OK or TB_ENOMEM. */
int paint_message(struct bytes *out, const uint8_t *p, size_t n, const struct paint_style *style);

/* Appends a text that has line breaks in one line: in JSON they become spaces, elsewhere \n and \r.
 * TB_OK or TB_ENOMEM. */
int paint_one_line(struct bytes *out, const uint8_t *p, size_t n);

/* Appends bytes in hexadecimal or base64. TB_OK or TB_ENOMEM. */
int paint_binary(struct bytes *out, const uint8_t *p, size_t n, bool base64);

/* Appends a control frame's payload: a text as it is (not escaped), other bytes in hexadecimal. */
void paint_payload(struct bytes *out, const uint8_t *p, size_t n);

#endif
