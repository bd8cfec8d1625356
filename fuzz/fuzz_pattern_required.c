/* A pattern, a zero, a text: if the pattern is found in the text, so is the literal that it is said
 * to require; and what its groups are said to have caught lies in the text. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/pattern.h"

/* Longer ones are only slower. */
#define PATTERN_SIZE_MAX 256

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

static bool has_literal(const char *regex, const uint8_t *text, size_t n) {
    struct bytes literal = BYTES_INIT;
    require(pattern_required(regex, &literal) == TB_OK);
    bool has = literal.len == 0 || memmem(text, n, literal.data, literal.len) != NULL;
    bytes_release(&literal);
    return has;
}

static void check_groups(const struct pattern *pattern, const uint8_t *text, size_t n) {
    for (size_t i = 0; i < pattern_group_count(pattern); i++) {
        const uint8_t *p;
        size_t len;
        require(pattern_group_name(pattern, i)[0] != '\0');
        if (pattern_group(pattern, i, &p, &len)) {
            require(len <= n && (len == 0 || (p >= text && p + len <= text + n)));
        }
    }
}

static void check(const char *regex, const uint8_t *text, size_t n) {
    struct pattern *pattern = NULL;
    struct bytes message = BYTES_INIT;
    if (pattern_new(regex, &pattern, &message) == TB_OK &&
        pattern_search(pattern, text, n) == PATTERN_FOUND) {
        require(has_literal(regex, text, n));
        check_groups(pattern, text, n);
    }
    pattern_free(pattern);
    bytes_release(&message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint8_t *end = size > 0 ? memchr(data, 0, size) : NULL;
    if (end == NULL || (size_t)(end - data) > PATTERN_SIZE_MAX) {
        return 0;
    }
    check((const char *)data, end + 1, size - (size_t)(end + 1 - data));
    return 0;
}
