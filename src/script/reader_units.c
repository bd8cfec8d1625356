#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "base/units.h"
#include "proto/close.h"
#include "script/reader.h"

/* What is expected, and how it is written. */
struct form {
    const char *noun;
    const char *examples;
};

static const struct form duration_form = {"duration", "20ms, 5s, 2m, 1h"};
static const struct form span_form = {"duration or range of them", "20ms, 5s, 20ms..80ms"};
static const struct form size_form = {"size", "100, 16KB, 1MB"};
static const struct form size_range_form = {"size or range of them", "1KB, 0..125"};
static const struct form rate_form = {"rate", "500/s, 16KB/s"};
static const struct form percent_form = {"percentage", "30%, 0.5%"};
static const struct form close_code_form = {"close code that may be sent",
                                            "1000-1003, 1007-1014, 3000-4999"};

static int refuse_form(struct reader *r, const struct node *node, const struct form *form) {
    if (reader_is_nothing(node)) {
        return reader_refuse(r, node, "expected a %s (%s), and nothing stands here", form->noun,
                             form->examples);
    }
    if (node->kind != NODE_SCALAR) {
        return reader_refuse(r, node, "expected a %s (%s), not %s", form->noun, form->examples,
                             node_kind_name(node));
    }
    return reader_refuse(r, node, "'%s' is no %s (%s)", reader_shown(r, node), form->noun,
                         form->examples);
}

/* What base/units.h said of a scalar, in words; `limit` is what it is beyond. */
static int judge(struct reader *r, const struct node *node, int err, const struct form *form,
                 const char *limit) {
    if (err == TB_ERANGE) {
        return reader_refuse(r, node, "'%s' is too much (%s)", reader_shown(r, node), limit);
    }
    return err == TB_EINVAL ? refuse_form(r, node, form) : err;
}

/* ---- ranges ---- */

typedef int (*read_unit)(const char *s, uint64_t *value);

/* "A..B", or "A" for both. As base/units.h, or TB_ENOMEM. */
static int read_range(struct reader *r, const struct node *node, read_unit read, uint64_t *min,
                      uint64_t *max) {
    const char *dots = strstr(node->text, "..");
    if (dots == NULL) {
        int err = read(node->text, min);
        *max = *min;
        return err;
    }
    const char *first = arena_text(r->arena, node->text, (size_t)(dots - node->text));
    if (first == NULL) {
        return TB_ENOMEM;
    }
    int err = read(first, min);
    return err == TB_OK ? read(dots + 2, max) : err;
}

static int take_range(struct reader *r, const struct node *node, read_unit read,
                      const struct form *form, const char *limit, uint64_t range[2]) {
    if (node->kind != NODE_SCALAR) {
        return refuse_form(r, node, form);
    }
    int err = judge(r, node, read_range(r, node, read, &range[0], &range[1]), form, limit);
    if (err == TB_OK && range[0] > range[1]) {
        return reader_refuse(r, node, "the range '%s' ends below its beginning",
                             reader_shown(r, node));
    }
    return err;
}

static const char longest[] = "10 years are the limit";
static const char largest[] = "2^63 - 1 bytes are the limit";

int reader_span(struct reader *r, const struct node *node, struct span *span) {
    uint64_t ends[2] = {0, 0};
    int err = take_range(r, node, units_duration, &span_form, longest, ends);
    if (err == TB_OK) {
        *span = (struct span){ends[0], ends[1]};
        r->takes_chance = r->takes_chance || ends[0] != ends[1];
    }
    return err;
}

int reader_size_range(struct reader *r, const struct node *node, struct size_range *range) {
    uint64_t ends[2] = {0, 0};
    int err = take_range(r, node, units_size, &size_range_form, largest, ends);
    if (err == TB_OK) {
        *range = (struct size_range){ends[0], ends[1]};
    }
    return err;
}

/* ---- single ones ---- */

static int take(struct reader *r, const struct node *node, read_unit read, const struct form *form,
                const char *limit, uint64_t *value) {
    if (node->kind != NODE_SCALAR) {
        return refuse_form(r, node, form);
    }
    return judge(r, node, read(node->text, value), form, limit);
}

int reader_duration(struct reader *r, const struct node *node, uint64_t *ms) {
    return take(r, node, units_duration, &duration_form, longest, ms);
}

int reader_size(struct reader *r, const struct node *node, uint64_t *bytes) {
    return take(r, node, units_size, &size_form, largest, bytes);
}

static int refuse_range(struct reader *r, const struct node *node, uint64_t min, uint64_t max) {
    const char *text = reader_shown(r, node);
    return max == UINT64_MAX
               ? reader_refuse(r, node, "'%s' is out of range (from %" PRIu64 " on)", text, min)
               : reader_refuse(r, node, "'%s' is out of range (%" PRIu64 " to %" PRIu64 ")", text,
                               min, max);
}

int reader_number(struct reader *r, const struct node *node, uint64_t min, uint64_t max,
                  uint64_t *value) {
    int err = node->kind == NODE_SCALAR ? units_count(node->text, min, max, value) : TB_EINVAL;
    if (err == TB_ERANGE) {
        return refuse_range(r, node, min, max);
    }
    if (err == TB_EINVAL && node->kind == NODE_SCALAR && !reader_is_nothing(node)) {
        return reader_refuse(r, node, "'%s' is no whole number", reader_shown(r, node));
    }
    return err == TB_EINVAL ? reader_refuse_kind(r, node, "a whole number") : err;
}

/* The size in front of "/s". As base/units.h, or TB_ENOMEM. */
static int read_rate(struct reader *r, const struct node *node, uint64_t *bytes_per_s) {
    size_t n = node->size;
    if (n < 2 || strcmp(node->text + n - 2, "/s") != 0) {
        return TB_EINVAL;
    }
    const char *text = arena_text(r->arena, node->text, n - 2);
    return text != NULL ? units_size(text, bytes_per_s) : TB_ENOMEM;
}

int reader_rate(struct reader *r, const struct node *node, uint64_t *bytes_per_s) {
    if (node->kind != NODE_SCALAR) {
        return refuse_form(r, node, &rate_form);
    }
    uint64_t value = 0;
    int err = judge(r, node, read_rate(r, node, &value), &rate_form, largest);
    if (err == TB_OK && value == 0) {
        return reader_refuse(r, node, "a rate of nothing would never end (1/s is the least)");
    }
    *bytes_per_s = err == TB_OK ? value : *bytes_per_s;
    return err;
}

int reader_percent(struct reader *r, const struct node *node, uint32_t *millionths) {
    if (node->kind != NODE_SCALAR) {
        return refuse_form(r, node, &percent_form);
    }
    r->takes_chance = true;
    return judge(r, node, units_percent(node->text, millionths), &percent_form, "100% is the most");
}

int reader_close_code(struct reader *r, const struct node *node, uint16_t *code) {
    uint64_t value = 0;
    int err =
        node->kind == NODE_SCALAR ? units_count(node->text, 0, UINT16_MAX, &value) : TB_EINVAL;
    if (err != TB_OK || !ws_close_code_is_valid((uint16_t)value)) {
        return refuse_form(r, node, &close_code_form);
    }
    *code = (uint16_t)value;
    return TB_OK;
}
