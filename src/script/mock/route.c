#include "script/mock/route.h"

#include <string.h>

#include "base/encoding.h"
#include "base/err.h"
#include "script/reader.h"

/* A segment of the pattern. */
struct segment {
    const char *text; /* what it says, or the name in braces */
    size_t size;
    bool is_part;
};

struct route {
    const char *text;
    const struct segment *segments;
    size_t count;
    bool has_rest; /* ** stands at the end */
};

const char *route_text(const struct route *route) {
    return route->text;
}

/* ---- reading ---- */

static size_t segment_size(const char *p) {
    return strcspn(p, "/");
}

static bool is_name(const char *p, size_t n) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
    return n > 0 && strspn(p, letters) >= n && strchr("0123456789", p[0]) == NULL;
}

static bool is_taken(const struct segment *segments, size_t count, const char *p, size_t n) {
    for (size_t i = 0; i < count; i++) {
        if (segments[i].is_part && segments[i].size == n && memcmp(segments[i].text, p, n) == 0) {
            return true;
        }
    }
    return false;
}

static int read_part(struct reader *r, const struct node *key, struct segment *segments,
                     size_t count, const char *p, size_t n) {
    size_t offset = (size_t)(p - key->text);
    if (p[n - 1] != '}' || !is_name(p + 1, n - 2)) {
        return reader_refuse_at(r, key, offset,
                                "'%.*s' is no name in braces, such as {symbol}: it takes a whole "
                                "segment, and has letters, digits and _",
                                (int)n, p);
    }
    if (is_taken(segments, count, p + 1, n - 2)) {
        return reader_refuse_at(r, key, offset, "the name '%.*s' comes twice", (int)(n - 2), p + 1);
    }
    const char *name = arena_text(r->arena, p + 1, n - 2);
    segments[count] = (struct segment){.text = name, .size = n - 2, .is_part = true};
    return name != NULL ? TB_OK : TB_ENOMEM;
}

/* A segment may be written as it stands in a URL. */
static int read_literal(struct reader *r, const struct node *key, struct segment *s, const char *p,
                        size_t n) {
    char *text = arena_text(r->arena, p, n);
    if (text == NULL) {
        return TB_ENOMEM;
    }
    s->text = text;
    for (size_t i = 0, step; i < n; i += step) {
        char *c = &text[s->size++];
        step = percent_decode_one(p + i, n - i, c);
        if (step == 0 || *c == '\0') {
            return reader_refuse_at(r, key, (size_t)(p + i - key->text),
                                    "behind %% stand two hexadecimal digits, which are not 00 "
                                    "(%%25 is %% itself)");
        }
    }
    return TB_OK;
}

/* Adds the segment p[0..n) of the key, which is not "**". */
static int read_segment(struct reader *r, const struct node *key, struct segment *segments,
                        size_t count, const char *p, size_t n) {
    if (n > 0 && p[0] == '{') {
        return read_part(r, key, segments, count, p, n);
    }
    const char *foreign = p + strcspn(p, "{}*?#");
    if (foreign < p + n) {
        return reader_refuse_at(r, key, (size_t)(foreign - key->text),
                                "'%c' cannot stand here: a route has whole segments in braces, "
                                "such as /feed/{symbol}, and ** at its end",
                                *foreign);
    }
    return read_literal(r, key, &segments[count], p, n);
}

static size_t count_segments(const char *text) {
    size_t count = 0;
    for (; *text != '\0'; text++) {
        count += *text == '/';
    }
    return count;
}

static int read_segments(struct reader *r, const struct node *key, struct route *route,
                         struct segment *segments) {
    size_t parts = 0;
    int err = TB_OK;
    for (const char *p = key->text; *p == '/' && err == TB_OK;) {
        size_t n = segment_size(++p);
        if (n == 2 && memcmp(p, "**", 2) == 0 && p[2] == '\0') {
            route->has_rest = true;
            break;
        }
        err = read_segment(r, key, segments, route->count, p, n);
        parts += err == TB_OK && segments[route->count].is_part;
        route->count++;
        p += n;
    }
    if (err == TB_OK && parts > ROUTE_PARTS_MAX) {
        err = reader_refuse(r, key, "a route has %d names in braces at most", ROUTE_PARTS_MAX);
    }
    return err;
}

int route_read(struct reader *r, const struct node *key, const struct route **route) {
    struct route *made = arena_alloc(r->arena, sizeof *made);
    struct segment *segments =
        arena_alloc(r->arena, (count_segments(key->text) + 1) * sizeof *segments);
    if (made == NULL || segments == NULL) {
        return TB_ENOMEM;
    }
    if (key->text[0] != '/') {
        return reader_refuse(r, key, "'%s' is no route: it begins with /", key->text);
    }
    made->text = key->text;
    made->segments = segments;
    *route = made;
    return read_segments(r, key, made, segments);
}

int route_read_all(struct reader *r, const struct route **route) {
    struct route *made = arena_alloc(r->arena, sizeof *made);
    if (made == NULL) {
        return TB_ENOMEM;
    }
    made->text = "/**";
    made->has_rest = true;
    *route = made;
    return TB_OK;
}

static bool is_same_segment(const struct segment *a, const struct segment *b) {
    return a->is_part == b->is_part &&
           (a->is_part || (a->size == b->size && memcmp(a->text, b->text, a->size) == 0));
}

bool route_is_same(const struct route *a, const struct route *b) {
    bool same = a->count == b->count && a->has_rest == b->has_rest;
    for (size_t i = 0; same && i < a->count; i++) {
        same = is_same_segment(&a->segments[i], &b->segments[i]);
    }
    return same;
}

/* ---- matching ---- */

/* The path of a target, from its first slash to the query. */
static struct http1_str path_of(struct http1_str target) {
    struct http1_str path = target;
    if (path.n > 0 && path.p[0] != '/') { /* http://host/path (RFC 9112 s.3.2.2) */
        const char *host = memmem(path.p, path.n, "://", 3);
        const char *from = host == NULL ? NULL : host + 3;
        const char *slash =
            from == NULL ? NULL : memchr(from, '/', (size_t)(path.p + path.n - from));
        const char *begin = slash == NULL ? path.p + path.n : slash;
        path = (struct http1_str){.p = begin, .n = (size_t)(path.p + path.n - begin)};
    }
    const char *query = path.n > 0 ? memchr(path.p, '?', path.n) : NULL;
    path.n = query == NULL ? path.n : (size_t)(query - path.p);
    return path.n > 0 ? path : (struct http1_str){.p = "/", .n = 1};
}

/* Appends a segment of the path, decoded; *size gets its size. */
static int decode(struct bytes *text, const char *p, size_t n, size_t *size) {
    size_t before = text->len;
    int err = bytes_reserve(text, n);
    for (size_t i = 0, step; err == TB_OK && i < n; i += step) {
        char c;
        step = percent_decode_one(p + i, n - i, &c);
        if (step == 0 || c == '\0') {
            return TB_EINVAL;
        }
        text->data[text->len++] = (uint8_t)c;
    }
    *size = text->len - before;
    return err;
}

/* What was decoded so far may have moved: pointers are made at the end. */
struct walk {
    struct bytes text;
    size_t offsets[ROUTE_PARTS_MAX];
    size_t sizes[ROUTE_PARTS_MAX];
    const char *names[ROUTE_PARTS_MAX];
    size_t count;
};

static void take_part(struct walk *w, const struct segment *s, size_t offset, size_t size) {
    w->names[w->count] = s->text;
    w->offsets[w->count] = offset;
    w->sizes[w->count] = size;
    w->count++;
}

/* Whether the segment p[0..n) of a path is what the route wants. *err says that memory was out. */
static bool takes_segment(struct walk *w, const struct segment *s, const char *p, size_t n,
                          int *err) {
    size_t offset = w->text.len;
    size_t size = 0;
    *err = decode(&w->text, p, n, &size);
    if (*err != TB_OK) {
        return false;
    }
    if (s->is_part) {
        take_part(w, s, offset, size);
        return size > 0;
    }
    return size == s->size && (size == 0 || memcmp(w->text.data + offset, s->text, size) == 0);
}

static bool takes_path(const struct route *route, struct http1_str path, struct walk *w, int *err) {
    const char *p = path.p;
    const char *end = path.p + path.n;
    for (size_t i = 0; i < route->count; i++) {
        if (p == end || *p != '/') {
            return false;
        }
        p++;
        const char *slash = memchr(p, '/', (size_t)(end - p));
        size_t n = (size_t)((slash == NULL ? end : slash) - p);
        if (!takes_segment(w, &route->segments[i], p, n, err)) {
            return false;
        }
        p += n;
    }
    return p == end || (route->has_rest && *p == '/');
}

/* The names are copied as well: the parts may outlive the route. */
static int give_parts(struct route_parts *parts, struct walk *w) {
    size_t names[ROUTE_PARTS_MAX] = {0};
    for (size_t i = 0; i < w->count; i++) {
        names[i] = w->text.len;
        if (bytes_append(&w->text, w->names[i], strlen(w->names[i]) + 1) != TB_OK) {
            return TB_ENOMEM;
        }
    }
    parts->text = w->text;
    parts->count = w->count;
    const char *text = (const char *)w->text.data;
    for (size_t i = 0; i < w->count; i++) {
        parts->items[i] = (struct path_part){
            .name = text + names[i], .value = text + w->offsets[i], .size = w->sizes[i]};
    }
    w->text = (struct bytes)BYTES_INIT;
    return TB_OK;
}

bool route_takes(const struct route *route, struct http1_str target, struct route_parts *parts,
                 bool *nomem) {
    struct walk w = {.text = BYTES_INIT};
    int err = TB_OK;
    bool takes = takes_path(route, path_of(target), &w, &err);
    if (takes && parts != NULL) {
        err = give_parts(parts, &w);
    }
    bytes_release(&w.text);
    *nomem = err == TB_ENOMEM;
    return takes && err == TB_OK;
}
