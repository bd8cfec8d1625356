/* The server's side of a connection: see session_target.h. */
#include "session_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    return fuzz_session(WS_SERVER, data, size);
}
