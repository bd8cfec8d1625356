#include "proto/http_basic.h"

#include <openssl/evp.h>

#include "base/err.h"

static int append_base64(const struct bytes *from, struct bytes *out) {
    if (from->len > HTTP_BASIC_MAX + 1) {
        return TB_ERANGE;
    }
    int err = bytes_reserve(out, (from->len + 2) / 3 * 4 + 1);
    if (err == TB_OK) {
        int n = EVP_EncodeBlock(out->data + out->len, from->data, (int)from->len);
        out->len += (size_t)n;
    }
    return err;
}

int http_basic_append(const char *user, const char *password, struct bytes *out) {
    struct bytes login = BYTES_INIT;
    size_t before = out->len;
    int err = bytes_appendf(&login, "%s:%s", user, password != NULL ? password : "");
    err = err == TB_OK ? bytes_append_str(out, "Basic ") : err;
    err = err == TB_OK ? append_base64(&login, out) : err;
    if (err != TB_OK) {
        out->len = before;
    }
    bytes_release(&login);
    return err;
}
