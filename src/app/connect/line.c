#include "app/connect/line.h"

#include <histedit.h>
#include <limits.h>
#include <locale.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/err.h"
#include "base/terminal.h"
#include "base/text.h"

/* Keys of our own, which the caller does not hand over: libedit draws only as the result of a key.
 */
#define KEY_REFRESH L'\x1d'
#define KEY_REDISPLAY L'\x1e'
#define KEY_RESET L'\x1f'

/* libedit draws what has changed, and gets it wrong at the right margin. So it only ever draws the
 * whole line on an empty place: erase() takes the line off the screen and lets libedit speak to
 * nobody, whatever is done to the line then; draw() has it draw what came of it. In between, the
 * cursor stands where the line begins. What the terminal gets of all this is one write. */
#define OUTPUT_KEPT ((size_t)64 * 1024) /* more is not gathered but written */

struct line {
    EditLine *el;
    FILE *out; /* libedit's way to `output` */
    struct bytes output;
    int out_fd;
    const wchar_t *queue; /* what libedit may read now */
    size_t queued;
    wchar_t *prompt;
    wchar_t *note; /* instead of the prompt, or NULL */
    bool is_erasing;
    bool is_erased; /* what libedit says is dropped */
};

/* ---- UTF-8 and wide characters, whatever the locale ---- */

/* For free(); NULL if memory is out. */
static wchar_t *widen(const char *text, size_t n) {
    const uint8_t *p = (const uint8_t *)text;
    wchar_t *wide = n < SIZE_MAX / sizeof(*wide) ? malloc((n + 1) * sizeof(*wide)) : NULL;
    size_t count = 0;
    if (wide == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < n;) {
        uint32_t point;
        size_t size = text_decode(p + i, n - i, &point);
        if (size > 0 && point != 0) {
            wide[count++] = (wchar_t)point;
        }
        i += size > 0 ? size : 1;
    }
    wide[count] = L'\0';
    return wide;
}

/* libedit draws by the locale, and a terminal of today is UTF-8 where nobody says so. */
static void choose_locale(void) {
    setlocale(LC_CTYPE, "");
    if (MB_CUR_MAX < 3) {
        setlocale(LC_CTYPE, "C.UTF-8");
    }
}

/* ---- what the terminal gets ---- */

static void send(struct line *l) {
    terminal_write(l->out_fd, l->output.data, l->output.len);
    bytes_clear(&l->output);
}

static void say(struct line *l, const char *p, size_t n) {
    if (n > OUTPUT_KEPT || bytes_append(&l->output, p, n) != TB_OK) {
        send(l);
        terminal_write(l->out_fd, p, n);
    }
}

/* ---- what libedit calls ---- */

static struct line *line_of(EditLine *el) {
    struct line *l = NULL;
    el_wget(el, EL_CLIENTDATA, &l);
    return l;
}

static int next_char(EditLine *el, wchar_t *c) {
    struct line *l = line_of(el);
    if (l->queued == 0) {
        return 0;
    }
    *c = *l->queue++;
    l->queued--;
    return 1;
}

/* Called when libedit has erased what it drew, and is going to draw again. */
static wchar_t *prompt_of(EditLine *el) {
    struct line *l = line_of(el);
    if (l->is_erasing) {
        fflush(l->out);
        l->is_erased = true;
    }
    return l->note != NULL ? l->note : l->prompt;
}

static unsigned char do_redisplay(EditLine *el, wint_t key) {
    (void)el;
    (void)key;
    return CC_REDISPLAY;
}

/* libedit forgets the line and all that belongs to it, and draws an empty one. */
static unsigned char do_reset(EditLine *el, wint_t key) {
    (void)el;
    (void)key;
    return CC_FATAL;
}

static ssize_t write_out(void *cookie, const char *p, size_t n) {
    struct line *l = cookie;
    if (!l->is_erased) {
        say(l, p, n);
    }
    return (ssize_t)n;
}

/* ---- libedit, one step at a time ---- */

/* Lets libedit read these keys and no more: one command. */
static void step(struct line *l, const wchar_t *keys, size_t n) {
    int count;
    l->queue = keys;
    l->queued = n;
    el_wgets(l->el, &count);
    l->queued = 0;
    fflush(l->out);
}

static void step_key(struct line *l, wchar_t key) {
    step(l, &key, 1);
}

static void erase(struct line *l) {
    if (!l->is_erased) {
        l->is_erasing = true;
        step_key(l, KEY_REDISPLAY);
        l->is_erasing = false;
    }
}

static void draw(struct line *l) {
    l->is_erased = false;
    el_wset(l->el, EL_REFRESH);
    fflush(l->out);
    send(l);
}

static void clear_text(struct line *l) {
    const LineInfoW *line = el_wline(l->el);
    el_cursor(l->el, INT_MAX / 2);
    el_wdeletestr(l->el, (int)(line->lastchar - line->buffer));
}

/* The sequences that a terminal may send, in the spelling of libedit and of the terminal. */
static const struct {
    const wchar_t *spelt;
    const char *sent;
    const wchar_t *command;
} sequences[] = {
    {L"\\e[1~", "\x1b[1~", L"ed-move-to-beg"},
    {L"\\e[7~", "\x1b[7~", L"ed-move-to-beg"},
    {L"\\e[H", "\x1b[H", L"ed-move-to-beg"},
    {L"\\eOH", "\x1bOH", L"ed-move-to-beg"},
    {L"\\e[4~", "\x1b[4~", L"ed-move-to-end"},
    {L"\\e[8~", "\x1b[8~", L"ed-move-to-end"},
    {L"\\e[F", "\x1b[F", L"ed-move-to-end"},
    {L"\\eOF", "\x1bOF", L"ed-move-to-end"},
    {L"\\e[C", "\x1b[C", L"ed-next-char"},
    {L"\\eOC", "\x1bOC", L"ed-next-char"},
    {L"\\e[D", "\x1b[D", L"ed-prev-char"},
    {L"\\eOD", "\x1bOD", L"ed-prev-char"},
    {L"\\e[3~", "\x1b[3~", L"ed-delete-next-char"},
    {L"\\e[1;5C", "\x1b[1;5C", L"em-next-word"},
    {L"\\e[1;3C", "\x1b[1;3C", L"em-next-word"},
    {L"\\e[1;5D", "\x1b[1;5D", L"ed-prev-word"},
    {L"\\e[1;3D", "\x1b[1;3D", L"ed-prev-word"},
    {L"\\e\\177", "\x1b\x7f", L"ed-delete-prev-word"},
};

static void bind_keys(struct line *l) {
    el_wset(l->el, EL_ADDFN, L"tb-redisplay", L"draws everything", do_redisplay);
    el_wset(l->el, EL_ADDFN, L"tb-reset", L"begins an empty line", do_reset);
    el_wset(l->el, EL_BIND, L"\x1e", L"tb-redisplay", NULL);
    el_wset(l->el, EL_BIND, L"\x1f", L"tb-reset", NULL);
    el_wset(l->el, EL_BIND, L"^W", L"ed-delete-prev-word", NULL);
    for (size_t i = 0; i < sizeof(sequences) / sizeof(sequences[0]); i++) {
        el_wset(l->el, EL_BIND, sequences[i].spelt, sequences[i].command, NULL);
    }
}

/* libedit takes the rest of a sequence that it does not know for text. */
static bool is_known(const char *p, size_t n) {
    for (size_t i = 0; i < sizeof(sequences) / sizeof(sequences[0]); i++) {
        if (strlen(sequences[i].sent) == n && memcmp(sequences[i].sent, p, n) == 0) {
            return true;
        }
    }
    return n <= 2; /* Alt and a key: no rest */
}

/* Where the system knows nothing of the terminal by its name, it is taken for one that is like the
 * others; libedit would take it for one that cannot erase, and complain. */
static void choose_terminal(struct line *l) {
    const char *erases = NULL;
    fflush(l->out);
    bytes_clear(&l->output);
    if (el_wget(l->el, EL_GETTC, "ce", &erases) != 0 || erases == NULL || erases[0] == '\0') {
        el_wset(l->el, EL_TERMINAL, "vt100");
    }
}

static bool start(struct line *l, int in_fd) {
    l->el = el_init_fd("taburet", stdin, l->out, l->out, in_fd, l->out_fd, l->out_fd);
    if (l->el == NULL) {
        return false;
    }
    choose_terminal(l);
    el_wset(l->el, EL_CLIENTDATA, l);
    el_wset(l->el, EL_EDITOR, L"emacs");
    el_wset(l->el, EL_SIGNAL, 0);
    el_wset(l->el, EL_GETCFN, next_char);
    el_wset(l->el, EL_PROMPT, prompt_of);
    bind_keys(l);
    el_wset(l->el, EL_UNBUFFERED, 1);
    fflush(l->out);
    send(l);
    return true;
}

/* ---- the line ---- */

struct line *line_new(int in_fd, int out_fd, const char *prompt) {
    const cookie_io_functions_t functions = {.write = write_out};
    struct line *l = calloc(1, sizeof(*l));
    if (l == NULL) {
        return NULL;
    }
    l->out_fd = out_fd;
    l->prompt = widen(prompt, strlen(prompt));
    l->out = fopencookie(l, "w", functions);
    choose_locale();
    if (l->prompt == NULL || l->out == NULL || !start(l, in_fd)) {
        line_free(l);
        return NULL;
    }
    return l;
}

/* A line that libedit no longer edits is one that it does not flush unread input for. */
static void end_libedit(struct line *l) {
    line_suspend(l);
    el_wset(l->el, EL_EDITMODE, 0);
    el_end(l->el);
}

void line_free(struct line *l) {
    if (l == NULL) {
        return;
    }
    if (l->el != NULL) {
        end_libedit(l);
    }
    if (l->out != NULL) {
        fclose(l->out);
    }
    bytes_release(&l->output);
    free(l->note);
    free(l->prompt);
    free(l);
}

void line_set_prompt(struct line *l, const char *prompt) {
    wchar_t *wide = widen(prompt, strlen(prompt));
    if (wide != NULL) {
        free(l->prompt);
        l->prompt = wide;
    }
}

void line_set_note(struct line *l, const char *note, size_t n) {
    free(l->note);
    l->note = note == NULL ? NULL : widen(note, n);
}

bool line_is_empty(const struct line *l) {
    const LineInfoW *line = el_wline(l->el);
    return line->lastchar == line->buffer;
}

int line_get(const struct line *l, struct bytes *out) {
    const LineInfoW *line = el_wline(l->el);
    int err = TB_OK;
    for (const wchar_t *c = line->buffer; c < line->lastchar && err == TB_OK; c++) {
        uint8_t utf8[4];
        err = bytes_append(out, utf8, text_encode((uint32_t)*c, utf8));
    }
    return err;
}

/* The line is erased. */
static void insert(struct line *l, const char *p, size_t n) {
    wchar_t *wide = widen(p, n);
    if (wide != NULL) {
        el_winsertstr(l->el, wide);
    }
    free(wide);
}

void line_insert(struct line *l, const char *p, size_t n) {
    erase(l);
    insert(l, p, n);
    draw(l);
}

void line_set(struct line *l, const char *p, size_t n) {
    erase(l);
    clear_text(l);
    insert(l, p, n);
    draw(l);
}

void line_key(struct line *l, const char *p, size_t n) {
    wchar_t *wide = is_known(p, n) ? widen(p, n) : NULL;
    if (wide != NULL) {
        erase(l);
        step(l, wide, wcslen(wide));
        draw(l);
    }
    free(wide);
}

void line_print(struct line *l, const char *p, size_t n) {
    erase(l);
    say(l, p, n);
    draw(l);
}

void line_clear_screen(struct line *l) {
    static const char clear[] = "\x1b[H\x1b[2J";
    erase(l);
    say(l, clear, sizeof(clear) - 1);
    draw(l);
}

void line_end(struct line *l) {
    step_key(l, L'\n');
    send(l);
    l->is_erased = true;
    step_key(l, KEY_RESET);
}

void line_begin(struct line *l) {
    draw(l);
}

void line_suspend(struct line *l) {
    erase(l);
    send(l);
    el_wset(l->el, EL_PREP_TERM, 0);
}

void line_resume(struct line *l) {
    el_wset(l->el, EL_PREP_TERM, 1);
    draw(l);
}

/* Terminals wrap what they show anew, each in its way: what is above the cursor is left alone,
 * since it may be a message. */
void line_resize(struct line *l) {
    static const char erase_below[] = "\r\x1b[J";
    say(l, erase_below, sizeof(erase_below) - 1);
    l->is_erased = true;
    el_resize(l->el);
    fflush(l->out);
    draw(l);
}
