/* drive - loads a WebSocket server on 127.0.0.1 from one thread and prints what that cost it.
 *
 * usage: drive MODE --port N --pid N [option...]
 *        drive startup|first-echo [--rounds N] -- COMMAND [argument...] */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dial.h"
#include "fail.h"
#include "modes.h"
#include "wire.h"

static const struct {
    const char *name;
    void (*run)(const struct options *o);
} modes[] = {
    {"echo", mode_echo},       {"fanout", mode_fanout},
    {"idle", mode_idle},       {"handshakes", mode_handshakes},
    {"startup", mode_startup}, {"first-echo", mode_first_echo},
};

enum { MODES = sizeof modes / sizeof modes[0] };

static const struct option flags[] = {
    {"port", required_argument, NULL, 'p'},
    {"pid", required_argument, NULL, 'P'},
    {"clients", required_argument, NULL, 'c'},
    {"depth", required_argument, NULL, 'd'},
    {"size", required_argument, NULL, 's'},
    {"warmup", required_argument, NULL, 'w'},
    {"seconds", required_argument, NULL, 't'},
    {"rounds", required_argument, NULL, 'r'},
    {"total", required_argument, NULL, 'n'},
    {"parallel", required_argument, NULL, 'k'},
    {"canned", no_argument, NULL, 'x'},
    {"held", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

_Noreturn static void usage(void) {
    fail("usage: drive echo|fanout|idle|handshakes --port N --pid N [--clients N] [--depth N]\n"
         "       [--size BYTES] [--warmup SECONDS] [--seconds SECONDS] [--rounds N] [--total N]\n"
         "       [--parallel N] [--canned] [--held]\n"
         "       drive startup|first-echo [--rounds N] -- COMMAND [ARGUMENT...]");
}

static unsigned number(const char *text, unsigned min, unsigned max) {
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (end == text || *end != '\0' || value < min || value > max) {
        fail("%s: a number from %u to %u is wanted", text, min, max);
    }
    return (unsigned)value;
}

static double duration(const char *text) {
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || !(value >= 0 && value <= 600)) {
        fail("%s: seconds from 0 to 600 are wanted", text);
    }
    return value;
}

static void take_flag(struct options *o, int flag) {
    switch (flag) {
    case 'p':
        o->port = (uint16_t)number(optarg, 1, 65535);
        break;
    case 'P':
        o->pid = (pid_t)number(optarg, 2, 4194304);
        break;
    case 'c':
        o->clients = number(optarg, 1, 28000);
        break;
    case 'd':
        o->depth = number(optarg, 1, 1024);
        break;
    case 's':
        o->size = number(optarg, STAMP_LEN, 16 << 20);
        break;
    case 'w':
        o->warmup_s = duration(optarg);
        break;
    case 't':
        o->seconds = duration(optarg);
        break;
    case 'r':
        o->rounds = number(optarg, 1, 100000);
        break;
    case 'n':
        o->total = number(optarg, 1, 100000000);
        break;
    case 'k':
        o->parallel = number(optarg, 1, 1024);
        break;
    case 'x':
        o->canned = true;
        break;
    case 'h':
        o->held = true;
        break;
    default:
        usage();
    }
}

int main(int argc, char **argv) {
    struct options o = {.clients = 100,
                        .depth = 1,
                        .size = STAMP_LEN,
                        .warmup_s = 0.2,
                        .seconds = 1,
                        .rounds = 10,
                        .total = 10000,
                        .parallel = 64};
    size_t mode = 0;
    while (mode < MODES && (argc < 2 || strcmp(argv[1], modes[mode].name) != 0)) {
        mode++;
    }
    if (mode == MODES) {
        usage();
    }
    argv++;
    argc--;
    for (int flag; (flag = getopt_long(argc, argv, "+", flags, NULL)) != -1;) {
        take_flag(&o, flag);
    }
    o.command = argv + optind;
    bool starts = modes[mode].run == mode_startup || modes[mode].run == mode_first_echo;
    if (starts ? !o.command[0] : !o.port || !o.pid || o.command[0]) {
        usage();
    }
    signal(SIGPIPE, SIG_IGN);
    dial_reserve(o.clients);
    modes[mode].run(&o);
    return 0;
}
