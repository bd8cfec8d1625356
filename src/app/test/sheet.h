/* app/test/sheet.h - text that a report is put together of.
 *
 * Remembers that memory was out, and gets nothing more then: its owner looks at the end. What comes
 * from a file or a peer is added by a function that makes it safe for where it stands.
 */
#ifndef TB_APP_TEST_SHEET_H
#define TB_APP_TEST_SHEET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"

struct sheet {
    struct bytes text;
    bool nomem; /* the text is not whole */
};

#define SHEET_INIT                                                                                 \
    { BYTES_INIT, false }

void sheet_release(struct sheet *s);

/* As it stands; what printf would print, as it stands. */
void sheet_put(struct sheet *s, const char *text);
void sheet_putf(struct sheet *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void sheet_bytes(struct sheet *s, const void *p, size_t n);

/* As one line that is safe for a terminal. */
void sheet_safe(struct sheet *s, const char *text);
void sheet_safe_bytes(struct sheet *s, const struct bytes *text);

/* As a JSON string, in quotes. */
void sheet_json(struct sheet *s, const char *text);
void sheet_json_bytes(struct sheet *s, const struct bytes *text);

/* As the text of an XML element, or as an attribute's, without its quotes. What XML cannot have,
 * and what is not UTF-8, becomes U+FFFD; what a terminal could obey is written as a reference. */
enum sheet_xml { SHEET_ELEMENT, SHEET_ATTRIBUTE };

void sheet_xml(struct sheet *s, enum sheet_xml where, const void *p, size_t n);

#endif
