/* Whom the owner of a file may be (fcntl(2), "F_SETOWN"): one is told by a signal only if who set it may send that one signals.
   The ids are those of the time it was set. */
// test: limit=60
#include "check.h"
#include <asm/ioctls.h>
#include <linux/securebits.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

/* Real, effective and saved user. */
struct ids { int real, effective, saved; };
#define ALL(id) ((struct ids){id, id, id})
enum { ANN = 1000, BOB = 2000 };

static int become(struct ids who) {
    return setresuid(who.real, who.effective, who.saved);
}

/* A process that says, when asked, how many of our signals it has got. */
struct victim { pid_t pid; int ask, answer; };

static void count_signals(int ask, int answer, const sigset_t *set) {
    char byte, told;
    while (read(ask, &byte, 1) == 1) {
        struct timespec none = {0, 0};
        for (told = 0; sigtimedwait(set, NULL, &none) > 0;)
            told++;
        (void)!write(answer, &told, 1);
    }
    _exit(0);
}

/* A victim of these users in GROUP; 0: in one of its own. */
static struct victim victim(struct ids who, pid_t group) {
    int ask[2], answer[2];
    char byte;
    (void)!pipe(ask), (void)!pipe(answer);
    fflush(stdout);
    pid_t child = fork();
    if (!child) {
        sigset_t set;
        close(ask[1]), close(answer[0]);
        sigemptyset(&set), sigaddset(&set, SIGRTMIN), sigaddset(&set, SIGURG);
        sigprocmask(SIG_BLOCK, &set, NULL);
        if (setpgid(0, group) || become(who))
            _exit(1);
        (void)!write(answer[1], "r", 1);
        count_signals(ask[0], answer[1], &set);
    }
    close(ask[0]), close(answer[1]);
    is(read(answer[0], &byte, 1), 1);
    return (struct victim){child, ask[1], answer[0]};
}

/* How many signals it got since the last time; -1: it is dead. */
static int got(struct victim of) {
    char told;
    if (write(of.ask, "?", 1) != 1 || read(of.answer, &told, 1) != 1)
        return -1;
    return told;
}

static void end(struct victim of) {
    kill(of.pid, SIGKILL);
    waitpid(of.pid, NULL, 0);
    close(of.ask), close(of.answer);
}

static int create(int dir, const char *name) {
    int made = openat(dir, name, O_CREAT | O_EXCL | O_WRONLY, 0600);
    return made < 0 ? -1 : close(made) || unlinkat(dir, name, 0);
}

static int set_ex(int fd, int kind, pid_t pid) {
    struct f_owner_ex owner = {kind, pid};
    return fcntl(fd, F_SETOWN_EX, &owner);
}

/* Where what is done tells the owner of it. */
static int folder(void) {
    return open("shared", O_RDONLY | O_DIRECTORY);
}
static int tell(int dir, int signal) {
    return fcntl(dir, F_SETSIG, signal) || fcntl(dir, F_NOTIFY, DN_CREATE) || create(dir, "new");
}

/* WHO makes TO an owner, and has it told. */
static void told_by(struct ids who, pid_t to, int signal) {
    int status = in_child({
        int dir = folder();
        if (become(who) || fcntl(dir, F_SETOWN, to) || tell(dir, signal))
            _exit(1);
    });
    yes(exited(status, 0));
}

static void rules(void) {
    static const struct { const char *name; struct ids who, to; int reaches; } rows[] = {
        {"another user is not reached", {ANN, ANN, ANN}, {BOB, BOB, BOB}, 0},
        {"root is not reached", {ANN, ANN, ANN}, {0, 0, 0}, 0},
        {"one's own are reached", {ANN, ANN, ANN}, {ANN, ANN, ANN}, 1},
        {"the target's real user counts", {ANN, ANN, ANN}, {ANN, 0, 0}, 1},
        {"the target's saved user counts", {ANN, ANN, ANN}, {0, 0, ANN}, 1},
        {"the target's effective user does not", {ANN, ANN, ANN}, {0, ANN, 0}, 0},
        {"the setter's real user counts", {ANN, BOB, BOB}, {ANN, ANN, ANN}, 1},
        {"the setter's effective user counts", {BOB, ANN, BOB}, {ANN, ANN, ANN}, 1},
        {"the setter's saved user does not", {BOB, BOB, ANN}, {ANN, ANN, ANN}, 0},
        {"root reaches all", {0, 0, 0}, {BOB, BOB, BOB}, 1},
        {"one who is root effectively does too", {ANN, 0, ANN}, {BOB, BOB, BOB}, 1},
        {"one who is root really does not", {0, ANN, 0}, {BOB, BOB, BOB}, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin(rows[i].name);
        struct victim to = victim(rows[i].to, 0);
        told_by(rows[i].who, to.pid, SIGRTMIN);
        is(got(to), rows[i].reaches);
        end(to);
    }
}

static void tests(void) {
    int status;
    signal(SIGPIPE, SIG_IGN);
    mkdir("shared", 0777);
    chmod("shared", 0777);

    begin("SIGKILL does not get to another user's process");
    struct victim mine = victim(ALL(ANN), 0), other = victim(ALL(BOB), 0), root = victim(ALL(0), 0);
    told_by(ALL(ANN), other.pid, SIGKILL);
    told_by(ALL(ANN), root.pid, SIGKILL);
    is(got(other), 0);
    is(got(root), 0);

    begin("SIGKILL gets to one's own");
    told_by(ALL(ANN), mine.pid, SIGKILL);
    is(got(mine), -1);
    end(mine);

    rules();

    begin("every way to say who the owner is");
    mine = victim(ALL(ANN), 0);
    for (int kind = F_OWNER_TID; kind <= F_OWNER_PGRP; kind++) {
        status = in_child({
            int dir = folder();
            if (become(ALL(ANN)) || set_ex(dir, kind, other.pid) || tell(dir, SIGRTMIN))
                _exit(1);
            if (set_ex(dir, kind, mine.pid) || tell(dir, SIGRTMIN))
                _exit(2);
        });
        yes(exited(status, 0));
        is(got(other), 0);
        is(got(mine), 1);
    }

    begin("the capability to kill is not asked");
    status = in_child({
        int dir = folder();
        if (prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) || become(ALL(ANN)) || kill(other.pid, 0))
            _exit(1);
        if (fcntl(dir, F_SETOWN, other.pid) || tell(dir, SIGRTMIN))
            _exit(2);
    });
    yes(exited(status, 0));
    is(got(other), 0);

    begin("of a group those are told who may be");
    struct victim second = victim(ALL(BOB), mine.pid), third = victim(ALL(0), mine.pid);
    struct victim fourth = victim((struct ids){0, 0, ANN}, mine.pid);
    told_by(ALL(ANN), -mine.pid, SIGRTMIN);
    is(got(mine), 1);
    is(got(second), 0);
    is(got(third), 0);
    is(got(fourth), 1);
    told_by(ALL(BOB), -mine.pid, SIGRTMIN);
    is(got(mine), 0);
    is(got(second), 1);
    told_by(ALL(0), -mine.pid, SIGRTMIN);
    is(got(mine), 1);
    is(got(second), 1);
    is(got(third), 1);
    is(got(fourth), 1);
    told_by(ALL(ANN), -mine.pid, SIGKILL);
    is(got(mine), -1);
    is(got(second), 0);
    is(got(third), 0);
    is(got(fourth), -1);
    end(mine), end(second), end(third), end(fourth);

    begin("who gives up root reaches those that root did set");
    status = in_child({
        int dir = folder();
        if (fcntl(dir, F_SETOWN, other.pid) || become(ALL(ANN)) || tell(dir, SIGRTMIN))
            _exit(1);
    });
    yes(exited(status, 0));
    is(got(other), 1);

    begin("setting it again takes the ids of then");
    status = in_child({
        int dir = folder();
        if (fcntl(dir, F_SETOWN, other.pid) || become(ALL(ANN)) || fcntl(dir, F_SETOWN, other.pid) || tell(dir, SIGRTMIN))
            _exit(1);
    });
    yes(exited(status, 0));
    is(got(other), 0);

    begin("who does what is told of does not count");
    int dir = folder();
    status = in_child({
        if (become(ALL(ANN)) || fcntl(dir, F_SETOWN, other.pid))
            _exit(1);
    });
    yes(exited(status, 0));
    is(fcntl(dir, F_GETOWN), other.pid);
    is(tell(dir, SIGRTMIN), 0);
    is(got(other), 0);
    close(dir);

    begin("F_NOTIFY notes the ids too, and the target's are those of now");
    status = in_child({
        sigset_t set, pending;
        sigemptyset(&set), sigaddset(&set, SIGRTMIN);
        sigprocmask(SIG_BLOCK, &set, NULL);
        int dir = folder();
        if (become((struct ids){ANN, ANN, 0}) || fcntl(dir, F_SETSIG, SIGRTMIN))
            _exit(1);
        if (fcntl(dir, F_NOTIFY, DN_CREATE | DN_MULTISHOT) || fcntl(dir, F_GETOWN) != getpid())
            _exit(2);
        if (seteuid(0) || become(ALL(0)) || create(dir, "new"))
            _exit(3);
        sigpending(&pending);
        if (sigismember(&pending, SIGRTMIN))
            _exit(4);
        if (become((struct ids){0, 0, ANN}) || create(dir, "new"))
            _exit(5);
        sigpending(&pending);
        if (!sigismember(&pending, SIGRTMIN))
            _exit(6);
    });
    is(WEXITSTATUS(status), 0);

    begin("a process 1 is deaf to SIGKILL from within, by this way too");
    int dead[2];
    char byte;
    (void)!pipe(dead);
    fflush(stdout);
    pid_t first = syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
    if (!first) {
        int ended;
        close(dead[0]);
        if (!fork()) {
            int dir = folder();
            _exit(fcntl(dir, F_SETOWN, 1) || tell(dir, SIGKILL));
        }
        wait(&ended);
        (void)!write(dead[1], exited(ended, 0) ? "l" : "?", 1);
        _exit(0);
    }
    close(dead[1]);
    is(read(dead[0], &byte, 1), 1);
    is(byte, 'l');
    close(dead[0]);
    waitpid(first, &status, 0);
    yes(exited(status, 0));

    begin("data out of band");
    mine = victim(ALL(ANN), 0);
    for (int way = 0; way < 3; way++) {
        status = in_child({
            int ends[2], to[2] = {other.pid, mine.pid};
            if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) || become(ALL(ANN)))
                _exit(1);
            for (int i = 0; i < 2; i++) {
                int set = way == 0 ? fcntl(ends[0], F_SETOWN, to[i])
                        : way == 1 ? ioctl(ends[0], FIOSETOWN, &to[i]) : ioctl(ends[0], SIOCSPGRP, &to[i]);
                if (set || send(ends[1], "x", 1, MSG_OOB) != 1)
                    _exit(2);
            }
        });
        yes(exited(status, 0));
        is(got(other), 0);
        is(got(mine), 1);
    }
    end(mine), end(other), end(root);
}
