#include "proto/handshake.h"

#include <string.h>

#include <openssl/evp.h>

#include "base/err.h"

int ws_accept_key(const char *key, char accept[WS_ACCEPT_SIZE]) {
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    enum { GUID_SIZE = sizeof(guid) - 1, SHA1_SIZE = 20 };

    uint8_t text[WS_KEY_SIZE + GUID_SIZE];
    memcpy(text, key, WS_KEY_SIZE);
    memcpy(text + WS_KEY_SIZE, guid, GUID_SIZE);

    uint8_t digest[EVP_MAX_MD_SIZE];
    if (EVP_Digest(text, sizeof(text), digest, NULL, EVP_sha1(), NULL) != 1) {
        return TB_ECRYPTO;
    }
    uint8_t base64[WS_ACCEPT_SIZE + 1];
    EVP_EncodeBlock(base64, digest, SHA1_SIZE);
    memcpy(accept, base64, WS_ACCEPT_SIZE);
    return TB_OK;
}
