#include "base/units.h"

#include <stdbool.h>
#include <stddef.h>

#include "base/ascii.h"
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

static const struct unit percent_units[] = {{"%", 10000}, {NULL, 0}};

struct quantity {
    const struct unit *units;
    bool any_case; /* of the suffix */
    uint64_t max;  /* in the smallest unit; at least the largest factor */
};

static const struct quantity duration = {duration_units, false, DURATION_MAX_MS};
static const struct quantity size = {size_units, true, SIZE_MAX_BYTES};
static const struct quantity percent = {percent_units, false, 1000000};

/* A decimal number as it was written. The fraction is kept as digits: it may be longer than any
 * integer holds, and still be exact. */
struct decimal {
    uint64_t whole;
    bool too_large;       /* the whole part does not fit; `whole` is then meaningless */
    const char *fraction; /* the digits behind the point */
    size_t fraction_len;
};

/* Returns what stands behind the digits, or NULL if there are none. */
static const char *read_whole(const char *s, struct decimal *d) {
    *d = (struct decimal){.whole = 0};
    if (!ascii_is_digit(*s)) {
        return NULL;
    }
    for (; ascii_is_digit(*s); s++) {
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
    while (ascii_is_digit(*s)) {
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

static bool is_suffix(const char *s, const char *suffix, bool any_case) {
    size_t i = 0;
    while (s[i] != '\0' && (any_case ? ascii_lower(s[i]) : s[i]) == suffix[i]) {
        i++;
    }
    return s[i] == '\0' && suffix[i] == '\0';
}

/* Returns the factor of a suffix, or 0. */
static uint64_t find_factor(const struct quantity *q, const char *suffix) {
    for (const struct unit *unit = q->units; unit->suffix != NULL; unit++) {
        if (is_suffix(suffix, unit->suffix, q->any_case)) {
            return unit->factor;
        }
    }
    return 0;
}

/* A number and its unit, in the smallest unit. */
static int read_quantity(const char *s, const struct quantity *q, uint64_t *value, bool *exact) {
    struct decimal d;
    const char *suffix = read_decimal(s, &d);
    uint64_t factor = suffix != NULL ? find_factor(q, suffix) : 0;
    return factor != 0 ? scale(&d, factor, q->max, value, exact) : TB_EINVAL;
}

int units_duration(const char *s, uint64_t *ms) {
    uint64_t value;
    bool exact;
    int err = read_quantity(s, &duration, &value, &exact);
    if (err != TB_OK) {
        return err;
    }
    if (!exact && ++value > duration.max) {
        return TB_ERANGE;
    }
    *ms = value;
    return TB_OK;
}

/* Unlike a time, this has smallest parts that cannot be rounded away. */
static int read_exactly(const char *s, const struct quantity *q, uint64_t *value) {
    bool exact;
    int err = read_quantity(s, q, value, &exact);
    return err == TB_OK && !exact ? TB_EINVAL : err;
}

int units_size(const char *s, uint64_t *bytes) {
    uint64_t value;
    int err = read_exactly(s, &size, &value);
    if (err == TB_OK) {
        *bytes = value;
    }
    return err;
}

int units_percent(const char *s, uint32_t *millionths) {
    uint64_t value;
    int err = read_exactly(s, &percent, &value);
    if (err == TB_OK) {
        *millionths = (uint32_t)value;
    }
    return err;
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
