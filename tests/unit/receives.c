#include "receives.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "proto/deflate.h"
#include "ws_client.h"

void assert_receives(struct ws_client *c, bool compressed, const void *p, size_t n) {
    struct ws_client_frame f;
    assert_true(ws_client_receive(c, &f));
    assert_int_equal(f.first, compressed ? 0xC1 : 0x81);
    if (!compressed) {
        assert_int_equal(f.size, n);
        assert_memory_equal(f.data, p, n);
        return;
    }
    struct ws_deflate_cache *cache = ws_deflate_cache_new();
    struct ws_inflater *inflater = ws_inflater_take(cache);
    struct bytes text = BYTES_INIT;
    assert_int_equal(ws_inflate(inflater, f.data, f.size, true, &text, n + 1), WS_INFLATE_OK);
    assert_int_equal(text.len, n);
    assert_memory_equal(text.data, p, n);
    bytes_release(&text);
    ws_inflater_give(cache, inflater);
    ws_deflate_cache_free(cache);
}
