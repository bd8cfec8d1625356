#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/err.h"
#include "base/terminal.h"

struct pair {
    int master, slave;
    struct termios mode;
};

static int begin(void **state) {
    struct pair *pair = calloc(1, sizeof(*pair));
    assert_non_null(pair);
    assert_int_equal(openpty(&pair->master, &pair->slave, NULL, NULL, NULL), 0);
    assert_int_equal(tcgetattr(pair->slave, &pair->mode), 0);
    *state = pair;
    return 0;
}

static int end(void **state) {
    struct pair *pair = *state;
    close(pair->master);
    close(pair->slave);
    free(pair);
    return 0;
}

static void make_raw(const struct pair *pair) {
    struct termios raw = pair->mode;
    cfmakeraw(&raw);
    if (tcsetattr(pair->slave, TCSANOW, &raw) != 0) {
        _exit(99);
    }
}

/* What a child does with the guarded terminal in raw mode. */
static int run_child(const struct pair *pair, void (*act)(int), int argument) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const struct rlimit no_core = {0};
        setrlimit(RLIMIT_CORE, &no_core);
        /* Sanitizers handle crashes themselves. */
        signal(argument, SIG_DFL);
        if (terminal_guard(pair->slave, pair->slave) != TB_OK) {
            _exit(98);
        }
        make_raw(pair);
        act(argument);
        _exit(97);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static bool is_mode_back(const struct pair *pair) {
    struct termios now;
    assert_int_equal(tcgetattr(pair->slave, &now), 0);
    return now.c_lflag == pair->mode.c_lflag && now.c_iflag == pair->mode.c_iflag &&
           now.c_oflag == pair->mode.c_oflag;
}

static void assert_paste_off(const struct pair *pair) {
    char text[100];
    ssize_t n = read(pair->master, text, sizeof(text));
    assert_int_equal(n, strlen(TERMINAL_PASTE_OFF));
    assert_memory_equal(text, TERMINAL_PASTE_OFF, (size_t)n);
}

static void raise_it(int number) {
    raise(number);
}

static void a_deadly_signal_gives_the_terminal_back(void **state) {
    static const int fatal[] = {SIGSEGV, SIGBUS,  SIGABRT, SIGFPE,  SIGILL,
                                SIGSYS,  SIGTRAP, SIGQUIT, SIGALRM, SIGVTALRM,
                                SIGPROF, SIGXCPU, SIGXFSZ, SIGUSR1, SIGUSR2};
    const struct pair *pair = *state;
    for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++) {
        int status = run_child(pair, raise_it, fatal[i]);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), fatal[i]);
        assert_true(is_mode_back(pair));
        assert_paste_off(pair);
    }
}

static void leave(int code) {
    exit(code == SIGUSR1 ? 5 : 6);
}

static void an_exit_gives_the_terminal_back(void **state) {
    const struct pair *pair = *state;
    int status = run_child(pair, leave, SIGUSR1);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 5);
    assert_true(is_mode_back(pair));
    assert_paste_off(pair);
}

static void exit_here(int number) {
    (void)number;
    _exit(42);
}

static void handle_and_raise(int number) {
    terminal_unguard();
    signal(number, exit_here);
    if (terminal_guard(STDIN_FILENO, STDIN_FILENO) == TB_OK) {
        raise(number);
    }
}

static void a_signal_that_somebody_handles_stays_theirs(void **state) {
    const struct pair *pair = *state;
    int saved = dup(STDIN_FILENO);
    assert_int_equal(dup2(pair->slave, STDIN_FILENO), STDIN_FILENO);
    int status = run_child(pair, handle_and_raise, SIGFPE);
    assert_int_equal(dup2(saved, STDIN_FILENO), STDIN_FILENO);
    close(saved);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 42);
}

static void without_a_guard_nothing_is_touched(void **state) {
    const struct pair *pair = *state;
    struct sigaction action;
    assert_int_equal(terminal_guard(pair->slave, pair->slave), TB_OK);
    terminal_unguard();
    assert_paste_off(pair);
    make_raw(pair);
    terminal_restore();
    terminal_unguard();
    assert_false(is_mode_back(pair));
    assert_int_equal(sigaction(SIGABRT, NULL, &action), 0);
    assert_ptr_equal(action.sa_handler, SIG_DFL);
}

static void what_is_no_terminal_is_not_guarded(void **state) {
    const struct pair *pair = *state;
    int null = open("/dev/null", O_RDWR);
    assert_true(terminal_is(pair->slave));
    assert_false(terminal_is(null));
    assert_false(terminal_is(-1));
    assert_int_equal(terminal_guard(null, null), TB_ESYS);
    close(null);
}

static void the_width_is_known_or_eighty(void **state) {
    const struct pair *pair = *state;
    const struct winsize size = {.ws_row = 24, .ws_col = 132};
    assert_int_equal(terminal_width(pair->slave), 80);
    assert_int_equal(ioctl(pair->slave, TIOCSWINSZ, &size), 0);
    assert_int_equal(terminal_width(pair->slave), 132);
    assert_int_equal(terminal_width(-1), 80);
}

static void writing_waits_for_a_slow_reader(void **state) {
    (void)state;
    enum { SIZE = 1000000 };
    int ends[2];
    uint8_t *data = calloc(1, SIZE);
    assert_non_null(data);
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(ends[0]);
        _exit(terminal_write(ends[1], data, SIZE) == TB_OK ? 0 : 1);
    }
    close(ends[1]);
    assert_int_equal(fcntl(ends[0], F_SETFL, 0), 0);
    size_t total = 0;
    ssize_t n;
    while ((n = read(ends[0], data, 1000)) > 0) {
        total += (size_t)n;
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(total, SIZE);
    assert_int_equal(terminal_write(ends[0], data, 1), TB_ESYS);
    close(ends[0]);
    free(data);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_deadly_signal_gives_the_terminal_back),
        TEST(an_exit_gives_the_terminal_back),
        TEST(a_signal_that_somebody_handles_stays_theirs),
        TEST(without_a_guard_nothing_is_touched),
        TEST(what_is_no_terminal_is_not_guarded),
        TEST(the_width_is_known_or_eighty),
        TEST(writing_waits_for_a_slow_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
