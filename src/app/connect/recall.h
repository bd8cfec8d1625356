/* app/connect/recall.h - earlier lines brought back into the line being typed.
 *
 * Steps through the history (what was typed before the first step comes back behind the newest
 * entry) and searches it backwards while it is typed what for. Owns neither the history nor the
 * line.
 */
#ifndef TB_APP_CONNECT_RECALL_H
#define TB_APP_CONNECT_RECALL_H

#include <stdbool.h>
#include <stddef.h>

#include "app/connect/history.h"
#include "app/connect/keys.h"
#include "app/connect/line.h"

struct recall {
    struct history *history;
    struct line *line;
    /* private */
    size_t at;        /* the entry shown; their count: none */
    struct bytes own; /* the text that was typed, while an entry is shown */
    struct bytes needle;
    bool is_searching;
};

void recall_init(struct recall *r, struct history *history, struct line *line);
void recall_release(struct recall *r);

/* A new line begins, perhaps with a longer history. */
void recall_reset(struct recall *r);

void recall_older(struct recall *r);
void recall_newer(struct recall *r);

/* Begins a search. */
void recall_search(struct recall *r);

/* Whether the key was the search's. If it was not, the search (if there was one) is over, with what
 * it found in the line. */
bool recall_takes(struct recall *r, enum key_kind kind, const uint8_t *p, size_t n);

#endif
