#include "proto/session.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/random.h"
#include "proto/mask.h"

/* What comes next on the wire. */
enum awaited {
    AWAIT_HEAD,
    AWAIT_DATA,    /* payload of a text, binary or continuation frame */
    AWAIT_CONTROL, /* payload of a ping, pong or close frame */
    AWAIT_NOTHING  /* the conversation is over: whatever comes is dropped */
};

/* Which memory the last event pointed into. */
enum lent { LENT_NONE, LENT_INPUT, LENT_MESSAGE, LENT_CONTROL };

/* What a compressed message may take on the wire beyond twice its limit: room for the worst that
 * deflate makes of short messages, and for the headers. */
enum { WIRE_SLACK = 64 * 1024, WIRE_SLACK_PER_FRAME = 16 };

/* What events point at that have no bytes: never NULL. */
static const uint8_t no_bytes[1];

/* Every handler takes a step: false if it has told nothing and the next step may be taken. */
static bool tell(struct ws_event *ev, enum ws_event_kind kind) {
    ev->kind = kind;
    return true;
}

static size_t min_size(uint64_t a, size_t b) {
    return a < b ? (size_t)a : b;
}

/* The contexts (RFC 7692 s.7.1.1). */

static uint8_t our_window_bits(const struct ws_session *s) {
    return s->config->role == WS_SERVER ? s->deflate.server_max_window_bits
                                        : s->deflate.client_max_window_bits;
}

static bool peer_keeps_context(const struct ws_session *s) {
    return s->config->role == WS_SERVER ? !s->deflate.client_no_context_takeover
                                        : !s->deflate.server_no_context_takeover;
}

static bool we_keep_context(const struct ws_session *s) {
    return s->config->role == WS_SERVER ? !s->deflate.server_no_context_takeover
                                        : !s->deflate.client_no_context_takeover;
}

/* What zlib cannot do, we do not: where the peer allows us only a window of 2^8, messages are sent
 * as they are (RFC 7692 s.6). */
static bool we_compress(const struct ws_session *s, size_t n) {
    return s->deflate.on && our_window_bits(s) >= WS_DEFLATE_BITS_MIN && n >= WS_DEFLATE_WORTH;
}

static void give_inflater(struct ws_session *s) {
    ws_inflater_give(s->config->cache, s->inflater);
    s->inflater = NULL;
}

static bool take_inflater(struct ws_session *s) {
    if (s->inflater == NULL) {
        s->inflater = ws_inflater_take(s->config->cache);
    }
    return s->inflater != NULL;
}

/* The end of a message, and of the conversation. */

static void end_message(struct ws_session *s) {
    if (s->inflater != NULL && !peer_keeps_context(s)) {
        give_inflater(s);
    }
    s->message_opcode = 0;
}

static void take_back(struct ws_session *s) {
    if (s->lent == LENT_MESSAGE) {
        bytes_release(&s->message);
    } else if (s->lent == LENT_CONTROL) {
        free(s->control);
        s->control = NULL;
    }
    s->lent = LENT_NONE;
}

/* A control frame's payload stays: the last event may point at it. */
static void stop(struct ws_session *s) {
    bytes_release(&s->message);
    give_inflater(s);
    s->message_opcode = 0;
    s->remaining = 0;
    s->head_len = 0;
    s->in_len = 0;
    s->awaited = AWAIT_NOTHING;
}

static bool tell_violation(struct ws_session *s, struct ws_event *ev, enum ws_violation v) {
    stop(s);
    ev->data = no_bytes;
    ev->size = 0;
    ev->violation = v;
    return tell(ev, WS_EVENT_VIOLATION);
}

static bool tell_nomem(struct ws_session *s, struct ws_event *ev) {
    stop(s);
    return tell(ev, WS_EVENT_NOMEM);
}

/* Input. */

static uint8_t *skip_input(struct ws_session *s, size_t n) {
    uint8_t *p = s->in;
    s->in += n;
    s->in_len -= n;
    return p;
}

/* Uses up to the whole rest of the current frame's payload, unmasked: *n bytes. */
static uint8_t *use_payload(struct ws_session *s, size_t *n) {
    *n = min_size(s->remaining, s->in_len);
    uint8_t *p = skip_input(s, *n);
    s->remaining -= *n;
    if (s->masked) {
        ws_mask(p, *n, s->mask, s->mask_phase);
        s->mask_phase = (uint8_t)((s->mask_phase + *n) & 3);
    }
    return p;
}

/* AWAIT_HEAD */

/* Reads the header that comes next, and says how many bytes of the input belong to it; 0 if its
 * rest has not come: what has is kept. */
static size_t peek_head(struct ws_session *s, struct ws_head *h) {
    size_t kept = s->head_len;
    if (kept == 0) {
        size_t size = ws_head_parse(h, s->in, s->in_len);
        if (size > 0) {
            return size;
        }
    }
    size_t n = min_size(s->in_len, WS_HEAD_MAX - kept);
    memcpy(s->head_bytes + kept, s->in, n);
    size_t size = ws_head_parse(h, s->head_bytes, kept + n);
    if (size > 0) {
        return size - kept;
    }
    skip_input(s, n);
    s->head_len = (uint8_t)(kept + n);
    return 0;
}

static bool is_compressed(const struct ws_session *s, const struct ws_head *h) {
    return h->opcode == WS_OP_CONTINUATION ? s->message_compressed : (h->rsv & WS_RSV1) != 0;
}

/* How many more bytes of payload the next frame of the current message, the first or a later one,
 * may bring. How long a compressed message is will show only while it is inflated; but blocks that
 * inflate to nothing must end, too. Each frame adds more to the limit than its header takes from
 * it, so the difference is never negative. */
static uint64_t payload_left(const struct ws_session *s, const struct ws_head *h) {
    uint64_t max = s->config->max_message;
    if (!is_compressed(s, h)) {
        return max - s->message.len;
    }
    bool begins = h->opcode != WS_OP_CONTINUATION;
    uint64_t frames = begins ? 0 : s->frames;
    uint64_t wire = begins ? 0 : s->wire;
    uint64_t doubled = max > UINT64_MAX / 4 ? UINT64_MAX / 2 : 2 * max;
    return doubled + WIRE_SLACK + WIRE_SLACK_PER_FRAME * frames - wire;
}

/* The limits (s.10.4), before anything is kept. */
static enum ws_violation judge_head(const struct ws_session *s, const struct ws_head *h) {
    struct ws_rules rules = {s->config->role, s->deflate.on, s->message_opcode != 0};
    enum ws_violation v = ws_head_check(h, &rules);
    if (v != WS_V_NONE || ws_opcode_is_control(h->opcode)) {
        return v;
    }
    if (h->length > payload_left(s, h)) {
        return WS_V_MESSAGE_TOO_BIG;
    }
    uint32_t frames = h->opcode == WS_OP_CONTINUATION ? s->frames : 0;
    return frames < s->config->max_fragments ? WS_V_NONE : WS_V_TOO_MANY_FRAGMENTS;
}

static void begin_frame(struct ws_session *s, const struct ws_head *h) {
    s->opcode = h->opcode;
    s->fin = h->fin;
    s->masked = h->masked;
    s->remaining = h->length;
    memcpy(s->mask, h->mask, sizeof(s->mask));
    s->mask_phase = 0;
    s->head_len = 0;
    s->head_told = false;
}

static void begin_message(struct ws_session *s, const struct ws_head *h) {
    s->message_opcode = h->opcode;
    s->message_compressed = is_compressed(s, h);
    s->frames = 0;
    s->wire = 0;
    utf8_init(&s->utf8);
}

static bool await_head(struct ws_session *s, struct ws_event *ev) {
    struct ws_head h;
    size_t used = s->in_len > 0 ? peek_head(s, &h) : 0;
    if (used == 0) {
        return tell(ev, WS_EVENT_NONE);
    }
    if (s->config->frame_events && !s->head_told) {
        s->head_told = true;
        ev->head = h;
        return tell(ev, WS_EVENT_FRAME);
    }
    enum ws_violation v = judge_head(s, &h);
    if (v != WS_V_NONE) {
        ev->head = h;
        return tell_violation(s, ev, v);
    }
    size_t head_size = s->head_len + used;
    skip_input(s, used);
    begin_frame(s, &h);
    if (ws_opcode_is_control(h.opcode)) {
        s->control_len = 0;
        s->awaited = AWAIT_CONTROL;
        return false;
    }
    if (h.opcode != WS_OP_CONTINUATION) {
        begin_message(s, &h);
    }
    s->frames++;
    s->wire += head_size;
    s->awaited = AWAIT_DATA;
    return false;
}

/* AWAIT_DATA: these give false if an event was told instead of taking the piece. */

static bool take_plain(struct ws_session *s, struct ws_event *ev, const uint8_t *p, size_t n) {
    if (s->message_opcode == WS_OP_TEXT && !utf8_feed(&s->utf8, p, n)) {
        return !tell_violation(s, ev, WS_V_TEXT_NOT_UTF8);
    }
    if (s->message.len == 0 && s->fin && s->remaining == 0) {
        s->lent = LENT_INPUT;
        ev->data = p;
        ev->size = n;
        return true;
    }
    return bytes_append(&s->message, p, n) == TB_OK || !tell_nomem(s, ev);
}

/* The text is looked at before the result: whichever fault stands first in the stream is the one
 * that is reported, however the stream was cut. */
static bool take_compressed(struct ws_session *s, struct ws_event *ev, const uint8_t *p, size_t n) {
    if (!take_inflater(s)) {
        return !tell_nomem(s, ev);
    }
    size_t before = s->message.len;
    size_t limit = min_size(s->config->max_message, SIZE_MAX);
    bool last = s->fin && s->remaining == 0;
    enum ws_inflate_result result = ws_inflate(s->inflater, p, n, last, &s->message, limit);
    size_t inflated = s->message.len - before;
    if (s->message_opcode == WS_OP_TEXT && inflated > 0 &&
        !utf8_feed(&s->utf8, s->message.data + before, inflated)) {
        return !tell_violation(s, ev, WS_V_TEXT_NOT_UTF8);
    }
    if (result == WS_INFLATE_NOMEM) {
        return !tell_nomem(s, ev);
    }
    if (result != WS_INFLATE_OK) {
        return !tell_violation(s, ev,
                               result == WS_INFLATE_BAD ? WS_V_DEFLATE_DATA : WS_V_MESSAGE_TOO_BIG);
    }
    return true;
}

static bool tell_message(struct ws_session *s, struct ws_event *ev) {
    if (s->message_opcode == WS_OP_TEXT && !utf8_is_whole(&s->utf8)) {
        return tell_violation(s, ev, WS_V_TEXT_NOT_UTF8);
    }
    if (s->lent != LENT_INPUT) {
        s->lent = LENT_MESSAGE;
        ev->data = s->message.data;
        ev->size = s->message.len;
    }
    if (ev->size == 0) {
        ev->data = no_bytes;
    }
    ev->opcode = s->message_opcode;
    ev->compressed = s->message_compressed;
    ev->frames = s->frames;
    ev->wire = s->wire;
    end_message(s);
    return tell(ev, WS_EVENT_MESSAGE);
}

static bool await_data(struct ws_session *s, struct ws_event *ev) {
    if (s->in_len == 0 && s->remaining > 0) {
        return tell(ev, WS_EVENT_NONE);
    }
    size_t n;
    uint8_t *p = use_payload(s, &n);
    s->wire += n;
    bool taken = s->message_compressed ? take_compressed(s, ev, p, n) : take_plain(s, ev, p, n);
    if (!taken) {
        return true;
    }
    if (s->remaining > 0) {
        return tell(ev, WS_EVENT_NONE);
    }
    s->awaited = AWAIT_HEAD;
    return s->fin ? tell_message(s, ev) : false;
}

/* AWAIT_CONTROL */

static bool tell_close(struct ws_session *s, struct ws_event *ev) {
    struct ws_close c;
    enum ws_violation v = ws_close_parse(&c, ev->data, ev->size);
    ev->code = c.code;
    ev->data = c.reason;
    ev->size = c.reason_len;
    if (v != WS_V_NONE) {
        return tell_violation(s, ev, v);
    }
    stop(s);
    return tell(ev, WS_EVENT_CLOSE);
}

static bool tell_control(struct ws_session *s, struct ws_event *ev) {
    ev->opcode = s->opcode;
    ev->frames = 1;
    ev->wire = WS_HEAD_MIN + (s->masked ? sizeof(s->mask) : 0) + ev->size;
    s->awaited = AWAIT_HEAD;
    if (s->opcode == WS_OP_CLOSE) {
        return tell_close(s, ev);
    }
    return tell(ev, s->opcode == WS_OP_PING ? WS_EVENT_PING : WS_EVENT_PONG);
}

static bool await_control(struct ws_session *s, struct ws_event *ev) {
    if (s->in_len == 0 && s->remaining > 0) {
        return tell(ev, WS_EVENT_NONE);
    }
    size_t total = (size_t)(s->control_len + s->remaining);
    size_t n;
    uint8_t *p = use_payload(s, &n);
    ev->data = total > 0 ? p : no_bytes;
    ev->size = total;
    if (n == total) {
        return tell_control(s, ev);
    }
    if (s->control == NULL && (s->control = malloc(WS_CONTROL_MAX)) == NULL) {
        return tell_nomem(s, ev);
    }
    memcpy(s->control + s->control_len, p, n);
    s->control_len = (uint8_t)(s->control_len + n);
    if (s->remaining > 0) {
        return tell(ev, WS_EVENT_NONE);
    }
    s->lent = LENT_CONTROL;
    ev->data = s->control;
    return tell_control(s, ev);
}

/* Output. */

static size_t put_frame(struct ws_head *h, const uint8_t *p, uint8_t *dst) {
    h->len_size = ws_len_size(h->length);
    size_t size = ws_head_write(h, dst);
    size_t n = (size_t)h->length;
    if (n > 0) {
        memmove(dst + size, p, n);
    }
    if (h->masked) {
        ws_mask(dst + size, n, h->mask, 0);
    }
    return size + n;
}

/* A lawful header; the mask key of a client's frame is fresh and unpredictable (s.5.3). */
static int make_head(const struct ws_session *s, struct ws_head *h, uint8_t opcode, size_t n) {
    *h = (struct ws_head){.fin = true, .opcode = opcode, .length = n};
    h->masked = s->config->role == WS_CLIENT;
    return h->masked ? random_bytes(h->mask, sizeof(h->mask)) : TB_OK;
}

static struct ws_deflater *take_deflater(struct ws_session *s) {
    if (s->deflater != NULL) {
        return s->deflater;
    }
    struct ws_deflater *deflater = ws_deflater_take(s->config->cache, our_window_bits(s));
    if (deflater != NULL && we_keep_context(s)) {
        s->deflater = deflater;
    }
    return deflater;
}

/* Deflates to dst and gives the size: 0 if the message is better sent as it is. A message that
 * has entered the window that we share with the peer must be sent compressed, be it longer or
 * not: the peer's window would lack it otherwise. */
static int deflate_payload(struct ws_session *s, const uint8_t *p, size_t n, uint8_t *dst,
                           size_t *size) {
    struct ws_deflater *deflater = take_deflater(s);
    if (deflater == NULL) {
        return TB_ENOMEM;
    }
    int err = ws_deflate_message(deflater, p, n, dst, size);
    if (deflater != s->deflater) {
        ws_deflater_give(s->config->cache, deflater);
        *size = *size < n ? *size : 0;
    }
    return err;
}

static int put_control(struct ws_session *s, uint8_t opcode, const uint8_t *p, size_t n,
                       uint8_t *dst, size_t *written) {
    *written = 0;
    if (n > WS_CONTROL_MAX) {
        return TB_EINVAL;
    }
    if (s->close_put) {
        return TB_OK;
    }
    struct ws_head h;
    int err = make_head(s, &h, opcode, n);
    if (err == TB_OK) {
        *written = put_frame(&h, p, dst);
    }
    return err;
}

/* The public functions. */

void session_init(struct ws_session *s, const struct ws_session_config *config,
                  const struct ws_deflate *deflate) {
    memset(s, 0, sizeof(*s));
    s->config = config;
    s->deflate = *deflate;
    bytes_init(&s->message);
}

void session_release(struct ws_session *s) {
    take_back(s);
    stop(s);
    free(s->control);
    s->control = NULL;
    ws_deflater_give(s->config->cache, s->deflater);
    s->deflater = NULL;
}

void session_feed(struct ws_session *s, uint8_t *p, size_t n) {
    s->in = p;
    s->in_len = s->awaited == AWAIT_NOTHING ? 0 : n;
}

enum ws_event_kind session_next(struct ws_session *s, struct ws_event *ev) {
    if (s->lent != LENT_NONE) {
        take_back(s);
    }
    *ev = (struct ws_event){.kind = WS_EVENT_NONE};
    if (s->in_len == 0) {
        return WS_EVENT_NONE;
    }
    static bool (*const handlers[])(struct ws_session *, struct ws_event *) = {
        [AWAIT_HEAD] = await_head,
        [AWAIT_DATA] = await_data,
        [AWAIT_CONTROL] = await_control,
    };
    while (!handlers[s->awaited](s, ev)) {
    }
    return ev->kind;
}

size_t session_take_rest(struct ws_session *s, const uint8_t **p) {
    size_t n = s->in_len;
    *p = skip_input(s, n);
    return n;
}

bool session_close_put(const struct ws_session *s) {
    return s->close_put;
}

size_t session_message_bound(const struct ws_session *s, size_t n) {
    return WS_HEAD_MAX + (we_compress(s, n) ? ws_deflate_bound(n) : n);
}

int session_put_message(struct ws_session *s, uint8_t opcode, const uint8_t *p, size_t n,
                        uint8_t *dst, size_t *written) {
    *written = 0;
    if (opcode != WS_OP_TEXT && opcode != WS_OP_BINARY) {
        return TB_EINVAL;
    }
    if (s->close_put) {
        return TB_OK;
    }
    struct ws_head h;
    int err = make_head(s, &h, opcode, n);
    if (err == TB_OK && we_compress(s, n)) {
        uint8_t *deflated = dst + WS_HEAD_MAX;
        size_t size = 0;
        err = deflate_payload(s, p, n, deflated, &size);
        if (size > 0) {
            h.rsv = WS_RSV1;
            h.length = size;
            p = deflated;
        }
    }
    if (err == TB_OK) {
        *written = put_frame(&h, p, dst);
    }
    return err;
}

int session_put_ping(struct ws_session *s, const uint8_t *p, size_t n, uint8_t *dst,
                     size_t *written) {
    return put_control(s, WS_OP_PING, p, n, dst, written);
}

int session_put_pong(struct ws_session *s, const uint8_t *p, size_t n, uint8_t *dst,
                     size_t *written) {
    return put_control(s, WS_OP_PONG, p, n, dst, written);
}

int session_put_close(struct ws_session *s, uint16_t code, const char *reason, size_t reason_len,
                      uint8_t *dst, size_t *written) {
    *written = 0;
    if (code != WS_CLOSE_NO_STATUS && !ws_close_code_is_valid(code)) {
        return TB_EINVAL;
    }
    if (!utf8_is_valid((const uint8_t *)reason, reason_len)) {
        return TB_EINVAL;
    }
    uint8_t body[WS_CONTROL_MAX];
    size_t n = ws_close_write(body, code, reason, reason_len);
    int err = put_control(s, WS_OP_CLOSE, body, n, dst, written);
    s->close_put = s->close_put || err == TB_OK;
    return err;
}
