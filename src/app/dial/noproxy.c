#include "app/dial/noproxy.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/units.h"

enum { ENTRY_MAX = 256 }; /* no name and no network is longer */

/* An address's bytes; size 0: it is none. */
struct ip {
    uint8_t bytes[16];
    size_t size; /* 4 or 16 */
};

/* text[0..n) may have brackets, and a zone, which does not count. */
static struct ip read_ip(const char *text, size_t n) {
    struct ip ip = {.size = 0};
    char copy[ENTRY_MAX];
    if (n >= 2 && text[0] == '[' && text[n - 1] == ']') {
        text++;
        n -= 2;
    }
    if (n >= sizeof copy) {
        return ip;
    }
    memcpy(copy, text, n);
    copy[n] = '\0';
    copy[strcspn(copy, "%")] = '\0';
    if (inet_pton(AF_INET, copy, ip.bytes) == 1) {
        ip.size = 4;
    } else if (inet_pton(AF_INET6, copy, ip.bytes) == 1) {
        ip.size = 16;
    }
    return ip;
}

static bool has_same_start(const uint8_t *a, const uint8_t *b, size_t bits) {
    size_t whole = bits / 8, rest = bits % 8;
    if (memcmp(a, b, whole) != 0) {
        return false;
    }
    return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

/* What stands behind the slash: false if it is no number of bits. */
static bool read_bits(const char *p, size_t n, size_t max, size_t *bits) {
    char digits[4];
    uint64_t value;
    if (n == 0 || n >= sizeof digits) {
        return false;
    }
    memcpy(digits, p, n);
    digits[n] = '\0';
    bool good = units_count(digits, 0, max, &value) == TB_OK;
    *bits = good ? (size_t)value : 0;
    return good;
}

static bool matches_ip(const char *entry, size_t n, const struct ip *host) {
    const char *slash = memchr(entry, '/', n);
    size_t size = slash != NULL ? (size_t)(slash - entry) : n;
    size_t bits = host->size * 8;
    struct ip ip = read_ip(entry, size);
    if (ip.size != host->size ||
        (slash != NULL && !read_bits(slash + 1, n - size - 1, bits, &bits))) {
        return false;
    }
    return has_same_start(ip.bytes, host->bytes, bits);
}

/* Both without a dot at their end; the entry without one in front. */
static bool matches_name(const char *entry, size_t n, const char *host, size_t size) {
    if (n > 0 && entry[0] == '.') {
        entry++;
        n--;
    }
    if (n > 0 && entry[n - 1] == '.') {
        n--;
    }
    if (n == 0 || n > size || strncasecmp(host + size - n, entry, n) != 0) {
        return false;
    }
    return n == size || host[size - n - 1] == '.';
}

bool noproxy_matches(const char *list, const char *host) {
    size_t size = strlen(host);
    struct ip ip = read_ip(host, size);
    if (strcmp(list, "*") == 0) {
        return true;
    }
    size -= size > 1 && host[size - 1] == '.';
    for (const char *p = list; *p != '\0';) {
        size_t n = strcspn(p, ", \t");
        if (ip.size > 0 ? matches_ip(p, n, &ip) : matches_name(p, n, host, size)) {
            return true;
        }
        p += n;
        p += strspn(p, ", \t");
    }
    return false;
}
