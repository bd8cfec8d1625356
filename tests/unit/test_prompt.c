#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "app/connect/prompt.h"
#include "base/err.h"
#include "failing_alloc.h"
#include "screen.h"

/* libtinfo forgets what it knew of a terminal when it is asked a fifth time. */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void) {
    return "leak:_nc_trim_sgr0";
}

struct rig {
    struct screen screen;
    struct loop loop;
    struct prompt *prompt;
    struct bytes lines; /* each followed by NUL */
    unsigned line_count;
    unsigned ends;
    bool free_on_line;
    const char *print_on_line;
    char root[64];
    char history[96];
    struct termios mode;
    int flags;
};

static void on_line(void *ctx, const char *p, size_t n) {
    struct rig *rig = ctx;
    assert_int_equal(bytes_append(&rig->lines, p, n), TB_OK);
    assert_int_equal(bytes_append(&rig->lines, "", 1), TB_OK);
    rig->line_count++;
    if (rig->print_on_line != NULL) {
        prompt_print(rig->prompt, rig->print_on_line, strlen(rig->print_on_line));
    }
    if (rig->free_on_line) {
        prompt_free(rig->prompt);
        rig->prompt = NULL;
    }
}

static void on_end(void *ctx) {
    struct rig *rig = ctx;
    rig->ends++;
}

static const struct prompt_events events = {on_line, on_end};

enum { WAIT_MS = 10000 };

/* A few turns: what was typed is read, and what it leads to. */
static void turn(struct rig *rig) {
    for (int i = 0; i < 6; i++) {
        uv_run(&rig->loop.uv, UV_RUN_NOWAIT);
        screen_update(&rig->screen);
    }
}

static void open_prompt(struct rig *rig) {
    struct bytes message = BYTES_INIT;
    int slave = rig->screen.slave;
    rig->prompt = prompt_new(&rig->loop, slave, slave, rig->history, &events, rig, &message);
    assert_non_null(rig->prompt);
    assert_int_equal(message.len, 0);
    turn(rig);
}

static void close_prompt(struct rig *rig) {
    prompt_free(rig->prompt);
    rig->prompt = NULL;
    turn(rig);
}

static int begin(void **state) {
    struct rig *rig = calloc(1, sizeof(*rig));
    assert_non_null(rig);
    setenv("TERM", "xterm", 1);
    strcpy(rig->root, "/tmp/taburet-prompt-XXXXXX");
    assert_non_null(mkdtemp(rig->root));
    snprintf(rig->history, sizeof(rig->history), "%s/history", rig->root);
    screen_init(&rig->screen);
    assert_int_equal(tcgetattr(rig->screen.slave, &rig->mode), 0);
    rig->flags = fcntl(rig->screen.slave, F_GETFL);
    assert_int_equal(loop_init(&rig->loop), TB_OK);
    open_prompt(rig);
    *state = rig;
    return 0;
}

static void assert_mode_is_back(struct rig *rig) {
    struct termios now;
    assert_int_equal(tcgetattr(rig->screen.slave, &now), 0);
    assert_int_equal(now.c_iflag, rig->mode.c_iflag);
    assert_int_equal(now.c_oflag, rig->mode.c_oflag);
    assert_int_equal(now.c_cflag, rig->mode.c_cflag);
    assert_int_equal(now.c_lflag, rig->mode.c_lflag);
    assert_memory_equal(now.c_cc, rig->mode.c_cc, sizeof(now.c_cc));
    assert_int_equal(fcntl(rig->screen.slave, F_GETFL), rig->flags);
    assert_false(rig->screen.is_paste_marked);
}

static int end(void **state) {
    struct rig *rig = *state;
    close_prompt(rig);
    loop_end(&rig->loop);
    loop_run(&rig->loop);
    loop_release(&rig->loop);
    screen_release(&rig->screen);
    bytes_release(&rig->lines);
    char command[96];
    snprintf(command, sizeof(command), "rm -rf '%s'", rig->root);
    int result = system(command); // NOLINT(cert-env33-c): a path of our own making
    free(rig);
    return result;
}

/* What is typed takes a moment to come through the pseudo-terminal. */
static void type(struct rig *rig, const char *text) {
    struct pollfd slave = {.fd = rig->screen.slave, .events = POLLIN};
    screen_type(&rig->screen, text);
    assert_int_equal(poll(&slave, 1, WAIT_MS), 1);
    turn(rig);
}

static void print(struct rig *rig, const char *text) {
    prompt_print(rig->prompt, text, strlen(text));
    turn(rig);
}

/* The last line that was entered. */
static const char *last_line(const struct rig *rig) {
    const char *last = (const char *)rig->lines.data;
    for (unsigned i = 1; i < rig->line_count; i++) {
        last += strlen(last) + 1;
    }
    return last;
}

/* Waits for the count of lines, then wants the last of them to be that. */
static void assert_line(struct rig *rig, unsigned count, const char *expected) {
    for (int i = 0; i < WAIT_MS && rig->line_count < count; i++) {
        poll(NULL, 0, 1);
        turn(rig);
    }
    assert_int_equal(rig->line_count, count);
    assert_string_equal(last_line(rig), expected);
}

/* Waits for a row to show that. */
static void assert_row(struct rig *rig, int row, const char *expected) {
    for (int i = 0; i < WAIT_MS && strcmp(screen_row(&rig->screen, row), expected) != 0; i++) {
        poll(NULL, 0, 1);
        turn(rig);
    }
    assert_string_equal(screen_row(&rig->screen, row), expected);
}

static void assert_cursor(struct rig *rig, int row, int column) {
    struct screen *s = &rig->screen;
    for (int i = 0; i < WAIT_MS && (s->row != row || s->column != column); i++) {
        poll(NULL, 0, 1);
        turn(rig);
    }
    assert_int_equal(s->row, row);
    assert_int_equal(s->column, column);
}

static void a_typed_line_arrives(void **state) {
    struct rig *rig = *state;
    assert_row(rig, 0, ">");
    assert_true(rig->screen.is_paste_marked);
    type(rig, "abc");
    assert_int_equal(rig->line_count, 0);
    assert_row(rig, 0, "> abc");
    type(rig, "\r");
    assert_line(rig, 1, "abc");
    assert_row(rig, 1, ">");
    assert_cursor(rig, 1, 2);
    type(rig, "one\rtwo\r\r");
    assert_line(rig, 4, "");
    assert_row(rig, 2, "> two");
    assert_int_equal(rig->ends, 0);
}

static void the_line_is_edited(void **state) {
    struct rig *rig = *state;
    type(rig, "abd\x1b[Dc\x01>\x1b[3~z\x05!\x7f?\r");
    assert_line(rig, 1, ">zbcd?");
    type(rig, "one two\x17three\x1b"
              "bX\r");
    assert_line(rig, 2, "one Xthree");
    type(rig, "gone\x15stays\r");
    assert_line(rig, 3, "stays");
    type(rig, "a\x16\x18\x13\x11\x1b"
              "x\x1d\x1e\x1f"
              "b\x1b[99~\x1b[Zc\tд\r");
    assert_line(rig, 4, "abc\tд");
}

static void printing_leaves_the_line_as_it_was(void **state) {
    struct rig *rig = *state;
    type(rig, "abc\x1b[D");
    assert_cursor(rig, 0, 4);
    print(rig, "message one\nmessage two\n");
    assert_row(rig, 0, "message one");
    assert_row(rig, 1, "message two");
    assert_row(rig, 2, "> abc");
    assert_cursor(rig, 2, 4);
    type(rig, "X\r");
    assert_line(rig, 1, "abXc");
    assert_row(rig, 2, "> abXc");
    assert_row(rig, 3, ">");
}

static void a_line_of_many_rows_is_redrawn_whole(void **state) {
    struct rig *rig = *state;
    char text[201];
    memset(text, 'x', 200);
    text[200] = '\0';
    type(rig, text);
    assert_cursor(rig, 2, 42);
    type(rig, "\x01");
    print(rig, "message\n");
    assert_row(rig, 0, "message");
    assert_string_equal(screen_row(&rig->screen, 3), text + 158);
    assert_row(rig, 4, "");
    assert_cursor(rig, 1, 2);
    for (int i = 0; i < 30; i++) {
        print(rig, "message\n");
    }
    assert_row(rig, 20, "message");
    assert_string_equal(screen_row(&rig->screen, 23), text + 158);
    type(rig, "\r");
    assert_line(rig, 1, text);
}

/* What should be on the screen, worked out without a terminal. */
struct model {
    char text[400];
    int size;
    int cursor;
};

/* Spaces at the end of the line need not have a row yet. */
static uint32_t cell(const struct screen *screen, int top, int i) {
    int row = top + i / SCREEN_COLUMNS;
    return row < SCREEN_ROWS ? screen->cells[row][i % SCREEN_COLUMNS] : ' ';
}

static bool is_model_shown(struct rig *rig, const struct model *m) {
    char all[sizeof(m->text) + 2];
    struct screen *screen = &rig->screen;
    int size = snprintf(all, sizeof(all), "> %.*s", m->size, m->text);
    int top = screen->row - (m->cursor + 2) / SCREEN_COLUMNS;
    if (screen->column != (m->cursor + 2) % SCREEN_COLUMNS || top < 0) {
        return false;
    }
    /* To the end of its row: nothing of what was there before is left behind it. */
    for (int i = 0; i < size || i % SCREEN_COLUMNS != 0; i++) {
        if (cell(screen, top, i) != (uint32_t)(i < size ? all[i] : ' ')) {
            return false;
        }
    }
    return top == 0 || strncmp(screen_row(screen, top - 1), "message", 7) == 0;
}

static void model_insert(struct model *m, const char *p) {
    int n = (int)strlen(p);
    memmove(m->text + m->cursor + n, m->text + m->cursor, (size_t)(m->size - m->cursor));
    memcpy(m->text + m->cursor, p, (size_t)n);
    m->size += n;
    m->cursor += n;
}

static void model_remove(struct model *m) {
    if (m->cursor > 0) {
        m->cursor--;
        m->size--;
        memmove(m->text + m->cursor, m->text + m->cursor + 1, (size_t)(m->size - m->cursor));
    }
}

/* Returns what to type for it. */
static const char *model_step(struct model *m, unsigned choice) {
    static const char *const words[] = {"a", "bcd", "           x ",
                                        "-----------------------------"};
    switch (choice % 8) {
    case 0:
        m->cursor = 0;
        return "\x01";
    case 1:
        m->cursor = m->size;
        return "\x05";
    case 2:
        m->cursor -= m->cursor > 0 ? 1 : 0;
        return "\x1b[D";
    case 3:
    case 4:
        model_remove(m);
        return "\x7f";
    default:
        if (m->size > 300) {
            m->size = m->cursor;
            return "\x0b";
        }
        model_insert(m, words[choice / 8 % 4]);
        return words[choice / 8 % 4];
    }
}

static void any_mixture_of_typing_and_printing_looks_right(void **state) {
    struct rig *rig = *state;
    struct model m = {.size = 0};
    uint32_t random = 1;
    for (int i = 0; i < 2000; i++) {
        random = random * 1664525 + 1013904223;
        if (random >> 28 < 4) {
            print(rig, "message\nmessage\n");
        } else {
            type(rig, model_step(&m, random >> 16));
        }
        for (int wait = 0; wait < WAIT_MS && !is_model_shown(rig, &m); wait++) {
            poll(NULL, 0, 1);
            turn(rig);
        }
        if (!is_model_shown(rig, &m)) {
            fail_msg("step %d: %.*s", i, m.size, m.text);
        }
    }
}

static void wide_characters_keep_their_place(void **state) {
    struct rig *rig = *state;
    type(rig, "їж漢字😀");
    print(rig, "message\n");
    assert_row(rig, 1, "> їж漢字😀");
    type(rig, "\x1b[D\x1b[D\x7f\r");
    assert_line(rig, 1, "їж字😀");
}

static void a_paste_with_newlines_is_one_line(void **state) {
    struct rig *rig = *state;
    type(rig, "x\x1b[200~{\r  \"a\": 1\r}\r\n\x1b[201~");
    assert_int_equal(rig->line_count, 0);
    assert_row(rig, 0, "> x{");
    assert_row(rig, 1, "  \"a\": 1");
    assert_row(rig, 2, "}");
    print(rig, "message\n");
    assert_row(rig, 0, "message");
    assert_row(rig, 1, "> x{");
    assert_row(rig, 3, "}");
    type(rig, "\r");
    assert_line(rig, 1, "x{\n  \"a\": 1\n}");
    assert_row(rig, 4, ">");
}

static void a_large_paste_survives(void **state) {
    struct rig *rig = *state;
    enum { SIZE = 100000 };
    char *text = malloc(SIZE + 1);
    assert_non_null(text);
    for (size_t i = 0; i < SIZE; i++) {
        text[i] = i % 61 == 60 ? '\n' : (char)('a' + i % 26);
    }
    text[SIZE] = '\0';
    type(rig, "\x1b[200~");
    for (size_t i = 0; i < SIZE; i += 1000) {
        char part[1001];
        memcpy(part, text + i, 1000);
        part[1000] = '\0';
        type(rig, part);
    }
    type(rig, "\x1b[201~\r");
    assert_line(rig, 1, text);
    free(text);
}

static void history_survives_into_the_next_prompt(void **state) {
    struct rig *rig = *state;
    type(rig, "first\r\x1b[200~two\nlines\x1b[201~\rthird\r");
    close_prompt(rig);
    open_prompt(rig);
    type(rig, "mine\x1b[A\x1b[A");
    assert_row(rig, rig->screen.row, "lines");
    type(rig, "\x1b[A\x1b[A\x1b[A\x1b[B\x1b[B\x1b[B\x1b[B\r");
    assert_line(rig, 4, "mine");
    type(rig, "\x10\x10\r");
    assert_line(rig, 5, "third");
    type(rig, "\x1bOA\x1bOA\x1bOA\x1bOA\r");
    assert_line(rig, 6, "two\nlines");
}

static void history_is_searched(void **state) {
    struct rig *rig = *state;
    type(rig, "alpha one\rbeta\ralpha two\rgamma\r");
    type(rig, "mine\x12"
              "alp");
    assert_row(rig, 4, "(search) alp: alpha two");
    type(rig, "\x12");
    assert_row(rig, 4, "(search) alp: alpha one");
    type(rig, "x");
    assert_row(rig, 4, "(not found) alpx: alpha one");
    type(rig, "\x7f\x7f\x7f\x7f"
              "be\x05!\r");
    assert_line(rig, 5, "beta!");
    assert_row(rig, 5, ">");
    type(rig, "mine\x12gam\x07");
    assert_row(rig, 5, "> mine");
    type(rig, "\x12gam\r");
    assert_line(rig, 6, "gamma");
}

static void end_of_input_is_control_d_on_an_empty_line(void **state) {
    struct rig *rig = *state;
    type(rig, "ab\x01\x04\x05\x04");
    assert_int_equal(rig->ends, 0);
    type(rig, "\r");
    assert_line(rig, 1, "b");
    type(rig, "\x04");
    assert_int_equal(rig->ends, 1);
    type(rig, "still\r");
    assert_line(rig, 2, "still");
}

static void control_l_clears_the_screen(void **state) {
    struct rig *rig = *state;
    print(rig, "message\nmessage\n");
    type(rig, "abc\x1b[D\x0c");
    assert_row(rig, 0, "> abc");
    assert_row(rig, 1, "");
    assert_row(rig, 2, "");
    assert_cursor(rig, 0, 4);
}

static void the_prompt_changes(void **state) {
    struct rig *rig = *state;
    type(rig, "ab");
    prompt_set_text(rig->prompt, "json> ");
    turn(rig);
    assert_row(rig, 0, "json> ab");
    type(rig, "c\r");
    assert_line(rig, 1, "abc");
    assert_row(rig, 1, "json>");
}

static void what_a_line_leads_to_stands_below_it(void **state) {
    struct rig *rig = *state;
    rig->print_on_line = "sent\n";
    type(rig, "abc\rdef\r");
    assert_row(rig, 0, "> abc");
    assert_row(rig, 1, "sent");
    assert_row(rig, 2, "> def");
    assert_row(rig, 3, "sent");
    assert_row(rig, 4, ">");
}

static void the_terminal_is_given_back_as_it_was(void **state) {
    struct rig *rig = *state;
    struct termios raw;
    assert_int_equal(tcgetattr(rig->screen.slave, &raw), 0);
    assert_int_equal(raw.c_lflag & (tcflag_t)(ICANON | ECHO), 0);
    assert_true((raw.c_lflag & ISIG) != 0);
    assert_int_equal(fcntl(rig->screen.slave, F_GETFL), rig->flags);
    print(rig, "message\n");
    type(rig, "abc");
    close_prompt(rig);
    assert_mode_is_back(rig);
    assert_row(rig, 0, "message");
    assert_row(rig, 1, "");
    assert_cursor(rig, 1, 0);
}

static void a_prompt_may_be_freed_by_its_own_line(void **state) {
    struct rig *rig = *state;
    rig->free_on_line = true;
    type(rig, "abc\rdef\r");
    assert_line(rig, 1, "abc");
    assert_mode_is_back(rig);
    assert_row(rig, 1, "");
}

static void the_end_of_the_terminal_is_the_end(void **state) {
    struct rig *rig = *state;
    /* Another slave stays open, as the shell's does, so that only our side sees it. */
    close(rig->screen.master);
    for (int i = 0; i < 6; i++) {
        uv_run(&rig->loop.uv, UV_RUN_NOWAIT);
    }
    assert_int_equal(rig->ends, 1);
    rig->screen.master = open("/dev/null", O_RDWR);
}

static void a_resized_window_draws_the_line_again(void **state) {
    struct rig *rig = *state;
    char text[61];
    memset(text, 'x', 60);
    text[60] = '\0';
    screen_resize(&rig->screen, 40);
    raise(SIGWINCH);
    turn(rig);
    type(rig, text);
    assert_row(rig, 1, text + 38);
    assert_cursor(rig, 1, 22);
    screen_resize(&rig->screen, 80);
    raise(SIGWINCH);
    assert_row(rig, 1, "> xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
}

static void assert_refused(struct rig *rig, int fd, const char *why) {
    struct bytes message = BYTES_INIT;
    assert_null(prompt_new(&rig->loop, fd, fd, NULL, &events, rig, &message));
    assert_int_equal(bytes_append(&message, "", 1), TB_OK);
    assert_non_null(strstr((const char *)message.data, why));
    assert_null(strchr((const char *)message.data, '\n'));
    bytes_release(&message);
}

static void what_is_no_terminal_is_refused(void **state) {
    struct rig *rig = *state;
    close_prompt(rig);
    int null = open("/dev/null", O_RDWR);
    assert_refused(rig, null, "not a terminal");
    close(null);
}

static void a_terminal_that_cannot_erase_is_refused(void **state) {
    struct rig *rig = *state;
    close_prompt(rig);
    setenv("TERM", "dumb", 1);
    assert_refused(rig, rig->screen.slave, "(TERM");
    unsetenv("TERM");
    assert_refused(rig, rig->screen.slave, "(TERM");
    assert_mode_is_back(rig);
}

static void a_terminal_that_the_system_does_not_know_is_like_others(void **state) {
    struct rig *rig = *state;
    close_prompt(rig);
    setenv("TERM", "taburet-no-such-terminal", 1);
    open_prompt(rig);
    type(rig, "abc\x1b[D\x7fx\r");
    assert_line(rig, 1, "axc");
    assert_row(rig, 0, "> axc");
    assert_row(rig, 1, ">");
    assert_row(rig, 2, "");
}

static void failed_allocations_refuse_the_prompt_or_lose_input(void **state) {
    struct rig *rig = *state;
    int slave = rig->screen.slave;
    struct bytes message = BYTES_INIT;
    unsigned n = 0;
    close_prompt(rig);
    assert_int_equal(bytes_reserve(&message, 1000), TB_OK);
    assert_int_equal(bytes_reserve(&rig->lines, 1000), TB_OK);
    do {
        bytes_clear(&message);
        fail_alloc_at(n);
        rig->prompt = prompt_new(&rig->loop, slave, slave, rig->history, &events, rig, &message);
        if (rig->prompt != NULL) {
            screen_type(&rig->screen, "a\x10\x12"
                                      "a\r");
            for (int i = 0; i < 6; i++) {
                uv_run(&rig->loop.uv, UV_RUN_NOWAIT);
            }
            prompt_print(rig->prompt, "message\n", 8);
        }
        assert_true((rig->prompt == NULL) == (message.len > 0));
        prompt_free(rig->prompt);
        fail_alloc_off();
        turn(rig);
        assert_mode_is_back(rig);
    } while (n++ < alloc_count());
    assert_true(n > 10);
    rig->prompt = NULL;
    bytes_release(&message);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_typed_line_arrives),
        TEST(the_line_is_edited),
        TEST(printing_leaves_the_line_as_it_was),
        TEST(a_line_of_many_rows_is_redrawn_whole),
        TEST(any_mixture_of_typing_and_printing_looks_right),
        TEST(wide_characters_keep_their_place),
        TEST(a_paste_with_newlines_is_one_line),
        TEST(a_large_paste_survives),
        TEST(history_survives_into_the_next_prompt),
        TEST(history_is_searched),
        TEST(end_of_input_is_control_d_on_an_empty_line),
        TEST(control_l_clears_the_screen),
        TEST(the_prompt_changes),
        TEST(what_a_line_leads_to_stands_below_it),
        TEST(the_terminal_is_given_back_as_it_was),
        TEST(a_prompt_may_be_freed_by_its_own_line),
        TEST(the_end_of_the_terminal_is_the_end),
        TEST(a_resized_window_draws_the_line_again),
        TEST(failed_allocations_refuse_the_prompt_or_lose_input),
        TEST(what_is_no_terminal_is_refused),
        TEST(a_terminal_that_cannot_erase_is_refused),
        TEST(a_terminal_that_the_system_does_not_know_is_like_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
