#include "app/dial/cookies.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "app/dial/words.h"
#include "base/err.h"
#include "base/file.h"
#include "base/units.h"
#include "net/host.h"
#include "proto/http1.h"

enum { FIELDS = 7 };

struct reader {
    struct cookies *cookies;
    const char *path;
    unsigned line; /* from 1 */
    struct bytes *message;
};

/* ---- reading ---- */

static int refuse_line(const struct reader *r, const char *why) {
    return words_refuse(r->message, "%s:%u: %s", file_shown_name(r->path), r->line, why);
}

/* Cuts the line at its tabs. The value, which is the last one, may be missing. */
static bool cut(char *line, const char *fields[FIELDS]) {
    size_t n = 0;
    for (char *p = line; p != NULL && n < FIELDS; n++) {
        fields[n] = p;
        p = strchr(p, '\t');
        if (p != NULL) {
            *p++ = '\0';
        }
        if (p != NULL && n == FIELDS - 1) {
            return false;
        }
    }
    if (n == FIELDS - 1) {
        fields[n++] = "";
    }
    return n == FIELDS;
}

static bool read_bool(const char *word, bool *value) {
    *value = strcasecmp(word, "TRUE") == 0;
    return *value || strcasecmp(word, "FALSE") == 0;
}

/* Some tools write -1 for a cookie that ends with the session. */
static bool read_time(const char *word, time_t *value) {
    uint64_t seconds = 0;
    bool good = strcmp(word, "-1") == 0 || units_count(word, 0, INT64_MAX, &seconds) == TB_OK;
    *value = (time_t)seconds;
    return good;
}

/* A ';' would begin another cookie. */
static bool is_pair(const struct cookie *c) {
    return c->name[0] != '\0' && strpbrk(c->name, "=;") == NULL && strchr(c->value, ';') == NULL &&
           http1_is_value(c->name) && http1_is_value(c->value);
}

static int understand(const struct reader *r, struct cookie *c) {
    const char *f[FIELDS];
    bool below;
    if (!cut(c->text, f)) {
        return refuse_line(r, "a line of a cookie file has seven fields with a tab between");
    }
    bool dotted = f[0][0] == '.';
    c->domain = f[0] + dotted;
    c->path = f[2];
    c->name = f[5];
    c->value = f[6];
    if (!read_bool(f[1], &below) || !read_bool(f[3], &c->secure)) {
        return refuse_line(r, "the second and the fourth field of a cookie are TRUE or FALSE");
    }
    if (!read_time(f[4], &c->ends)) {
        return refuse_line(r, "the fifth field of a cookie is a time in seconds");
    }
    c->below = below || dotted;
    return is_pair(c) ? TB_OK : refuse_line(r, "the cookie cannot be sent (its name or value)");
}

static int add(const struct reader *r, const char *p, size_t n) {
    struct cookies *all = r->cookies;
    struct cookie c = {.text = malloc(n + 1)};
    struct cookie *items = realloc(all->items, (all->count + 1) * sizeof *items);
    all->items = items != NULL ? items : all->items;
    if (c.text == NULL || items == NULL) {
        free(c.text);
        return TB_ENOMEM;
    }
    memcpy(c.text, p, n);
    c.text[n] = '\0';
    int err = understand(r, &c);
    if (err != TB_OK) {
        free(c.text);
        return err;
    }
    all->items[all->count++] = c;
    return TB_OK;
}

static int take_line(const struct reader *r, const char *p, size_t n) {
    static const char http_only[] = "#HttpOnly_";
    size_t mark = sizeof http_only - 1;
    if (memchr(p, '\0', n) != NULL) {
        return refuse_line(r, "a NUL byte");
    }
    n -= n > 0 && p[n - 1] == '\r';
    if (n > mark && memcmp(p, http_only, mark) == 0) {
        return add(r, p + mark, n - mark);
    }
    return n == 0 || p[0] == '#' ? TB_OK : add(r, p, n);
}

static int take_lines(struct reader *r, const char *p, size_t n) {
    const char *end = p + n;
    int err = TB_OK;
    while (err == TB_OK && p < end) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        const char *stop = newline != NULL ? newline : end;
        r->line++;
        err = take_line(r, p, (size_t)(stop - p));
        p = newline != NULL ? newline + 1 : end;
    }
    return err;
}

int cookies_read(struct cookies *c, const char *path, struct bytes *message) {
    struct reader r = {.cookies = c, .path = path, .message = message};
    struct bytes content = BYTES_INIT;
    int err = file_read(path, &content, message);
    if (err == TB_OK && content.len > 0) {
        err = take_lines(&r, (const char *)content.data, content.len);
    }
    bytes_release(&content);
    return err;
}

/* ---- choosing ---- */

static bool is_address(const struct url *u) {
    struct host_address ignored;
    return u->ipv6 || host_parse(&ignored, u->host, 0) == TB_OK;
}

/* RFC 6265 s.5.1.3. */
static bool fits_domain(const struct cookie *c, const struct url *u) {
    size_t host = strlen(u->host), domain = strlen(c->domain);
    if (host_is_same(u->host, c->domain)) {
        return true;
    }
    return c->below && domain > 0 && host > domain && u->host[host - domain - 1] == '.' &&
           host_is_same(u->host + host - domain, c->domain) && !is_address(u);
}

/* RFC 6265 s.5.1.4. */
static bool fits_path(const struct cookie *c, const struct url *u) {
    size_t path = strcspn(u->target, "?"), n = strlen(c->path);
    if (n > path || strncmp(u->target, c->path, n) != 0) {
        return false;
    }
    return n == 0 || n == path || c->path[n - 1] == '/' || u->target[n] == '/';
}

/* What goes to our own machine is as safe as TLS, as curl and browsers have it. */
static bool is_safe(const struct url *u) {
    return u->secure || host_is_localhost(u->host) || strcmp(u->host, "127.0.0.1") == 0 ||
           strcmp(u->host, "::1") == 0;
}

static bool fits(const struct cookie *c, const struct url *u, time_t now) {
    return (c->ends == 0 || c->ends > now) && (!c->secure || is_safe(u)) && fits_domain(c, u) &&
           fits_path(c, u);
}

/* Longer paths first, then as they stand in the file (RFC 6265 s.5.4 no. 2). */
static int compare(const void *a, const void *b) {
    const struct cookie *x = *(const struct cookie *const *)a;
    const struct cookie *y = *(const struct cookie *const *)b;
    size_t m = strlen(x->path), n = strlen(y->path);
    if (m != n) {
        return m > n ? -1 : 1;
    }
    return x < y ? -1 : x > y;
}

static int append(const struct cookie *c, struct bytes *out) {
    return bytes_appendf(out, "%s%s=%s", out->len > 0 ? "; " : "", c->name, c->value);
}

int cookies_append(const struct cookies *c, const struct url *url, time_t now, struct bytes *out) {
    size_t count = 0;
    const struct cookie **chosen = malloc((c->count + 1) * sizeof *chosen);
    if (chosen == NULL) {
        return TB_ENOMEM;
    }
    for (size_t i = 0; i < c->count; i++) {
        if (fits(&c->items[i], url, now)) {
            chosen[count++] = &c->items[i];
        }
    }
    qsort(chosen, count, sizeof *chosen, compare);
    int err = TB_OK;
    for (size_t i = 0; i < count && err == TB_OK; i++) {
        err = append(chosen[i], out);
    }
    free(chosen);
    return err;
}

void cookies_release(struct cookies *c) {
    for (size_t i = 0; i < c->count; i++) {
        free(c->items[i].text);
    }
    free(c->items);
    *c = (struct cookies){NULL, 0};
}
