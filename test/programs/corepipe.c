/* Core images given to a program (core(5), "Piping core dumps to a program"): who it is, what it is told, what it reads, how
   many there may be, what becomes of the process when there is no such program, or it reads nothing, and that SIGKILL ends one
   that waits for it. */
// test: smp=2
#include "check.h"
#include <elf.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>

#define PATTERN "/proc/sys/kernel/core_pattern"
#define LIMIT "/proc/sys/kernel/core_pipe_limit"
#define TOLD "/tmp/corepipe.told"

static char self[300], told[4000];

/* ---- the program that reads the image ---- */

static void tell(const char *format, ...) {
    static int out = -1;
    char line[600];
    va_list list;
    if (out < 0)
        out = open(TOLD ".new", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    va_start(list, format);
    int n = vsnprintf(line, sizeof line, format, list);
    va_end(list);
    (void)!write(out, line, n);
}
/* Comes back when what waits in the pipe has not grown for a while. */
static void wait_full(void) {
    int now = 0, before = -1;
    while (now < 30000 || now != before) {
        before = now;
        pause_ms(100);
        ioctl(0, FIONREAD, &now);
    }
}
static int collect(int argc, char **argv, char **envp) {
    static char data[1 << 16];
    char name[64], where[200] = "";
    struct rlimit core;
    int others = fcntl(1, F_GETFD) == 0 || fcntl(2, F_GETFD) == 0;
    long all = 0, n;
    for (int i = 2; i < argc; i++)
        tell("arg %s\n", argv[i]);
    (void)!readlink("/proc/self/cwd", where, sizeof where - 1);
    getrlimit(RLIMIT_CORE, &core);
    tell("uid %d %d cwd %s core %ld env %d\n", getuid(), geteuid(), where, (long)core.rlim_cur, envp[0] != NULL);
    struct stat in;
    fstat(0, &in);
    tell("stdin %d others %d\n", S_ISFIFO(in.st_mode), others);
    if (argc > 3 && !strcmp(argv[3], "deaf")) {
        rename(TOLD ".new", TOLD);
        return 0;
    }
    if (argc > 3 && !strcmp(argv[3], "asleep")) {
        wait_full();
        tell("reader %d\n", getpid());
        rename(TOLD ".new", TOLD);
        for (;;)
            pause();
    }
    Elf64_Ehdr head = {0};
    while ((n = read(0, data, sizeof data)) > 0) {
        if (all == 0)
            memcpy(&head, data, sizeof head);
        all += n;
    }
    tell("elf %d core %d large %d end %ld\n", !memcmp(head.e_ident, ELFMAG, 4), head.e_type == ET_CORE, all > 50000, n);
    if (argc > 3 && !strcmp(argv[3], "stays")) {
        tell("reader %d\n", getpid());
        rename(TOLD ".new", TOLD);
        for (;;)
            pause();
    }
    /* With a limit the process is kept until its reader is done. */
    snprintf(name, sizeof name, "/proc/%s/comm", argv[2]);
    pause_ms(200);
    tell("kept %d\n", access(name, F_OK) == 0);
    rename(TOLD ".new", TOLD);
    return 0;
}
__attribute__((constructor)) static void collector(int argc, char **argv, char **envp) {
    if (argc > 1 && !strcmp(argv[1], "collect"))
        _exit(collect(argc, argv, envp));
}

/* ---- the tests ---- */

static int set(const char *path, const char *text) {
    int fd = open(path, O_WRONLY);
    ssize_t n = write(fd, text, strlen(text));
    close(fd);
    return n == (ssize_t)strlen(text) ? 0 : -1;
}
static int pattern(const char *arguments) {
    char text[400];
    snprintf(text, sizeof text, "|%s %s", self, arguments);
    unlink(TOLD);
    return set(PATTERN, text);
}
static char memory[300000];
static int crash(long limit) {
    return in_child({
        struct rlimit core = {limit, RLIM_INFINITY};
        setrlimit(RLIMIT_CORE, &core);
        memset(memory, 'x', sizeof memory);
        kill(getpid(), SIGSEGV);
    });
}
/* What the program told, when it is done; "" if it never ran. */
static const char *wait_told(int tries) {
    told[0] = 0;
    while (tries-- && get_file(TOLD, told, sizeof told) <= 0)
        pause_ms(20);
    return told;
}
static int says(const char *text) {
    if (strstr(told, text))
        return 1;
    printf("# %s\n", told);
    return 0;
}

/* Whether the child ends within so many steps of 20 ms. */
static int ends(pid_t pid, int *status, int tries) {
    pid_t got;
    while ((got = waitpid(pid, status, WNOHANG)) == 0 && tries--)
        pause_ms(20);
    return got == pid;
}
static int gone(pid_t pid) {
    int tries = 500;
    while (kill(pid, 0) == 0 && tries--)
        pause_ms(20);
    return errno == ESRCH;
}
static void *crash_here(void *unused) {
    (void)unused;
    memset(memory, 'x', sizeof memory);
    raise(SIGSEGV);
    return NULL;
}
/* A process dies whose reader, told HOW, leaves it waiting: only SIGKILL ends it. */
static void kill_dying(const char *how, int by_thread) {
    int status = 0;
    char arguments[40];
    snprintf(arguments, sizeof arguments, "collect %%p %s", how);
    is(pattern(arguments), 0);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        pthread_t thread;
        if (by_thread && pthread_create(&thread, NULL, crash_here, NULL) == 0)
            pthread_join(thread, NULL);
        crash_here(NULL);
        _exit(0);
    }
    const char *at = strstr(wait_told(500), "\nreader ");
    pid_t reader = at ? atoi(at + 8) : 0;
    yes(reader > 1);
    is(kill(pid, SIGTERM), 0);
    yes(!ends(pid, &status, 10));
    is(kill(pid, SIGKILL), 0);
    yes(ends(pid, &status, 500));
    yes(killed(status, SIGKILL) && !WCOREDUMP(status));
    fails(kill(pid, 0), ESRCH);
    /* The program is nobody's who has ended. */
    if (reader > 1) {
        is(kill(reader, SIGKILL), 0);
        yes(gone(reader));
    }
    if (!WIFSIGNALED(status))
        waitpid(pid, &status, 0);
}

static void tests(void) {
    char old[200];
    works(readlink("/proc/self/exe", self, sizeof self - 1));
    yes(get_file(PATTERN, old, sizeof old) > 0);
    is(set(LIMIT, "0"), 0);

    begin("a program reads the image");
    is(pattern("collect %p %s %e.%u"), 0);
    int status = crash(RLIM_INFINITY);
    yes(killed(status, SIGSEGV) && WCOREDUMP(status));
    wait_told(500);
    yes(says("\narg 11\narg corepipe.0\n"));
    yes(says("\nuid 0 0 cwd / core 1 env 0\n"));
    yes(says("\nstdin 1 others 0\n"));
    yes(says("\nelf 1 core 1 large 1 end 0\n"));

    begin("the limit of a core's size is not asked, but for 1");
    is(pattern("collect %p x"), 0);
    status = crash(0);
    yes(killed(status, SIGSEGV) && WCOREDUMP(status));
    wait_told(500);
    yes(says("elf 1 core 1 large 1"));
    is(pattern("collect %p x"), 0);
    status = crash(1);
    yes(killed(status, SIGSEGV) && !WCOREDUMP(status));
    is(wait_told(10)[0], 0);

    begin("words are split before letters are put in");
    is(pattern("collect %p %h%%%e a"), 0);
    status = in_child({
        prctl(PR_SET_NAME, "two words");
        kill(getpid(), SIGSEGV);
    });
    yes(WCOREDUMP(status));
    wait_told(500);
    yes(says("%two words\narg a\n"));

    begin("with a limit the process is kept until the program ends");
    is(set(LIMIT, "1"), 0);
    is(pattern("collect %p x"), 0);
    status = crash(0);
    yes(WCOREDUMP(status));
    /* It told all before the process was gone. */
    wait_told(1);
    yes(says("kept 1"));
    is(set(LIMIT, "0"), 0);

    begin("a program that reads nothing");
    is(pattern("collect %p deaf"), 0);
    status = crash(0);
    yes(killed(status, SIGSEGV));
    wait_told(500);
    yes(says("stdin 1"));

    begin("SIGKILL ends who waits for a program that does not read");
    kill_dying("asleep", 0);
    kill_dying("asleep", 1);

    begin("and who waits for one that does not end");
    is(set(LIMIT, "1"), 0);
    kill_dying("stays", 0);
    kill_dying("asleep", 0);
    /* Neither counts any more. */
    is(pattern("collect %p x"), 0);
    status = crash(0);
    yes(WCOREDUMP(status));
    wait_told(500);
    yes(says("kept 1"));
    is(set(LIMIT, "0"), 0);

    begin("no such program");
    is(set(PATTERN, "|/no/such/program %p"), 0);
    status = crash(RLIM_INFINITY);
    yes(killed(status, SIGSEGV) && !WCOREDUMP(status));
    is(set(PATTERN, "|"), 0);
    status = crash(RLIM_INFINITY);
    yes(killed(status, SIGSEGV) && !WCOREDUMP(status));

    begin("several at once, all of them whole");
    is(pattern("collect %p x"), 0);
    pid_t pids[8];
    fflush(stdout);
    for (int i = 0; i < 8; i++)
        if ((pids[i] = fork()) == 0) {
            memset(memory, i, sizeof memory);
            kill(getpid(), SIGSEGV);
        }
    for (int i = 0; i < 8; i++) {
        is(waitpid(pids[i], &status, 0), pids[i]);
        yes(WCOREDUMP(status));
    }
    wait_told(500);
    is(set(PATTERN, old), 0);
    unlink(TOLD);
}
