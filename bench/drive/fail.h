/* drive/fail.h - the driver's one way out when a figure cannot be trusted.
 *
 * A server that answers wrongly, or not at all, gets no figure: the driver says why on stderr
 * and exits with 1. The kernel takes back descriptors and memory. */
#ifndef DRIVE_FAIL_H
#define DRIVE_FAIL_H

_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Adds the system's word for errno. */
_Noreturn void fail_errno(const char *what);

/* calloc() that does not come back empty-handed. */
void *zalloc_or_fail(unsigned long count, unsigned long size);

#endif
