/* Whatever there is of a thing, it ends: memory, processes, descriptors, files, stack. The call says so, or the process
   that took most of it dies and the kernel says which; everybody else goes on, and nothing is lost. */
// test: smp=4 limit=240 alone
#include "check.h"
#include "counts.h"

static char words[1 << 18];

/* Takes memory until it is killed. */
static void hog(void) {
    put_file("/proc/self/oom_score_adj", "500");
    for (;;) {
        char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        if (p == MAP_FAILED)
            pause_ms(1);
        else
            for (int at = 0; at < 1 << 20; at += 4096) /* what populating may have left out */
                p[at] = 1;
    }
}
/* The kernel's log names the process as killed for memory. */
static int named_in_log(pid_t pid) {
    char want[60];
    snprintf(want, sizeof want, "Killed process %d", pid);
    long n = syscall(SYS_syslog, 3, words, sizeof words - 1);
    if (n < 0)
        return 0;
    words[n] = 0;
    return strstr(words, want) != NULL;
}
static int one_hog(void) {
    int status;
    pid_t pid = fork();
    if (pid == 0)
        hog();
    return waitpid(pid, &status, 0) == pid && killed(status, SIGKILL) && named_in_log(pid);
}
static void *recurse(void *arg);
static int deeper(volatile char *above, int depth) {
    volatile char here[4096];
    here[0] = above[0] + 1;
    if (depth < 0) /* never */
        return 0;
    return deeper(here, depth + 1) + here[1];
}
static void *recurse(void *arg) {
    volatile char first = 0;
    deeper(&first, 0);
    return arg;
}
static sigset_t none;
static void on_other_stack(int sig) { _exit(sig == SIGSEGV ? 77 : 78); }

static int count_fds(int (*make)(void), int error) {
    int n = 0;
    while (make() >= 0)
        n++;
    return errno == error ? n : -1;
}
static int make_null(void) { return open("/dev/null", O_RDONLY); }
static int make_dup(void) { return dup(0); }
static int make_pipe(void) {
    int p[2];
    return pipe(p);
}

static int bomb(int limit) {
    /* as a user: root is not held to the limit */
    struct rlimit r = {limit, limit};
    int p[2], made = 0;
    char c;
    works(pipe(p));
    setrlimit(RLIMIT_NPROC, &r);
    if (setresuid(4321, 4321, 4321))
        return -1;
    for (;;) {
        pid_t pid = fork();
        if (pid == 0) {
            close(p[1]);
            (void)!read(p[0], &c, 1);
            /* every child tries as well */
            while (fork() > 0) {}
            _exit(0);
        }
        if (pid < 0)
            break;
        made++;
    }
    if (errno != EAGAIN)
        return -2;
    close(p[1]);
    int status;
    for (int i = 0; i < made; i++)
        if (wait(&status) < 0)
            return -3;
    return made;
}

static void tests(void) {
    int status, error, rounds = full() ? 8 : 1;
    memset(words, 1, sizeof words);
    sigemptyset(&none);

    begin("memory ends: the process that took it is killed, and named");
    yes(one_hog());

    begin("four at once");
    pid_t pids[4];
    for (int round = 0; round < rounds; round++) {
        for (int i = 0; i < 4; i++) {
            pids[i] = fork();
            if (pids[i] == 0)
                hog();
        }
        for (int i = 0; i < 4; i++) {
            is(waitpid(pids[i], &status, 0), pids[i]);
            yes(killed(status, SIGKILL));
        }
    }
    works(system("busybox true"));

    begin("nothing is lost by it");
    char release[100];
    get_file("/proc/sys/kernel/osrelease", release, sizeof release);
    open_counts();
    settle();
    count(0);
    for (int i = 0; i < rounds; i++) {
        yes(one_hog());
        settle();
        count(1);
        const char *what = moved();
        if (what && strstr(release, "gaon"))
            check_fail(__LINE__, what, i, "the same as before", 0);
    }

    begin("address space ends: ENOMEM for mmap, brk, mremap; malloc gives NULL");
    status = in_child({
        struct rlimit r = {64 << 20, 64 << 20};
        setrlimit(RLIMIT_AS, &r);
        char *p = mmap(NULL, 128 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        int bad = p != MAP_FAILED || errno != ENOMEM;
        p = mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        bad |= mremap(p, 1 << 20, 128 << 20, MREMAP_MAYMOVE) != MAP_FAILED || errno != ENOMEM;
        bad |= sbrk(128 << 20) != (void *)-1 || errno != ENOMEM;
        bad |= malloc(128 << 20) != NULL;
        int n = 0;
        while (mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
            n++;
        bad |= n > 64 || errno != ENOMEM;
        /* a thread needs a stack */
        pthread_t t;
        bad |= pthread_create(&t, NULL, recurse, NULL) != EAGAIN;
        _exit(bad);
    });
    yes(exited(status, 0));

    begin("areas end: ENOMEM beyond max_map_count");
    status = in_child({
        int n = 0;
        char *p = mmap(NULL, 70000L * 2 * 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        while (n < 70000 && mprotect(p + n * 8192L, 4096, PROT_NONE) == 0)
            n++;
        _exit(!(n > 30000 && n < 33000 && errno == ENOMEM));
    });
    yes(exited(status, 0));

    begin("descriptors of a process end: EMFILE");
    status = in_child({
        struct rlimit r = {64, 64};
        setrlimit(RLIMIT_NOFILE, &r);
        for (int fd = 3; fd < 64; fd++)
            close(fd);
        int bad = count_fds(make_null, EMFILE) != 61;
        bad |= pipe(pids) != -1 || errno != EMFILE;
        bad |= fcntl(0, F_DUPFD, 3) != -1 || errno != EMFILE;
        bad |= fcntl(0, F_DUPFD, 64) != -1 || errno != EINVAL;
        bad |= dup2(0, 64) != -1 || errno != EBADF;
        for (int fd = 3; fd < 64; fd++)
            close(fd);
        bad |= count_fds(make_dup, EMFILE) != 61;
        for (int fd = 3; fd < 64; fd++)
            close(fd);
        bad |= count_fds(make_pipe, EMFILE) != 30;
        _exit(bad);
    });
    yes(exited(status, 0));

    begin("open files of the machine end: ENFILE, but not for root");
    char before[40], tight[40];
    get_file("/proc/sys/fs/file-max", before, sizeof before);
    /* Linux counts by processor and is out by some dozens. */
    int some[200];
    for (int i = 0; i < 200; i++)
        some[i] = make_null();
    get_file("/proc/sys/fs/file-nr", words, 100);
    yes(atol(words) > 0);
    snprintf(tight, sizeof tight, "%ld", atol(words) + 300);
    put_file("/proc/sys/fs/file-max", tight);
    status = in_child({
        struct rlimit r = {4096, 4096};
        setrlimit(RLIMIT_NOFILE, &r);
        int bad = setresuid(4321, 4321, 4321);
        int n = count_fds(make_null, ENFILE);
        bad |= n < 20 || n > 600;
        bad |= pipe(pids) != -1 || errno != ENFILE;
        _exit(bad);
    });
    yes(exited(status, 0));
    status = in_child({
        struct rlimit r = {4096, 4096};
        setrlimit(RLIMIT_NOFILE, &r);
        _exit(count_fds(make_null, EMFILE) < 2000);
    });
    yes(exited(status, 0));
    put_file("/proc/sys/fs/file-max", before);
    for (int i = 0; i < 200; i++)
        close(some[i]);

    begin("a fork bomb stays within RLIMIT_NPROC: EAGAIN");
    for (int round = 0; round < rounds; round++) {
        status = in_child({
            int made = bomb(100);
            _exit(made == 99 ? 0 : made < 0 ? -made : 50);
        });
        yes(exited(status, 0));
    }
    while (kill(-1, 0) == 0 && waitpid(-1, NULL, WNOHANG) > 0) {}

    begin("endless recursion is SIGSEGV");
    status = in_child(recurse(NULL));
    yes(killed(status, SIGSEGV));
    status = in_child({
        struct rlimit r = {256 << 10, 256 << 10};
        setrlimit(RLIMIT_STACK, &r);
        recurse(NULL);
    });
    yes(killed(status, SIGSEGV));

    begin("in a thread too, and a handler can run on another stack");
    status = in_child({
        pthread_t t;
        pthread_create(&t, NULL, recurse, NULL);
        pthread_join(t, NULL);
    });
    yes(killed(status, SIGSEGV));
    status = in_child({
        static char other[65536];
        stack_t ss = {.ss_sp = other, .ss_size = sizeof other};
        struct sigaction sa = {.sa_handler = on_other_stack, .sa_flags = SA_ONSTACK};
        sigaltstack(&ss, NULL);
        sigaction(SIGSEGV, &sa, NULL);
        recurse(NULL);
    });
    yes(exited(status, 77));
    status = in_child({
        /* no room for the handler's frame either: it dies of the signal */
        struct sigaction sa = {.sa_handler = on_other_stack};
        sigaction(SIGSEGV, &sa, NULL);
        recurse(NULL);
    });
    yes(killed(status, SIGSEGV));

    begin("a file system ends: ENOSPC for data and for inodes");
    mkdir("small", 0700);
    works(syscall(SYS_mount, "none", "small", "tmpfs", 0, "size=64k,nr_inodes=20"));
    {
        int fd = works(open("small/f", O_WRONLY | O_CREAT, 0600));
        long sum = 0, n;
        while ((n = write(fd, words, 5000)) > 0)
            sum += n;
        error = errno;
        is(error, ENOSPC);
        is(sum, 65536);
        fails(write(fd, words, 1), ENOSPC);
        works(ftruncate(fd, 0));
        is(write(fd, words, 4096), 4096);
        close(fd);
        int made = 0;
        char name[30];
        do {
            snprintf(name, sizeof name, "small/%d", made);
            fd = creat(name, 0600);
            close(fd);
        } while (fd >= 0 && ++made < 100);
        yes(made > 10 && made < 20);
        works(syscall(SYS_umount2, "small", 0));
    }

    begin("pending signals end: EAGAIN");
    status = in_child({
        struct rlimit r = {10, 10};
        setrlimit(RLIMIT_SIGPENDING, &r);
        setresuid(4322, 4322, 4322);
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGRTMIN);
        sigprocmask(SIG_BLOCK, &set, NULL);
        int n = 0;
        while (n < 100 && sigqueue(getpid(), SIGRTMIN, (union sigval){n}) == 0)
            n++;
        _exit(!(n == 10 && errno == EAGAIN));
    });
    yes(exited(status, 0));
}
