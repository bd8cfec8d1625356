#include "net/bind.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"
#include "net/host.h"
#include "net/listen.h"

enum { PORT_TRIES = 32, ADDRESS_MAX = INET6_ADDRSTRLEN + sizeof "[]" };

/* ---- the collection ---- */

static int keep(struct bindings *b, enum stream_kind kind, unsigned loop, int fd) {
    struct binding *items = realloc(b->items, (b->count + 1) * sizeof *items);
    if (items == NULL) {
        return TB_ENOMEM;
    }
    b->items = items;
    items[b->count++] = (struct binding){.kind = kind, .loop = loop, .fd = fd};
    return TB_OK;
}

/* Closes the items from `first` on. */
static void drop_from(struct bindings *b, size_t first) {
    while (b->count > first) {
        int fd = b->items[--b->count].fd;
        if (fd >= 0) {
            close(fd);
        }
    }
}

static int refuse(struct bytes *message, const char *where, const char *why) {
    bytes_appendf(message, "cannot listen on ");
    text_escape(message, where, strlen(where), TEXT_ONE_LINE);
    bytes_appendf(message, " (%s)", why);
    return TB_ESYS;
}

/* ---- TCP ---- */

/* The options of a listening socket. TCP_NODELAY is inherited by what it accepts: what is written
 * at the end of a turn is all there is, so there is nothing to wait for. */
static bool set_options(int fd, int family, bool shared) {
    const int on = 1;
    bool ok = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
              setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0;
    if (ok && shared) {
        ok = setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0;
    }
    if (ok && family == AF_INET6) {
        ok = setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0;
    }
    return ok;
}

/* A listening socket, or -1 with errno. */
static int listen_tcp(const struct sockaddr *address, socklen_t size, bool shared) {
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -1;
    }
    if (!set_options(fd, address->sa_family, shared) || bind(fd, address, size) != 0 ||
        listen(fd, LISTEN_BACKLOG) != 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

/* sin_port and sin6_port stand at the same place. */
static in_port_t *port_of(struct sockaddr_storage *address) {
    return address->ss_family == AF_INET6 ? &((struct sockaddr_in6 *)address)->sin6_port
                                          : &((struct sockaddr_in *)address)->sin_port;
}

/* The address that a socket is bound to; of the family 0 if the system does not tell. */
static struct sockaddr_storage bound_address(int fd) {
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &size) != 0) {
        address.ss_family = AF_UNSPEC;
    }
    return address;
}

/* Whether two addresses are the same, whatever the port. */
static bool is_same_host(const struct sockaddr_storage *a, const struct sockaddr_storage *b) {
    if (a->ss_family != b->ss_family) {
        return false;
    }
    if (a->ss_family == AF_INET) {
        return ((const struct sockaddr_in *)a)->sin_addr.s_addr ==
               ((const struct sockaddr_in *)b)->sin_addr.s_addr;
    }
    const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)a;
    const struct sockaddr_in6 *b6 = (const struct sockaddr_in6 *)b;
    return a6->sin6_scope_id == b6->sin6_scope_id &&
           memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof a6->sin6_addr) == 0;
}

/* Whether an earlier host meant the address, too. */
static bool is_bound(const struct bindings *b, const struct sockaddr_storage *address) {
    for (size_t i = 0; i < b->count; i++) {
        struct sockaddr_storage bound = bound_address(b->items[i].fd);
        if (b->items[i].kind == STREAM_TCP && is_same_host(&bound, address)) {
            return true;
        }
    }
    return false;
}

/* One socket for each loop. With several loops the address is first bound alone: a shared port
 * would also let a stranger's socket of the same user in. errno on false. */
static bool bind_address(struct bindings *b, struct sockaddr_storage *address, socklen_t size,
                         unsigned loops) {
    *port_of(address) = htons(b->port);
    int fd = listen_tcp((struct sockaddr *)address, size, false);
    if (fd < 0) {
        return false;
    }
    struct sockaddr_storage bound = bound_address(fd);
    *port_of(address) = *port_of(&bound);
    b->port = ntohs(*port_of(&bound));
    if (loops > 1) {
        close(fd);
    }
    for (unsigned i = 0; i < loops; i++) {
        if (loops > 1) {
            fd = listen_tcp((struct sockaddr *)address, size, true);
        }
        if (fd < 0) {
            return false;
        }
        if (keep(b, STREAM_TCP, i, fd) != TB_OK) {
            close(fd);
            errno = ENOMEM;
            return false;
        }
    }
    return true;
}

static bool is_absent_ipv6(const struct addrinfo *address, int why) {
    return address->ai_family == AF_INET6 && (why == EADDRNOTAVAIL || why == EAFNOSUPPORT);
}

/* An IPv6 address in brackets, unless `bare`. */
static const char *address_name(const struct addrinfo *address, bool bare, char text[ADDRESS_MAX]) {
    char ip[INET6_ADDRSTRLEN] = "";
    bool is_ipv6 = address->ai_family == AF_INET6;
    const void *from =
        is_ipv6 ? (const void *)&((const struct sockaddr_in6 *)address->ai_addr)->sin6_addr
                : (const void *)&((const struct sockaddr_in *)address->ai_addr)->sin_addr;
    inet_ntop(address->ai_family, from, ip, sizeof ip);
    snprintf(text, ADDRESS_MAX, is_ipv6 && !bare ? "[%s]" : "%s", ip);
    return text;
}

static bool is_ipv6_loopback(const struct addrinfo *address) {
    const struct sockaddr_in6 *a = (const struct sockaddr_in6 *)address->ai_addr;
    return IN6_IS_ADDR_LOOPBACK(&a->sin6_addr);
}

/* A machine without its own loopback has no IPv6 at all. */
static void note_absent(const struct addrinfo *address, int why, struct bytes *notes) {
    char name[ADDRESS_MAX];
    bool none_at_all = why == EAFNOSUPPORT || is_ipv6_loopback(address);
    bytes_appendf(notes, "this machine has no %s: not listening on %s\n",
                  none_at_all ? "IPv6" : "such address", address_name(address, true, name));
}

/* Names the address too, if the host has several. */
static int refuse_address(const struct bindings *b, const char *host,
                          const struct addrinfo *address, bool is_only, int why,
                          struct bytes *message) {
    char where[HOST_NAME_SIZE + 16], name[ADDRESS_MAX], reason[200];
    snprintf(where, sizeof where, "%.*s port %u", HOST_NAME_SIZE, host, (unsigned)b->port);
    snprintf(reason, sizeof reason, "%s%s%s", is_only ? "" : address_name(address, false, name),
             is_only ? "" : ": ", why == EADDRINUSE ? "the port is taken" : strerror(why));
    refuse(message, where, reason);
    errno = why;
    return TB_ESYS;
}

/* Binds the address, unless it is bound already. 0 or the errno. */
static int bind_once(struct bindings *b, const struct addrinfo *a, unsigned loops) {
    struct sockaddr_storage address = {0};
    memcpy(&address, a->ai_addr, a->ai_addrlen);
    return is_bound(b, &address) || bind_address(b, &address, a->ai_addrlen, loops) ? 0 : errno;
}

/* Every address of a host. IPv6 that the machine does not have is noted, not refused, if the host
 * has another address. */
static int bind_addresses(struct bindings *b, const char *host, const struct addrinfo *addresses,
                          unsigned loops, struct bytes *message, struct bytes *notes) {
    bool is_only = addresses->ai_next == NULL;
    const struct addrinfo *absent = NULL;
    bool any = false;
    int absent_why = 0;
    for (const struct addrinfo *a = addresses; a != NULL; a = a->ai_next) {
        int why = bind_once(b, a, loops);
        if (why == 0) {
            any = true;
        } else if (is_absent_ipv6(a, why)) {
            absent = a;
            absent_why = why;
            note_absent(a, why, notes);
        } else {
            return refuse_address(b, host, a, is_only, why, message);
        }
    }
    return any ? TB_OK : refuse_address(b, host, absent, is_only, absent_why, message);
}

/* The addresses of a host; `localhost` is not left to the system's files. */
static int resolve(const char *host, struct addrinfo **addresses, struct bytes *message) {
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo **end = addresses;
    char name[HOST_NAME_SIZE];
    bool is_localhost = host_is_localhost(host);
    const char *const names[] = {is_localhost ? "127.0.0.1" : host_bare(host, name), "::1"};
    for (size_t i = 0; i < (is_localhost ? 2U : 1U); i++) {
        int err = getaddrinfo(names[i], "0", &hints, end);
        if (err != 0) {
            refuse(message, host, gai_strerror(err));
            return err == EAI_MEMORY ? TB_ENOMEM : TB_EINVAL;
        }
        while (*end != NULL) {
            end = &(*end)->ai_next;
        }
    }
    return TB_OK;
}

static int bind_host(struct bindings *b, const char *host, unsigned loops, struct bytes *message,
                     struct bytes *notes) {
    struct addrinfo *addresses = NULL;
    int err = resolve(host, &addresses, message);
    if (err == TB_OK) {
        err = bind_addresses(b, host, addresses, loops, message, notes);
    }
    int saved = errno;
    if (addresses != NULL) {
        freeaddrinfo(addresses);
    }
    errno = saved;
    return err;
}

int bindings_add_hosts(struct bindings *b, const char *const *hosts, size_t host_count,
                       uint16_t port, unsigned loops, struct bytes *message, struct bytes *notes) {
    size_t before = b->count;
    size_t notes_before = notes->len;
    int err = TB_OK;
    for (int tries = 0; tries < PORT_TRIES; tries++) {
        b->port = port;
        bytes_clear(message);
        notes->len = notes_before;
        err = TB_OK;
        for (size_t i = 0; i < host_count && err == TB_OK; i++) {
            err = bind_host(b, hosts[i], loops, message, notes);
        }
        if (err == TB_OK) {
            return TB_OK;
        }
        /* A port that was free on one address may be taken on the next. */
        bool try_another = port == 0 && err == TB_ESYS && errno == EADDRINUSE;
        drop_from(b, before);
        if (!try_another) {
            break;
        }
    }
    b->port = 0;
    return err;
}

/* ---- Unix sockets ---- */

static int connects(const struct sockaddr_un *address) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return errno;
    }
    int why = connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 ? 0 : errno;
    close(fd);
    return why;
}

/* Removes the socket file that a process left behind which is no more. NULL, or why something else
 * is in the way. */
static const char *clear_the_way(const struct sockaddr_un *address) {
    struct stat st;
    if (lstat(address->sun_path, &st) != 0) {
        return NULL;
    }
    if (!S_ISSOCK(st.st_mode)) {
        return "the file exists and is not a socket";
    }
    int why = connects(address);
    if (why == 0 || why == EAGAIN) { /* EAGAIN: its queue is full */
        return "somebody listens on it already";
    }
    if (why == ECONNREFUSED && unlink(address->sun_path) != 0) {
        why = errno;
    }
    return why == ECONNREFUSED || why == ENOENT ? NULL : strerror(why);
}

/* *st tells which file it is, so that only this one is removed at the end. */
static int listen_unix(const struct sockaddr_un *address, struct stat *st) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -1;
    }
    if (bind(fd, (const struct sockaddr *)address, sizeof *address) != 0) {
        goto fail;
    }
    if (lstat(address->sun_path, st) != 0 || listen(fd, LISTEN_BACKLOG) != 0) {
        unlink(address->sun_path);
        goto fail;
    }
    return fd;

fail:;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

/* Every loop but the first gets a copy of the descriptor. */
static int share_unix(struct bindings *b, int fd, unsigned loops) {
    for (unsigned i = 0; i < loops; i++) {
        int own = i == 0 ? fd : dup(fd);
        if (own < 0) {
            return TB_ESYS;
        }
        if (keep(b, STREAM_UNIX, i, own) != TB_OK) {
            close(own);
            return TB_ENOMEM;
        }
    }
    return TB_OK;
}

int bindings_add_unix(struct bindings *b, const char *path, unsigned loops, struct bytes *message) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path || path[0] == '\0') {
        refuse(message, path, "a socket's path has 1 to 107 bytes");
        return TB_EINVAL;
    }
    memcpy(address.sun_path, path, strlen(path));
    size_t before = b->count;
    struct stat st;
    const char *obstacle = clear_the_way(&address);
    if (obstacle != NULL) {
        return refuse(message, path, obstacle);
    }
    int fd = listen_unix(&address, &st);
    if (fd < 0) {
        return refuse(message, path, strerror(errno));
    }
    int err = share_unix(b, fd, loops);
    if (err == TB_OK) {
        b->unix_path = path;
        b->unix_device = st.st_dev;
        b->unix_file = st.st_ino;
        return TB_OK;
    }
    if (err == TB_ESYS) {
        refuse(message, path, strerror(errno));
    }
    drop_from(b, before);
    unlink(path);
    return err;
}

static bool is_still_ours(const struct bindings *b) {
    struct stat st;
    return b->unix_path != NULL && lstat(b->unix_path, &st) == 0 && st.st_dev == b->unix_device &&
           st.st_ino == b->unix_file;
}

void bindings_release(struct bindings *b) {
    drop_from(b, 0);
    free(b->items);
    if (is_still_ours(b)) {
        unlink(b->unix_path);
    }
    *b = (struct bindings)BINDINGS_INIT;
}
