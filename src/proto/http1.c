#include "proto/http1.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

const struct http1_limits http1_default_limits = {
    .line = 8192,
    .headers = 16384,
    .count = 100,
};

enum {
    LIMIT_MAX = 1 << 30, /* offsets into the text are 32 bits */
    TEXT_START = 512,    /* a browser's request fits without growing twice */
};

/* Which parts of a head a byte may stand in. */
enum { TOKEN = 1, TARGET = 2, VALUE = 4, SPACE = 8 };

/* The rows below: Control, Space or tab, Visible delimiter, Token character, a token character
 * (K) or another one (O) that no target has. */
enum {
    C = 0,
    S = SPACE | VALUE,
    V = TARGET | VALUE,
    T = TOKEN | TARGET | VALUE,
    K = TOKEN | VALUE,
    O = VALUE
};

/* clang-format off */
static const uint8_t classes[256] = {
    C, C, C, C, C, C, C, C, C, S, C, C, C, C, C, C,
    C, C, C, C, C, C, C, C, C, C, C, C, C, C, C, C,
    S, T, O, K, T, T, T, T, V, V, T, T, V, T, T, V,
    T, T, T, T, T, T, T, T, T, T, V, V, O, V, O, V,
    V, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T,
    T, T, T, T, T, T, T, T, T, T, T, V, V, V, T, T,
    T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T,
    T, T, T, T, T, T, T, T, T, T, T, V, T, V, T, C,
    O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O,
    O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O,
    O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O,
    O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O,
    O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O,
    O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O,
    O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O,
    O, O, O, O, O, O, O, O, O, O, O, O, O, O, O, O,
};
/* clang-format on */

/* What the next byte should be or belong to. */
enum awaited {
    REQUEST_START, /* the request line or an empty one */
    EMPTY_LF,      /* the end of an empty line before the request line */
    METHOD,
    REQUEST_TARGET,
    VERSION,
    STATUS,
    REASON,
    LINE_CR, /* the end of the request line */
    LINE_LF,
    HEADER_START, /* a header line or the empty line */
    HEADER_NAME,
    VALUE_START, /* white space in front of a value */
    HEADER_VALUE,
    END_LF, /* the end of the empty line */
    AWAITED_COUNT
};

/* A piece of the text. */
struct span {
    uint32_t at;
    uint32_t n;
};

struct field {
    struct span name;
    struct span value;
};

/* The text holds what is asked for later, without the delimiters, so it never grows beyond the
 * limits of the first line and the headers together. There are limits.count fields; the header
 * line that is being read is fields[field_count]. */
struct http1 {
    enum http1_kind kind;
    enum awaited awaited;
    enum http1_result result;
    enum ws_violation violation;
    struct http1_limits limits;
    bool in_headers;
    unsigned form_at; /* how much of a version or status was read */
    unsigned status;
    uint8_t major, minor;
    uint32_t line_size;    /* bytes of the current line */
    uint32_t headers_size; /* bytes of all header lines */
    struct bytes text;
    struct span method;
    struct span target;
    struct span reason;
    size_t field_count;
    struct field fields[];
};

/* Handlers take p[0..n), n > 0, and return how many bytes they took. One that refuses sets the
 * result and returns anything up to n. */
typedef size_t handler(struct http1 *h, const uint8_t *p, size_t n);

static size_t min_size(size_t a, size_t b) {
    return a < b ? a : b;
}

static size_t refuse(struct http1 *h, enum ws_violation v) {
    h->result = HTTP1_BAD;
    h->violation = v;
    return 0;
}

static size_t refuse_byte(struct http1 *h, uint8_t c) {
    return refuse(h, c == '\n' ? WS_V_HTTP_BARE_LF : WS_V_HTTP_SYNTAX);
}

/* Counts n bytes of the current line against the limits. Of two limits the one that would be
 * passed first is reported, so that the answer does not depend on how the bytes were cut. */
static bool charge(struct http1 *h, size_t n) {
    size_t line_room = h->limits.line - h->line_size;
    if (!h->in_headers) {
        if (n > line_room) {
            refuse(h, WS_V_HTTP_LINE_TOO_LONG);
            return false;
        }
        h->line_size += (uint32_t)n;
        return true;
    }
    size_t headers_room = h->limits.headers - h->headers_size;
    if (n > min_size(line_room, headers_room)) {
        refuse(h,
               line_room <= headers_room ? WS_V_HTTP_HEADER_TOO_LONG : WS_V_HTTP_HEADERS_TOO_LONG);
        return false;
    }
    h->line_size += (uint32_t)n;
    h->headers_size += (uint32_t)n;
    return true;
}

/* Takes the bytes of a class that stand in front. */
static size_t take_run(struct http1 *h, const uint8_t *p, size_t n, unsigned class) {
    size_t k = 0;
    while (k < n && (classes[p[k]] & class) != 0) {
        k++;
    }
    return charge(h, k) ? k : 0;
}

/* As take_run(), and appends them to the text and to *span. */
static size_t keep_run(struct http1 *h, const uint8_t *p, size_t n, unsigned class,
                       struct span *span) {
    size_t k = take_run(h, p, n, class);
    if (bytes_append(&h->text, p, k) != TB_OK) {
        h->result = HTTP1_NOMEM;
        return 0;
    }
    span->n += (uint32_t)k;
    return k;
}

static struct span span_here(const struct http1 *h) {
    return (struct span){.at = (uint32_t)h->text.len, .n = 0};
}

/* The handler that reads a run has more to do only if a delimiter came in the same piece. */
static bool run_ended(const struct http1 *h, size_t k, size_t n) {
    return h->result == HTTP1_MORE && k < n;
}

/* A word of the first line, which ends with one space. */
static size_t take_word(struct http1 *h, const uint8_t *p, size_t n, unsigned class,
                        struct span *word, enum awaited next) {
    size_t k = keep_run(h, p, n, class, word);
    if (!run_ended(h, k, n)) {
        return k;
    }
    if (p[k] != ' ' || word->n == 0) {
        return refuse_byte(h, p[k]);
    }
    h->awaited = next;
    return charge(h, 1) ? k + 1 : 0;
}

/* One empty line before the request line is ignored (RFC 9112 s.2.2). */
static size_t on_request_start(struct http1 *h, const uint8_t *p, size_t n) {
    (void)n;
    bool is_empty = p[0] == '\r';
    h->awaited = is_empty ? EMPTY_LF : METHOD;
    return is_empty ? 1 : 0;
}

static size_t on_empty_lf(struct http1 *h, const uint8_t *p, size_t n) {
    (void)n;
    if (p[0] != '\n') {
        return refuse(h, WS_V_HTTP_SYNTAX);
    }
    h->awaited = METHOD;
    return 1;
}

static size_t on_method(struct http1 *h, const uint8_t *p, size_t n) {
    size_t k = take_word(h, p, n, TOKEN, &h->method, REQUEST_TARGET);
    h->target = span_here(h);
    return k;
}

static size_t on_target(struct http1 *h, const uint8_t *p, size_t n) {
    return take_word(h, p, n, TARGET, &h->target, VERSION);
}

/* Takes one byte of a fixed form, in which '#' stands for a digit. */
static bool take_form(struct http1 *h, const char *form, uint8_t c) {
    char want = form[h->form_at];
    bool fits = want == '#' ? c >= '0' && c <= '9' : c == (uint8_t)want;
    if (!fits) {
        refuse_byte(h, c);
        return false;
    }
    h->form_at++;
    return charge(h, 1);
}

static size_t on_version(struct http1 *h, const uint8_t *p, size_t n) {
    (void)n;
    static const char form[] = "HTTP/#.#";
    if (!take_form(h, form, p[0])) {
        return 0;
    }
    if (h->form_at == 6) {
        h->major = (uint8_t)(p[0] - '0');
    }
    if (form[h->form_at] != '\0') {
        return 1;
    }
    if (h->major != 1) {
        return refuse(h, WS_V_HTTP_VERSION);
    }
    h->minor = p[0] == '0' ? 0 : 1; /* the highest that we know, for any above (RFC 9110 s.2.5) */
    h->form_at = 0;
    h->awaited = h->kind == HTTP1_REQUEST ? LINE_CR : STATUS;
    return 1;
}

static size_t on_status(struct http1 *h, const uint8_t *p, size_t n) {
    (void)n;
    static const char form[] = " ### ";
    if (!take_form(h, form, p[0])) {
        return 0;
    }
    if (p[0] != ' ') {
        h->status = h->status * 10 + (unsigned)(p[0] - '0');
        return h->status == 0 ? refuse(h, WS_V_HTTP_SYNTAX) : 1;
    }
    if (form[h->form_at] == '\0') {
        h->awaited = REASON;
        h->reason = span_here(h);
    }
    return 1;
}

static size_t on_reason(struct http1 *h, const uint8_t *p, size_t n) {
    size_t k = keep_run(h, p, n, VALUE, &h->reason);
    if (!run_ended(h, k, n)) {
        return k;
    }
    if (p[k] != '\r') {
        return refuse_byte(h, p[k]);
    }
    h->awaited = LINE_LF;
    return k + 1;
}

static size_t on_line_cr(struct http1 *h, const uint8_t *p, size_t n) {
    (void)n;
    if (p[0] != '\r') {
        return refuse_byte(h, p[0]);
    }
    h->awaited = LINE_LF;
    return 1;
}

static size_t on_line_lf(struct http1 *h, const uint8_t *p, size_t n) {
    (void)n;
    if (p[0] != '\n') {
        return refuse(h, WS_V_HTTP_SYNTAX);
    }
    h->in_headers = true;
    h->line_size = 0;
    h->awaited = HEADER_START;
    return 1;
}

static size_t on_header_start(struct http1 *h, const uint8_t *p, size_t n) {
    (void)n;
    if (p[0] == '\r') {
        h->awaited = END_LF;
        return 1;
    }
    if ((classes[p[0]] & SPACE) != 0) {
        return refuse(h, WS_V_HTTP_FOLDED);
    }
    if ((classes[p[0]] & TOKEN) == 0) {
        return refuse_byte(h, p[0]);
    }
    if (h->field_count == h->limits.count) {
        return refuse(h, WS_V_HTTP_TOO_MANY_HEADERS);
    }
    h->fields[h->field_count].name = span_here(h);
    h->awaited = HEADER_NAME;
    return 0;
}

static size_t on_header_name(struct http1 *h, const uint8_t *p, size_t n) {
    struct field *field = &h->fields[h->field_count];
    size_t k = keep_run(h, p, n, TOKEN, &field->name);
    if (!run_ended(h, k, n)) {
        return k;
    }
    if (p[k] != ':') {
        return refuse_byte(h, p[k]);
    }
    field->value = span_here(h);
    h->awaited = VALUE_START;
    return charge(h, 1) ? k + 1 : 0;
}

static size_t on_value_start(struct http1 *h, const uint8_t *p, size_t n) {
    size_t k = take_run(h, p, n, SPACE);
    if (run_ended(h, k, n)) {
        h->awaited = HEADER_VALUE;
    }
    return k;
}

static void trim_end(const struct http1 *h, struct span *span) {
    const uint8_t *p = h->text.data + span->at;
    while (span->n > 0 && (classes[p[span->n - 1]] & SPACE) != 0) {
        span->n--;
    }
}

static size_t on_header_value(struct http1 *h, const uint8_t *p, size_t n) {
    struct span *value = &h->fields[h->field_count].value;
    size_t k = keep_run(h, p, n, VALUE, value);
    if (!run_ended(h, k, n)) {
        return k;
    }
    if (p[k] != '\r') {
        return refuse_byte(h, p[k]);
    }
    trim_end(h, value);
    h->field_count++;
    h->awaited = LINE_LF;
    return k + 1;
}

static size_t on_end_lf(struct http1 *h, const uint8_t *p, size_t n) {
    (void)n;
    if (p[0] != '\n') {
        return refuse(h, WS_V_HTTP_SYNTAX);
    }
    h->result = HTTP1_DONE;
    return 1;
}

static handler *const handlers[AWAITED_COUNT] = {
    [REQUEST_START] = on_request_start,
    [EMPTY_LF] = on_empty_lf,
    [METHOD] = on_method,
    [REQUEST_TARGET] = on_target,
    [VERSION] = on_version,
    [STATUS] = on_status,
    [REASON] = on_reason,
    [LINE_CR] = on_line_cr,
    [LINE_LF] = on_line_lf,
    [HEADER_START] = on_header_start,
    [HEADER_NAME] = on_header_name,
    [VALUE_START] = on_value_start,
    [HEADER_VALUE] = on_header_value,
    [END_LF] = on_end_lf,
};

static struct http1_str str_of(const struct http1 *h, struct span span) {
    return (struct http1_str){.p = (const char *)h->text.data + span.at, .n = span.n};
}

struct http1 *http1_new(enum http1_kind kind, const struct http1_limits *limits) {
    const struct http1_limits least = {.line = min_size(limits->line, LIMIT_MAX),
                                       .headers = min_size(limits->headers, LIMIT_MAX),
                                       .count = min_size(limits->count, LIMIT_MAX)};
    struct http1 *h = malloc(sizeof(*h) + least.count * sizeof(struct field));
    if (h == NULL) {
        return NULL;
    }
    *h = (struct http1){
        .kind = kind,
        .awaited = kind == HTTP1_REQUEST ? REQUEST_START : VERSION,
        .result = HTTP1_MORE,
        .limits = least,
        .text = BYTES_INIT,
    };
    if (bytes_reserve(&h->text, TEXT_START) != TB_OK) {
        free(h);
        return NULL;
    }
    return h;
}

void http1_free(struct http1 *h) {
    if (h != NULL) {
        bytes_release(&h->text);
        free(h);
    }
}

enum http1_result http1_feed(struct http1 *h, const uint8_t *p, size_t n, size_t *used) {
    size_t at = 0;
    while (at < n && h->result == HTTP1_MORE) {
        at += handlers[h->awaited](h, p + at, n - at);
    }
    *used = at;
    return h->result;
}

enum ws_violation http1_violation(const struct http1 *h) {
    return h->violation;
}

struct http1_str http1_method(const struct http1 *h) {
    return str_of(h, h->method);
}

struct http1_str http1_target(const struct http1 *h) {
    return str_of(h, h->target);
}

struct http1_str http1_reason(const struct http1 *h) {
    return str_of(h, h->reason);
}

unsigned http1_status(const struct http1 *h) {
    return h->status;
}

unsigned http1_minor_version(const struct http1 *h) {
    return h->minor;
}

size_t http1_header_count(const struct http1 *h) {
    return h->field_count;
}

struct http1_str http1_header_name(const struct http1 *h, size_t i) {
    return str_of(h, h->fields[i].name);
}

struct http1_str http1_header_value(const struct http1 *h, size_t i) {
    return str_of(h, h->fields[i].value);
}

struct http1_str http1_header(const struct http1 *h, const char *name, size_t *count) {
    struct http1_str found = {NULL, 0};
    size_t size = strlen(name);
    size_t n = 0;
    for (size_t i = 0; i < h->field_count; i++) {
        if (h->fields[i].name.n == size && http1_str_is_nocase(http1_header_name(h, i), name)) {
            found = n == 0 ? http1_header_value(h, i) : (struct http1_str){NULL, 0};
            n++;
        }
    }
    if (count != NULL) {
        *count = n;
    }
    return found;
}

bool http1_is_token_char(unsigned char c) {
    return (classes[c] & TOKEN) != 0;
}

bool http1_is_value(const char *s) {
    for (; *s != '\0'; s++) {
        if (((unsigned char)*s < ' ' && *s != '\t') || *s == 0x7f) {
            return false;
        }
    }
    return true;
}

bool http1_is_line(const char *line, struct http1_str *name) {
    *name = (struct http1_str){line, strcspn(line, ":")};
    return line[name->n] == ':' && http1_str_is_token(*name) && http1_is_value(line + name->n + 1);
}
