#include "base/units.h"

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define SECOND_MS UINT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS (60 * MINUTE_MS)
#define DURATION_MAX_MS (10 * 365 * 24 * HOUR_MS)
#define SIZE_MAX_BYTES UINT64_C(0x7fffffffffffffff)

struct unit {
    const char *suffix; /* lower case; NULL ends a table */
    uint64_t factor;
};

static const struct unit duration_units[] = {
    {"", SECOND_MS}, {"ms", 1}, {"s", SECOND_MS}, {"m", MINUTE_MS}, {"h", HOUR_MS}, {NULL, 0},
};

static const struct unit size_units[] = {
    {"", 1},          {"b", 1},        {"k", 1 << 10},   {"kb", 1 << 10},
    {"kib", 1 << 10}, {"m", 1 << 20},  {"mb", 1 << 20},  {"mib", 1 << 20},
    {"g", 1 << 30},   {"gb", 1 << 30}, {"gib", 1 << 30}, {NULL, 0},
};

/* A decimal number as it was written. The fraction is kept as digits: it may be longer than any
 * integer holds, and still be exact. */
struct decimal {
    uint64_t whole;
    bool too_large;       /* the whole part does not fit; `whole` is then meaningless */
    const char *fraction; /* the digits behind the point */
    size_t fraction_len;
};

/* Not isdigit(): what a digit is must not depend on the locale. */
static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Returns what stands behind the digits, or NULL if there are none. */
static const char *read_whole(const char *s, struct decimal *d) {
    *d = (struct decimal){.whole = 0};
    if (!is_digit(*s)) {
        return NULL;
    }
    for (; is_digit(*s); s++) {
        unsigned digit = (unsigned)(*s - '0');
        if (d->whole > (UINT64_MAX - digit) / 10) {
            d->too_large = true;
        } else {
            d->whole = d->whole * 10 + digit;
        }
    }
    return s;
}

/* Returns what stands behind the number, or NULL if there is none. */
static const char *read_decimal(const char *s, struct decimal *d) {
    s = read_whole(s, d);
    if (s == NULL || *s != '.') {
        return s;
    }
    d->fraction = ++s;
    while (is_digit(*s)) {
        s++;
    }
    d->fraction_len = (size_t)(s - d->fraction);
    return d->fraction_len > 0 ? s : NULL;
}

/* The whole part of fraction * factor, digit by digit from the right; *exact tells whether
 * nothing was cut off. The sum never exceeds 10 * factor. */
static uint64_t scale_fraction(const struct decimal *d, uint64_t factor, bool *exact) {
    uint64_t sum = 0;
    *exact = true;
    for (size_t i = d->fraction_len; i > 0; i--) {
        sum += (uint64_t)(d->fraction[i - 1] - '0') * factor;
        *exact = *exact && sum % 10 == 0;
        sum /= 10;
    }
    return sum;
}

/* The number in the smallest unit, rounded down. max is at least the factor, and so more than the
 * fraction can give. */
static int scale(const struct decimal *d, uint64_t factor, uint64_t max, uint64_t *result,
                 bool *exact) {
    uint64_t part = scale_fraction(d, factor, exact);
    if (d->too_large || d->whole > (max - part) / factor) {
        return TB_ERANGE;
    }
    *result = d->whole * factor + part;
    return TB_OK;
}

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static char same(char c) {
    return c;
}

/* Returns the factor of a suffix, or 0. */
static uint64_t find_factor(const struct unit *units, const char *suffix, char (*fold)(char)) {
    for (; units->suffix != NULL; units++) {
        size_t i = 0;
        while (suffix[i] != '\0' && fold(suffix[i]) == units->suffix[i]) {
            i++;
        }
        if (suffix[i] == '\0' && units->suffix[i] == '\0') {
            return units->factor;
        }
    }
    return 0;
}

int units_duration(const char *s, uint64_t *ms) {
    struct decimal d;
    const char *suffix = read_decimal(s, &d);
    uint64_t factor = suffix != NULL ? find_factor(duration_units, suffix, same) : 0;
    if (factor == 0) {
        return TB_EINVAL;
    }
    uint64_t value;
    bool exact;
    int err = scale(&d, factor, DURATION_MAX_MS, &value, &exact);
    if (err != TB_OK) {
        return err;
    }
    if (!exact && ++value > DURATION_MAX_MS) {
        return TB_ERANGE;
    }
    *ms = value;
    return TB_OK;
}

int units_size(const char *s, uint64_t *bytes) {
    struct decimal d;
    const char *suffix = read_decimal(s, &d);
    uint64_t factor = suffix != NULL ? find_factor(size_units, suffix, lower) : 0;
    if (factor == 0) {
        return TB_EINVAL;
    }
    uint64_t value;
    bool exact;
    int err = scale(&d, factor, SIZE_MAX_BYTES, &value, &exact);
    if (err != TB_OK) {
        return err;
    }
    if (!exact) {
        return TB_EINVAL;
    }
    *bytes = value;
    return TB_OK;
}

int units_count(const char *s, uint64_t min, uint64_t max, uint64_t *n) {
    struct decimal d;
    const char *rest = read_whole(s, &d);
    if (rest == NULL || *rest != '\0') {
        return TB_EINVAL;
    }
    if (d.too_large || d.whole < min || d.whole > max) {
        return TB_ERANGE;
    }
    *n = d.whole;
    return TB_OK;
}
