#include "net/bind.h"

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

enum { BACKLOG = 4096, PORT_TRIES = 32 };

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
        listen(fd, BACKLOG) != 0) {
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

static uint16_t bound_port(int fd) {
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &size) != 0) {
        return 0;
    }
    return ntohs(*port_of(&address));
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
    b->port = bound_port(fd);
    *port_of(address) = htons(b->port);
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

/* Every address of a host. A loopback without IPv6 is noted, not refused. */
static int bind_addresses(struct bindings *b, const char *host, const struct addrinfo *addresses,
                          unsigned loops, struct bytes *message, struct bytes *notes) {
    size_t before = b->count;
    int why = 0;
    int absent = 0;
    for (const struct addrinfo *a = addresses; a != NULL && why == 0; a = a->ai_next) {
        struct sockaddr_storage address = {0};
        memcpy(&address, a->ai_addr, a->ai_addrlen);
        if (bind_address(b, &address, a->ai_addrlen, loops)) {
            continue;
        }
        if (is_absent_ipv6(a, errno)) {
            absent = errno;
            bytes_appendf(notes, "this machine has no IPv6: not listening on ::1\n");
        } else {
            why = errno;
        }
    }
    if (why == 0 && b->count == before) {
        why = absent;
    }
    if (why == 0) {
        return TB_OK;
    }
    char where[300];
    snprintf(where, sizeof where, "%s port %u", host, (unsigned)b->port);
    refuse(message, where, why == EADDRINUSE ? "the port is taken" : strerror(why));
    errno = why;
    return TB_ESYS;
}

/* The addresses of a host; `localhost` is not left to the system's files. */
static int resolve(const char *host, struct addrinfo **addresses, struct bytes *message) {
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo **end = addresses;
    bool is_localhost = strcmp(host, "localhost") == 0;
    const char *const names[] = {is_localhost ? "127.0.0.1" : host, "::1"};
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
    int err = TB_OK;
    for (int tries = 0; tries < PORT_TRIES; tries++) {
        b->port = port;
        bytes_clear(message);
        bytes_clear(notes);
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

/* Removes the socket file that a process left behind which is no more. */
static void remove_abandoned(const struct sockaddr_un *address) {
    struct stat st;
    if (lstat(address->sun_path, &st) == 0 && S_ISSOCK(st.st_mode) &&
        connects(address) == ECONNREFUSED) {
        unlink(address->sun_path);
    }
}

static int listen_unix(const struct sockaddr_un *address) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -1;
    }
    if (bind(fd, (const struct sockaddr *)address, sizeof *address) != 0) {
        goto fail;
    }
    if (listen(fd, BACKLOG) != 0) {
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
    remove_abandoned(&address);
    int fd = listen_unix(&address);
    if (fd < 0) {
        return refuse(message, path,
                      errno == EADDRINUSE ? "the file exists and is in use" : strerror(errno));
    }
    int err = share_unix(b, fd, loops);
    if (err == TB_OK) {
        b->unix_path = path;
        return TB_OK;
    }
    if (err == TB_ESYS) {
        refuse(message, path, strerror(errno));
    }
    drop_from(b, before);
    unlink(path);
    return err;
}

void bindings_release(struct bindings *b) {
    drop_from(b, 0);
    free(b->items);
    if (b->unix_path != NULL) {
        unlink(b->unix_path);
    }
    *b = (struct bindings)BINDINGS_INIT;
}
