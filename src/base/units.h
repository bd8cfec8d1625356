/* base/units.h - durations, sizes, shares and counts as people write them.
 *
 * The project's one reader of each. Only the whole string counts: no leading or trailing
 * spaces, no sign, no exponent, no octal (010 is ten). What does not fit is an error, never
 * clamped; a fraction is exact, however long.
 */
#ifndef TB_BASE_UNITS_H
#define TB_BASE_UNITS_H

#include <stdint.h>

/* "20ms", "5s", "2m", "1h", "1.5s"; a bare number is seconds. Gives milliseconds (a fraction
 * of one is rounded up). TB_OK, TB_EINVAL (not a duration) or TB_ERANGE (over 10 years). */
int units_duration(const char *s, uint64_t *ms);

/* "64K", "1M", "2G", "16KB", "1MiB", "1.5K", "100", "100B": powers of 1024, letters in either
 * case. TB_OK, TB_EINVAL (also where it is not a whole number of bytes) or TB_ERANGE (over
 * 2^63 - 1). */
int units_size(const char *s, uint64_t *bytes);

/* "30%", "0.5%", in millionths, 0 to 1,000,000. TB_OK, TB_EINVAL (also where it is not a whole
 * number of millionths) or TB_ERANGE (over 100%). */
int units_percent(const char *s, uint32_t *millionths);

/* A decimal number from min to max. TB_OK, TB_EINVAL or TB_ERANGE. */
int units_count(const char *s, uint64_t min, uint64_t max, uint64_t *n);

#endif
