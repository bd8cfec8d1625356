/* app/dial/noproxy.h - which hosts are reached without a proxy (--noproxy, no_proxy).
 *
 * As curl reads it: names with commas or spaces between; a name stands for itself and all below
 * it, with a dot in front or without; an address for itself; ADDRESS/BITS for a network; "*" alone
 * for all. Nothing is resolved: a name is never compared with an address.
 */
#ifndef TB_APP_DIAL_NOPROXY_H
#define TB_APP_DIAL_NOPROXY_H

#include <stdbool.h>

/* The host is as in struct url: without brackets, an IPv6 address perhaps with a zone. */
bool noproxy_matches(const char *list, const char *host);

#endif
