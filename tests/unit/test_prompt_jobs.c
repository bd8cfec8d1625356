/* The prompt as a job of a shell: stopped and continued, crashed, with the terminal's mode watched
 * from outside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "app/connect/prompt.h"
#include "base/err.h"
#include "screen.h"

enum { WAIT_MS = 10000, EXIT_QUIT = 7, EXIT_WRONG = 99 };

/* ---- the job ---- */

static struct prompt *prompt;

static void on_line(void *ctx, const char *p, size_t n) {
    (void)ctx;
    if (n == 4 && memcmp(p, "quit", n) == 0) {
        prompt_free(prompt);
        _exit(EXIT_QUIT);
    }
    if (n > 6 && memcmp(p, "raise ", 6) == 0) {
        char number[8] = "";
        memcpy(number, p + 6, n - 6 < sizeof(number) ? n - 6 : sizeof(number) - 1);
        raise(atoi(number));
    }
    if (n == 4 && memcmp(p, "exit", n) == 0) {
        exit(EXIT_QUIT);
    }
}

static void on_end(void *ctx) {
    (void)ctx;
    _exit(EXIT_WRONG);
}

static void run_job(void) {
    static const struct prompt_events events = {on_line, on_end};
    const struct rlimit no_core = {0};
    struct bytes message = BYTES_INIT;
    struct loop loop;
    setrlimit(RLIMIT_CORE, &no_core);
    /* The test framework and sanitizers handle crashes themselves. */
    signal(SIGSEGV, SIG_DFL);
    signal(SIGABRT, SIG_DFL);
    if (loop_init(&loop) == TB_OK) {
        prompt = prompt_new(&loop, STDIN_FILENO, STDOUT_FILENO, NULL, &events, NULL, &message);
        loop_run(&loop);
    }
    _exit(EXIT_WRONG);
}

/* ---- the shell ---- */

static void require(bool holds, int code) {
    if (!holds) {
        _exit(code);
    }
}

static bool is_mode(const struct termios *mode) {
    struct termios now;
    return tcgetattr(STDIN_FILENO, &now) == 0 && now.c_lflag == mode->c_lflag &&
           now.c_iflag == mode->c_iflag && now.c_oflag == mode->c_oflag &&
           memcmp(now.c_cc, mode->c_cc, sizeof(now.c_cc)) == 0;
}

static void say(const char *text) {
    require(write(STDOUT_FILENO, text, strlen(text)) == (ssize_t)strlen(text), 21);
}

/* Starts the job in the foreground. */
static pid_t start_job(void) {
    pid_t job = fork();
    require(job >= 0, 22);
    setpgid(job, job);
    tcsetpgrp(STDIN_FILENO, job == 0 ? getpid() : job);
    if (job == 0) {
        run_job();
    }
    return job;
}

/* Waits until the job has stopped `stops` times and has ended; each time the terminal must be as it
 * was. The exit code is the job's, or its signal and 100. */
static void run_shell(int slave, unsigned stops) {
    struct termios mode;
    int status;
    signal(SIGTTOU, SIG_IGN);
    require(setsid() >= 0 && ioctl(slave, TIOCSCTTY, 0) == 0, 23);
    dup2(slave, STDIN_FILENO);
    dup2(slave, STDOUT_FILENO);
    require(tcgetattr(slave, &mode) == 0, 24);
    pid_t job = start_job();
    for (; stops > 0; stops--) {
        require(waitpid(job, &status, WUNTRACED) == job && WIFSTOPPED(status), 25);
        bool is_killed = WSTOPSIG(status) == SIGSTOP;
        require(is_killed || is_mode(&mode), 26);
        tcsetpgrp(STDIN_FILENO, getpgrp());
        tcsetattr(STDIN_FILENO, TCSANOW, &mode);
        say("[stopped]\r\n");
        tcsetpgrp(STDIN_FILENO, job);
        kill(job, SIGCONT);
    }
    require(waitpid(job, &status, 0) == job, 27);
    tcsetpgrp(STDIN_FILENO, getpgrp());
    require(is_mode(&mode), 28);
    say("[ended]\r\n");
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status) + 100);
}

/* ---- the person ---- */

static struct screen screen;
static pid_t shell;

static void start_shell(unsigned stops) {
    setenv("TERM", "xterm", 1);
    screen_init(&screen);
    shell = fork();
    assert_true(shell >= 0);
    if (shell == 0) {
        close(screen.master);
        run_shell(screen.slave, stops);
    }
}

static void wait_for(int row, const char *expected) {
    for (int i = 0; i < WAIT_MS && strcmp(screen_row(&screen, row), expected) != 0; i++) {
        poll(NULL, 0, 1);
        screen_update(&screen);
    }
    assert_string_equal(screen_row(&screen, row), expected);
}

static void end_shell(int code) {
    int status;
    assert_int_equal(waitpid(shell, &status, 0), shell);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), code);
    screen_update(&screen);
    assert_false(screen.is_paste_marked);
    screen_release(&screen);
}

static void control_z_gives_the_terminal_to_the_shell_and_takes_it_back(void **state) {
    (void)state;
    start_shell(2);
    wait_for(0, ">");
    screen_type(&screen, "abc\x1b[D");
    wait_for(0, "> abc");
    screen_type(&screen, "\x1a");
    wait_for(0, "[stopped]");
    wait_for(1, "> abc");
    screen_type(&screen, "X");
    wait_for(1, "> abXc");
    assert_true(screen.is_paste_marked);
    screen_type(&screen, "\x1a");
    wait_for(1, "[stopped]");
    wait_for(2, "> abXc");
    screen_type(&screen, "\x15quit\r");
    wait_for(3, "[ended]");
    end_shell(EXIT_QUIT);
}

static void a_stop_that_nobody_is_told_of_is_mended_afterwards(void **state) {
    (void)state;
    char command[16] = "raise 19\r";
    assert_int_equal(SIGSTOP, 19);
    start_shell(1);
    wait_for(0, ">");
    screen_type(&screen, command);
    wait_for(1, "[stopped]");
    wait_for(2, ">");
    screen_type(&screen, "\x1b[200~a\rb\x1b[201~");
    wait_for(2, "> a");
    wait_for(3, "b");
    screen_type(&screen, "\x15quit\r");
    end_shell(EXIT_QUIT);
}

static void a_crash_gives_the_terminal_back(void **state) {
    (void)state;
    start_shell(0);
    wait_for(0, ">");
    screen_type(&screen, "raise 11\r");
    wait_for(1, "[ended]");
    end_shell(100 + SIGSEGV);
    start_shell(0);
    wait_for(0, ">");
    screen_type(&screen, "raise 6\r");
    wait_for(1, "[ended]");
    end_shell(100 + SIGABRT);
}

static void an_exit_gives_the_terminal_back(void **state) {
    (void)state;
    start_shell(0);
    wait_for(0, ">");
    screen_type(&screen, "exit\r");
    wait_for(1, "[ended]");
    end_shell(EXIT_QUIT);
}

static void control_c_is_the_programs(void **state) {
    (void)state;
    start_shell(0);
    wait_for(0, ">");
    screen_type(&screen, "abc");
    wait_for(0, "> abc");
    screen_type(&screen, "\x03");
    int status;
    assert_int_equal(waitpid(shell, &status, 0), shell);
    assert_true(WIFEXITED(status));
    /* Nobody here handles it, so it kills, and the shell sees the mode left as it was. */
    assert_int_equal(WEXITSTATUS(status), 28);
    screen_release(&screen);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(control_z_gives_the_terminal_to_the_shell_and_takes_it_back),
        cmocka_unit_test(a_stop_that_nobody_is_told_of_is_mended_afterwards),
        cmocka_unit_test(a_crash_gives_the_terminal_back),
        cmocka_unit_test(an_exit_gives_the_terminal_back),
        cmocka_unit_test(control_c_is_the_programs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
