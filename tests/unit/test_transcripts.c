/* Runs every example of tests/transcripts that has a ```wire block, as the README there says:
 * whole, byte by byte, and cut at every single point. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/units.h"
#include "proto/mask.h"
#include "proto/session.h"
#include "transcript_file.h"

/* Where a longer wire is cut one by one: around its ends, and at every so many bytes. */
enum { EDGE = 256, STRIDE = 499 };

/* One example, and the file that it stands in. */
struct example {
    const char *path;
    const struct transcript *transcript;
};

/* What a ```wire block says. */
struct script {
    struct ws_session_config config;
    struct ws_deflate deflate;
    struct bytes wire;
};

static struct ws_deflate_cache *cache;

/* Bytes as they are written in a block: 81 05 "Hello" 00*16 "ab\xff"*3 # comment */

static const char *skip_spaces(const char *p) {
    return p + strspn(p, " \t");
}

static bool read_hex(const char **p, uint8_t *byte) {
    if (!isxdigit((unsigned char)(*p)[0]) || !isxdigit((unsigned char)(*p)[1])) {
        return false;
    }
    char digits[] = {(*p)[0], (*p)[1], '\0'};
    *byte = (uint8_t)strtoul(digits, NULL, 16);
    *p += 2;
    return true;
}

static bool read_escape(const char **p, uint8_t *byte) {
    char c = *(*p)++;
    if (c == 'x') {
        return read_hex(p, byte);
    }
    *byte = (uint8_t)c;
    return c == '"' || c == '\\';
}

static bool read_string(const char **p, struct bytes *out) {
    if (*(*p)++ != '"') {
        return false;
    }
    while (**p != '"') {
        uint8_t byte = (uint8_t) * (*p)++;
        if (byte == '\0' || byte == '\n' || (byte == '\\' && !read_escape(p, &byte))) {
            return false;
        }
        assert_int_equal(bytes_append(out, &byte, 1), TB_OK);
    }
    (*p)++;
    return true;
}

static bool read_repeat(const char **p, struct bytes *out, size_t from) {
    if (**p != '*') {
        return true;
    }
    char *end;
    unsigned long times = strtoul(*p + 1, &end, 10);
    *p = end;
    size_t n = out->len - from;
    for (unsigned long i = 1; i < times; i++) {
        assert_int_equal(bytes_reserve(out, n), TB_OK);
        assert_int_equal(bytes_append(out, out->data + from, n), TB_OK);
    }
    return times > 0;
}

/* Up to the end of the line or a comment. */
static bool read_bytes(const char *p, struct bytes *out) {
    for (p = skip_spaces(p); *p != '\0' && *p != '#'; p = skip_spaces(p)) {
        size_t from = out->len;
        uint8_t byte;
        if (*p == '"') {
            if (!read_string(&p, out)) {
                return false;
            }
        } else if (read_hex(&p, &byte)) {
            assert_int_equal(bytes_append(out, &byte, 1), TB_OK);
        } else {
            return false;
        }
        if (!read_repeat(&p, out, from)) {
            return false;
        }
    }
    return true;
}

/* The directives of a ```wire block */

static bool direct_deflate(struct ws_deflate *d, const char *value) {
    *d =
        (struct ws_deflate){.on = true, .server_max_window_bits = 15, .client_max_window_bits = 15};
    unsigned server_bits = 15;
    unsigned client_bits = 15;
    for (const char *p = value; *p != '\0'; p = skip_spaces(p + strcspn(p, " "))) {
        size_t n = strcspn(p, " ");
        if (strncmp(p, "server_no_context_takeover", n) == 0) {
            d->server_no_context_takeover = true;
        } else if (strncmp(p, "client_no_context_takeover", n) == 0) {
            d->client_no_context_takeover = true;
        } else if (sscanf(p, "server_max_window_bits=%u", &server_bits) != 1 &&
                   sscanf(p, "client_max_window_bits=%u", &client_bits) != 1 &&
                   strncmp(p, "on", n) != 0) {
            return false;
        }
    }
    d->server_max_window_bits = (uint8_t)server_bits;
    d->client_max_window_bits = (uint8_t)client_bits;
    return true;
}

static bool direct(struct script *s, const char *key, const char *value) {
    uint64_t number;
    if (strcmp(key, "role") == 0) {
        s->config.role = strcmp(value, "client") == 0 ? WS_CLIENT : WS_SERVER;
        return s->config.role == WS_CLIENT || strcmp(value, "server") == 0;
    }
    if (strcmp(key, "frames") == 0) {
        s->config.frame_events = true;
        return strcmp(value, "on") == 0;
    }
    if (strcmp(key, "max_message") == 0) {
        return units_size(value, &s->config.max_message) == TB_OK;
    }
    if (strcmp(key, "max_fragments") == 0 && units_count(value, 1, UINT32_MAX, &number) == TB_OK) {
        s->config.max_fragments = (uint32_t)number;
        return true;
    }
    return strcmp(key, "deflate") == 0 && direct_deflate(&s->deflate, value);
}

static bool read_line(struct script *s, char *line) {
    size_t key = strspn(line, "abcdefghijklmnopqrstuvwxyz_");
    if (key == 0 || line[key] != ':') {
        return read_bytes(line, &s->wire);
    }
    line[key] = '\0';
    return direct(s, line, skip_spaces(line + key + 1));
}

static void script_init(struct script *s, const struct example *e) {
    *s = (struct script){
        .config = {.role = WS_SERVER, .max_message = 1 << 20, .max_fragments = 1000}};
    s->config.cache = cache;
    const struct transcript_block *block = transcript_block(e->transcript, "wire");
    char *text = strdup(block->text);
    assert_non_null(text);
    unsigned number = block->line;
    char *rest = text;
    for (char *line; *rest != '\0' && (line = strsep(&rest, "\n")) != NULL; number++) {
        if (!read_line(s, line)) {
            fail_msg("%s:%u: not understood: %s", e->path, number, line);
        }
    }
    free(text);
}

/* Events as they are written in a block */

static void write_string(struct bytes *out, const uint8_t *p, size_t n, bool text) {
    bytes_append_str(out, " \"");
    for (size_t i = 0; i < n && i < 80; i++) {
        if (p[i] == '"' || p[i] == '\\') {
            bytes_appendf(out, "\\%c", p[i]);
        } else if (p[i] < ' ' || p[i] == 0x7f || (p[i] > 0x7f && !text)) {
            bytes_appendf(out, "\\x%02x", p[i]);
        } else {
            bytes_append(out, p + i, 1);
        }
    }
    bytes_append_str(out, "\"");
    if (n > 80) {
        bytes_appendf(out, "... size=%zu", n);
    }
}

static void write_message(struct bytes *out, const struct ws_event *ev) {
    bool text = ev->opcode == WS_OP_TEXT;
    bytes_append_str(out, text ? "message text" : "message binary");
    write_string(out, ev->data, ev->size, text);
    bytes_appendf(out, " frames=%u wire=%llu%s\n", ev->frames, (unsigned long long)ev->wire,
                  ev->compressed ? " compressed" : "");
}

static void write_head(struct bytes *out, const struct ws_head *h) {
    bytes_appendf(out, "frame opcode=%u length=%llu%s%s%s%s%s\n", h->opcode,
                  (unsigned long long)h->length, h->fin ? " fin" : "", h->masked ? " masked" : "",
                  h->rsv & WS_RSV1 ? " rsv1" : "", h->rsv & WS_RSV2 ? " rsv2" : "",
                  h->rsv & WS_RSV3 ? " rsv3" : "");
}

static void write_event(struct bytes *out, const struct ws_event *ev) {
    const struct ws_violation_row *row = ws_violation_row(ev->violation);
    switch (ev->kind) {
    case WS_EVENT_FRAME:
        write_head(out, &ev->head);
        break;
    case WS_EVENT_MESSAGE:
        write_message(out, ev);
        break;
    case WS_EVENT_PING:
    case WS_EVENT_PONG:
        bytes_append_str(out, ev->kind == WS_EVENT_PING ? "ping" : "pong");
        write_string(out, ev->data, ev->size, false);
        bytes_append_str(out, "\n");
        break;
    case WS_EVENT_CLOSE:
        bytes_appendf(out, "close %u", ev->code);
        write_string(out, ev->data, ev->size, true);
        bytes_append_str(out, "\n");
        break;
    case WS_EVENT_VIOLATION:
        bytes_appendf(out, "violation %s %u\n", row->name, row->close_code);
        break;
    case WS_EVENT_NOMEM:
        bytes_append_str(out, "nomem\n");
        break;
    case WS_EVENT_NONE:
        break;
    }
}

/* Running */

/* Each piece stands in memory of its own size, which is gone afterwards. */
static void run_piece(struct ws_session *s, const uint8_t *p, size_t n, struct bytes *out) {
    uint8_t *piece = malloc(n > 0 ? n : 1);
    assert_non_null(piece);
    if (n > 0) {
        memcpy(piece, p, n);
    }
    session_feed(s, piece, n);
    struct ws_event ev;
    while (session_next(s, &ev) != WS_EVENT_NONE) {
        write_event(out, &ev);
    }
    free(piece);
}

/* Something of a message or frame has come, and its rest has not. */
static bool is_midway(const struct ws_session *s) {
    return s->head_len > 0 || s->message_opcode != 0 || s->remaining > 0;
}

/* The events of the wire, cut at `cut` and then every `step` bytes. */
static void run(struct ws_session *s, const struct script *script, size_t cut, size_t step,
                struct bytes *out) {
    const struct bytes *wire = &script->wire;
    run_piece(s, wire->data, cut, out);
    for (size_t i = cut; i < wire->len; i += step) {
        run_piece(s, wire->data + i, wire->len - i < step ? wire->len - i : step, out);
    }
    if (is_midway(s)) {
        bytes_append_str(out, "midway\n");
    }
    assert_int_equal(bytes_append(out, "", 1), TB_OK);
}

static void check_run(const struct example *e, const struct script *script, size_t cut,
                      size_t step) {
    const struct transcript_block *expected = transcript_block(e->transcript, "events");
    struct ws_session s;
    session_init(&s, &script->config, &script->deflate);
    struct bytes events = BYTES_INIT;
    run(&s, script, cut, step, &events);
    if (strcmp((const char *)events.data, expected->text) != 0) {
        fail_msg("%s:%u: cut at %zu and every %zu bytes, the events were\n%s", e->path,
                 expected->line, cut, step, events.data);
    }
    bytes_release(&events);
    session_release(&s);
}

/* What the session writes: ```put blocks */

/* A frame as it would be with a mask key of zeros. */
static void unmask_frame(uint8_t *frame, size_t n) {
    struct ws_head h;
    size_t size = ws_head_parse(&h, frame, n);
    assert_true(size > 0);
    if (h.masked) {
        ws_mask(frame + size, n - size, h.mask, 0);
        memset(frame + size - sizeof(h.mask), 0, sizeof(h.mask));
    }
}

static int put(struct ws_session *s, const char *verb, const struct bytes *arg, unsigned code,
               uint8_t *dst, size_t *written) {
    if (strcmp(verb, "text") == 0 || strcmp(verb, "binary") == 0) {
        uint8_t opcode = verb[0] == 't' ? WS_OP_TEXT : WS_OP_BINARY;
        return session_put_message(s, opcode, arg->data, arg->len, dst, written);
    }
    if (strcmp(verb, "ping") == 0) {
        return session_put_ping(s, arg->data, arg->len, dst, written);
    }
    if (strcmp(verb, "pong") == 0) {
        return session_put_pong(s, arg->data, arg->len, dst, written);
    }
    assert_string_equal(verb, "close");
    return session_put_close(s, (uint16_t)code, (const char *)arg->data, arg->len, dst, written);
}

static bool check_put(struct ws_session *s, const char *line) {
    char verb[16] = "";
    unsigned code = WS_CLOSE_NO_STATUS;
    int at = 0;
    sscanf(line, "%15[a-z]%n %u%n", verb, &at, &code, &at);
    const char *p = skip_spaces(line + at);
    struct bytes arg = BYTES_INIT;
    if (*p == '"' && (!read_string(&p, &arg) || !read_repeat(&p, &arg, 0))) {
        return false;
    }
    p = skip_spaces(p);
    if (strncmp(p, "-> ", 3) != 0) {
        return false;
    }
    struct bytes out = BYTES_INIT;
    assert_int_equal(bytes_reserve(&out, WS_CONTROL_FRAME_MAX + session_message_bound(s, arg.len)),
                     TB_OK);
    int err = put(s, verb, &arg, code, out.data, &out.len);
    struct bytes expected = BYTES_INIT;
    bool as_said;
    if (strcmp(p + 3, "refused") == 0) {
        as_said = err == TB_EINVAL && out.len == 0;
    } else if (strcmp(p + 3, "nothing") == 0) {
        as_said = err == TB_OK && out.len == 0;
    } else {
        as_said = err == TB_OK && out.len > 0 && read_bytes(p + 3, &expected);
        if (as_said) {
            unmask_frame(out.data, out.len);
            as_said = out.len == expected.len && memcmp(out.data, expected.data, out.len) == 0;
        }
    }
    bytes_release(&expected);
    bytes_release(&out);
    bytes_release(&arg);
    return as_said;
}

static void check_puts(const struct example *e, const struct script *script) {
    const struct transcript_block *block = transcript_block(e->transcript, "put");
    if (block == NULL) {
        return;
    }
    struct ws_session s;
    session_init(&s, &script->config, &script->deflate);
    struct bytes events = BYTES_INIT;
    run(&s, script, script->wire.len, 1, &events);
    bytes_release(&events);
    char *text = strdup(block->text);
    assert_non_null(text);
    char *rest = text;
    unsigned number = block->line;
    for (char *line; *rest != '\0' && (line = strsep(&rest, "\n")) != NULL; number++) {
        if (!check_put(&s, line)) {
            fail_msg("%s:%u: not what is written: %s", e->path, number, line);
        }
    }
    free(text);
    session_release(&s);
}

static void test_example(void **state) {
    const struct example *e = *state;
    if (transcript_block(e->transcript, "events") == NULL) {
        fail_msg("%s:%u: no events are given", e->path, e->transcript->line);
    }
    struct script script;
    script_init(&script, e);
    size_t n = script.wire.len;
    check_run(e, &script, 0, 1);
    for (size_t cut = 0; cut <= n; cut++) {
        if (cut < EDGE || n - cut < EDGE || cut % STRIDE == 0) {
            check_run(e, &script, cut, n + 1);
        }
    }
    check_puts(e, &script);
    bytes_release(&script.wire);
}

/* Finding them */

struct suite {
    struct transcript_file *files;
    char **paths;
    size_t file_count;
    struct example *examples;
    struct CMUnitTest *tests;
    size_t count;
};

static int is_transcript(const struct dirent *entry) {
    const char *dot = strrchr(entry->d_name, '.');
    return dot != NULL && strcmp(dot, ".md") == 0 && strcmp(entry->d_name, "README.md") != 0;
}

static void *must(void *p) {
    if (p == NULL) {
        perror("transcripts");
        exit(1);
    }
    return p;
}

static void load_files(struct suite *suite, const char *folder) {
    struct dirent **entries;
    int found = scandir(folder, &entries, is_transcript, alphasort);
    if (found < 0) {
        perror(folder);
        exit(1);
    }
    suite->file_count = (size_t)found;
    suite->files = must(calloc((size_t)found + 1, sizeof(*suite->files)));
    suite->paths = must(calloc((size_t)found + 1, sizeof(*suite->paths)));
    for (size_t i = 0; i < suite->file_count; i++) {
        if (asprintf(&suite->paths[i], "%s/%s", folder, entries[i]->d_name) < 0 ||
            !transcript_file_load(&suite->files[i], suite->paths[i])) {
            exit(1);
        }
        free(entries[i]);
    }
    free(entries);
}

static void add_examples(struct suite *suite, const struct transcript_file *file) {
    size_t most = suite->count + file->count + 1;
    suite->examples = must(realloc(suite->examples, most * sizeof(*suite->examples)));
    for (size_t i = 0; i < file->count; i++) {
        if (transcript_block(&file->items[i], "wire") != NULL) {
            suite->examples[suite->count++] = (struct example){file->path, &file->items[i]};
        }
    }
}

static void make_tests(struct suite *suite) {
    suite->tests = must(calloc(suite->count + 1, sizeof(*suite->tests)));
    for (size_t i = 0; i < suite->count; i++) {
        suite->tests[i] = (struct CMUnitTest){.name = suite->examples[i].transcript->name,
                                              .test_func = test_example,
                                              .initial_state = &suite->examples[i]};
    }
}

static void suite_release(struct suite *suite) {
    for (size_t i = 0; i < suite->file_count; i++) {
        transcript_file_release(&suite->files[i]);
        free(suite->paths[i]);
    }
    free(suite->files);
    free(suite->paths);
    free(suite->examples);
    free(suite->tests);
}

int main(void) {
    struct suite suite = {0};
    load_files(&suite, TABURET_SOURCE_DIR "/tests/transcripts");
    for (size_t i = 0; i < suite.file_count; i++) {
        add_examples(&suite, &suite.files[i]);
    }
    make_tests(&suite);
    if (suite.count == 0) {
        fprintf(stderr, "no transcripts were found\n");
        return 1;
    }
    cache = must(ws_deflate_cache_new());
    int failed = _cmocka_run_group_tests("transcripts", suite.tests, suite.count, NULL, NULL);
    ws_deflate_cache_free(cache);
    suite_release(&suite);
    return failed;
}
