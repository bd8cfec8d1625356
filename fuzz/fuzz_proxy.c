/* A proxy's answers give the same tunnel whole, byte by byte and in pieces of any size, and the
 * same words to either side. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/proxy.h"

/* What came of it. */
struct outcome {
    enum tunnel_result result;
    size_t used;
    struct bytes out;
    struct tunnel *tunnel;
};

static void must(bool holds) {
    if (!holds) {
        abort();
    }
}

/* Sizes of pieces, 1-16, from a seed. */
static size_t next_piece(uint32_t *seed) {
    *seed = *seed * 1664525 + 1013904223;
    return 1 + (*seed >> 28);
}

static struct outcome shake_hands(const struct proxy *proxy, const char *host, const uint8_t *p,
                                  size_t n, size_t piece, uint32_t seed) {
    struct outcome o = {.result = TUNNEL_MORE, .out = BYTES_INIT};
    o.tunnel = tunnel_new(proxy, host, 443, "taburet", &o.out);
    must(o.tunnel != NULL);
    while (o.used < n && o.result == TUNNEL_MORE) {
        size_t size = piece > 0 ? piece : next_piece(&seed);
        size_t left = n - o.used;
        size_t taken;
        o.result = tunnel_feed(o.tunnel, p + o.used, left < size ? left : size, &taken, &o.out);
        o.used += taken;
        must(o.result != TUNNEL_MORE || taken == (left < size ? left : size));
    }
    must(o.result != TUNNEL_NOMEM && o.used <= n);
    return o;
}

static void release(struct outcome *o) {
    bytes_release(&o->out);
    tunnel_free(o->tunnel);
}

static void must_be_same(const struct outcome *a, const struct outcome *b) {
    const char *why_a = tunnel_why(a->tunnel), *why_b = tunnel_why(b->tunnel);
    must(a->result == b->result);
    must(a->result == TUNNEL_REFUSED || a->used == b->used);
    must(a->out.len == b->out.len && memcmp(a->out.data, b->out.data, a->out.len) == 0);
    must(tunnel_status(a->tunnel) == tunnel_status(b->tunnel));
    must((why_a == NULL) == (a->result != TUNNEL_REFUSED));
    must((why_b == NULL) == (b->result != TUNNEL_REFUSED));
    must(why_a == NULL || strcmp(why_a, why_b) == 0);
}

static void must_be_one_line(const char *why) {
    for (; why != NULL && *why != '\0'; why++) {
        must((unsigned char)*why >= ' ' && *why != 0x7f);
    }
}

/* The first byte is the proxy's kind and whether we have a login, the second one cuts pieces. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) {
        return 0;
    }
    const bool has_login = (data[0] & 4) != 0;
    const struct proxy proxy = {
        .kind = (enum proxy_kind)((data[0] & 3) % 3),
        .host = "localhost",
        .port = 1080,
        .user = has_login ? "user" : NULL,
        .password = has_login ? "password" : NULL,
    };
    const char *host = proxy.kind == PROXY_SOCKS5 ? "::1" : "example.org";
    const uint8_t *p = data + 2;
    size_t n = size - 2;
    struct outcome whole = shake_hands(&proxy, host, p, n, n + 1, 0);
    struct outcome bytewise = shake_hands(&proxy, host, p, n, 1, 0);
    struct outcome pieces = shake_hands(&proxy, host, p, n, 0, data[1]);
    must_be_same(&whole, &bytewise);
    must_be_same(&whole, &pieces);
    must_be_one_line(tunnel_why(whole.tunnel));
    release(&whole);
    release(&bytewise);
    release(&pieces);
    return 0;
}
