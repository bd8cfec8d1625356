#include "proto/subprotocol.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

static const char header_name[] = "Sec-WebSocket-Protocol";

/* As many as fit here are sorted without an allocation. */
enum { FEW = 16 };

/* Counts the elements; *tokens says whether all of them are tokens. */
static size_t count_elements(const struct http1 *request, bool *tokens) {
    struct http1_list list;
    struct http1_str element;
    size_t n = 0;
    *tokens = true;
    http1_list_init(&list, request, header_name);
    while (http1_list_next(&list, &element)) {
        *tokens = *tokens && http1_str_is_token(element);
        n++;
    }
    return n;
}

static int compare(const void *left, const void *right) {
    const struct http1_str *a = left;
    const struct http1_str *b = right;
    int order = memcmp(a->p, b->p, a->n < b->n ? a->n : b->n);
    return order != 0 ? order : (a->n > b->n) - (a->n < b->n);
}

/* Sorts the list's elements into sorted[0..n), where equal ones are neighbours. */
static bool are_distinct(const struct http1 *request, struct http1_str *sorted, size_t n) {
    struct http1_list list;
    http1_list_init(&list, request, header_name);
    for (size_t i = 0; i < n; i++) {
        http1_list_next(&list, &sorted[i]);
    }
    qsort(sorted, n, sizeof(*sorted), compare);
    for (size_t i = 1; i < n; i++) {
        if (compare(&sorted[i - 1], &sorted[i]) == 0) {
            return false;
        }
    }
    return true;
}

int ws_subprotocol_check(const struct http1 *request, bool *good) {
    size_t headers;
    http1_header(request, header_name, &headers);
    size_t n = count_elements(request, good);
    if (n == 0 || !*good) {
        *good = *good && headers == 0;
        return TB_OK;
    }
    struct http1_str few[FEW];
    struct http1_str *sorted = n <= FEW ? few : malloc(n * sizeof(*sorted));
    if (sorted == NULL) {
        return TB_ENOMEM;
    }
    *good = are_distinct(request, sorted, n);
    if (sorted != few) {
        free(sorted);
    }
    return TB_OK;
}

const char *ws_subprotocol_choose(const struct http1 *request, const char *const *known,
                                  size_t count, bool known_order) {
    struct http1_list list;
    struct http1_str element;
    size_t best = count;
    http1_list_init(&list, request, header_name);
    while (http1_list_next(&list, &element)) {
        for (size_t i = 0; i < best; i++) {
            if (http1_str_is(element, known[i])) {
                best = i;
            }
        }
        if (best < count && !known_order) {
            break;
        }
    }
    return best < count ? known[best] : NULL;
}
