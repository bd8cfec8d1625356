#include "script/number.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "base/json_text.h"

/* ---- reading ---- */

bool number_is_text(const void *p, size_t n) {
    const char *text = p;
    /* Of all that JSON is, only a number begins so, and white space is no part of it. */
    return n > 0 && (text[0] == '-' || ascii_is_digit(text[0])) && ascii_is_digit(text[n - 1]) &&
           json_text_is_valid(p, n);
}

/* p[0..n) is a number. False: it has a fraction or an exponent, or does not fit. */
static bool read_whole(const char *p, size_t n, int64_t *x) {
    bool negative = p[0] == '-';
    *x = 0;
    for (size_t i = negative ? 1 : 0; i < n; i++) {
        int digit = p[i] - '0';
        /* Downwards, where there is one more. */
        if (!ascii_is_digit(p[i]) || __builtin_mul_overflow(*x, 10, x) ||
            __builtin_sub_overflow(*x, digit, x)) {
            return false;
        }
    }
    return negative || !__builtin_sub_overflow(0, *x, x);
}

struct number number_read(const void *p, size_t n) {
    char text[NUMBER_SIZE_MAX + 1];
    int64_t whole;
    if (!number_is_text(p, n)) {
        return (struct number){0};
    }
    if (read_whole(p, n, &whole)) {
        return number_whole(whole);
    }
    if (n > NUMBER_SIZE_MAX) {
        return (struct number){0};
    }
    memcpy(text, p, n);
    text[n] = '\0';
    return number_real(strtod(text, NULL));
}

/* ---- reckoning ---- */

struct number number_whole(int64_t x) {
    return (struct number){.kind = NUMBER_WHOLE, .whole = x};
}

struct number number_real(double x) {
    return (struct number){.kind = isfinite(x) ? NUMBER_REAL : NUMBER_NONE, .real = x};
}

double number_as_real(struct number x) {
    switch (x.kind) {
    case NUMBER_WHOLE:
        return (double)x.whole;
    case NUMBER_REAL:
        return x.real;
    case NUMBER_NONE:
        break;
    }
    return 0;
}

struct number number_negate(struct number x) {
    return x.kind == NUMBER_REAL ? number_real(-x.real) : number_reckon('-', number_whole(0), x);
}

/* False: the result is not whole, or does not fit. b is not 0 where it divides. */
static bool reckon_whole(char op, int64_t a, int64_t b, int64_t *x) {
    switch (op) {
    case '+':
        return !__builtin_add_overflow(a, b, x);
    case '-':
        return !__builtin_sub_overflow(a, b, x);
    case '*':
        return !__builtin_mul_overflow(a, b, x);
    default:
        break;
    }
    if (b == -1) { /* INT64_MIN is the one number that cannot be divided by it */
        *x = 0;
        return op == '%' || !__builtin_sub_overflow(0, a, x);
    }
    *x = op == '%' ? a % b : a / b;
    return op == '%' || a % b == 0;
}

static double reckon_real(char op, double a, double b) {
    switch (op) {
    case '+':
        return a + b;
    case '-':
        return a - b;
    case '*':
        return a * b;
    case '/':
        return a / b;
    default:
        return fmod(a, b);
    }
}

struct number number_reckon(char op, struct number a, struct number b) {
    int64_t whole;
    bool divides = op == '/' || op == '%';
    if (a.kind == NUMBER_NONE || b.kind == NUMBER_NONE || (divides && number_as_real(b) == 0)) {
        return (struct number){0};
    }
    if (a.kind == NUMBER_WHOLE && b.kind == NUMBER_WHOLE &&
        reckon_whole(op, a.whole, b.whole, &whole)) {
        return number_whole(whole);
    }
    return number_real(reckon_real(op, number_as_real(a), number_as_real(b)));
}

/* ---- writing ---- */

/* The digits of a real number: 0 < x = D.DDD * 10^exponent. */
struct digits {
    char text[NUMBER_TEXT_MAX];
    int count;
    int exponent;
};

/* The first of these that gives x back is the shortest: 15 digits always come back, so that one of
 * fewer is told by its zeros; but for what is so small that it has fewer bits. */
static void find_digits(struct digits *d, double x) {
    char text[NUMBER_TEXT_MAX];
    int precision = x < DBL_MIN ? 0 : 14;
    do {
        snprintf(text, sizeof(text), "%.*e", precision, x);
    } while (strtod(text, NULL) != x && ++precision < 17);
    const char *e = strchr(text, 'e');
    d->count = 0;
    for (const char *c = text; c < e; c++) {
        if (ascii_is_digit(*c)) {
            d->text[d->count++] = *c;
        }
    }
    while (d->count > 1 && d->text[d->count - 1] == '0') {
        d->count--;
    }
    d->exponent = (int)strtol(e + 1, NULL, 10);
}

static char *put_zeros(char *to, int count) {
    for (; count > 0; count--) {
        *to++ = '0';
    }
    return to;
}

static char *put_digits(char *to, const struct digits *d, int from, int end) {
    for (int i = from; i < end; i++) {
        *to++ = i < d->count ? d->text[i] : '0';
    }
    return to;
}

static char *put_fraction(char *to, const struct digits *d, int from) {
    if (from < d->count) {
        *to++ = '.';
        to = put_digits(to, d, from, d->count);
    }
    return to;
}

static char *put_real(char *to, const struct digits *d) {
    if (d->exponent >= 0 && d->exponent < 21) {
        to = put_digits(to, d, 0, d->exponent + 1);
        return put_fraction(to, d, d->exponent + 1);
    }
    if (d->exponent < 0 && d->exponent >= -6) {
        *to++ = '0';
        *to++ = '.';
        to = put_zeros(to, -d->exponent - 1);
        return put_digits(to, d, 0, d->count);
    }
    to = put_digits(to, d, 0, 1);
    to = put_fraction(to, d, 1);
    return to + sprintf(to, "e%+d", d->exponent);
}

static size_t write_real(double x, char text[NUMBER_TEXT_MAX]) {
    struct digits d;
    char *to = text;
    if (x < 0) {
        *to++ = '-';
    }
    if (x == 0) {
        *to++ = '0';
    } else {
        find_digits(&d, fabs(x));
        to = put_real(to, &d);
    }
    *to = '\0';
    return (size_t)(to - text);
}

size_t number_write(struct number x, char text[NUMBER_TEXT_MAX]) {
    switch (x.kind) {
    case NUMBER_WHOLE:
        return (size_t)snprintf(text, NUMBER_TEXT_MAX, "%" PRId64, x.whole);
    case NUMBER_REAL:
        return write_real(x.real, text);
    case NUMBER_NONE:
        break;
    }
    text[0] = '\0';
    return 0;
}

/* ---- comparing ---- */

/* 0.D1D2D3... * 10^point; the digits, the first of which is not 0, and maybe a point between them
 * stand at p[0..n). n is 0 of zero. */
struct decimal {
    bool negative;
    const char *p;
    size_t n;
    int64_t point;
};

/* Beyond what the number of digits of any text could make good. */
#define EXPONENT_MAX INT64_C(1000000000000000000)

static int64_t read_exponent(const char *p, const char *end) {
    bool negative = p < end && *p == '-';
    int64_t x = 0;
    for (; p < end; p++) {
        if (ascii_is_digit(*p) && x < EXPONENT_MAX / 10) {
            x = x * 10 + (*p - '0');
        }
    }
    return negative ? -x : x;
}

static const char *find_any(const char *p, const char *end, const char *chars) {
    while (p < end && strchr(chars, *p) == NULL) {
        p++;
    }
    return p;
}

static struct decimal read_decimal(const char *p, size_t n) {
    const char *end = p + n;
    const char *mantissa_end = find_any(p, end, "eE");
    const char *dot = find_any(p, mantissa_end, ".");
    struct decimal d = {.negative = *p == '-', .p = find_any(p, mantissa_end, "123456789")};
    d.n = (size_t)(mantissa_end - d.p);
    d.point = d.p < dot ? dot - d.p : dot - d.p + 1;
    if (mantissa_end < end) {
        d.point += read_exponent(mantissa_end + 1, end);
    }
    return d;
}

static char take_digit(struct decimal *d) {
    if (d->n > 0 && *d->p == '.') {
        d->p++;
        d->n--;
    }
    if (d->n == 0) {
        return '0';
    }
    d->n--;
    return *d->p++;
}

/* Of two that are not zero, without their signs. */
static int compare_sizes(struct decimal a, struct decimal b) {
    if (a.point != b.point) {
        return a.point < b.point ? -1 : 1;
    }
    while (a.n > 0 || b.n > 0) {
        int difference = take_digit(&a) - take_digit(&b);
        if (difference != 0) {
            return difference;
        }
    }
    return 0;
}

static int sign_of(const struct decimal *d) {
    return d->n == 0 ? 0 : d->negative ? -1 : 1;
}

int number_compare_texts(const void *a, size_t an, const void *b, size_t bn) {
    struct decimal x = read_decimal(a, an);
    struct decimal y = read_decimal(b, bn);
    int sign = sign_of(&x);
    if (sign == 0 || sign != sign_of(&y)) {
        return sign - sign_of(&y);
    }
    return sign * compare_sizes(x, y);
}
