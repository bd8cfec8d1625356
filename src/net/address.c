#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

void address_of_sockaddr(struct address *a, const struct sockaddr *from) {
    memset(a, 0, sizeof *a);
    if (from->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)from;
        memcpy(a->ip, &in->sin_addr, sizeof in->sin_addr);
        a->port = ntohs(in->sin_port);
    } else if (from->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)from;
        memcpy(a->ip, &in6->sin6_addr, sizeof in6->sin6_addr);
        a->port = ntohs(in6->sin6_port);
    } else if (from->sa_family != AF_UNIX) {
        return;
    }
    a->family = (uint8_t)from->sa_family;
}

void address_of_peer(struct address *a, const uv_stream_t *stream) {
    memset(a, 0, sizeof *a);
    if (stream->type == UV_NAMED_PIPE) {
        a->family = AF_UNIX;
        return;
    }
    struct sockaddr_storage from;
    int size = sizeof from;
    if (uv_tcp_getpeername((const uv_tcp_t *)stream, (struct sockaddr *)&from, &size) == 0) {
        address_of_sockaddr(a, (const struct sockaddr *)&from);
    }
}

const char *address_text(const struct address *a, char text[ADDRESS_TEXT_MAX]) {
    char ip[INET6_ADDRSTRLEN];
    switch (a->family) {
    case AF_INET:
        inet_ntop(AF_INET, a->ip, ip, sizeof ip);
        snprintf(text, ADDRESS_TEXT_MAX, "%s:%u", ip, (unsigned)a->port);
        break;
    case AF_INET6:
        inet_ntop(AF_INET6, a->ip, ip, sizeof ip);
        snprintf(text, ADDRESS_TEXT_MAX, "[%s]:%u", ip, (unsigned)a->port);
        break;
    case AF_UNIX:
        snprintf(text, ADDRESS_TEXT_MAX, "unix");
        break;
    default:
        snprintf(text, ADDRESS_TEXT_MAX, "unknown");
        break;
    }
    return text;
}
