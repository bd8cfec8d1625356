/* Literals, each with its length before it, then a text: a scan tells those that memmem() finds,
 * and no others, whether or not all states fit into the table. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/literals.h"

#define COUNT_MAX 256

struct input {
    const uint8_t *p[COUNT_MAX];
    size_t n[COUNT_MAX];
    bool told[COUNT_MAX];
    unsigned count;
    const uint8_t *text;
    size_t text_len;
};

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

static void note(void *ctx, unsigned id) {
    struct input *input = ctx;
    require(id < input->count);
    input->told[id] = true;
}

/* A length of 0, or one beyond the end, begins the text. */
static void read_input(struct input *input, const uint8_t *data, size_t size) {
    while (size > 0 && input->count < COUNT_MAX) {
        size_t n = *data++;
        size--;
        if (n == 0 || n > size) {
            break;
        }
        input->p[input->count] = data;
        input->n[input->count++] = n;
        data += n;
        size -= n;
    }
    input->text = data;
    input->text_len = size;
}

static void check(struct input *input, size_t table_max) {
    struct literals *l = literals_new();
    require(l != NULL);
    literals_limit_table(l, table_max);
    memset(input->told, 0, sizeof(input->told));
    for (unsigned i = 0; i < input->count; i++) {
        require(literals_add(l, input->p[i], input->n[i], i) == TB_OK);
    }
    require(literals_finish(l) == TB_OK);
    literals_scan(l, input->text, input->text_len, note, input);
    for (unsigned i = 0; i < input->count; i++) {
        bool stands = memmem(input->text, input->text_len, input->p[i], input->n[i]) != NULL;
        require(stands == input->told[i]);
    }
    literals_free(l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct input input = {0};
    size_t table_max = size > 0 ? (size_t)data[0] * 16 : 0;
    if (size > 0) {
        read_input(&input, data + 1, size - 1);
    }
    check(&input, SIZE_MAX);
    check(&input, table_max);
    return 0;
}
