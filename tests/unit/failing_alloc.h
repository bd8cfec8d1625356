/* failing_alloc.h - makes one allocation of the code under test fail.
 *
 * Stands in front of malloc, calloc and realloc by means of the linker (--wrap), so only calls
 * from the objects of the test program are counted, never those of shared libraries. To fail
 * each allocation in turn:
 *
 *     unsigned n = 0;
 *     do {
 *         fail_alloc_at(n);
 *         ... what is tested ...
 *         fail_alloc_off();
 *     } while (n++ < alloc_count());
 *
 * The last pass is the one in which nothing failed. Counts are atomic: threads may allocate.
 */
#ifndef TB_TESTS_UNIT_FAILING_ALLOC_H
#define TB_TESTS_UNIT_FAILING_ALLOC_H

/* Lets n allocations pass and fails the one after them, once; the count starts again at 0. */
void fail_alloc_at(unsigned n);

/* Lets n allocations pass and fails all that come after them. */
void fail_alloc_from(unsigned n);

/* Nothing fails any more; the count stays as it is, and stops. */
void fail_alloc_off(void);

/* How many allocations were asked for between fail_alloc_at() or fail_alloc_from() and
 * fail_alloc_off(), or since then; the failed ones count. */
unsigned alloc_count(void);

#endif
