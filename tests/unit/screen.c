#include "screen.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/err.h"
#include "base/text.h"

static void erase(struct screen *s, int row, int from, int to) {
    for (int i = from; i < to; i++) {
        s->cells[row][i] = ' ';
    }
}

void screen_init(struct screen *s) {
    const struct winsize size = {.ws_row = SCREEN_ROWS, .ws_col = SCREEN_COLUMNS};
    *s = (struct screen){0};
    s->columns = SCREEN_COLUMNS;
    assert_int_equal(openpty(&s->master, &s->slave, NULL, NULL, &size), 0);
    assert_int_equal(fcntl(s->master, F_SETFL, O_NONBLOCK), 0);
    for (int row = 0; row < SCREEN_ROWS; row++) {
        erase(s, row, 0, SCREEN_COLUMNS);
    }
}

void screen_resize(struct screen *s, int columns) {
    const struct winsize size = {.ws_row = SCREEN_ROWS, .ws_col = (unsigned short)columns};
    assert_true(columns <= SCREEN_COLUMNS);
    assert_int_equal(ioctl(s->slave, TIOCSWINSZ, &size), 0);
    s->columns = columns;
}

void screen_release(struct screen *s) {
    close(s->master);
    if (s->slave >= 0) {
        close(s->slave);
    }
    bytes_release(&s->pending);
    bytes_release(&s->all);
}

static void line_feed(struct screen *s) {
    if (s->row < SCREEN_ROWS - 1) {
        s->row++;
        return;
    }
    memmove(s->cells[0], s->cells[1], sizeof(s->cells) - sizeof(s->cells[0]));
    erase(s, SCREEN_ROWS - 1, 0, SCREEN_COLUMNS);
}

static void put(struct screen *s, uint32_t point) {
    if (s->column == s->columns) {
        s->column = 0;
        line_feed(s);
    }
    s->cells[s->row][s->column++] = point;
}

static int clamp(int value, int max) {
    return value < 0 ? 0 : value > max ? max : value;
}

/* Makes room for n cells at the cursor, or removes them (n < 0). */
static void shift(struct screen *s, int n) {
    uint32_t *row = s->cells[s->row];
    int size = clamp(abs(n), s->columns - s->column);
    size_t kept = (size_t)(s->columns - s->column - size) * sizeof(*row);
    if (n > 0) {
        memmove(row + s->column + size, row + s->column, kept);
        erase(s, s->row, s->column, s->column + size);
    } else {
        memmove(row + s->column, row + s->column + size, kept);
        erase(s, s->row, s->columns - size, s->columns);
    }
}

static void erase_below(struct screen *s) {
    erase(s, s->row, clamp(s->column, s->columns), s->columns);
    for (int row = s->row + 1; row < SCREEN_ROWS; row++) {
        erase(s, row, 0, s->columns);
    }
}

static void obey(struct screen *s, const char *parameters, char final) {
    int n = atoi(parameters);
    int count = n > 0 ? n : 1;
    switch (final) {
    case 'A':
        s->row = clamp(s->row - count, SCREEN_ROWS - 1);
        break;
    case 'B':
        s->row = clamp(s->row + count, SCREEN_ROWS - 1);
        break;
    case 'C':
        s->column = clamp(s->column + count, s->columns - 1);
        break;
    case 'D':
        s->column = clamp(s->column - count, s->columns - 1);
        break;
    case 'G':
        s->column = clamp(count - 1, s->columns - 1);
        break;
    case 'H':
        assert_string_equal(parameters, "");
        s->row = s->column = 0;
        break;
    case 'J':
        assert_true(n == 0 || (n == 2 && s->row == 0 && s->column == 0));
        erase_below(s);
        break;
    case 'K':
        assert_int_equal(n, 0);
        erase(s, s->row, clamp(s->column, s->columns), s->columns);
        break;
    case '@':
        shift(s, count);
        break;
    case 'P':
        shift(s, -count);
        break;
    case 'h':
    case 'l':
        if (strcmp(parameters, "?2004") == 0) {
            s->is_paste_marked = final == 'h';
            break;
        }
        fail_msg("mode %s%c", parameters, final);
        break;
    default:
        fail_msg("ESC [ %s %c", parameters, final);
    }
}

/* Returns the size of the sequence at p, 0 if it is not whole. */
static size_t take_sequence(struct screen *s, const uint8_t *p, size_t n) {
    char parameters[32] = "";
    if (n < 2) {
        return 0;
    }
    assert_int_equal(p[1], '[');
    for (size_t i = 2; i < n && i < sizeof(parameters); i++) {
        if (p[i] >= 0x40) {
            memcpy(parameters, p + 2, i - 2);
            obey(s, parameters, (char)p[i]);
            return i + 1;
        }
    }
    return 0;
}

static void take_control(struct screen *s, uint8_t c) {
    switch (c) {
    case '\r':
        s->column = 0;
        break;
    case '\n':
        line_feed(s);
        break;
    case '\b':
        s->column = clamp(s->column - 1, s->columns - 1);
        break;
    case 7:
        break;
    default:
        fail_msg("control %02x", c);
    }
}

/* Returns the size of what is taken, 0 if it is not whole. */
static size_t take(struct screen *s, const uint8_t *p, size_t n) {
    if (p[0] == 0x1b) {
        return take_sequence(s, p, n);
    }
    if (p[0] < 0x20) {
        take_control(s, p[0]);
        return 1;
    }
    uint32_t point;
    size_t size = text_decode(p, n, &point);
    if (size > 0) {
        put(s, point);
    }
    return size;
}

void screen_update(struct screen *s) {
    uint8_t buffer[4096];
    ssize_t n;
    while ((n = read(s->master, buffer, sizeof(buffer))) > 0) {
        assert_int_equal(bytes_append(&s->all, buffer, (size_t)n), TB_OK);
        assert_int_equal(bytes_append(&s->pending, buffer, (size_t)n), TB_OK);
    }
    size_t at = 0;
    size_t size = 1;
    while (at < s->pending.len && size > 0) {
        size = take(s, s->pending.data + at, s->pending.len - at);
        at += size;
    }
    bytes_consume(&s->pending, at);
}

void screen_type(struct screen *s, const char *text) {
    size_t n = strlen(text);
    assert_int_equal(write(s->master, text, n), (ssize_t)n);
}

const char *screen_row(struct screen *s, int row) {
    static char text[SCREEN_COLUMNS * 4 + 1];
    size_t n = 0;
    size_t end = 0;
    for (int i = 0; i < SCREEN_COLUMNS; i++) {
        n += text_encode(s->cells[row][i], (uint8_t *)text + n);
        end = s->cells[row][i] == ' ' ? end : n;
    }
    text[end] = '\0';
    return text;
}
