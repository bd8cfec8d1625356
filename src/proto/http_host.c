#include "proto/http_host.h"

#include <string.h>

#include "base/ascii.h"

/* unreserved / sub-delims */
static bool is_name_char(char c) {
    return c != '\0' &&
           (ascii_is_alpha(c) || ascii_is_digit(c) || strchr("-._~!$&'()*+,;=", c) != NULL);
}

/* How many bytes of a registered name or an IPv4 address stand in front. */
static size_t name_size(struct http1_str s) {
    size_t i = 0;
    while (i < s.n) {
        if (is_name_char(s.p[i])) {
            i++;
        } else if (s.p[i] == '%' && s.n - i >= 3 && ascii_is_hex(s.p[i + 1]) &&
                   ascii_is_hex(s.p[i + 2])) {
            i += 3;
        } else {
            break;
        }
    }
    return i;
}

/* How many bytes "[...]" has in front; 0 if there is no such thing. What stands between the
 * brackets is not resolved here, so only its characters are checked. */
static size_t literal_size(struct http1_str s) {
    size_t i = 1;
    while (i < s.n && (is_name_char(s.p[i]) || s.p[i] == ':')) {
        i++;
    }
    return i > 1 && i < s.n && s.p[i] == ']' ? i + 1 : 0;
}

/* The port may be empty (RFC 3986 s.3.2.3). */
static bool is_port(struct http1_str s) {
    unsigned port = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (!ascii_is_digit(s.p[i])) {
            return false;
        }
        port = port * 10 + (unsigned)(s.p[i] - '0');
        if (port > 65535) {
            return false;
        }
    }
    return true;
}

bool http_host_is_valid(struct http1_str s) {
    size_t n = s.n > 0 && s.p[0] == '[' ? literal_size(s) : name_size(s);
    if (n == 0 || n == s.n) {
        return n > 0;
    }
    return s.p[n] == ':' && is_port((struct http1_str){s.p + n + 1, s.n - n - 1});
}
