/* A task that meets a bug of the kernel ends, and leaves nothing behind: neither what it had nor what the call in hand held.
   Gaon alone: Debian's Linux has no such device. */
// test: smp=2 limit=120 alone append=gaon.provoke-crash
#include "check.h"
#include "counts.h"

#define DEVICE "/dev/provoke-crash"

static const char *what;
static int device;

static void by_write(void) { (void)!write(device, what, strlen(what)); }
static void by_writev(void) {
    struct iovec parts[2] = {{(char *)what, 2}, {(char *)what + 2, strlen(what) - 2}};
    (void)!writev(device, parts, 2);
}
static void by_pwrite(void) { (void)!pwrite(device, what, strlen(what), 0); }
static void by_pwritev(void) {
    struct iovec part = {(char *)what, strlen(what)};
    (void)!pwritev(device, &part, 1, 0);
}
static const struct {
    const char *name;
    void (*call)(void);
} ways[] = {{"write", by_write}, {"writev", by_writev}, {"pwrite", by_pwrite}, {"pwritev", by_pwritev}};
enum { WAYS = sizeof ways / sizeof *ways };
static const char *const crashes[] = {"BUG", "EXCEPTION", "WILD_POINTER", "BUG_IN_WAIT"};
enum { CRASHES = sizeof crashes / sizeof *crashes };

static void *thread(void *way) {
    ways[(long)way].call();
    return NULL;
}

/* A process dies so. */
static int process_dies(long way) {
    int status = in_child({
        device = open(DEVICE, O_WRONLY);
        ways[way].call();
        _exit(1);
    });
    return WIFSIGNALED(status);
}
/* A thread dies so; the files are those of all threads. The others go on. */
static int thread_dies(long way) {
    int status = in_child({
        pthread_t t;
        device = open(DEVICE, O_WRONLY);
        pthread_create(&t, NULL, thread, (void *)way);
        char path[60];
        int threads = 2;
        for (int i = 0; i < 2000 && threads == 2; i++) {
            pause_ms(5);
            get_file("/proc/self/stat", text[0], 2000);
            sscanf(strrchr(text[0], ')'), ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %d", &threads);
        }
        snprintf(path, sizeof path, "/proc/self/fd/%d", device);
        _exit(threads == 1 && close(device) == 0 && access(path, F_OK) ? 0 : 1);
    });
    return exited(status, 0);
}
/* Counts when the dead are buried. */
static void count_settled(int which) {
    pause_ms(50);
    settle();
    count(which);
}
/* What there is when nothing moves any more. */
static void count_at_rest(void) {
    for (int i = 0; i < 20; i++) {
        count_settled(0);
        count_settled(1);
        if (!moved())
            return;
    }
}
/* What there is more or less of than then; who was about to give something back has a second for it. */
static const char *left_behind(void) {
    const char *more = NULL;
    for (int i = 0; i < 20; i++) {
        count_settled(1);
        if (!(more = moved()))
            break;
    }
    return more;
}

static void rounds(int (*one)(long), int n) {
    for (int i = 0; i < n; i++)
        for (long way = 0; way < WAYS; way++)
            yes(one(way));
}
static void leaves_nothing(int (*one)(long)) {
    for (int i = 0; i < CRASHES; i++) {
        what = crashes[i];
        rounds(one, 2);
        count_at_rest();
        rounds(one, full() ? 20 : 3);
        const char *more = left_behind();
        if (more)
            check_fail(__LINE__, more, i, "the same as before", 0);
    }
}

static void tests(void) {
    if (access(DEVICE, W_OK)) {
        begin("crashes");
        skip("there is no " DEVICE);
        return;
    }
    objects_alone = 1;
    open_counts();

    begin("a process that dies in a call leaves nothing");
    leaves_nothing(process_dies);

    begin("a thread that dies in a call leaves nothing, and the others go on");
    leaves_nothing(thread_dies);
}
