#include "net/source.h"

#include <errno.h>
#include <ifaddrs.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"

static int bind_to(int fd, const struct host_address *address) {
    return bind(fd, &address->sa.any, address->size) == 0 ? 0 : errno;
}

/* Whether the machine has the address. 0 or an errno. */
static int try_address(const struct host_address *address) {
    int fd = socket(address->sa.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return errno;
    }
    int why = bind_to(fd, address);
    close(fd);
    return why;
}

int source_init(struct source *s, const char *name) {
    *s = (struct source){0};
    if (name == NULL) {
        return 0;
    }
    switch (host_parse(&s->address, name, 0)) {
    case TB_OK:
        return try_address(&s->address);
    case TB_ENOMEM:
        return ENOMEM;
    default:
        break;
    }
    s->address = (struct host_address){0};
    size_t n = strlen(name);
    if (n >= sizeof s->device || if_nametoindex(name) == 0) {
        return ENODEV;
    }
    memcpy(s->device, name, n);
    return 0;
}

int source_family(const struct source *s) {
    return s->address.size == 0 ? AF_UNSPEC : s->address.sa.any.sa_family;
}

static bool is_link_local(const struct sockaddr *address) {
    return address->sa_family == AF_INET6 &&
           IN6_IS_ADDR_LINKLOCAL(&((const struct sockaddr_in6 *)address)->sin6_addr);
}

/* The device's first address of the family; one that reaches beyond the link if there is one. */
static const struct sockaddr *find_address(const struct ifaddrs *all, const char *device,
                                           int family) {
    const struct sockaddr *found = NULL;
    for (const struct ifaddrs *i = all; i != NULL; i = i->ifa_next) {
        if (i->ifa_addr == NULL || i->ifa_addr->sa_family != family ||
            strcmp(i->ifa_name, device) != 0) {
            continue;
        }
        if (!is_link_local(i->ifa_addr)) {
            return i->ifa_addr;
        }
        if (found == NULL) {
            found = i->ifa_addr;
        }
    }
    return found;
}

static int bind_to_address_of(const char *device, int fd, int family) {
    struct ifaddrs *all;
    if (getifaddrs(&all) != 0) {
        return errno;
    }
    int why = EADDRNOTAVAIL;
    const struct sockaddr *found = find_address(all, device, family);
    if (found != NULL) {
        struct host_address address;
        host_address_set(&address, found, 0);
        why = bind_to(fd, &address);
    }
    freeifaddrs(all);
    return why;
}

static int bind_to_device(const char *device, int fd, int family) {
#ifdef SO_BINDTODEVICE
    if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, (socklen_t)strlen(device)) == 0) {
        return 0;
    }
    if (errno != EPERM) {
        return errno;
    }
#endif
    return bind_to_address_of(device, fd, family);
}

int source_bind(const struct source *s, int fd, int family) {
    if (s->device[0] != '\0') {
        return bind_to_device(s->device, fd, family);
    }
    return s->address.size == 0 ? 0 : bind_to(fd, &s->address);
}
