#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "proto/url_parts.h"

static bool is_default_port(const struct url *u) {
    return u->port == (u->secure ? URL_PORT_WSS : URL_PORT_WS);
}

/* The host with its brackets; what stands before the name of a zone, or NULL to leave it out. */
static int write_host(const struct url *u, const char *zone, struct bytes *out) {
    size_t n = strcspn(u->host, "%");
    if (!u->ipv6) {
        return bytes_append_str(out, u->host);
    }
    if (u->host[n] == '\0' || zone == NULL) {
        return bytes_appendf(out, "[%.*s]", (int)n, u->host);
    }
    return bytes_appendf(out, "[%.*s%s%s]", (int)n, u->host, zone, u->host + n + 1);
}

static int write_authority(const struct url *u, const char *zone, struct bytes *out) {
    int err = write_host(u, zone, out);
    return err == TB_OK && !is_default_port(u) ? bytes_appendf(out, ":%u", u->port) : err;
}

static int write_where(const struct url *u, struct bytes *out) {
    const char *scheme = u->secure ? "wss" : "ws";
    if (u->unix_path != NULL) {
        return bytes_appendf(out, "%s+unix:%s:", scheme, u->unix_path);
    }
    int err = bytes_appendf(out, "%s://", scheme);
    return err == TB_OK ? write_authority(u, "%25", out) : err;
}

int url_write(const struct url *u, struct bytes *out) {
    size_t before = out->len;
    int err = write_where(u, out);
    err = err == TB_OK ? bytes_append_str(out, u->target) : err;
    if (err != TB_OK) {
        out->len = before;
    }
    return err;
}

int url_write_host(const struct url *u, struct bytes *out) {
    size_t before = out->len;
    int err = write_authority(u, NULL, out);
    if (err != TB_OK) {
        out->len = before;
    }
    return err;
}

static bool is_same_socket(const char *a, const char *b) {
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool url_same_origin(const struct url *a, const struct url *b) {
    return a->secure == b->secure && a->port == b->port && strcasecmp(a->host, b->host) == 0 &&
           is_same_socket(a->unix_path, b->unix_path);
}
