#include "script/from/place.h"

#include <stdbool.h>
#include <string.h>

#include "base/encoding.h"
#include "base/err.h"
#include "proto/utf8.h"

enum {
    PARTS_MAX = 8,
    ROUTE_TEXT_MAX = 250 /* libyaml takes keys of 1024 characters, escapes included */
};

/* Whether a route could have a decoded segment as it is. */
static bool is_spelt(const uint8_t *p, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (p[i] < 0x20 || strchr("{}*?#/", p[i]) != NULL) {
            return false;
        }
    }
    return utf8_is_valid(p, n);
}

/* Appends a decoded segment. False: no route takes it. */
static bool decode(const char *p, size_t n, struct bytes *segment, int *err) {
    for (size_t i = 0, step; i < n && *err == TB_OK; i += step) {
        char c;
        step = percent_decode_one(p + i, n - i, &c);
        if (step == 0 || c == '\0') {
            return false;
        }
        *err = bytes_append(segment, &c, 1);
    }
    return true;
}

/* Writes a segment as it is, but for the sign that escapes. */
static int spell(const struct bytes *segment, struct bytes *route) {
    int err = TB_OK;
    for (size_t i = 0; i < segment->len && err == TB_OK; i++) {
        err = segment->data[i] == '%' ? bytes_append_str(route, "%25")
                                      : bytes_append(route, &segment->data[i], 1);
    }
    return err;
}

/* Appends a segment; of one that cannot be spelt, a part. *wrong says that it cannot be at all. */
static int put_segment(const char *p, size_t n, struct bytes *route, unsigned *parts, bool *wrong) {
    struct bytes segment = BYTES_INIT;
    int err = TB_OK;
    *wrong = !decode(p, n, &segment, &err);
    if (err == TB_OK && !*wrong && is_spelt(segment.data, segment.len)) {
        err = spell(&segment, route);
    } else if (err == TB_OK && !*wrong) {
        err = bytes_appendf(route, "{part%u}", ++*parts);
    }
    bytes_release(&segment);
    return err;
}

int place_of(const char *target, struct bytes *route, enum place_kind *kind) {
    size_t before = route->len;
    size_t end = strcspn(target, "?");
    unsigned parts = 0;
    bool wrong = end == 0 || target[0] != '/';
    int err = TB_OK;
    for (size_t at = 0; at < end && err == TB_OK && !wrong;) {
        size_t n = strcspn(target + at + 1, "/?");
        err = bytes_append_str(route, "/");
        err = err == TB_OK ? put_segment(target + at + 1, n, route, &parts, &wrong) : err;
        at += 1 + n;
    }
    wrong = wrong || parts > PARTS_MAX || route->len - before > ROUTE_TEXT_MAX;
    *kind = wrong ? PLACE_ALL : parts > 0 ? PLACE_PARTS : PLACE_EXACT;
    if (err == TB_OK && wrong) {
        route->len = before;
        err = bytes_append_str(route, "/**");
    }
    return err;
}
