#include "proto/handshake.h"

#include <string.h>

/* The digest by itself is deprecated in favour of EVP, whose first use reads OpenSSL's
 * configuration and sets up its providers: a millisecond, a quarter of a client's whole run, for a
 * sum that protects nothing (RFC 6455 s.10.8). */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/evp.h>
#include <openssl/sha.h>

#include "base/err.h"

static bool sha1(const uint8_t *p, size_t n, uint8_t digest[SHA_DIGEST_LENGTH]) {
    SHA_CTX c;
    return SHA1_Init(&c) == 1 && SHA1_Update(&c, p, n) == 1 && SHA1_Final(digest, &c) == 1;
}

int ws_accept_key(const char *key, char accept[WS_ACCEPT_SIZE]) {
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    enum { GUID_SIZE = sizeof(guid) - 1 };

    uint8_t text[WS_KEY_SIZE + GUID_SIZE];
    memcpy(text, key, WS_KEY_SIZE);
    memcpy(text + WS_KEY_SIZE, guid, GUID_SIZE);

    uint8_t digest[SHA_DIGEST_LENGTH];
    if (!sha1(text, sizeof(text), digest)) {
        return TB_ECRYPTO;
    }
    uint8_t base64[WS_ACCEPT_SIZE + 1];
    EVP_EncodeBlock(base64, digest, SHA_DIGEST_LENGTH);
    memcpy(accept, base64, WS_ACCEPT_SIZE);
    return TB_OK;
}
