/* A URL that is taken is clean and complete, and is read again from what it is written as; so is
 * what a reference makes of it, which never leads to another Unix socket. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "proto/http_host.h"
#include "proto/url.h"

static void must(bool holds) {
    if (!holds) {
        abort();
    }
}

static bool is_same(const char *a, const char *b) {
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void must_be_one_clean_line(const uint8_t *p, size_t n) {
    for (size_t i = 0; i < n; i++) {
        must(p[i] >= ' ' && p[i] != 0x7f);
    }
}

static void must_be_strict(const struct url *u) {
    must(u->port > 0 && u->host[0] != '\0' && u->target[0] == '/');
    must(u->password == NULL || u->user != NULL);
    for (const char *p = u->target; *p != '\0'; p++) {
        must(*p > ' ' && *p < 0x7f && strchr("#\"<>", *p) == NULL);
    }
}

static void must_have_a_host_header(const struct url *u) {
    struct bytes host = BYTES_INIT;
    must(url_write_host(u, &host) == TB_OK);
    must(http_host_is_valid((struct http1_str){(const char *)host.data, host.len}));
    bytes_release(&host);
}

static void must_read_again(const struct url *u) {
    struct bytes text = BYTES_INIT, message = BYTES_INIT;
    struct url again;
    must(url_write(u, &text) == TB_OK);
    must_be_one_clean_line(text.data, text.len);
    must(bytes_append(&text, "", 1) == TB_OK);
    must(url_parse(&again, (const char *)text.data, &message) == TB_OK);
    must(url_same_origin(u, &again) && u->ipv6 == again.ipv6);
    must(is_same(u->host, again.host) && is_same(u->target, again.target));
    must(again.user == NULL && !again.had_fragment);
    url_release(&again);
    bytes_release(&message);
    bytes_release(&text);
}

/* err is what reading *u gave. */
static void must_hold(int err, struct url *u, struct bytes *message) {
    must((err == TB_EINVAL) == (message->len > 0));
    must_be_one_clean_line(message->data, message->len);
    if (err == TB_OK) {
        must_be_strict(u);
        must_have_a_host_header(u);
        must_read_again(u);
    } else {
        must(u->host == NULL && u->target == NULL && u->user == NULL && u->unix_path == NULL);
    }
    bytes_clear(message);
}

/* The input is a URL and a reference, with a line's end between. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = malloc(size + 1);
    must(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    char *reference = strchr(text, '\n');
    if (reference != NULL) {
        *reference++ = '\0';
    }
    struct bytes message = BYTES_INIT;
    struct url base, next;
    int err = url_parse(&base, text, &message);
    must_hold(err, &base, &message);
    if (err == TB_OK && reference != NULL) {
        err = url_resolve(&next, &base, reference, &message);
        must_hold(err, &next, &message);
        must(next.unix_path == NULL || is_same(next.unix_path, base.unix_path));
        url_release(&next);
    }
    url_release(&base);
    bytes_release(&message);
    free(text);
    return 0;
}
