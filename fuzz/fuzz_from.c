/* Whatever a recording says, what is made of it is a file of ours: it loads. The only exception is
 * a file that is too large for one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "script/from/from.h"
#include "script/node.h"
#include "script/script.h"

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

static void check(const struct from *f, int (*writer)(const struct from *f, struct bytes *out)) {
    struct bytes yaml = BYTES_INIT, message = BYTES_INIT;
    struct script *script = NULL;
    require(writer(f, &yaml) == TB_OK);
    if (yaml.len <= FILE_SIZE_MAX) {
        int err = script_parse("made", (const char *)yaml.data, yaml.len, &script, &message);
        if (err != TB_OK) {
            fprintf(stderr, "%.*s\n%.*s\n", (int)message.len, (char *)message.data, (int)yaml.len,
                    (char *)yaml.data);
        }
        require(err == TB_OK);
    }
    script_unref(script);
    bytes_release(&yaml);
    bytes_release(&message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct from *f = NULL;
    struct bytes message = BYTES_INIT;
    int err = from_parse("FILE", data, size, &f, &message);
    require(err == TB_OK || (err == TB_EINVAL && message.len > 0 && f == NULL));
    require(memchr(message.len > 0 ? message.data : (const uint8_t *)"", '\n', message.len) ==
            NULL);
    if (err == TB_OK) {
        check(f, from_write_scenarios);
        check(f, from_write_mock);
    }
    from_free(f);
    bytes_release(&message);
    return 0;
}
