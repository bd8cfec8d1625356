/* app/connect/keys.h - what a terminal sends, cut into keys.
 *
 * Owns the few bytes of a key that has come in part, and a paste that has not ended. A key is never
 * handed out in pieces: neither a code point nor the sequence that an arrow key sends. What is
 * neither text nor a key (invalid UTF-8, an endless sequence) is dropped.
 */
#ifndef TB_APP_CONNECT_KEYS_H
#define TB_APP_CONNECT_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

enum key_kind {
    KEY_TEXT,     /* printable UTF-8: all that was typed in a row, as far as it has come */
    KEY_CONTROL,  /* one byte below 0x20, or DEL */
    KEY_SEQUENCE, /* ESC and what belongs to it */
    KEY_PASTE,    /* UTF-8, of controls only newline and tab, no newline at the end; maybe empty */
};

struct keys {
    /* p is gone when it returns. */
    void (*on_key)(void *ctx, enum key_kind kind, const uint8_t *p, size_t n);
    void *ctx;
    /* private */
    struct bytes pending;
    bool is_pasting;
};

void keys_init(struct keys *k, void (*on_key)(void *, enum key_kind, const uint8_t *, size_t),
               void *ctx);
void keys_release(struct keys *k);

/* Takes the next bytes. TB_OK or TB_ENOMEM (they are lost then). */
int keys_feed(struct keys *k, const uint8_t *p, size_t n);

#endif
