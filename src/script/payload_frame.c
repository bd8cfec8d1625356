#include <string.h>

#include "base/ascii.h"
#include "base/encoding.h"
#include "base/err.h"
#include "script/payload_state.h"

/* ---- fragment ---- */

struct sizes {
    uint64_t *next;
};

static int read_size(struct reader *r, const struct node *item, void *into) {
    struct sizes *sizes = into;
    return reader_size(r, item, sizes->next++);
}

int payload_fragment(struct reader *r, const struct node *value, void *into) {
    struct payload *p = into;
    if (value->kind == NODE_SCALAR) {
        int err = reader_size(r, value, &p->shape.fragment);
        if (err == TB_OK && p->shape.fragment == 0) {
            return reader_refuse(r, value,
                                 "a message cannot be cut into pieces of 0 bytes; a list "
                                 "of sizes may have a 0 in it");
        }
        return err;
    }
    uint64_t *sizes = arena_alloc(r->arena, value->count * sizeof(*sizes));
    struct sizes into_sizes = {.next = sizes};
    int err = sizes == NULL ? TB_ENOMEM : reader_list(r, value, "a size, or a list of sizes");
    err = err == TB_OK ? reader_each(r, value, read_size, &into_sizes) : err;
    p->shape.fragments = sizes;
    p->shape.fragment_count = value->count;
    return err;
}

/* ---- frame ---- */

static int frame_fin(struct reader *r, const struct node *value, void *into) {
    struct wire_shape *shape = into;
    shape->has_fin = true;
    return reader_bool(r, value, &shape->fin);
}

static int read_bit(struct reader *r, const struct node *item, void *into) {
    struct wire_shape *shape = into;
    uint64_t bit = 0;
    int err = reader_number(r, item, 1, 3, &bit);
    if (err == TB_OK) {
        shape->rsv |= (uint8_t)(8 >> bit);
    }
    return err;
}

/* A number as recordings have it (RSV1 is 4), or a list of the bits that are set. */
static int frame_rsv(struct reader *r, const struct node *value, void *into) {
    struct wire_shape *shape = into;
    uint64_t rsv = 0;
    shape->has_rsv = true;
    if (value->kind == NODE_LIST) {
        return reader_each(r, value, read_bit, shape);
    }
    int err = reader_number(r, value, 0, 7, &rsv);
    shape->rsv = (uint8_t)rsv;
    return err;
}

static int frame_opcode(struct reader *r, const struct node *value, void *into) {
    struct wire_shape *shape = into;
    uint64_t opcode = 0;
    int err = reader_number(r, value, 0, 15, &opcode);
    shape->has_opcode = true;
    shape->opcode = (uint8_t)opcode;
    return err;
}

static bool is_key(const struct node *value) {
    bool is = value->size == 8;
    for (size_t i = 0; is && i < value->size; i++) {
        is = ascii_is_hex(value->text[i]);
    }
    return is;
}

static int read_key(const struct node *value, uint8_t key[4]) {
    struct bytes bytes = BYTES_INIT;
    size_t offset;
    int err = hex_decode(&bytes, value->text, value->size, &offset);
    if (err == TB_OK && bytes.len == 4) {
        memcpy(key, bytes.data, 4);
    }
    bytes_release(&bytes);
    return err;
}

static int frame_mask(struct reader *r, const struct node *value, void *into) {
    struct wire_shape *shape = into;
    int err = reader_scalar(r, value, "yes, no or a key of 8 hexadecimal digits");
    if (err != TB_OK) {
        return err;
    }
    shape->has_mask = true;
    if (is_key(value)) {
        shape->masked = true;
        return read_key(value, shape->mask);
    }
    if (value->size > 5 || (value->size > 0 && ascii_is_digit(value->text[0]))) {
        return reader_refuse(r, value,
                             "a mask is yes, no or a key of 8 hexadecimal digits, not "
                             "'%s'",
                             value->text);
    }
    err = reader_bool(r, value, &shape->masked);
    shape->fresh = shape->masked;
    return err;
}

static int frame_length(struct reader *r, const struct node *value, void *into) {
    struct wire_shape *shape = into;
    shape->has_length = true;
    return reader_number(r, value, 0, UINT64_MAX, &shape->length);
}

int payload_frame(struct reader *r, const struct node *value, void *into) {
    static const struct field fields[] = {
        {.name = "fin", .read = frame_fin},       {.name = "rsv", .read = frame_rsv},
        {.name = "opcode", .read = frame_opcode}, {.name = "mask", .read = frame_mask},
        {.name = "length", .read = frame_length}, {.name = NULL},
    };
    struct payload *p = into;
    return reader_map(r, value, fields, "a frame", &p->shape);
}
