#include "net/host.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "base/ascii.h"
#include "base/err.h"

const char *host_bare(const char *host, char name[HOST_NAME_SIZE]) {
    size_t n = strlen(host);
    bool brackets = n > 2 && host[0] == '[' && host[n - 1] == ']' && strchr(host, ':') != NULL;
    size_t bare = brackets ? n - 2 : n;
    size_t kept = bare < HOST_NAME_SIZE ? bare : HOST_NAME_SIZE - 1;
    memcpy(name, host + brackets, kept);
    name[kept] = '\0';
    return name;
}

/* The length of a name without the dot of the root at its end. */
static size_t length_of(const char *name) {
    size_t n = strlen(name);
    return n > 1 && name[n - 1] == '.' ? n - 1 : n;
}

static bool is_same_text(const char *a, const char *b, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (ascii_lower(a[i]) != ascii_lower(b[i])) {
            return false;
        }
    }
    return true;
}

bool host_is_same(const char *a, const char *b) {
    size_t n = length_of(a);
    return n == length_of(b) && is_same_text(a, b, n);
}

bool host_is_localhost(const char *name) {
    static const char localhost[] = "localhost";
    size_t n = length_of(name), size = sizeof localhost - 1;
    if (n < size || !is_same_text(name + n - size, localhost, size)) {
        return false;
    }
    return n == size || name[n - size - 1] == '.';
}

void host_address_set(struct host_address *a, const struct sockaddr *from, uint16_t port) {
    *a = (struct host_address){0};
    if (from->sa_family == AF_INET6) {
        a->size = sizeof a->sa.in6;
        memcpy(&a->sa.in6, from, sizeof a->sa.in6);
        a->sa.in6.sin6_port = htons(port);
    } else {
        a->size = sizeof a->sa.in;
        memcpy(&a->sa.in, from, sizeof a->sa.in);
        a->sa.in.sin_port = htons(port);
    }
}

/* getaddrinfo() knows the zones of IPv6, and every way to write an address of IPv4. */
int host_parse(struct host_address *a, const char *host, uint16_t port) {
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
    struct addrinfo *found = NULL;
    char name[HOST_NAME_SIZE];
    int err = getaddrinfo(host_bare(host, name), NULL, &hints, &found);
    if (err != 0) {
        return err == EAI_MEMORY ? TB_ENOMEM : TB_EINVAL;
    }
    host_address_set(a, found->ai_addr, port);
    freeaddrinfo(found);
    return TB_OK;
}

const char *host_address_text(const struct host_address *a, char text[HOST_ADDRESS_TEXT_MAX]) {
    if (getnameinfo(&a->sa.any, a->size, text, HOST_ADDRESS_TEXT_MAX, NULL, 0, NI_NUMERICHOST) !=
        0) {
        snprintf(text, HOST_ADDRESS_TEXT_MAX, "unknown");
    }
    return text;
}
