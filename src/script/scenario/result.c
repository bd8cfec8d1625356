#include "script/scenario/result.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/text.h"

enum { SHOWN_BINARY = 32 /* bytes that a line shows */ };

/* ---- events ---- */

const struct play_event *play_events_at(const struct play_events *e, size_t i) {
    return &e->items[(e->first + i) % e->count];
}

static struct play_event *make_room(struct play_events *e) {
    if (e->count == e->most) {
        struct play_event *oldest = &e->items[e->first];
        e->first = (e->first + 1) % e->most;
        return oldest;
    }
    struct play_event *more = realloc(e->items, (e->count + 1) * sizeof *more);
    if (more == NULL) {
        return NULL;
    }
    e->items = more;
    more[e->count] = (struct play_event){.data = BYTES_INIT};
    return &more[e->count++];
}

struct play_event *play_events_add(struct play_events *e, enum play_kind kind, const void *data,
                                   size_t n) {
    e->total++;
    struct play_event *event = e->most > 0 ? make_room(e) : NULL;
    if (event == NULL) {
        return NULL;
    }
    struct bytes kept = event->data;
    bytes_clear(&kept);
    size_t some = n < PLAY_EVENT_DATA_MAX ? n : PLAY_EVENT_DATA_MAX;
    (void)bytes_append(&kept, data, some); /* without memory, without its data */
    *event = (struct play_event){.kind = kind, .size = n, .data = kept};
    return event;
}

void play_events_release(struct play_events *e) {
    for (size_t i = 0; i < e->count; i++) {
        bytes_release(&e->items[i].data);
    }
    free(e->items);
    *e = (struct play_events){.most = e->most};
}

/* ---- in words ---- */

static int write_quoted(const struct play_event *e, struct bytes *out) {
    int err = bytes_append_str(out, "\"");
    err = err == TB_OK ? text_escape(out, e->data.data, e->data.len, TEXT_ONE_LINE) : err;
    err = err == TB_OK ? bytes_append_str(out, "\"") : err;
    return err == TB_OK && e->size > e->data.len
               ? bytes_appendf(out, "… (%zu bytes in all)", e->size)
               : err;
}

static int write_bytes(const struct play_event *e, const char *what, struct bytes *out) {
    size_t shown = e->data.len < SHOWN_BINARY ? e->data.len : SHOWN_BINARY;
    int err = bytes_appendf(out, "%zu byte%s of %s", e->size, e->size == 1 ? "" : "s", what);
    for (size_t i = 0; err == TB_OK && i < shown; i++) {
        err = bytes_appendf(out, "%s%02x", i == 0 ? ": " : " ", e->data.data[i]);
    }
    return err == TB_OK && shown < e->size ? bytes_append_str(out, " …") : err;
}

static int write_noted(const struct play_event *e, const char *what, struct bytes *out) {
    int err = bytes_append_str(out, what);
    if (err == TB_OK && e->size > 0) {
        err = bytes_append_str(out, " ");
        err = err == TB_OK ? write_quoted(e, out) : err;
    }
    return err;
}

static int write_close(const struct play_event *e, struct bytes *out) {
    int err = bytes_appendf(out, "close %u", e->code);
    return err == TB_OK ? write_noted(e, "", out) : err;
}

int play_event_write(const struct play_event *e, struct bytes *out) {
    size_t before = out->len;
    int err = TB_OK;
    switch (e->kind) {
    case PLAY_TEXT:
        err = write_quoted(e, out);
        break;
    case PLAY_BINARY:
        err = write_bytes(e, "binary", out);
        break;
    case PLAY_RAW:
        err = write_bytes(e, "raw frames", out);
        break;
    case PLAY_PING:
        err = write_noted(e, "ping", out);
        break;
    case PLAY_PONG:
        err = write_noted(e, "pong", out);
        break;
    case PLAY_OPEN:
        err = write_noted(e, "open", out);
        break;
    case PLAY_REFUSED:
        err = write_noted(e, "refused", out);
        break;
    case PLAY_CLOSE:
        err = write_close(e, out);
        break;
    }
    if (err != TB_OK) {
        out->len = before;
    }
    return err;
}

void play_result_free(struct play_result *result) {
    if (result == NULL) {
        return;
    }
    struct play_failure *f = &result->failure;
    play_events_release(&f->came);
    play_events_release(&result->transcript);
    bytes_release(&f->awaited);
    bytes_release(&f->reason);
    bytes_release(&f->why_not);
    bytes_release(&f->diff);
    bytes_release(&f->why_text);
    free(result);
}
