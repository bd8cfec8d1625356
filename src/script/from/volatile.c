#include "script/from/volatile.h"

#include <string.h>

#include "base/ascii.h"
#include "base/err.h"

const char *const volatile_names[] = {
    [VOLATILE_TIME] = "a time",
    [VOLATILE_UUID] = "a UUID",
    [VOLATILE_MILLISECONDS] = "milliseconds since 1970",
};

static const char *const patterns[] = {
    [VOLATILE_TIME] =
        "\\d{4}-\\d\\d-\\d\\d[Tt ]\\d\\d:\\d\\d:\\d\\d(?:\\.\\d+)?(?:[Zz]|[+-]\\d\\d:\\d\\d)",
    [VOLATILE_UUID] = "[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}",
    [VOLATILE_MILLISECONDS] = "\\d{13}",
};

/* ---- finding ---- */

/* Matches p[0..n) against a shape: 0 is a digit, x a hexadecimal one, all else itself. */
static bool has_shape(const char *p, size_t n, const char *shape) {
    size_t size = strlen(shape);
    for (size_t i = 0; i < size; i++) {
        char c = i < n ? p[i] : '\0';
        bool fits = shape[i] == '0'   ? ascii_is_digit(c)
                    : shape[i] == 'x' ? ascii_is_hex(c)
                    : shape[i] == 'T' ? ascii_lower(c) == 't' || c == ' '
                                      : c == shape[i];
        if (!fits) {
            return false;
        }
    }
    return true;
}

/* RFC 3339 s.5.6. */
static size_t time_size(const char *p, size_t n) {
    static const char shape[] = "0000-00-00T00:00:00";
    static const char offset[] = "00:00";
    size_t i = sizeof shape - 1;
    if (!has_shape(p, n, shape)) {
        return 0;
    }
    if (i + 1 < n && p[i] == '.' && ascii_is_digit(p[i + 1])) {
        for (i++; i < n && ascii_is_digit(p[i]); i++) {
        }
    }
    if (i < n && ascii_lower(p[i]) == 'z') {
        return i + 1;
    }
    return i < n && (p[i] == '+' || p[i] == '-') && has_shape(p + i + 1, n - i - 1, offset)
               ? i + sizeof offset
               : 0;
}

static size_t uuid_size(const char *p, size_t n) {
    static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    return has_shape(p, n, shape) ? sizeof shape - 1 : 0;
}

/* From 2001 to 2033. */
static size_t milliseconds_size(const char *p, size_t n) {
    static const char shape[] = "1000000000000";
    return has_shape(p, n, "1") && has_shape(p + 1, n - 1, "000000000000") ? sizeof shape - 1 : 0;
}

static bool is_word(char c) {
    return ascii_is_alpha(c) || ascii_is_digit(c) || c == '_' || (unsigned char)c >= 0x80;
}

static bool begins_word(const char *p, size_t at) {
    return at == 0 || !(is_word(p[at - 1]) || p[at - 1] == '-' || p[at - 1] == '.');
}

static bool ends_word(const char *p, size_t n, size_t at) {
    return at == n ||
           !(is_word(p[at]) || p[at] == '-' || (p[at] == '.' && at + 1 < n && is_word(p[at + 1])));
}

static bool stands_at(const char *p, size_t n, size_t at, struct volatile_word *word) {
    static size_t (*const sizes[])(const char *p, size_t n) = {
        [VOLATILE_TIME] = time_size,
        [VOLATILE_UUID] = uuid_size,
        [VOLATILE_MILLISECONDS] = milliseconds_size,
    };
    for (size_t kind = 0; kind < sizeof sizes / sizeof *sizes; kind++) {
        size_t size = sizes[kind](p + at, n - at);
        if (size > 0 && ends_word(p, n, at + size)) {
            *word =
                (struct volatile_word){.kind = (enum volatile_kind)kind, .at = at, .size = size};
            return true;
        }
    }
    return false;
}

bool volatile_find(const char *p, size_t n, size_t from, struct volatile_word *word) {
    for (size_t at = from; at < n; at++) {
        if (ascii_is_hex(p[at]) && begins_word(p, at) && stands_at(p, n, at, word)) {
            return true;
        }
    }
    return false;
}

/* ---- the pattern ---- */

static bool has_meaning(const char *p, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '\0' || strchr("\\^$.[]|()?*+{}", p[i]) != NULL) {
            return true;
        }
    }
    return false;
}

/* \Q…\E takes everything as it stands but \E. */
static int quote(const char *p, size_t n, struct bytes *regex) {
    int err = TB_OK;
    if (!has_meaning(p, n)) {
        return bytes_append(regex, p, n);
    }
    err = bytes_append_str(regex, "\\Q");
    const char *end;
    while (err == TB_OK && n > 0 && (end = memmem(p, n, "\\E", 2)) != NULL) {
        size_t size = (size_t)(end - p);
        err = bytes_append(regex, p, size);
        err = err == TB_OK ? bytes_append_str(regex, "\\E\\\\E\\Q") : err;
        p = end + 2;
        n -= size + 2;
    }
    err = err == TB_OK ? bytes_append(regex, p, n) : err;
    return err == TB_OK ? bytes_append_str(regex, "\\E") : err;
}

int volatile_pattern(const char *p, size_t n, struct bytes *regex) {
    struct volatile_word word;
    size_t at = 0;
    int err = bytes_append_str(regex, "^");
    while (err == TB_OK && volatile_find(p, n, at, &word)) {
        err = quote(p + at, word.at - at, regex);
        err = err == TB_OK ? bytes_append_str(regex, patterns[word.kind]) : err;
        at = word.at + word.size;
    }
    err = err == TB_OK ? quote(p + at, n - at, regex) : err;
    return err == TB_OK ? bytes_append_str(regex, "$") : err;
}
