/* proto/http_basic.h - Basic authentication (RFC 7617), the client's side. */
#ifndef TB_PROTO_HTTP_BASIC_H
#define TB_PROTO_HTTP_BASIC_H

#include "base/bytes.h"

enum { HTTP_BASIC_MAX = 64 * 1024 };

/* Appends the value of an Authorization or Proxy-Authorization header, "Basic " and base64. A NULL
 * password is an empty one. TB_OK; TB_ERANGE: user and password have more than HTTP_BASIC_MAX bytes
 * together; or TB_ENOMEM. */
int http_basic_append(const char *user, const char *password, struct bytes *out);

#endif
