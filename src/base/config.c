#include "base/config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"

/* The values of one file, each with its NUL. A line of the file is always longer than its value,
 * but perhaps the last one, so the file's size and one more byte are enough. */
struct config_values {
    struct config_values *next;
    size_t used;
    char text[];
};

struct reader {
    const struct option *table;
    void *settings;
    struct config *config;
    struct bytes *message;
    const char *path;
    unsigned line;     /* the line's number, from 1 */
    const char *start; /* where it begins */
    const char *end;   /* where it ends, without CR LF */
    const char *at;    /* what is looked at */
};

/* ---- the parts of a line ---- */

static bool is_space(char c) {
    return c == ' ' || c == '\t';
}

static void skip_spaces(struct reader *r) {
    while (r->at < r->end && is_space(*r->at)) {
        r->at++;
    }
}

static bool is_name_end(char c) {
    return is_space(c) || c == '=' || c == ':';
}

static void skip_name(struct reader *r) {
    while (r->at < r->end && !is_name_end(*r->at)) {
        r->at++;
    }
}

/* What stands between a name and its value. */
static void skip_separator(struct reader *r) {
    skip_spaces(r);
    if (r->at < r->end && (*r->at == '=' || *r->at == ':')) {
        r->at++;
        skip_spaces(r);
    }
}

/* Where the value begins, or would. */
static const char *find_value(const struct reader *r) {
    struct reader from_start = *r;
    from_start.at = r->start;
    skip_spaces(&from_start);
    skip_name(&from_start);
    skip_separator(&from_start);
    return from_start.at;
}

/* ---- what is wrong in a line ---- */

static size_t count_characters(const char *p, size_t n) {
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        count += ((unsigned char)p[i] & 0xc0) != 0x80;
    }
    return count;
}

/* Adds what stands before r->at, then token more bytes, and a caret below their first. A value is
 * not shown: it may be a password. The caret then stands where the value begins. */
static int point_at(struct reader *r, size_t token) {
    struct bytes shown = BYTES_INIT;
    const char *value = find_value(r);
    const char *at = r->at < value ? r->at : value;
    const char *end = r->at + token < value ? r->at + token : value;
    int err = text_escape(&shown, r->start, (size_t)(at - r->start), TEXT_ONE_LINE);
    size_t column = count_characters((const char *)shown.data, shown.len);
    err = err == TB_OK ? text_escape(&shown, at, (size_t)(end - at), TEXT_ONE_LINE) : err;
    if (err == TB_OK) {
        const char *rest = end < r->end ? "..." : "";
        err = bytes_appendf(r->message, "\n  %.*s%s\n  %*s^", (int)shown.len,
                            (const char *)shown.data, rest, (int)column, "");
    }
    bytes_release(&shown);
    return err;
}

/* what is one line, safe for a terminal; it is about the token at r->at. */
static int refuse_at(struct reader *r, size_t token, const char *what) {
    const char *path = file_shown_name(r->path);
    size_t column = count_characters(r->start, (size_t)(r->at - r->start)) + 1;
    int err = text_escape(r->message, path, strlen(path), TEXT_ONE_LINE);
    if (err == TB_OK) {
        err = bytes_appendf(r->message, ":%u:%zu: %s", r->line, column, what);
    }
    err = err == TB_OK ? point_at(r, token) : err;
    return err == TB_OK ? TB_EINVAL : err;
}

/* ---- a line ---- */

static void keep(struct reader *r, char c) {
    struct config_values *values = r->config->values;
    values->text[values->used++] = c;
}

/* The character that stands behind a backslash, or NUL. */
static char unescape(char c) {
    static const char escapes[] = "\"\\ntrv";
    static const char meant[] = "\"\\\n\t\r\v";
    const char *found = memchr(escapes, c, sizeof(escapes) - 1);
    return found != NULL ? meant[found - escapes] : '\0';
}

static int take_escape(struct reader *r) {
    char c = r->end - r->at > 1 ? unescape(r->at[1]) : '\0';
    if (c == '\0') {
        return refuse_at(r, 1, "an unknown escape (known are \\\" \\\\ \\n \\t \\r \\v)");
    }
    keep(r, c);
    r->at += 2;
    return TB_OK;
}

static int take_quoted(struct reader *r) {
    const char *quote = r->at++;
    while (r->at < r->end && *r->at != '"') {
        if (*r->at != '\\') {
            keep(r, *r->at++);
            continue;
        }
        int err = take_escape(r);
        if (err != TB_OK) {
            return err;
        }
    }
    if (r->at == r->end) {
        r->at = quote;
        return refuse_at(r, 1, "this quote has no end on its line");
    }
    r->at++;
    return TB_OK;
}

static void take_plain(struct reader *r) {
    while (r->at < r->end && !is_space(*r->at)) {
        keep(r, *r->at++);
    }
}

/* Behind a value stand only spaces and a comment. */
static int check_rest(struct reader *r, bool quoted) {
    bool spaced = r->at < r->end && is_space(*r->at);
    skip_spaces(r);
    if (r->at == r->end || (spaced && *r->at == '#')) {
        return TB_OK;
    }
    return refuse_at(r, 0,
                     quoted ? "something stands behind the quoted value"
                            : "a value with a space in it needs quotes around it");
}

/* *value becomes NULL where the line has none. */
static int take_value(struct reader *r, const char **value) {
    *value = NULL;
    if (r->at == r->end || *r->at == '#') {
        return TB_OK;
    }
    struct config_values *values = r->config->values;
    *value = values->text + values->used;
    bool quoted = *r->at == '"';
    int err = TB_OK;
    if (quoted) {
        err = take_quoted(r);
    } else {
        take_plain(r);
    }
    keep(r, '\0');
    return err == TB_OK ? check_rest(r, quoted) : err;
}

/* Sets the option name[0..len). What is wrong with it or its value is shown at the name. */
static int set_option(struct reader *r, const char *name, size_t len, const char *value) {
    struct bytes what = BYTES_INIT;
    int err = options_set(r->table, r->settings, name, len, value, &what);
    if (err == TB_EINVAL) {
        r->at = name;
        err = bytes_append(&what, "", 1);
        err = err == TB_OK ? refuse_at(r, len, (const char *)what.data) : err;
    }
    bytes_release(&what);
    return err;
}

static int read_line(struct reader *r) {
    size_t size = r->end > r->start ? (size_t)(r->end - r->start) : 0;
    const char *nul = size > 0 ? memchr(r->start, '\0', size) : NULL;
    if (nul != NULL) {
        r->at = nul;
        return refuse_at(r, 0, "a NUL byte");
    }
    skip_spaces(r);
    if (r->at == r->end || *r->at == '#') {
        return TB_OK;
    }
    const char *name = r->at;
    skip_name(r);
    size_t len = (size_t)(r->at - name);
    const char *value;
    skip_separator(r);
    int err = take_value(r, &value);
    return err == TB_OK ? set_option(r, name, len, value) : err;
}

/* ---- a file ---- */

static int read_lines(struct reader *r, const char *p, const char *end) {
    int err = TB_OK;
    while (err == TB_OK && p < end) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        r->line++;
        r->start = r->at = p;
        r->end = newline != NULL ? newline : end;
        p = newline != NULL ? newline + 1 : end;
        if (r->end > r->start && r->end[-1] == '\r') {
            r->end--;
        }
        err = read_line(r);
    }
    return err;
}

static int add_values(struct config *c, size_t size) {
    struct config_values *values = malloc(sizeof(*values) + size);
    if (values == NULL) {
        return TB_ENOMEM;
    }
    values->next = c->values;
    values->used = 0;
    c->values = values;
    return TB_OK;
}

static int read_text(struct reader *r, const struct bytes *text) {
    static const char mark[] = "\xef\xbb\xbf";
    int err = add_values(r->config, text->len + 1);
    if (err != TB_OK || text->len == 0) {
        return err;
    }
    const char *p = (const char *)text->data;
    const char *end = p + text->len;
    bool marked = text->len >= 3 && memcmp(p, mark, 3) == 0;
    return read_lines(r, marked ? p + 3 : p, end);
}

int config_read(const struct option *table, void *settings, void *slot, const char *path,
                struct bytes *message) {
    struct reader r = {
        .table = table, .settings = settings, .config = slot, .message = message, .path = path};
    if (r.config->reading) {
        int err = bytes_append_str(message, "a configuration file cannot name another one");
        return err == TB_OK ? TB_EINVAL : err;
    }
    struct bytes text = BYTES_INIT;
    int err = file_read(path, &text, message);
    if (err == TB_OK) {
        r.config->reading = true;
        err = read_text(&r, &text);
        r.config->reading = false;
    }
    bytes_release(&text);
    return err;
}

void config_release(struct config *c) {
    while (c->values != NULL) {
        struct config_values *values = c->values;
        c->values = values->next;
        free(values);
    }
}
