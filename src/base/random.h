/* base/random.h - unpredictable bytes from the kernel's generator (RFC 6455 s.10.3).
 *
 * Owns a small pool per thread, so that a mask key of 4 bytes does not cost a system call. A
 * byte is handed out once. A forked child never repeats its parent's bytes.
 */
#ifndef TB_BASE_RANDOM_H
#define TB_BASE_RANDOM_H

#include <stddef.h>

/* Fills p[0..n) with random bytes. TB_OK, or TB_ESYS if the generator refuses (p is then not
 * to be used). */
int random_bytes(void *p, size_t n);

#endif
