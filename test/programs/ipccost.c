/* What communication costs, as the kernel counts it: /proc/sys/kernel/ipc_cost, /proc/PID/ipc_cost, /proc/PID/fdinfo/N. Linux
   has no such files; there every check is skipped. Numbers are exact: a call that looks is itself a crossing, counted
   before it reads, and what it reads is copied, counted afterwards. */
// test: smp=2 limit=240
#include "check.h"
#include "counts.h"
#include "sysv.h"
#include <mqueue.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

static const char *const names[] = {"crossings", "calls", "faults", "copied_in_bytes", "copied_out_bytes",
    "copied_inside_bytes", "referenced_bytes", "passed_descriptors", "lock_wait_ns", "peer_wait_ns"};
enum { CROSSINGS, CALLS, FAULTS, IN, OUT, INSIDE, REFERENCED, PASSED, LOCK, PEER, LINES };
/* What a file said; `size` is how much of it there was. */
struct cost { long line[LINES], size; };

/* One call: pread. */
static struct cost look(int fd, const char *prefix) {
    static char text[2048];
    struct cost c = {.size = pread(fd, text, sizeof text - 1, 0)};
    text[c.size > 0 ? c.size : 0] = 0;
    for (int i = 0; i < LINES; i++) {
        char name[64];
        int len = snprintf(name, sizeof name, "%s%s:\t", prefix, names[i]);
        char *at = text;
        while (at && strncmp(at, name, len))
            at = (at = strchr(at, '\n')) ? at + 1 : NULL;
        c.line[i] = at ? atol(at + len) : -1;
    }
    return c;
}
static struct cost since(struct cost before, struct cost now) {
    for (int i = 0; i < LINES; i++)
        now.line[i] -= before.line[i];
    /* What the first look itself brought in. */
    now.line[OUT] -= before.size;
    return now;
}
static int me = -1, knob = -1;
static struct cost before;
static void start(void) { before = look(me, ""); }
/* How many calls besides this one, and what else, since `start`. */
static struct cost stop(void) {
    struct cost c = since(before, look(me, ""));
    c.line[CALLS]--;
    return c;
}
static struct cost of_fd(int fd) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    int file = open(path, O_RDONLY);
    struct cost c = look(file, "ipc_");
    close(file);
    return c;
}
static void sw(const char *what) { is(pwrite(knob, what, strlen(what), 0), strlen(what)); }

/* Who has been forked looks at himself. */
static void anew(void) { close(me); me = open("/proc/self/ipc_cost", O_RDONLY); }

enum { ROUNDS = 100, BYTES = 1000 };
static char data[1 << 16];

static void switching(void) {
    begin("it is off at first, and knows 0 and 1");
    char text[16];
    yes(get_file("/proc/sys/kernel/ipc_cost", text, sizeof text) == 2 && !strcmp(text, "0\n"));
    fails(pwrite(knob, "2", 1, 0), EINVAL);
    fails(pwrite(knob, "-1", 2, 0), EINVAL);
    fails(pwrite(knob, "on", 2, 0), EINVAL);
    sw("1");
    sw("1");
    yes(get_file("/proc/sys/kernel/ipc_cost", text, sizeof text) == 2 && !strcmp(text, "1\n"));
    sw("0");
    yes(get_file("/proc/sys/kernel/ipc_cost", text, sizeof text) == 2 && !strcmp(text, "0\n"));

    begin("root alone switches it; a look is for who may trace");
    pid_t root = getpid();
    int status = in_child({
        char path[64];
        if (setgid(65534) || setuid(65534))
            _exit(1);
        fails(open("/proc/sys/kernel/ipc_cost", O_WRONLY), EACCES);
        yes(open("/proc/sys/kernel/ipc_cost", O_RDONLY) >= 0);
        snprintf(path, sizeof path, "/proc/%d/ipc_cost", root);
        fails(open(path, O_RDONLY), EACCES);
        _exit(check_bad);
    });
    yes(exited(status, 0));

    begin("off, nothing is counted");
    int p[2];
    works(pipe(p));
    start();
    is(write(p[1], data, 100), 100);
    is(read(p[0], data, 100), 100);
    before.size = 0;
    struct cost c = stop();
    for (int i = 0; i < LINES; i++)
        is(c.line[i], i == CALLS ? -1 : 0);
    is(of_fd(p[1]).line[CALLS], -1);
    close(p[0]);
    close(p[1]);
}

/* N round trips by two pipes: what the child counted of itself comes back by shared memory. */
static void pipes(void) {
    begin("round trips by pipes, to the call and to the byte");
    struct cost *child = mmap(NULL, sizeof *child, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int to[2], from[2];
    works(pipe(to));
    works(pipe(from));
    child->size = 1;
    pid_t pid = fork();
    if (!pid) {
        close(to[1]);
        anew();
        start();
        for (int i = 0; i < ROUNDS; i++)
            if (read(to[0], data, BYTES) != BYTES || write(from[1], data, BYTES) != BYTES)
                _exit(1);
        *child = stop();
        _exit(0);
    }
    start();
    for (int i = 0; i < ROUNDS; i++) {
        is(write(to[1], data, BYTES), BYTES);
        is(read(from[0], data, BYTES), BYTES);
    }
    struct cost c = stop();
    int status;
    works(waitpid(pid, &status, 0));
    yes(exited(status, 0));
    is(c.line[CALLS], 2 * ROUNDS);
    is(c.line[CROSSINGS] - c.line[FAULTS] - 1, 2 * ROUNDS);
    is(c.line[IN], ROUNDS * BYTES);
    is(c.line[OUT], ROUNDS * BYTES);
    is(c.line[INSIDE] + c.line[REFERENCED] + c.line[PASSED], 0);
    is(child->line[CALLS], 2 * ROUNDS);
    is(child->line[IN], ROUNDS * BYTES);
    is(child->line[OUT], ROUNDS * BYTES);
    yes(c.line[PEER] > 0 && child->line[PEER] > 0);

    begin("and the same by descriptor");
    struct cost w = of_fd(to[1]), r = of_fd(from[0]);
    is(w.line[CALLS], ROUNDS);
    is(w.line[IN], ROUNDS * BYTES);
    is(w.line[OUT], 0);
    is(r.line[CALLS], ROUNDS);
    is(r.line[OUT], ROUNDS * BYTES);
    is(r.line[IN], 0);
    yes(r.line[PEER] > 0);
    is(of_fd(me).line[OUT] > 0, 1);
    for (int i = 0; i < 2; i++) {
        close(to[i]);
        close(from[i]);
    }
    munmap(child, sizeof *child);

    begin("what fails copies nothing");
    works(pipe2(to, O_NONBLOCK));
    start();
    fails(read(to[0], data, 10), EAGAIN);
    fails(write(to[1], (void *)8, 10), EFAULT);
    fails(write(-1, data, 10), EBADF);
    c = stop();
    is(c.line[CALLS], 3);
    is(c.line[IN] + c.line[OUT], 0);
    close(to[0]);
    close(to[1]);
}

static void reader_waits(void) {
    begin("a blocked reader has waited for its peer");
    int p[2];
    works(pipe(p));
    pid_t pid = fork();
    if (!pid) {
        _exit(!asleep(getppid()) || write(p[1], "x", 1) != 1);
    }
    int64_t began = now_ns(CLOCK_MONOTONIC);
    start();
    is(read(p[0], data, 1), 1);
    struct cost c = stop();
    int64_t took = now_ns(CLOCK_MONOTONIC) - began;
    is(result(pid), 0);
    yes(c.line[PEER] > 0 && c.line[PEER] <= took);
    is(of_fd(p[0]).line[PEER], c.line[PEER]);
    close(p[0]);
    close(p[1]);
}

static void memory(void) {
    begin("an exchange by shared memory copies nothing");
    volatile int *turn = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    start();
    turn[0] = 1;
    struct cost c = stop();
    is(c.line[CALLS], 0);
    is(c.line[REFERENCED], 4096);
    yes(c.line[FAULTS] >= 1);
    pid_t pid = fork();
    if (!pid) {
        for (int i = 0; i < ROUNDS; i++) {
            while (turn[0] != 2)
                sched_yield();
            turn[0] = 1;
        }
        _exit(0);
    }
    start();
    for (int i = 0; i < ROUNDS; i++) {
        turn[0] = 2;
        while (turn[0] != 1)
            sched_yield();
    }
    c = stop();
    is(c.line[IN] + c.line[OUT] + c.line[INSIDE], 0);
    is(c.line[PEER] + c.line[LOCK], 0);
    works(waitpid(pid, NULL, 0));
    munmap((void *)turn, 4096);

    begin("a fault is a crossing");
    char *fresh = mmap(NULL, 16 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    start();
    start();
    for (int i = 0; i < 16; i++)
        fresh[i * 4096] = 1;
    c = stop();
    is(c.line[FAULTS], 16);
    is(c.line[CALLS], 0);
    is(c.line[REFERENCED], 0);
    munmap(fresh, 16 * 4096);
}

static int pipe_of_thread[2];
static void *ten_writes(void *unused) {
    for (int i = 0; i < 10; i++)
        (void)!write(pipe_of_thread[1], data, 7);
    return unused;
}
static void lives(void) {
    begin("what a thread did stays with its process");
    works(pipe(pipe_of_thread));
    start();
    pthread_t thread;
    pthread_create(&thread, NULL, ten_writes, NULL);
    pthread_join(thread, NULL);
    struct cost c = stop();
    is(c.line[IN], 70);
    yes(c.line[CALLS] >= 11);
    int own = works(open("/proc/thread-self/ipc_cost", O_RDONLY));
    struct cost mine = look(own, ""), all = look(me, "");
    yes(all.line[IN] >= mine.line[IN] + 70);
    close(own);

    begin("a child begins at nothing, and keeps what it has over exec");
    int status = in_child({
        anew();
        struct cost c = look(me, "");
        is(c.line[IN], 0);
        yes(c.line[CALLS] >= 3 && c.line[CALLS] < 10);
        ten_writes(NULL);
        if (check_bad)
            _exit(2);
        setenv("IPCCOST_AFTER_EXEC", "70", 1);
        char *argv[] = {"ipccost", NULL};
        execve("/proc/self/exe", argv, environ);
        _exit(3);
    });
    yes(exited(status, 0));
    close(pipe_of_thread[0]);
    close(pipe_of_thread[1]);
}

/* A lock is given up, and a byte written, when the other one sleeps for it: nothing here hangs on how fast anything is. */
static pthread_mutex_t *mutex;
static volatile int is_locked;
static void *holds(void *unused) {
    pthread_mutex_lock(mutex);
    is_locked = 1;
    yes(asleep(getpid()));
    pthread_mutex_unlock(mutex);
    return unused;
}
static void locks(void) {
    begin("a contended robust mutex");
    pthread_mutexattr_t attr;
    pthread_mutex_t own;
    mutex = &own;
    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(mutex, &attr);
    pthread_t thread;
    pthread_create(&thread, NULL, holds, NULL);
    while (!is_locked)
        sched_yield();
    start();
    pthread_mutex_lock(mutex);
    struct cost c = stop();
    pthread_mutex_unlock(mutex);
    pthread_join(thread, NULL);
    yes(c.line[LOCK] > 0);
    is(c.line[PEER], 0);

    begin("semop, flock and a record lock");
    int set = works(semget(IPC_PRIVATE, 1, 0600));
    char name[] = "/tmp/ipccostXXXXXX";
    int file = works(mkstemp(name)), go[2];
    works(pipe(go));
    struct flock whole = {.l_type = F_WRLCK};
    pid_t pid = fork();
    if (!pid) {
        int mine = open(name, O_RDWR);
        if (flock(mine, LOCK_EX) || fcntl(mine, F_SETLK, &whole))
            _exit(1);
        (void)!write(go[1], "x", 1);
        if (!asleep(getppid()) || semop(set, &(struct sembuf){0, 1, 0}, 1))
            _exit(2);
        if (!asleep(getppid()) || flock(mine, LOCK_UN))
            _exit(3);
        _exit(!asleep(getppid()));
    }
    is(read(go[0], data, 1), 1);
    close(go[1]);
    start();
    works(semop(set, &(struct sembuf){0, -1, 0}, 1));
    c = stop();
    yes(c.line[LOCK] > 0 && !c.line[PEER]);
    start();
    works(flock(file, LOCK_EX));
    c = stop();
    yes(c.line[LOCK] > 0 && !c.line[PEER]);
    long held = c.line[LOCK];
    start();
    works(fcntl(file, F_SETLKW, &whole));
    c = stop();
    yes(c.line[LOCK] > 0 && !c.line[PEER]);
    is(of_fd(file).line[LOCK], held + c.line[LOCK]);
    is(result(pid), 0);
    semctl(set, 0, IPC_RMID);
    unlink(name);
    close(file);
    close(go[0]);

    begin("sleep is no wait");
    start();
    pause_ms(5);
    c = stop();
    is(c.line[LOCK] + c.line[PEER], 0);
}

static void sockets(void) {
    begin("sockets: what was copied, not what was told");
    int s[2], d[2];
    works(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    works(socketpair(AF_UNIX, SOCK_DGRAM, 0, d));
    start();
    is(send(s[0], data, 100, 0), 100);
    is(recv(s[1], data, 60, 0), 60);
    is(read(s[1], data, 60), 40);
    is(send(d[0], data, 100, 0), 100);
    is(recv(d[1], data, 10, MSG_TRUNC), 100);
    struct cost c = stop();
    is(c.line[CALLS], 5);
    is(c.line[IN], 200);
    is(c.line[OUT], 110);
    is(of_fd(d[1]).line[OUT], 10);
    is(of_fd(s[1]).line[OUT], 100);

    begin("sockets: several messages, and descriptors");
    struct iovec piece = {data, 30};
    struct mmsghdr many[3] = {{.msg_hdr = {.msg_iov = &piece, .msg_iovlen = 1}}};
    many[1] = many[2] = many[0];
    union { struct cmsghdr head; char room[CMSG_SPACE(2 * sizeof(int))]; } control;
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    control.head = (struct cmsghdr){CMSG_LEN(2 * sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
    memcpy(CMSG_DATA(&control.head), s, sizeof s);
    start();
    is(sendmmsg(d[0], many, 3, 0), 3);
    is(recvmmsg(d[1], many, 3, 0, NULL), 3);
    is(sendmsg(d[0], &message, 0), 30);
    c = stop();
    is(c.line[IN], 120);
    is(c.line[OUT], 90);
    is(c.line[PASSED], 2);
    for (int i = 0; i < 2; i++) {
        close(s[i]);
        close(d[i]);
    }
}

static void messages(void) {
    begin("message queues of both kinds, eventfd");
    struct { long type; char text[100]; } message = {1};
    int queue = works(msgget(IPC_PRIVATE, 0600));
    struct mq_attr attr = {.mq_maxmsg = 2, .mq_msgsize = 50};
    mq_unlink("/ipccost");
    mqd_t mq = works(mq_open("/ipccost", O_RDWR | O_CREAT, 0600, &attr));
    int event = works(eventfd(0, 0));
    uint64_t one = 1;
    start();
    works(msgsnd(queue, &message, 100, 0));
    is(msgrcv(queue, &message, 80, 0, MSG_NOERROR), 80);
    works(mq_send(mq, data, 50, 0));
    is(mq_receive(mq, data, 50, NULL), 50);
    fails(mq_send(mq, data, 51, 0), EMSGSIZE);
    is(write(event, &one, 8), 8);
    is(read(event, &one, 8), 8);
    struct cost c = stop();
    is(c.line[CALLS], 7);
    is(c.line[IN], 100 + 50 + 8);
    is(c.line[OUT], 80 + 50 + 8);
    is(of_fd(mq).line[IN], 50);
    is(of_fd(event).line[OUT], 8);
    msgctl(queue, IPC_RMID, NULL);
    mq_close(mq);
    mq_unlink("/ipccost");
    close(event);
}

static void splices(void) {
    begin("splice, tee, vmsplice, sendfile");
    int a[2], b[2];
    works(pipe(a));
    works(pipe(b));
    int file = works(memfd_create("ipccost", 0));
    struct iovec piece = {data, 300};
    is(write(a[1], data, 8192), 8192);
    start();
    is(tee(a[0], b[1], 4096, 0), 4096);
    is(splice(a[0], NULL, b[1], NULL, 8192, 0), 8192);
    struct cost c = stop();
    is(c.line[REFERENCED], 12288);
    is(c.line[IN] + c.line[OUT] + c.line[INSIDE], 0);
    start();
    is(splice(b[0], NULL, file, NULL, 4096, 0), 4096);
    is(vmsplice(a[1], &piece, 1, 0), 300);
    off_t at = 0;
    is(sendfile(a[1], file, &at, 500), 500);
    c = stop();
    is(c.line[REFERENCED], 0);
    is(c.line[IN], 300);
    is(c.line[INSIDE], 4596);
    close(file);
    for (int i = 0; i < 2; i++) {
        close(a[i]);
        close(b[i]);
    }
}

static void use_all(void) {
    int p[2], s[2];
    works(pipe(p));
    works(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    (void)!write(p[1], data, 100);
    (void)!read(p[0], data, 100);
    (void)!write(s[1], data, 100);
    pthread_t thread;
    pipe_of_thread[1] = p[1];
    pthread_create(&thread, NULL, ten_writes, NULL);
    pthread_join(thread, NULL);
    in_child(_exit((int)write(p[1], data, 1)));
    for (int i = 0; i < 2; i++) {
        close(p[i]);
        close(s[i]);
    }
}
static int often(int which) {
    (void)which;
    for (int i = 0; i < 20; i++)
        use_all();
    return 0;
}

static void ends(void) {
    begin("off again, the sums stay as they are; on again, they grow");
    start();
    sw("0");
    int p[2];
    works(pipe(p));
    is(write(p[1], data, 100), 100);
    struct cost c = look(me, "");
    is(write(p[1], data, 100), 100);
    struct cost same = look(me, "");
    for (int i = 0; i < LINES; i++)
        is(same.line[i], c.line[i]);
    is(of_fd(p[1]).line[CALLS], -1);
    sw("1");
    is(write(p[1], data, 100), 100);
    c = since(same, look(me, ""));
    is(c.line[IN], 100);
    is(c.line[CALLS], 2);
    close(p[0]);
    close(p[1]);

    begin("switched while others are in calls, and while they sleep in them");
    int to[2], back[2];
    works(pipe(to));
    works(pipe(back));
    pid_t echo = fork();
    if (!echo) {
        close(to[1]);
        while (read(to[0], data, 8) > 0)
            (void)!write(back[1], data, 8);
        _exit(0);
    }
    for (int i = 0; i < 20; i++) {
        is(write(to[1], data, 8), 8);
        sw(i % 2 ? "1" : "0");
        is(read(back[0], data, 8), 8);
    }
    close(to[1]);
    is(result(echo), 0);
    close(to[0]);
    close(back[0]);
    close(back[1]);

    begin("nothing is left behind");
    objects_alone = 1;
    open_counts();
    must_leave_nothing(often, 0, 10);
    sw("0");
}

static void tests(void) {
    const char *kept = getenv("IPCCOST_AFTER_EXEC");
    if (kept) {
        anew();
        _exit(look(me, "").line[IN] != atol(kept));
    }
    knob = open("/proc/sys/kernel/ipc_cost", O_RDWR | O_CLOEXEC);
    if (knob < 0) {
        begin("counted cost");
        skip("this kernel does not count it");
        return;
    }
    me = works(open("/proc/self/ipc_cost", O_RDONLY));
    switching();
    sw("1");
    /* What is touched below is touched now. */
    memset(data, 1, sizeof data);
    start();
    (void)stop();
    pipes();
    reader_waits();
    memory();
    lives();
    locks();
    sockets();
    messages();
    splices();
    ends();
}
