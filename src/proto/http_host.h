/* proto/http_host.h - the value of a Host header (RFC 9110 s.7.2, RFC 3986 s.3.2). */
#ifndef TB_PROTO_HTTP_HOST_H
#define TB_PROTO_HTTP_HOST_H

#include <stdbool.h>

#include "proto/http1.h"

/* Is s a host that is not empty, with or without a port (at most 65535)? */
bool http_host_is_valid(struct http1_str s);

#endif
