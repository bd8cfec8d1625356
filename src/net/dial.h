/* net/dial.h - from a name to a connected socket (happy eyeballs, RFC 8305).
 *
 * Finds the addresses of a host without holding up the loop, tries them in turn, and gives away the
 * socket of the first that connects. Knows nothing of TLS, of proxies, or of what is said on the
 * socket, and has no patience of its own: whoever has a deadline cancels the dial.
 */
#ifndef TB_NET_DIAL_H
#define TB_NET_DIAL_H

#include <stddef.h>
#include <stdint.h>

#include "net/address.h"
#include "net/loop.h"
#include "net/stream.h"

/* --resolve HOST:PORT:ADDRESS[,ADDRESS]: the addresses of that name and port, whatever others say;
 * the host "*" is every name. The last one that names the host counts. */
struct dial_override {
    const char *host;
    uint16_t port;
    const char *const *addresses;
    size_t address_count;
};

/* Where to connect. Strings and arrays are the caller's and must outlive the dial; the struct is
 * copied. */
struct dial_route {
    const char *host;      /* a name, an IPv4 address, or an IPv6 one with or without brackets */
    uint16_t port;         /* of the host */
    const char *unix_path; /* instead of all the rest; or NULL */
    int family;            /* AF_UNSPEC, AF_INET, AF_INET6 */
    const char *interface; /* --interface: a device, or an address of this machine; or NULL */
    const struct dial_override *overrides;
    size_t override_count;
};

/* What is awaited. */
enum dial_stage { DIAL_RESOLVING, DIAL_CONNECTING };

enum dial_result {
    DIAL_OK,
    DIAL_NO_NAME,       /* the host has no address, or none of the family */
    DIAL_NO_CONNECTION, /* refused, unreachable, an interface that cannot be used, … */
    DIAL_NOMEM
};

/* Of uv_hrtime() in microseconds; 0: it did not come to that. */
struct dial_times {
    uint64_t started_us;
    uint64_t resolved_us; /* the addresses were known, however they were found */
    uint64_t connected_us;
};

struct dial_outcome {
    enum dial_result result;
    int fd;                /* DIAL_OK: connected, non-blocking, close-on-exec, TCP_NODELAY set for
                            * TCP; it is the receiver's (stream_open()). Otherwise -1 */
    enum stream_kind kind; /* DIAL_OK */
    struct address peer;   /* DIAL_OK */
    struct dial_times times;
    /* Why not: one line for a person, safe for a terminal; gone after the callback. NULL if
     * DIAL_OK. "cannot resolve 'nosuch.example' (Name or service not known)", "cannot connect to
     * localhost port 4000 (::1: connection refused; 127.0.0.1: connection refused)", "cannot
     * connect to the Unix socket '/tmp/x' (no such file or directory)", "cannot use the interface
     * 'eth7' (no such device or address)". */
    const char *message;
};

/* Both are called on the loop, never from inside dial_start(). */
struct dial_events {
    /* What is awaited from now on, in a few words that are safe for a terminal and gone after the
     * callback: "resolving example.org", "connecting to 192.0.2.1 port 80"; the latter for each
     * address. The dial may be cancelled from here. May be NULL. */
    void (*on_stage)(void *ctx, enum dial_stage stage, const char *text);
    /* The end, told once; the dial is gone afterwards. */
    void (*on_done)(void *ctx, const struct dial_outcome *outcome);
};

struct dial;

/* NULL if memory is out. The events are copied. The dial must have ended, or be cancelled, before
 * the loop is released. */
struct dial *dial_start(struct loop *loop, const struct dial_route *route,
                        const struct dial_events *events, void *ctx);

/* Ends it now: nothing is told any more, and the route's strings are needed no more. What the loop
 * still holds of it is freed in later turns, or when the loop is released. On the loop's thread;
 * not once on_done was called. */
void dial_cancel(struct dial *d);

#endif
