#include "app/test/sheet.h"

#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "base/json_write.h"
#include "base/text.h"

static void take(struct sheet *s, int err) {
    s->nomem = s->nomem || err != TB_OK;
}

void sheet_release(struct sheet *s) {
    bytes_release(&s->text);
    s->nomem = false;
}

void sheet_bytes(struct sheet *s, const void *p, size_t n) {
    if (!s->nomem) {
        take(s, bytes_append(&s->text, p, n));
    }
}

void sheet_put(struct sheet *s, const char *text) {
    sheet_bytes(s, text, strlen(text));
}

void sheet_putf(struct sheet *s, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    if (!s->nomem) {
        take(s, bytes_appendv(&s->text, fmt, ap));
    }
    va_end(ap);
}

void sheet_safe(struct sheet *s, const char *text) {
    if (!s->nomem) {
        take(s, text_escape(&s->text, text, strlen(text), TEXT_ONE_LINE));
    }
}

void sheet_safe_bytes(struct sheet *s, const struct bytes *text) {
    if (!s->nomem) {
        take(s, text_escape(&s->text, text->data, text->len, TEXT_ONE_LINE));
    }
}

void sheet_json(struct sheet *s, const char *text) {
    if (!s->nomem) {
        take(s, json_write_string(&s->text, text, strlen(text)));
    }
}

void sheet_json_bytes(struct sheet *s, const struct bytes *text) {
    if (!s->nomem) {
        take(s, json_write_string(&s->text, text->data, text->len));
    }
}

/* ---- XML ---- */

static const char *entity_of(uint32_t point) {
    switch (point) {
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '&':
        return "&amp;";
    case '"':
        return "&quot;";
    case '\'':
        return "&apos;";
    default:
        return NULL;
    }
}

/* XML 1.0 s.2.2, production 2. */
static bool is_char(uint32_t point) {
    return point >= 0x20 ? point != 0xfffe && point != 0xffff
                         : point == '\t' || point == '\n' || point == '\r';
}

/* A reader makes a space of a line's end in an attribute. */
static bool stays(enum sheet_xml where, uint32_t point) {
    bool space = point == '\n' || point == '\t';
    return space ? where == SHEET_ELEMENT : !text_is_unsafe(point);
}

void sheet_xml(struct sheet *s, enum sheet_xml where, const void *p, size_t n) {
    const uint8_t *in = p;
    for (size_t i = 0; i < n;) {
        uint32_t point = 0;
        size_t size = text_decode(in + i, n - i, &point);
        if (size == 0 || !is_char(point)) {
            sheet_put(s, "\xef\xbf\xbd");
        } else if (entity_of(point) != NULL) {
            sheet_put(s, entity_of(point));
        } else if (stays(where, point)) {
            sheet_bytes(s, in + i, size);
        } else {
            sheet_putf(s, "&#%u;", (unsigned)point);
        }
        i += size > 0 ? size : 1;
    }
}
