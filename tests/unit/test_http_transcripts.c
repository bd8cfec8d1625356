/* Runs every example of tests/transcripts/http1.md and handshake.md: whole, byte by byte, and cut
 * in two at every point. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "proto/handshake.h"
#include "proto/http1.h"
#include "transcript_file.h"

struct example {
    const char *path;
    const struct transcript *transcript;
};

enum { NAMES = 8 }; /* subprotocols or Origins of one example */

/* The names stand in `text`, a copy of the block. */
struct settings {
    char *text;
    const char *subprotocols[NAMES];
    const char *origins[NAMES];
    size_t subprotocol_count;
    size_t origin_count;
    bool no_context_takeover;
    struct ws_deflate deflate;
};

static void add(struct bytes *out, const void *p, size_t n) {
    assert_int_equal(bytes_append(out, p, n), TB_OK);
}

/* The bytes of an ```http block */

/* Reads the escape behind a backslash; gives what follows it. */
static const char *read_escape(const char *p, struct bytes *out) {
    static const char names[] = "rnt\\";
    static const char meanings[] = "\r\n\t\\";
    const char *name = strchr(names, *p);
    if (*p != '\0' && name != NULL) {
        add(out, &meanings[name - names], 1);
        return p + 1;
    }
    unsigned value;
    int size = 0;
    assert_int_equal(sscanf(p, "x%2x%n", &value, &size), 1);
    assert_int_equal(size, 3);
    uint8_t byte = (uint8_t)value;
    add(out, &byte, 1);
    return p + 3;
}

static void read_http(const char *text, struct bytes *out) {
    for (const char *p = text; *p != '\0';) {
        if (*p == '\n') {
            add(out, "\r\n", 2);
            p++;
        } else if (p[0] == '\\' && p[1] == '\n') {
            p += 2;
        } else if (*p == '\\') {
            p = read_escape(p + 1, out);
        } else {
            add(out, p++, 1);
        }
    }
}

/* The lines of a ```policy or ```offer block */

static void read_deflate(char *words, struct ws_deflate *d) {
    *d =
        (struct ws_deflate){.on = true, .server_max_window_bits = 15, .client_max_window_bits = 15};
    for (char *word; (word = strsep(&words, " ")) != NULL;) {
        unsigned bits;
        if (strcmp(word, "server_no_context_takeover") == 0) {
            d->server_no_context_takeover = true;
        } else if (strcmp(word, "client_no_context_takeover") == 0) {
            d->client_no_context_takeover = true;
        } else if (sscanf(word, "server_max_window_bits=%u", &bits) == 1) {
            d->server_max_window_bits = (uint8_t)bits;
        } else if (sscanf(word, "client_max_window_bits=%u", &bits) == 1) {
            d->client_max_window_bits = (uint8_t)bits;
        } else {
            fail_msg("no such parameter: %s", word);
        }
    }
}

static void read_setting(char *line, struct settings *s) {
    char *value = line;
    const char *name = strsep(&value, " ");
    if (strcmp(name, "subprotocol") == 0 && value != NULL) {
        assert_true(s->subprotocol_count < NAMES);
        s->subprotocols[s->subprotocol_count++] = value;
    } else if (strcmp(name, "origin") == 0 && value != NULL) {
        assert_true(s->origin_count < NAMES);
        s->origins[s->origin_count++] = value;
    } else if (strcmp(name, "deflate") == 0) {
        read_deflate(value, &s->deflate);
    } else if (strcmp(name, "no_context_takeover") == 0) {
        s->no_context_takeover = true;
    } else {
        fail_msg("no such setting: %s", line);
    }
}

static void settings_init(struct settings *s, const struct transcript_block *block) {
    *s = (struct settings){.text = strdup(block->text)};
    assert_non_null(s->text);
    char *rest = s->text;
    for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
        if (*line != '\0') {
            read_setting(line, s);
        }
    }
}

/* What is written in the ```events block */

static void put(struct bytes *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void put(struct bytes *out, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    assert_int_equal(bytes_appendv(out, fmt, ap), TB_OK);
    va_end(ap);
}

static void put_str(struct bytes *out, const char *before, struct http1_str s) {
    put(out, "%s", before);
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == '\t') {
            put(out, "\\t");
        } else {
            put(out, c < ' ' || c > '~' ? "\\x%02x" : "%c", c);
        }
    }
}

static const char *violation_name(enum ws_violation v) {
    return ws_violation_row(v)->name;
}

static void put_deflate(struct bytes *out, const struct ws_deflate *d) {
    put(out, " deflate=%s", d->on ? "on" : "off");
    if (d->server_no_context_takeover) {
        put(out, ",server_no_context_takeover");
    }
    if (d->client_no_context_takeover) {
        put(out, ",client_no_context_takeover");
    }
    if (d->on && d->server_max_window_bits != WS_DEFLATE_BITS_MAX) {
        put(out, ",server_max_window_bits=%u", (unsigned)d->server_max_window_bits);
    }
    if (d->on && d->client_max_window_bits != WS_DEFLATE_BITS_MAX) {
        put(out, ",client_max_window_bits=%u", (unsigned)d->client_max_window_bits);
    }
    put(out, "\n");
}

static void put_choice(struct bytes *out, const char *verb, const char *subprotocol,
                       const struct ws_deflate *d) {
    put(out, "%s protocol=%s", verb, subprotocol == NULL ? "-" : subprotocol);
    put_deflate(out, d);
}

static void put_head(struct bytes *out, const struct http1 *h, size_t rest) {
    if (http1_method(h).n > 0) {
        put_str(out, "request ", http1_method(h));
        put_str(out, " ", http1_target(h));
        put(out, " HTTP/1.%u\n", http1_minor_version(h));
    } else {
        put(out, "response HTTP/1.%u %u", http1_minor_version(h), http1_status(h));
        put_str(out, http1_reason(h).n == 0 ? "" : " ", http1_reason(h));
        put(out, "\n");
    }
    for (size_t i = 0; i < http1_header_count(h); i++) {
        struct http1_str value = http1_header_value(h, i);
        put_str(out, "header ", http1_header_name(h, i));
        put_str(out, value.n == 0 ? ":" : ": ", value);
        put(out, "\n");
    }
    if (rest > 0) {
        put(out, "rest %zu\n", rest);
    }
}

/* Judging the head that was read */

static void judge_request(struct bytes *out, const struct http1 *h,
                          const struct transcript_block *block) {
    struct settings s;
    struct ws_answer answer;
    settings_init(&s, block);
    const struct ws_server_policy policy = {
        .origins = s.origins,
        .origin_count = s.origin_count,
        .subprotocols = s.subprotocols,
        .subprotocol_count = s.subprotocol_count,
        .deflate = s.deflate.on,
        .no_context_takeover = s.no_context_takeover,
    };
    assert_int_equal(ws_handshake_judge(h, &policy, &answer), TB_OK);
    if (answer.violation == WS_V_NONE) {
        put_choice(out, "accept", answer.subprotocol, &answer.deflate);
    } else {
        put(out, "refuse %u %s\n", answer.status, violation_name(answer.violation));
    }
    free(s.text);
}

static void judge_response(struct bytes *out, const struct http1 *h,
                           const struct transcript_block *block) {
    struct settings s;
    struct ws_agreement agreed;
    settings_init(&s, block);
    struct ws_request r = {
        .subprotocols = s.subprotocols,
        .subprotocol_count = s.subprotocol_count,
        .deflate = s.deflate,
    };
    memcpy(r.key, "dGhlIHNhbXBsZSBub25jZQ==", WS_KEY_SIZE);
    assert_int_equal(ws_response_judge(h, &r, &agreed), TB_OK);
    if (agreed.violation == WS_V_NONE) {
        put_choice(out, "agree", agreed.subprotocol, &agreed.deflate);
    } else {
        put(out, "violation %s\n", violation_name(agreed.violation));
    }
    free(s.text);
}

static void put_result(struct bytes *out, const struct transcript *t, const struct http1 *h,
                       enum http1_result result, size_t rest) {
    const struct transcript_block *policy = transcript_block(t, "policy");
    const struct transcript_block *offer = transcript_block(t, "offer");
    unsigned status = ws_violation_row(http1_violation(h))->status;
    if (result == HTTP1_MORE) {
        put(out, "more\n");
    } else if (result == HTTP1_BAD && policy != NULL) {
        put(out, "refuse %u %s\n", status, violation_name(http1_violation(h)));
    } else if (result == HTTP1_BAD) {
        put(out, "violation %s %u\n", violation_name(http1_violation(h)), status);
    } else if (policy != NULL) {
        judge_request(out, h, policy);
    } else if (offer != NULL) {
        judge_response(out, h, offer);
    } else {
        put_head(out, h, rest);
    }
}

/* Feeds the bytes up to `cut` at once, and then `step` at a time. */
static enum http1_result feed(struct http1 *h, const struct bytes *wire, size_t cut, size_t step,
                              size_t *used) {
    size_t end = cut;
    enum http1_result result = http1_feed(h, wire->data, cut, used);
    while (result == HTTP1_MORE && end < wire->len) {
        size_t left = wire->len - end;
        size_t n = left < step ? left : step;
        size_t taken;
        result = http1_feed(h, wire->data + end, n, &taken);
        *used += taken;
        end += n;
    }
    return result;
}

static void check_run(const struct example *e, const struct bytes *wire, size_t cut, size_t step) {
    const struct transcript_block *expected = transcript_block(e->transcript, "events");
    bool is_response = wire->len >= 5 && memcmp(wire->data, "HTTP/", 5) == 0;
    struct http1 *h =
        http1_new(is_response ? HTTP1_RESPONSE : HTTP1_REQUEST, &http1_default_limits);
    assert_non_null(h);
    size_t used;
    enum http1_result result = feed(h, wire, cut, step, &used);
    struct bytes out = BYTES_INIT;
    put_result(&out, e->transcript, h, result, wire->len - used);
    add(&out, "", 1);
    if (strcmp((const char *)out.data, expected->text) != 0) {
        fail_msg("%s:%u: cut at %zu, then every %zu: expected\n%sand got\n%s", e->path,
                 expected->line, cut, step, expected->text, (const char *)out.data);
    }
    bytes_release(&out);
    http1_free(h);
}

static void test_example(void **state) {
    const struct example *e = *state;
    const struct transcript_block *http = transcript_block(e->transcript, "http");
    if (http == NULL || transcript_block(e->transcript, "events") == NULL) {
        fail_msg("%s:%u: it needs http and events", e->path, e->transcript->line);
        return;
    }
    struct bytes wire = BYTES_INIT;
    read_http(http->text, &wire);
    check_run(e, &wire, 0, 1);
    for (size_t cut = 0; cut <= wire.len; cut++) {
        check_run(e, &wire, cut, wire.len + 1);
    }
    bytes_release(&wire);
}

/* Runs the examples of one file; gives how many failed, or 1 if there are none. */
static int run_file(const char *path) {
    struct transcript_file file;
    if (!transcript_file_load(&file, path)) {
        return 1;
    }
    int failed = 1;
    struct example *examples = calloc(file.count + 1, sizeof(*examples));
    struct CMUnitTest *tests = calloc(file.count + 1, sizeof(*tests));
    if (examples == NULL || tests == NULL || file.count == 0) {
        fprintf(stderr, "%s: no examples\n", path);
        goto out;
    }
    for (size_t i = 0; i < file.count; i++) {
        examples[i] = (struct example){path, &file.items[i]};
        tests[i] = (struct CMUnitTest){
            .name = file.items[i].name, .test_func = test_example, .initial_state = &examples[i]};
    }
    failed = _cmocka_run_group_tests(path, tests, file.count, NULL, NULL);
out:
    free(tests);
    free(examples);
    transcript_file_release(&file);
    return failed;
}

int main(void) {
    int failed = run_file(TABURET_SOURCE_DIR "/tests/transcripts/http1.md");
    return failed + run_file(TABURET_SOURCE_DIR "/tests/transcripts/handshake.md");
}
