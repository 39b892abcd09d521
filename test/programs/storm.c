/* Many at once: 1,000 processes, 1,000 threads, signals among them; and afterwards the kernel holds exactly what it held
   before. */
// test: smp=4 limit=240
#include "check.h"
#include "counts.h"

static volatile int signals;
static void note(int sig) { __atomic_fetch_add(&signals, 1, __ATOMIC_RELAXED); }
static pthread_barrier_t all_here;
static void *thread(void *arg) {
    pthread_barrier_wait(&all_here);
    return arg;
}

static int processes(int count) {
    int p[2], good = 0, status;
    if (pipe(p))
        return -1;
    pid_t *pids = malloc(count * sizeof *pids);
    int made = 0;
    for (; made < count; made++) {
        pids[made] = fork();
        if (pids[made] < 0)
            break;
        if (pids[made] == 0) {
            char c;
            close(p[1]);
            (void)!read(p[0], &c, 1); /* all wait here together */
            _exit(made % 100);
        }
    }
    close(p[0]);
    for (int i = 0; i < made; i += 10)
        kill(pids[i], i % 20 ? SIGTERM : SIGUSR1);
    close(p[1]);
    for (int i = 0; i < made; i++) {
        if (waitpid(pids[i], &status, 0) != pids[i])
            continue;
        if (i % 10 == 0)
            good += WIFSIGNALED(status) || exited(status, i % 100);
        else
            good += exited(status, i % 100);
    }
    free(pids);
    return good;
}

static int threads(int count) {
    pthread_attr_t attr;
    pthread_t *t = malloc(count * sizeof *t);
    int made = 0, joined = 0;
    void *result;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 65536);
    pthread_barrier_init(&all_here, NULL, count + 1);
    for (; made < count; made++)
        if (pthread_create(&t[made], &attr, thread, (void *)(long)made))
            break;
    if (made < count) {
        printf("not ok %s: only %d threads could be made\n", check_name, made);
        _exit(1);
    }
    for (int i = 0; i < count; i += 7)
        pthread_kill(t[i], SIGUSR2);
    pthread_barrier_wait(&all_here);
    for (int i = 0; i < made; i++)
        joined += pthread_join(t[i], &result) == 0 && (long)result == i;
    free(t);
    return joined;
}

static int pipelines(int count) {
    int good = 0;
    for (int i = 0; i < count; i++)
        good += WEXITSTATUS(system("echo a b c | busybox tr ' ' '\\n' | busybox wc -l >/dev/null")) == 0;
    return good;
}

/* In a child, so that all it was goes with it: this process itself is the same afterwards. */
static void round_of_all(int n) {
    int status = in_child({
        signal(SIGUSR2, note);
        int bad = processes(n) != n;
        int all = in_child(_exit(threads(n) == n ? 0 : 1));
        bad |= !exited(all, 0);
        bad |= pipelines(n / 50) != n / 50;
        _exit(bad);
    });
    yes(exited(status, 0));
}

static void nothing_is_left(int n, int rounds) {
    char release[100];
    get_file("/proc/sys/kernel/osrelease", release, sizeof release);
    int gaon = strstr(release, "gaon") != NULL;
    open_counts();
    /* Everything here is touched once before it counts; and tables grow to the most there ever was. */
    for (int i = 0; i < 2; i++) {
        round_of_all(n);
        settle();
        count(i);
        (void)moved();
    }
    if (!gaon) /* Linux keeps caches of its own: there is nothing exact to compare */
        return;
    settle();
    count(0);
    for (int i = 0; i < rounds; i++) {
        round_of_all(n);
        settle();
        count(1);
        const char *what = moved();
        if (what)
            check_fail(__LINE__, what, i, "the same as before the round", 0);
    }
}

static void tests(void) {
    int n = 1000, status;
    signal(SIGUSR1, SIG_DFL);

    begin("1,000 processes at once");
    is(processes(n), n);

    begin("1,000 threads at once, signals among them");
    signal(SIGUSR2, note);
    status = in_child(_exit(threads(n) == n ? 0 : 1));
    yes(exited(status, 0));

    begin("the same again leaves exactly the same objects, pages and vmalloc areas");
    nothing_is_left(n, full() ? 12 : 1);

    begin("a tree of processes, ten deep, two wide");
    status = in_child({
        for (int depth = 0; depth < 9; depth++) {
            pid_t left = fork();
            if (left == 0)
                continue;
            pid_t right = fork();
            if (right == 0)
                continue;
            int s, bad = 0;
            while (wait(&s) > 0)
                bad |= s;
            _exit(bad ? 1 : 0);
        }
    });
    yes(exited(status, 0));

    begin("exec from 200 children at once");
    pid_t pids[200];
    int good = 0;
    for (int i = 0; i < 200; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            execl("/bin/busybox", "true", NULL);
            _exit(1);
        }
    }
    for (int i = 0; i < 200; i++)
        good += waitpid(pids[i], &status, 0) == pids[i] && exited(status, 0);
    is(good, 200);

    begin("a flood of signals between two processes");
    signals = 0;
    signal(SIGUSR1, note);
    pid_t me = getpid(), child = fork();
    if (child == 0) {
        for (int i = 0; i < 3000; i++)
            kill(me, SIGUSR1);
        _exit(0);
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    yes(signals > 0 && signals <= 3000);
    yes(exited(status, 0));

    begin("stop and continue a busy group, again and again");
    child = fork();
    if (child == 0) {
        setpgid(0, 0);
        for (int i = 0; i < 7; i++)
            if (fork() == 0) break;
        for (;;) {}
    }
    setpgid(child, child);
    for (int i = 0; i < 50; i++) {
        kill(-child, SIGSTOP);
        is(waitpid(child, &status, WUNTRACED), child);
        kill(-child, SIGCONT);
        is(waitpid(child, &status, WCONTINUED), child);
    }
    kill(-child, SIGKILL);
    waitpid(child, &status, 0);
    yes(killed(status, SIGKILL));
}
