#include <stdlib.h>

#include "base/err.h"
#include "base/text.h"
#include "script/names.h"
#include "script/path.h"
#include "script/reader.h"
#include "script/variable.h"

/* What is shown of a word at the most, and the longest that a known one is sought for. */
enum { WORD_MAX = 80 };

/* Where a variable is known. */
enum place { ANYWHERE, SERVER };

/* Those whose name is all of them. */
static const struct plain {
    const char *name;
    enum variable_kind kind;
    enum place place;
} plains[] = {
    {"text", VARIABLE_TEXT, ANYWHERE},
    {"n", VARIABLE_N, ANYWHERE},
    {"conn.id", VARIABLE_CONN_ID, SERVER},
    {"conn.addr", VARIABLE_CONN_ADDR, SERVER},
    {"now", VARIABLE_NOW, ANYWHERE},
    {"now.ms", VARIABLE_NOW_MS, ANYWHERE},
    {"uuid", VARIABLE_UUID, ANYWHERE},
    {"fake.name", VARIABLE_FAKE_NAME, ANYWHERE},
    {"fake.email", VARIABLE_FAKE_EMAIL, ANYWHERE},
    {"fake.word", VARIABLE_FAKE_WORD, ANYWHERE},
};

enum { PLAIN_COUNT = sizeof(plains) / sizeof(*plains) };

/* Those that end with a name that is not ours. */
static const struct group {
    const char *prefix;
    enum variable_kind kind;
    enum place place;
    bool hyphens; /* may stand in the name */
} groups[] = {
    {"path.", VARIABLE_PATH, SERVER, true},
    {"query.", VARIABLE_QUERY, SERVER, true},
    {"header.", VARIABLE_HEADER, SERVER, true},
    {"env.", VARIABLE_ENV, ANYWHERE, false},
};

enum { GROUP_COUNT = sizeof(groups) / sizeof(*groups) };

/* ---- mistakes ---- */

static int shown(size_t n) {
    return n < WORD_MAX ? (int)n : WORD_MAX;
}

/* Of words that are known whole. */
static const char *nearest_whole(const char *word) {
    static const char *const functions[] = {"random", "fake.int", "fake.float"};
    enum { FUNCTIONS = sizeof(functions) / sizeof(*functions) };
    const char *known[PLAIN_COUNT + FUNCTIONS];
    for (size_t i = 0; i < PLAIN_COUNT; i++) {
        known[i] = plains[i].name;
    }
    memcpy(known + PLAIN_COUNT, functions, sizeof(functions));
    return text_nearest(word, known, PLAIN_COUNT + FUNCTIONS);
}

/* Of what may stand in front of a point. */
static const char *nearest_head(const struct cursor *c, const char *head) {
    static const char *const heads[] = {"json", "path", "query", "header", "env"};
    size_t clients = 0;
    while (c->r->clients != NULL && c->r->clients[clients] != NULL) {
        clients++;
    }
    const char *nearest = clients == 0 ? NULL : text_nearest(head, c->r->clients, clients);
    return nearest != NULL ? nearest : text_nearest(head, heads, sizeof(heads) / sizeof(*heads));
}

/* The n bytes at `at` are none that we know; `what` they are not: "variable". */
static int refuse_unknown(const struct cursor *c, size_t at, size_t n, const char *what) {
    char word[WORD_MAX + 1] = {0};
    char head[WORD_MAX + 1] = {0};
    memcpy(word, c->node->text + at, (size_t)shown(n));
    const char *nearest = nearest_whole(word);
    const char *rest = "";
    if (nearest == NULL && strchr(word, '.') != NULL) {
        rest = strchr(word, '.');
        memcpy(head, word, (size_t)(rest - word));
        nearest = nearest_head(c, head);
    }
    if (nearest == NULL) {
        return reader_refuse_at(c->r, c->node, at, "unknown %s '%s'", what, word);
    }
    return reader_refuse_at(c->r, c->node, at, "unknown %s '%s' (did you mean '%s%s'?)", what, word,
                            nearest, rest);
}

/* A word that only begins a variable. */
static int refuse_half(const struct cursor *c, size_t at, size_t n) {
    static const char *const wholes[][2] = {
        {"conn", "conn.id or conn.addr"},
        {"path", "path.NAME"},
        {"query", "query.NAME"},
        {"header", "header.NAME"},
        {"env", "env.NAME"},
        {"random", "random(1,6)"},
        {"fake", "fake.name or fake.word"},
        {"fake.int", "fake.int(1,6)"},
        {"fake.float", "fake.float(0,1)"},
    };
    const char *text = c->node->text + at;
    while (n > 0 && text[n - 1] == '.') {
        n--;
    }
    for (size_t i = 0; i < sizeof(wholes) / sizeof(*wholes); i++) {
        if (strlen(wholes[i][0]) == n && memcmp(wholes[i][0], text, n) == 0) {
            return reader_refuse_at(c->r, c->node, at, "'%s' wants more, as in %s", wholes[i][0],
                                    wholes[i][1]);
        }
    }
    return TB_OK;
}

static int check_place(const struct cursor *c, size_t at, size_t n, enum place place) {
    if (place == ANYWHERE || c->r->clients == NULL) {
        return TB_OK;
    }
    return reader_refuse_at(c->r, c->node, at,
                            "'%.*s' is unknown here: only a server's rules have it", shown(n),
                            c->node->text + at);
}

/* ---- kinds ---- */

/* Up to where a path goes on from `at`. What it says is not judged here. */
static size_t path_end(const struct cursor *c, size_t at) {
    const char *text = c->node->text;
    while (at < c->end && (text[at] == '.' || text[at] == '[')) {
        if (text[at++] == '.') {
            while (at < c->end && (cursor_is_word(text[at]) || text[at] == '*' ||
                                   (unsigned char)text[at] >= 0x80)) {
                at++;
            }
            continue;
        }
        char quote = '\0';
        for (; at < c->end && (quote != '\0' || text[at] != ']'); at++) {
            if (quote == '\0') {
                quote = text[at] == '\'' || text[at] == '"' ? text[at] : '\0';
            } else if (text[at] == '\\' && at + 1 < c->end) {
                at++;
            } else if (text[at] == quote) {
                quote = '\0';
            }
        }
        at += at < c->end ? 1 : 0;
    }
    return at;
}

static int read_json(struct cursor *c, struct variable *v) {
    size_t from = c->at + strlen("json");
    size_t offset;
    const char *why;
    c->at = path_end(c, from);
    v->kind = VARIABLE_JSON;
    if (c->at == from) {
        return TB_OK;
    }
    int err =
        path_compile_tail(c->r->arena, c->node->text + from, c->at - from, &v->path, &offset, &why);
    if (err == TB_EINVAL) {
        return reader_refuse_at(c->r, c->node, from + offset, "not a path: %s", why);
    }
    return err;
}

static int read_group(struct cursor *c, struct variable *v, const struct group *group) {
    size_t start = c->at;
    size_t from = start + strlen(group->prefix);
    const char *text = c->node->text;
    for (c->at = from;
         cursor_is_word(cursor_next(c)) || (group->hyphens && cursor_next(c) == '-');) {
        c->at++;
    }
    if (c->at == from) {
        return refuse_half(c, start, from - start);
    }
    v->kind = group->kind;
    c->r->reads_head =
        c->r->reads_head || group->kind == VARIABLE_QUERY || group->kind == VARIABLE_HEADER;
    v->name = arena_text(c->r->arena, text + from, c->at - from);
    return v->name == NULL ? TB_ENOMEM : check_place(c, start, c->at - start, group->place);
}

static bool is_name(const char *p, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (!cursor_is_word(p[i])) {
            return false;
        }
    }
    return n > 0 && !ascii_is_digit(p[0]) && !names_is_reserved(p, n);
}

/* A name of a client and a point stand next. */
static bool sees_client(const struct cursor *c, struct variable *v, size_t *size) {
    for (unsigned i = 0; c->r->clients != NULL && c->r->clients[i] != NULL; i++) {
        size_t n = strlen(c->r->clients[i]);
        if (cursor_sees(c, c->r->clients[i]) && c->at + n < c->end &&
            c->node->text[c->at + n] == '.') {
            v->client = i;
            *size = n;
            return true;
        }
    }
    return false;
}

static size_t word_size(const struct cursor *c) {
    size_t at = c->at;
    const char *text = c->node->text;
    while (at < c->end &&
           (cursor_is_word(text[at]) || text[at] == '.' || (unsigned char)text[at] >= 0x80)) {
        at++;
    }
    return at - c->at;
}

static int read_client(struct cursor *c, struct variable *v, size_t size) {
    size_t start = c->at;
    c->at += size + 1;
    size_t from = c->at;
    size_t n = word_size(c);
    c->at += n;
    v->kind = VARIABLE_CLIENT;
    if (!is_name(c->node->text + from, n)) {
        return reader_refuse_at(c->r, c->node, start,
                                "unknown variable '%.*s' (of a client, only what it has set or "
                                "saved is known)",
                                shown(c->at - start), c->node->text + start);
    }
    return names_refer(c->r, c->node, from, c->node->text + from, n, &v->slot);
}

static int read_plain(struct cursor *c, struct variable *v) {
    size_t at = c->at;
    size_t n = word_size(c);
    const char *text = c->node->text + at;
    c->at += n;
    for (size_t i = 0; i < PLAIN_COUNT; i++) {
        if (strlen(plains[i].name) == n && memcmp(plains[i].name, text, n) == 0) {
            v->kind = plains[i].kind;
            c->r->reads_address = c->r->reads_address || v->kind == VARIABLE_CONN_ADDR;
            c->r->takes_chance = c->r->takes_chance || v->kind == VARIABLE_UUID ||
                                 strncmp(plains[i].name, "fake.", 5) == 0;
            return check_place(c, at, n, plains[i].place);
        }
    }
    if (is_name(text, n) && cursor_next(c) != '(') {
        v->kind = VARIABLE_OWN;
        return names_refer(c->r, c->node, at, text, n, &v->slot);
    }
    int err = refuse_half(c, at, n);
    return err != TB_OK ? err
                        : refuse_unknown(c, at, n, cursor_next(c) == '(' ? "function" : "variable");
}

static int read_any(struct cursor *c, struct variable *v) {
    size_t client;
    if (sees_client(c, v, &client)) {
        return read_client(c, v, client);
    }
    for (size_t i = 0; i < GROUP_COUNT; i++) {
        if (cursor_sees(c, groups[i].prefix)) {
            return read_group(c, v, &groups[i]);
        }
    }
    if (cursor_sees(c, "json") &&
        (c->at + 4 == c->end || !cursor_is_word(c->node->text[c->at + 4]))) {
        return read_json(c, v);
    }
    return read_plain(c, v);
}

int variable_read(struct cursor *c, struct variable *v) {
    size_t start = c->at;
    *v = (struct variable){0};
    int err = read_any(c, v);
    if (err == TB_OK) {
        v->shown = arena_text(c->r->arena, c->node->text + start, c->at - start);
        err = v->shown == NULL ? TB_ENOMEM : TB_OK;
    }
    return err;
}
