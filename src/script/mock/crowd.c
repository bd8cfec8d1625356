/* Named rooms: those who were told to join. */
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "script/mock/state.h"

static int compare(const void *a, const void *b) {
    const struct crowd *one = a;
    const struct crowd *other = b;
    if (one->size != other->size) {
        return one->size < other->size ? -1 : 1;
    }
    return memcmp(one->name, other->name, one->size);
}

struct crowd *crowd_find(struct run *run, const char *name, size_t n) {
    const struct crowd key = {.name = name, .size = n};
    void *node = tfind(&key, &run->crowds, compare);
    return node == NULL ? NULL : *(struct crowd **)node;
}

static struct crowd *crowd_new(struct run *run, const char *name, size_t n) {
    struct crowd *crowd = malloc(sizeof *crowd + n);
    if (crowd == NULL) {
        return NULL;
    }
    *crowd = (struct crowd){.run = run, .name = crowd->text, .size = n};
    memcpy(crowd->text, name, n);
    list_init(&crowd->places);
    if (tsearch(crowd, &run->crowds, compare) == NULL) {
        free(crowd);
        return NULL;
    }
    run->loop->crowd_count++;
    return crowd;
}

static void free_if_empty(struct crowd *crowd) {
    if (crowd->count == 0) {
        tdelete(crowd, &crowd->run->crowds, compare);
        crowd->run->loop->crowd_count--;
        free(crowd);
    }
}

static struct place *find_in_crowd(const struct crowd *crowd, const struct member *m) {
    const struct list *hook = crowd->places.next;
    for (; hook != &crowd->places; hook = hook->next) {
        struct place *place = LIST_ENTRY(hook, struct place, in_crowd);
        if (place->member == m) {
            return place;
        }
    }
    return NULL;
}

static struct place *find_in_member(const struct crowd *crowd, const struct member *m) {
    for (const struct list *hook = m->places.next; hook != &m->places; hook = hook->next) {
        struct place *place = LIST_ENTRY(hook, struct place, in_member);
        if (place->crowd == crowd) {
            return place;
        }
    }
    return NULL;
}

/* In the shorter one of the two lists that it would be in. */
static struct place *find_place(const struct member *m, const struct crowd *crowd) {
    bool is_small = crowd->count < m->room_count;
    return is_small ? find_in_crowd(crowd, m) : find_in_member(crowd, m);
}

/* Why the member may not join a room, which is a new one or not, of a name of that size; NULL: it
 * may. */
static const char *refusal(const struct member *m, size_t n, bool is_new) {
    const struct mock_loop *l = m->run->loop;
    return n > ROOM_NAME_SIZE_MAX                       ? "its name has more than 256 bytes"
           : m->room_count >= ROOMS_MAX                 ? "it is in 1000 rooms already"
           : is_new && l->crowd_count >= LOOP_ROOMS_MAX ? "there are too many rooms already"
           : l->place_count >= LOOP_PLACES_MAX          ? "there are too many in rooms already"
                                                        : NULL;
}

static const char *add(struct member *m, struct crowd *crowd) {
    struct place *place = crowd == NULL ? NULL : calloc(1, sizeof *place);
    if (place == NULL) {
        return "out of memory";
    }
    m->room_count++;
    m->run->loop->place_count++;
    crowd->count++;
    place->crowd = crowd;
    place->member = m;
    list_append(&crowd->places, &place->in_crowd);
    list_append(&m->places, &place->in_member);
    return NULL;
}

const char *crowd_join(struct member *m, const char *name, size_t n) {
    struct crowd *crowd = crowd_find(m->run, name, n);
    if (crowd != NULL && find_place(m, crowd) != NULL) {
        return NULL;
    }
    const char *why = refusal(m, n, crowd == NULL);
    if (why != NULL) {
        return why;
    }
    crowd = crowd != NULL ? crowd : crowd_new(m->run, name, n);
    why = add(m, crowd);
    if (crowd != NULL) {
        free_if_empty(crowd);
    }
    return why;
}

static void place_free(struct place *place) {
    struct crowd *crowd = place->crowd;
    list_remove(&place->in_crowd);
    list_remove(&place->in_member);
    place->member->room_count--;
    crowd->run->loop->place_count--;
    crowd->count--;
    free(place);
    free_if_empty(crowd);
}

void crowd_leave(struct member *m, const char *name, size_t n) {
    struct crowd *crowd = crowd_find(m->run, name, n);
    struct place *place = crowd == NULL ? NULL : find_place(m, crowd);
    if (place != NULL) {
        place_free(place);
    }
}

void crowd_leave_all(struct member *m) {
    for (struct list *hook = m->places.next, *next; hook != &m->places; hook = next) {
        next = hook->next;
        place_free(LIST_ENTRY(hook, struct place, in_member));
    }
}
