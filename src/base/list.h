/* base/list.h - an intrusive, circular, doubly linked list.
 *
 * A `struct list` is both the head and a member's hook. A hook that is in no list points at
 * itself, so list_remove() may be called twice. Nothing is allocated.
 */
#ifndef TB_BASE_LIST_H
#define TB_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next;
    struct list *prev;
};

/* The object that holds the hook: LIST_ENTRY(hook, struct conn, members). */
#define LIST_ENTRY(hook, type, field) ((type *)(void *)((char *)(hook)-offsetof(type, field)))

static inline void list_init(struct list *l) {
    l->next = l;
    l->prev = l;
}

static inline bool list_is_empty(const struct list *l) {
    return l->next == l;
}

/* Puts a hook that is in no list at the end of the list. */
static inline void list_append(struct list *head, struct list *hook) {
    hook->prev = head->prev;
    hook->next = head;
    head->prev->next = hook;
    head->prev = hook;
}

static inline void list_remove(struct list *hook) {
    hook->prev->next = hook->next;
    hook->next->prev = hook->prev;
    list_init(hook);
}

/* Moves everything in `from` to the end of `to`; `from` is empty afterwards. */
static inline void list_splice(struct list *to, struct list *from) {
    if (list_is_empty(from)) {
        return;
    }
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    list_init(from);
}

#endif
