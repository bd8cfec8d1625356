#include <string.h>

#include "base/err.h"
#include "proto/url_parts.h"

static int copy(char **to, const char *from) {
    return from != NULL ? url_copy(to, from, strlen(from)) : TB_OK;
}

/* All of base but its target. */
static int copy_authority(struct url *u, const struct url *base) {
    u->secure = base->secure;
    u->ipv6 = base->ipv6;
    u->port = base->port;
    u->port_given = base->port_given;
    int err = copy(&u->host, base->host);
    err = err == TB_OK ? copy(&u->user, base->user) : err;
    err = err == TB_OK ? copy(&u->password, base->password) : err;
    return err == TB_OK ? copy(&u->unix_path, base->unix_path) : err;
}

/* Returns how much of a base's target stands before a reference that has no host: nothing, its
 * path, its path up to the last slash, or all of it (RFC 3986 s.5.2.2, s.5.2.3). */
static size_t kept_of(const char *target, const char *reference) {
    size_t path = strcspn(target, "?");
    switch (reference[0]) {
    case '/':
        return 0;
    case '?':
        return path;
    case '#':
    case '\0':
        return strlen(target);
    default:
        break;
    }
    while (target[path - 1] != '/') {
        path--;
    }
    return path;
}

static int take_merged(const struct url_reader *r, const char *target) {
    struct bytes merged = BYTES_INIT;
    int err = bytes_append(&merged, target, kept_of(target, r->text));
    err = err == TB_OK ? bytes_append_str(&merged, r->text) : err;
    err = err == TB_OK ? bytes_append(&merged, "", 1) : err;
    err = err == TB_OK ? url_take_target(r, (const char *)merged.data) : err;
    bytes_release(&merged);
    return err;
}

static bool is_segment(const char *segment, size_t n, const char *name) {
    return strlen(name) == n && memcmp(segment, name, n) == 0;
}

/* Takes "." and ".." out of the path in front (RFC 3986 s.5.2.4): segments are read at `in` and
 * written at `out`, which is never ahead. Each begins with its slash. */
static void remove_dots(char *target) {
    char *in = target, *out = target;
    while (*in == '/') {
        size_t n = strcspn(in + 1, "/?");
        bool last = in[1 + n] != '/';
        bool up = is_segment(in + 1, n, "..");
        if (up || is_segment(in + 1, n, ".")) {
            while (up && out > target && *--out != '/') {
            }
            if (last) {
                *out++ = '/';
            }
        } else {
            memmove(out, in, 1 + n);
            out += 1 + n;
        }
        in += 1 + n;
    }
    memmove(out, in, strlen(in) + 1);
}

static int take_reference(const struct url_reader *r, const struct url *base) {
    const char *reference = r->text;
    size_t n = url_scheme_size(reference);
    if (n > 0) {
        int err = url_take_scheme(r, reference, n);
        if (err == TB_OK && strncmp(reference + n, "://", 3) != 0) {
            return url_refuse(r, "'//' is missing behind '%.*s:'", (int)n, reference);
        }
        return err == TB_OK ? url_take_rest(r, reference + n + 3) : err;
    }
    if (strncmp(reference, "//", 2) == 0) {
        r->url->secure = base->secure;
        return url_take_rest(r, reference + 2);
    }
    int err = copy_authority(r->url, base);
    return err == TB_OK ? take_merged(r, base->target) : err;
}

int url_resolve(struct url *u, const struct url *base, const char *reference,
                struct bytes *message) {
    struct url_reader r = {.url = u, .text = reference, .message = message};
    *u = (struct url){.secure = false};
    int err = take_reference(&r, base);
    if (err != TB_OK) {
        url_release(u);
    } else if (reference[0] != '?' && reference[0] != '#' && reference[0] != '\0') {
        remove_dots(u->target);
    }
    return err;
}
