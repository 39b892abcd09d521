/* Pseudo terminals, the line discipline, sessions and job control (pty(7), termios(3), credentials(7)). */
#include "check.h"
#include <pty.h>
#include <sys/ioctl.h>
#include <termios.h>

static int master, slave;
static char text[8192];
static volatile int signals;
static void note(int sig) { signals |= 1 << sig; }

/* What the other side has for us, or nothing after a while. */
static const char *get(int fd) {
    struct pollfd f = {fd, POLLIN, 0};
    long at = 0, n;
    while (poll(&f, 1, at ? 50 : 500) == 1 && (n = read(fd, text + at, sizeof text - 1 - at)) > 0)
        at += n;
    text[at] = 0;
    return text;
}
static void put(int fd, const char *what) { (void)!write(fd, what, strlen(what)); }
#define same(got, want) do { const char *g_ = (got); if (strcmp(g_, want)) { \
    printf("not ok %s: line %d: got %s, wanted %s\n", check_name, __LINE__, quote(g_), quote(want)); check_bad = 1; } } while (0)
static const char *quote(const char *s) {
    static char out[4][600];
    static int turn;
    char *o = out[turn++ & 3], *e = o + 590;
    for (; *s && o < e; s++)
        o += *s < 32 || *s == 127 ? sprintf(o, "<%d>", *s) : sprintf(o, "%c", *s);
    *o = 0;
    return out[(turn - 1) & 3];
}
static void mode(tcflag_t clear, tcflag_t set) {
    struct termios t;
    tcgetattr(slave, &t);
    t.c_lflag = (t.c_lflag & ~clear) | set;
    tcsetattr(slave, TCSANOW, &t);
}

static void tests(void) {
    struct termios t;
    struct winsize size = {24, 80, 0, 0}, got;
    int status;

    begin("a pair of its own");
    master = works(posix_openpt(O_RDWR | O_NOCTTY));
    works(grantpt(master));
    works(unlockpt(master));
    char name[64];
    is(ptsname_r(master, name, sizeof name), 0);
    yes(!strncmp(name, "/dev/pts/", 9));
    slave = works(open(name, O_RDWR | O_NOCTTY));
    is(isatty(slave), 1);
    works(tcgetattr(slave, &t));
    is(t.c_lflag, ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN);
    is(t.c_iflag, ICRNL | IXON);
    is(t.c_oflag, OPOST | ONLCR);
    is(t.c_cc[VINTR], 3);
    is(t.c_cc[VERASE], 127);
    fails(tcgetattr(open("/dev/null", O_RDONLY), &t), ENOTTY);

    begin("output: newline becomes CR LF");
    put(slave, "one\ntwo");
    same(get(master), "one\r\ntwo");

    begin("canonical input: by line, with echo");
    put(master, "ab");
    same(get(master), "ab");
    struct pollfd f = {slave, POLLIN, 0};
    is(poll(&f, 1, 20), 0);
    put(master, "c\r");
    same(get(master), "c\r\n");
    is(poll(&f, 1, 1000), 1);
    is(read(slave, text, 2), 2);
    is(read(slave, text, 100), 2);
    is(text[0] * 256 + text[1], 'c' * 256 + '\n');

    begin("editing: erase, kill, word");
    put(master, "abx\x7f" "c\n");
    same(get(master), "abx\b \bc\r\n");
    same(get(slave), "abc\n");
    put(master, "rubbish\x15" "good\n");
    get(master);
    same(get(slave), "good\n");
    put(master, "two words\x17" "w\n");
    get(master);
    same(get(slave), "two w\n");
    put(master, "\x16\x03lit\n");
    get(master);
    same(get(slave), "\x03lit\n");

    begin("end of file");
    put(master, "\x04");
    is(read(slave, text, 10), 0);
    put(master, "half\x04");
    is(read(slave, text, 10), 4);
    get(master);

    begin("no echo; raw mode passes all");
    mode(ECHO, 0);
    put(master, "quiet\n");
    same(get(slave), "quiet\n");
    is(poll(&(struct pollfd){master, POLLIN, 0}, 1, 20), 0);
    tcgetattr(slave, &t);
    struct termios raw = t;
    cfmakeraw(&raw);
    works(tcsetattr(slave, TCSANOW, &raw));
    put(master, "\x03\x04\r\x7f");
    same(get(slave), "\x03\x04\r\x7f");
    put(slave, "a\nb");
    same(get(master), "a\nb");

    begin("VMIN and VTIME");
    raw.c_cc[VMIN] = 3;
    raw.c_cc[VTIME] = 0;
    tcsetattr(slave, TCSANOW, &raw);
    put(master, "abc");
    is(read(slave, text, 10), 3);
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 1;
    tcsetattr(slave, TCSANOW, &raw);
    int64_t start = now_ns(CLOCK_MONOTONIC);
    is(read(slave, text, 10), 0);
    yes(now_ns(CLOCK_MONOTONIC) - start >= 80000000);
    raw.c_cc[VTIME] = 0;
    tcsetattr(slave, TCSANOW, &raw);
    is(read(slave, text, 10), 0);
    t.c_lflag |= ECHO;
    tcsetattr(slave, TCSAFLUSH, &t);

    begin("window size; bytes waiting; flush");
    works(ioctl(master, TIOCSWINSZ, &size));
    works(ioctl(slave, TIOCGWINSZ, &got));
    is(got.ws_row * 1000 + got.ws_col, 24080);
    put(master, "line\n");
    get(master);
    int n = 0;
    works(ioctl(slave, FIONREAD, &n));
    is(n, 5);
    works(tcflush(slave, TCIFLUSH));
    works(ioctl(slave, FIONREAD, &n));
    is(n, 0);
    fails(ioctl(slave, 0x5499, &n), ENOTTY);

    begin("a session takes its terminal; the keyboard's signals reach the foreground");
    int ready[2];
    works(pipe(ready));
    pid_t pid = fork();
    if (pid == 0) {
        setsid();
        if (tcgetpgrp(slave) != -1 || errno != ENOTTY) _exit(1);
        if (ioctl(slave, TIOCSCTTY, 0)) _exit(2);
        if (tcgetpgrp(slave) != getpid() || tcgetsid(slave) != getpid()) _exit(3);
        int tty = open("/dev/tty", O_RDWR);
        if (tty < 0) _exit(4);
        signal(SIGINT, note);
        signal(SIGQUIT, note);
        signal(SIGWINCH, note);
        (void)!write(ready[1], "r", 1);
        for (int i = 0; i < 500 && signals != (1 << SIGINT | 1 << SIGQUIT | 1 << SIGWINCH); i++)
            pause_ms(10);
        _exit(signals == (1 << SIGINT | 1 << SIGQUIT | 1 << SIGWINCH) ? 0 : 5);
    }
    char c;
    (void)!read(ready[0], &c, 1);
    put(master, "\x03");
    pause_ms(20);
    put(master, "\x1c");
    size.ws_row = 50;
    ioctl(master, TIOCSWINSZ, &size);
    waitpid(pid, &status, 0);
    yes(exited(status, 0));
    if (!exited(status, 0)) is(WEXITSTATUS(status), 0);
    same(get(master), "^C^\\");

    begin("background: reading stops, writing only with TOSTOP; orphans get EIO");
    close(master);
    close(slave);
    pid = fork();
    if (pid == 0) {
        setsid();
        master = posix_openpt(O_RDWR | O_NOCTTY);
        unlockpt(master);
        ptsname_r(master, name, sizeof name);
        slave = open(name, O_RDWR);
        if (tcgetpgrp(slave) != getpid()) _exit(1);
        pid_t child = fork();
        if (child == 0) {
            setpgid(0, 0);
            signal(SIGTTIN, SIG_DFL);
            (void)!read(slave, &c, 1);
            _exit(0);
        }
        setpgid(child, child);
        if (waitpid(child, &status, WUNTRACED) != child || !WIFSTOPPED(status) || WSTOPSIG(status) != SIGTTIN) _exit(2);
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
        mode(0, TOSTOP);
        child = fork();
        if (child == 0) {
            setpgid(0, 0);
            put(slave, "x");
            _exit(0);
        }
        setpgid(child, child);
        if (waitpid(child, &status, WUNTRACED) != child || !WIFSTOPPED(status) || WSTOPSIG(status) != SIGTTOU) _exit(3);
        signal(SIGTTOU, SIG_IGN);
        if (tcsetpgrp(slave, child)) _exit(4);
        kill(child, SIGCONT);
        if (waitpid(child, &status, 0) != child || !exited(status, 0)) _exit(5);
        tcsetpgrp(slave, getpid());
        mode(TOSTOP, 0);
        child = fork();
        if (child == 0) {
            setpgid(0, 0);
            signal(SIGTTIN, SIG_IGN);
            _exit(read(slave, &c, 1) == -1 && errno == EIO ? 0 : 1);
        }
        if (waitpid(child, &status, 0) != child || !exited(status, 0)) _exit(6);
        if (tcsetpgrp(slave, 999999) != -1) _exit(7);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    yes(exited(status, 0));
    if (!exited(status, 0)) is(WEXITSTATUS(status), 0);

    begin("TIOCNOTTY by a member of the session is its own loss, by the leader everybody's");
    works(openpty(&master, &slave, NULL, NULL, NULL));
    pid = fork();
    if (pid == 0) {
        setsid();
        signal(SIGHUP, note);
        signal(SIGCONT, note);
        if (ioctl(slave, TIOCSCTTY, 0)) _exit(1);
        pid_t child = fork();
        if (child == 0) {
            int tty = open("/dev/tty", O_RDWR);
            if (tty < 0 || ioctl(tty, TIOCNOTTY)) _exit(1);
            close(tty);
            if (open("/dev/tty", O_RDWR) != -1 || errno != ENXIO) _exit(2);
            if (tcgetpgrp(slave) != -1 || errno != ENOTTY) _exit(3);
            if (ioctl(slave, TIOCNOTTY) != -1 || errno != ENOTTY) _exit(4);
            pid_t grandchild = fork(); /* has none to inherit */
            if (grandchild == 0)
                _exit(open("/dev/tty", O_RDWR) == -1 && errno == ENXIO ? 0 : 1);
            if (waitpid(grandchild, &status, 0) != grandchild || !exited(status, 0)) _exit(5);
            get_file("/proc/self/stat", text, sizeof text);
            int number = -1;
            sscanf(strchr(text, ')'), ") %*c %*d %*d %*d %d", &number);
            _exit(number ? 6 : 0);
        }
        if (waitpid(child, &status, 0) != child || !exited(status, 0)) _exit(10 + WEXITSTATUS(status));
        if (signals || tcgetpgrp(slave) != getpid()) _exit(2);
        if (open("/dev/tty", O_RDWR) < 0) _exit(3);
        if (ioctl(slave, TIOCNOTTY)) _exit(4);
        if (signals != (1 << SIGHUP | 1 << SIGCONT)) _exit(5);
        if (open("/dev/tty", O_RDWR) != -1 || errno != ENXIO) _exit(6);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    yes(exited(status, 0));
    if (!exited(status, 0)) is(WEXITSTATUS(status), 0);
    close(master);
    close(slave);

    begin("Ctrl-Z stops the foreground group");
    works(openpty(&master, &slave, NULL, NULL, NULL));
    pid = fork();
    if (pid == 0) {
        setsid();
        ioctl(slave, TIOCSCTTY, 0);
        pid_t child = fork();
        if (child == 0) {
            setpgid(0, 0);
            signal(SIGTTOU, SIG_IGN);
            tcsetpgrp(slave, getpid());
            (void)!write(ready[1], "r", 1);
            for (;;)
                pause();
        }
        if (waitpid(child, &status, WUNTRACED) != child || !WIFSTOPPED(status) || WSTOPSIG(status) != SIGTSTP) _exit(1);
        kill(child, SIGKILL);
        _exit(0);
    }
    (void)!read(ready[0], &c, 1);
    put(master, "\x1a");
    waitpid(pid, &status, 0);
    yes(exited(status, 0));

    begin("the master's end hangs up: SIGHUP, end of file");
    pid = fork();
    if (pid == 0) {
        setsid();
        ioctl(slave, TIOCSCTTY, 0);
        close(master);
        signal(SIGHUP, note);
        (void)!write(ready[1], "r", 1);
        for (int i = 0; i < 500 && !signals; i++)
            pause_ms(10);
        if (signals != 1 << SIGHUP) _exit(1);
        if (read(slave, &c, 1) != 0) _exit(2);
        if (write(slave, "x", 1) != -1 || errno != EIO) _exit(3);
        _exit(0);
    }
    (void)!read(ready[0], &c, 1);
    close(master);
    waitpid(pid, &status, 0);
    yes(exited(status, 0));
    if (!exited(status, 0)) is(WEXITSTATUS(status), 0);

    begin("the last slave closed: the master reads EIO");
    close(slave);
    works(openpty(&master, &slave, NULL, NULL, NULL));
    put(slave, "last");
    close(slave);
    is(read(master, text, 10), 4);
    fails(read(master, text, 10), EIO);
    close(master);

    begin("a terminal without a session: /dev/tty is ENXIO");
    status = in_child({
        setsid();
        _exit(open("/dev/tty", O_RDWR) == -1 && errno == ENXIO ? 0 : 1);
    });
    yes(exited(status, 0));

    begin("packet of 4000 bytes through a raw terminal");
    works(openpty(&master, &slave, NULL, NULL, NULL));
    tcgetattr(slave, &raw);
    cfmakeraw(&raw);
    tcsetattr(slave, TCSANOW, &raw);
    static char sent[4000];
    for (unsigned i = 0; i < sizeof sent; i++)
        sent[i] = i % 255 + 1;
    pid = fork();
    if (pid == 0)
        _exit(write(slave, sent, sizeof sent) == sizeof sent ? 0 : 1);
    unsigned at = 0;
    long r;
    while (at < sizeof sent && (r = read(master, text + at, sizeof text - at)) > 0)
        at += r;
    is(at, sizeof sent);
    is(memcmp(sent, text, sizeof sent), 0);
    waitpid(pid, &status, 0);
    yes(exited(status, 0));
}
