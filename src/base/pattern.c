#include "base/pattern.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/err.h"
#include "base/text.h"

/* What backtracking from one starting point may cost. A step of it may go over all of the text, so
 * that a longer text is allowed fewer. */
#define MATCH_LIMIT_MIN 1000
#define MATCH_LIMIT_MAX 1000000
#define MATCH_WORK_MAX 100000000000

/* What all starting points may cost. The clock is looked at between windows of them, which grow
 * while they take less time than the second. */
#define TIME_LIMIT_NS INT64_C(200000000)
#define WINDOW_TIME_NS INT64_C(5000000)
#define WINDOW_MIN 16

/* A short text is first searched without the clock, under a match limit so low that all starting
 * points together do no more steps over all of the text than this. */
#define SHORT_MAX 4096
#define SHORT_WORK_MAX 100000000

#define DEPTH_LIMIT 10000
#define HEAP_LIMIT_KIB 8192

/* The compiled form's own stack, which grows from the first to the second. */
#define JIT_STACK_MIN ((size_t)32 * 1024)
#define JIT_STACK_MAX ((size_t)1024 * 1024)

/* A name, and its groups in PCRE2's table: several if the pattern allows that, (?J). */
struct group {
    PCRE2_SPTR entries;
    size_t count;
};

struct pattern {
    pcre2_code *code;
    pcre2_match_data *match;
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
    struct group *groups;
    size_t group_count;
    uint32_t entry_size;
    const uint8_t *text; /* what was searched last */
};

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void say_why(struct bytes *message, const char *text, int error, size_t offset) {
    PCRE2_UCHAR why[256];
    pcre2_get_error_message(error, why, sizeof(why));
    bytes_append_str(message, "not a regular expression: \"");
    text_escape(message, text, strlen(text), TEXT_ONE_LINE);
    bytes_appendf(message, "\" (at character %zu: %s)", offset + 1, (const char *)why);
}

static int compile(struct pattern *pattern, const char *text, struct bytes *message) {
    int error;
    size_t offset;
    pattern->code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED,
                                  PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C |
                                      PCRE2_USE_OFFSET_LIMIT,
                                  &error, &offset, NULL);
    if (pattern->code != NULL) {
        return TB_OK;
    }
    if (error == PCRE2_ERROR_NOMEMORY) {
        return TB_ENOMEM;
    }
    say_why(message, text, error, offset);
    return TB_EINVAL;
}

/* Where the system forbids memory that is both written and run, the search is interpreted. */
static void prepare_jit(struct pattern *pattern) {
    if (pcre2_jit_compile(pattern->code, PCRE2_JIT_COMPLETE) == 0) {
        pattern->stack = pcre2_jit_stack_create(JIT_STACK_MIN, JIT_STACK_MAX, NULL);
        pcre2_jit_stack_assign(pattern->context, NULL, pattern->stack);
    }
}

/* An entry of PCRE2's table of names: the group's number, in two bytes, then its name. */
static unsigned entry_number(PCRE2_SPTR entry) {
    return (unsigned)(entry[0] << 8 | entry[1]);
}

static const char *entry_name(PCRE2_SPTR entry) {
    return (const char *)entry + 2;
}

static int by_number(const void *a, const void *b) {
    unsigned first = entry_number(((const struct group *)a)->entries);
    unsigned second = entry_number(((const struct group *)b)->entries);
    return first < second ? -1 : first > second;
}

/* The table is sorted by name: groups of one name stand together, by number. Returns the highest
 * number. */
static unsigned read_names(struct pattern *pattern, PCRE2_SPTR entry, uint32_t count) {
    unsigned highest = 0;
    struct group *last = NULL;
    for (; count > 0; count--, entry += pattern->entry_size) {
        unsigned number = entry_number(entry);
        highest = number > highest ? number : highest;
        if (last != NULL && strcmp(entry_name(last->entries), entry_name(entry)) == 0) {
            last->count++;
            continue;
        }
        last = &pattern->groups[pattern->group_count++];
        *last = (struct group){.entries = entry, .count = 1};
    }
    return highest;
}

/* What is caught is kept of no more groups than are asked for. */
static int prepare_groups(struct pattern *pattern) {
    PCRE2_SPTR table = NULL;
    uint32_t count = 0;
    unsigned highest = 0;
    pcre2_pattern_info(pattern->code, PCRE2_INFO_NAMECOUNT, &count);
    if (count > 0) {
        pcre2_pattern_info(pattern->code, PCRE2_INFO_NAMETABLE, &table);
        pcre2_pattern_info(pattern->code, PCRE2_INFO_NAMEENTRYSIZE, &pattern->entry_size);
        pattern->groups = calloc(count, sizeof(*pattern->groups));
        if (pattern->groups == NULL) {
            return TB_ENOMEM;
        }
        highest = read_names(pattern, table, count);
        qsort(pattern->groups, pattern->group_count, sizeof(*pattern->groups), by_number);
    }
    pattern->match = pcre2_match_data_create(highest + 1, NULL);
    return pattern->match != NULL ? TB_OK : TB_ENOMEM;
}

static int prepare(struct pattern *pattern) {
    int err = prepare_groups(pattern);
    if (err != TB_OK) {
        return err;
    }
    pattern->context = pcre2_match_context_create(NULL);
    if (pattern->context == NULL) {
        return TB_ENOMEM;
    }
    pcre2_set_depth_limit(pattern->context, DEPTH_LIMIT);
    pcre2_set_heap_limit(pattern->context, HEAP_LIMIT_KIB);
    prepare_jit(pattern);
    return TB_OK;
}

int pattern_new(const char *text, struct pattern **pattern, struct bytes *message) {
    struct pattern *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return TB_ENOMEM;
    }
    int err = compile(made, text, message);
    if (err == TB_OK) {
        err = prepare(made);
    }
    if (err != TB_OK) {
        pattern_free(made);
        return err;
    }
    *pattern = made;
    return TB_OK;
}

void pattern_free(struct pattern *pattern) {
    if (pattern == NULL) {
        return;
    }
    pcre2_jit_stack_free(pattern->stack);
    pcre2_match_context_free(pattern->context);
    pcre2_match_data_free(pattern->match);
    pcre2_code_free(pattern->code);
    free(pattern->groups);
    free(pattern);
}

static enum pattern_result result_of(int found) {
    switch (found) {
    case PCRE2_ERROR_NOMATCH:
        return PATTERN_NOT_FOUND;
    case PCRE2_ERROR_MATCHLIMIT:
    case PCRE2_ERROR_DEPTHLIMIT:
    case PCRE2_ERROR_HEAPLIMIT:
    case PCRE2_ERROR_JIT_STACKLIMIT:
        return PATTERN_LIMIT;
    default:
        return found >= 0 ? PATTERN_FOUND : PATTERN_ERROR;
    }
}

static uint32_t match_limit(size_t n) {
    if (n >= MATCH_WORK_MAX / MATCH_LIMIT_MIN) {
        return MATCH_LIMIT_MIN;
    }
    return n <= MATCH_WORK_MAX / MATCH_LIMIT_MAX ? MATCH_LIMIT_MAX : (uint32_t)(MATCH_WORK_MAX / n);
}

/* Looks for a match that begins at one of p[first..first + count). */
static enum pattern_result search_window(struct pattern *pattern, const uint8_t *p, size_t n,
                                         size_t first, size_t count) {
    pcre2_set_offset_limit(pattern->context, first + count - 1);
    return result_of(pcre2_match(pattern->code, p, n, first, 0, pattern->match, pattern->context));
}

static enum pattern_result search_short(struct pattern *pattern, const uint8_t *p, size_t n) {
    size_t limit = SHORT_WORK_MAX / ((n + 1) * (n + 1));
    pcre2_set_match_limit(pattern->context,
                          limit < MATCH_LIMIT_MAX ? (uint32_t)limit : MATCH_LIMIT_MAX);
    return search_window(pattern, p, n, 0, n + 1);
}

static enum pattern_result search_windows(struct pattern *pattern, const uint8_t *p, size_t n) {
    int64_t begun = now_ns();
    int64_t last = begun;
    size_t count = WINDOW_MIN;
    pcre2_set_match_limit(pattern->context, match_limit(n));
    for (size_t first = 0; first <= n;) {
        if (last - begun > TIME_LIMIT_NS) {
            return PATTERN_LIMIT;
        }
        count = count <= n - first ? count : n - first + 1;
        enum pattern_result result = search_window(pattern, p, n, first, count);
        if (result != PATTERN_NOT_FOUND) {
            return result;
        }
        first += count;
        int64_t now = now_ns();
        count = now - last < WINDOW_TIME_NS ? count * 2 : count;
        last = now;
    }
    return PATTERN_NOT_FOUND;
}

enum pattern_result pattern_search(struct pattern *pattern, const void *p, size_t n) {
    pattern->text = n > 0 ? p : (const uint8_t *)"";
    if (n <= SHORT_MAX) {
        enum pattern_result result = search_short(pattern, pattern->text, n);
        if (result != PATTERN_LIMIT) {
            return result;
        }
    }
    return search_windows(pattern, pattern->text, n);
}

size_t pattern_group_count(const struct pattern *pattern) {
    return pattern->group_count;
}

const char *pattern_group_name(const struct pattern *pattern, size_t i) {
    return entry_name(pattern->groups[i].entries);
}

bool pattern_group(const struct pattern *pattern, size_t i, const uint8_t **p, size_t *n) {
    const struct group *group = &pattern->groups[i];
    const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(pattern->match);
    for (size_t k = 0; k < group->count; k++) {
        size_t at = 2 * (size_t)entry_number(group->entries + k * pattern->entry_size);
        if (ends[at] != PCRE2_UNSET && ends[at] <= ends[at + 1]) {
            *p = pattern->text + ends[at];
            *n = ends[at + 1] - ends[at];
            return true;
        }
    }
    return false;
}
