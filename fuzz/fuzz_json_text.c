/* Pretty text is the same JSON: it compacts to what the original compacts to. Whatever does not
 * compact is not pretty either, and a cut text is never more broken than the whole. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json_text.h"

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

static bool is_same(const struct bytes *a, const struct bytes *b) {
    return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

static void check_valid(const uint8_t *p, size_t n) {
    static const struct json_text_style raw = {.indent = 1, .raw = true};
    struct bytes compact = BYTES_INIT;
    struct bytes pretty = BYTES_INIT;
    struct bytes again = BYTES_INIT;
    require(json_text_compact(&compact, p, n) == TB_OK && compact.len <= n);
    require(json_text_pretty(&pretty, p, n, &raw) == TB_OK);
    require(json_text_compact(&again, pretty.data, pretty.len) == TB_OK);
    require(is_same(&compact, &again));
    bytes_clear(&again);
    require(json_text_pretty(&again, compact.data, compact.len, &raw) == TB_OK);
    require(is_same(&pretty, &again));
    bytes_release(&compact);
    bytes_release(&pretty);
    bytes_release(&again);
}

static void check_coloured(const uint8_t *p, size_t n, int expected) {
    static const struct json_text_colours colours = {"k", "s", "n", "l", "p", "_"};
    static const struct json_text_style style = {.colours = &colours, .size_max = 1 << 20};
    struct bytes out = BYTES_INIT;
    int err = json_text_pretty(&out, p, n, &style);
    require(err == expected || err == TB_ERANGE);
    for (size_t i = 0; i < out.len; i++) {
        require(out.data[i] == '\n' || (out.data[i] >= 0x20 && out.data[i] != 0x7f));
    }
    bytes_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    enum json_text_state state = json_text_look(data, size);
    if (state == JSON_TEXT_COMPLETE) {
        check_valid(data, size);
    }
    if (state != JSON_TEXT_BROKEN && size > 0) {
        require(json_text_look(data, size - 1) != JSON_TEXT_BROKEN);
    }
    check_coloured(data, size, state == JSON_TEXT_COMPLETE ? TB_OK : TB_EINVAL);
    return 0;
}
