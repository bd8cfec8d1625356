/* base/literals.h - many literals that are sought in a text in one pass (Aho-Corasick).
 *
 * Built once, then only read: any number of threads may scan at once. The cost of a scan does not
 * depend on the number of literals (but for those that are found).
 */
#ifndef TB_BASE_LITERALS_H
#define TB_BASE_LITERALS_H

#include <stddef.h>

struct literals;

/* NULL if memory is out. */
struct literals *literals_new(void);
void literals_free(struct literals *l);

/* Before literals_finish(): the table that makes a scan fast takes at most so many bytes, instead
 * of 64 MiB; but for its first row, of at most 1032. What has no room in it is scanned for more
 * slowly. */
void literals_limit_table(struct literals *l, size_t max_bytes);

/* Another literal, of at least one byte; the id is told when it is found. Not after
 * literals_finish(). TB_OK, TB_ENOMEM, TB_EINVAL (no byte) or TB_ERANGE: all together they are
 * longer than 16 MiB. */
int literals_add(struct literals *l, const void *p, size_t n, unsigned id);

/* Nothing more is added; scans may begin. TB_OK or TB_ENOMEM (nothing is ever found then). */
int literals_finish(struct literals *l);

/* Calls found(ctx, id) for every literal in p[0..n), at least once each; one that comes several
 * times may be told several times. p may be NULL if n is 0. Allocates nothing. */
void literals_scan(const struct literals *l, const void *p, size_t n,
                   void (*found)(void *ctx, unsigned id), void *ctx);

#endif
