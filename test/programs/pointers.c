/* Every system call of the kernel's table with arguments that lie: one argument at a time is bad, the others are good. What
   comes back has to be what Linux answers, in pointers.expected.json. The table is calls.h; a host test sees to it that it
   names every call the kernel has. Each case runs in a child of its own, so that no case spoils another. */
// test: limit=600
#include "world.h"

/* Per argument: a page to write, a hole; then one to read only, a hole; then one that nobody may touch. */
static char *arena[6];
#define readonly(i) (arena[i] + 2 * PAGE)
#define forbidden(i) (arena[i] + 4 * PAGE)
static char long_path[5001], long_name[301];

/* The result of a case, from the child. */
static volatile struct result {
    int there, leak;
    long value;
    int error;
} *result;

static const char *const fd_names[] = {"file", "folder", "path", "pipe-in", "pipe-out", "null", "reading", "writing", "event",
                                       "epoll", "timer", "master", "terminal", "signal", "inotify"};

/* Makes the call in a child; gives its answer in words. */
static const char *attempt(const struct call *call, const long *args) {
    static char text[80];
    memset((void *)result, 0, sizeof *result);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(5);
        pid_t me = getpid();
        int before = fcntl(FILE_FD, F_DUPFD, 60), error;
        close(before);
        errno = 0;
        long got = syscall(call->nr, args[0], args[1], args[2], args[3], args[4], args[5]);
        error = errno;
        if (syscall(SYS_getpid) != me)
            _exit(0);
        result->value = got;
        result->error = error;
        result->there = 1;
        if (got < 0 && call->nr != SYS_close && call->nr != SYS_close_range) {
            int low = dup(FILE_FD), high = fcntl(FILE_FD, F_DUPFD, 60);
            result->leak = low != 3 || high != before;
        }
        _exit(0);
    }
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
    if (result->there) {
        const char *leak = result->leak ? " and a descriptor left open" : "";
        if (result->value == -1)
            snprintf(text, sizeof text, "%s%s", strerrorname_np(result->error) ?: "?", leak);
        else if (call->how & SHOW)
            snprintf(text, sizeof text, "%ld", result->value);
        else
            snprintf(text, sizeof text, "ok");
    } else if (WIFSIGNALED(status))
        snprintf(text, sizeof text, "SIG%s", sigabbrev_np(WTERMSIG(status)) ?: "?");
    else
        snprintf(text, sizeof text, "ran");
    return text;
}

/* The line of answers of one argument: the one that comes most often as `rest`, the others by name. */
#define MOST_CASES 40
static struct {
    int count;
    char name[MOST_CASES][16], answer[MOST_CASES][80];
} line;
static void note(const char *name, const char *answer) {
    if (line.count < MOST_CASES) {
        snprintf(line.name[line.count], 16, "%s", name);
        snprintf(line.answer[line.count++], 80, "%s", answer);
    }
}
static void tell(const struct call *call, int arg, const char *what) {
    int best = 0, most = 0;
    for (int i = 0; i < line.count; i++) {
        int same = 0;
        for (int j = 0; j < line.count; j++)
            same += !strcmp(line.answer[i], line.answer[j]);
        if (same > most)
            most = same, best = i;
    }
    printf("answer %s-%d-%s: ", call->name, arg + 1, what);
    for (int i = 0; i < line.count; i++)
        if (strcmp(line.answer[i], line.answer[best]))
            printf("%s=%s ", line.name[i], line.answer[i]);
    printf("rest=%s\n", line.answer[best]);
    line.count = 0;
}

/* Puts the good arguments into their arenas. */
static void good(const struct call *call, long *args) {
    for (int i = 0; i < 6; i++) {
        const struct arg *a = &call->args[i];
        args[i] = a->value;
        if (a->kind != IN && a->kind != OUT && a->kind != ADDRESS && a->kind != STRING && a->kind != PATH && a->kind != VECTOR)
            continue;
        args[i] = (long)arena[i];
        memset(arena[i], 0, PAGE);
        if (a->kind == VECTOR) {
            struct iovec *v = (struct iovec *)arena[i];
            v[0] = (struct iovec){arena[i] + 1024, 8};
            v[1] = (struct iovec){arena[i] + 2048, 8};
        } else if (a->value) {
            memcpy(arena[i], (void *)a->value, a->size);
        }
    }
}

/* What a case may have changed in the files that are open. */
static void restore(void) {
    static char rest[1 << 16];
    int waiting = 0;
    ftruncate(FILE_FD, PAGE - 1);
    pwrite(FILE_FD, template, PAGE - 1, 0);
    lseek(FILE_FD, 0, SEEK_SET);
    lseek(READ_FD, 0, SEEK_SET);
    lseek(WRITE_FD, 0, SEEK_SET);
    lseek(PROC_FD, 0, SEEK_SET);
    lseek(DIR_FD, 0, SEEK_SET);
    while (!ioctl(PIPE_IN, FIONREAD, &waiting) && waiting > 0)
        read(PIPE_IN, rest, waiting < (int)sizeof rest ? waiting : (int)sizeof rest);
    write(PIPE_OUT, "in the pipe", 11);
    tcflush(TTY_FD, TCIOFLUSH);
}

/* Runs one case with argument `arg` replaced. */
static void one(const struct call *call, int arg, const char *name, long bad) {
    long args[6];
    int worldly = 0;
    for (int i = 0; i < 6; i++)
        worldly |= call->args[i].kind == PATH;
    good(call, args);
    if (bad >= (long)arena[arg] && bad < (long)arena[arg] + PAGE) {
        /* the object lies at the end of the page, part of it in the hole behind */
        long room = (long)arena[arg] + PAGE - bad;
        memset(arena[arg], 'x', PAGE);
        if (call->args[arg].value && call->args[arg].kind != VECTOR)
            memcpy((char *)bad, (char *)call->args[arg].value, room < call->args[arg].size ? room : call->args[arg].size);
        else
            memset((char *)bad, 0, room);
    }
    args[arg] = bad;
    restore();
    if (!worldly) {
        note(name, attempt(call, args));
        return;
    }
    build_world();
    note(name, attempt(call, args));
    if (!result->there || result->value == -1 || call->how & LEAVES)
        return;
    drop_world();
}

static void pointers(const struct call *call, int arg) {
    const struct arg *a = &call->args[arg];
    one(call, arg, "null", 0);
    one(call, arg, "low", 8);
    one(call, arg, "text", 0xffffffff81000000);
    one(call, arg, "direct", 0xffff888000100000);
    one(call, arg, "hole", 0x8000000000000000);
    one(call, arg, "edge", 0x7ffffffff000 - 1);
    /* of an address that it gives back Linux would make an errno */
    if (a->kind != ADDRESS)
        one(call, arg, "end", -1);
    one(call, arg, "unmapped", (long)arena[arg] + PAGE);
    one(call, arg, "forbidden", (long)forbidden(arg));
    if (a->kind == STRING || a->kind == PATH) {
        /* text up to the page's end, and no nought */
        one(call, arg, "endless", (long)arena[arg] + PAGE - (a->size - 1));
    } else {
        long size = a->size ? a->size : 1;
        one(call, arg, "last-byte", (long)arena[arg] + PAGE - (size - 1 > 0 ? size - 1 : 0));
        if (size > 2)
            one(call, arg, "half", (long)arena[arg] + PAGE - size / 2);
    }
    if (a->kind == OUT || a->kind == ADDRESS)
        one(call, arg, "readonly", (long)readonly(arg));
    tell(call, arg, "pointer");
}
static void descriptors(const struct call *call, int arg) {
    one(call, arg, "-1", -1);
    one(call, arg, "max", INT_MAX);
    one(call, arg, "min", INT_MIN);
    one(call, arg, "closed", 500);
    one(call, arg, "million", 1 << 20);
    one(call, arg, "wide", (1L << 32) | 500);
    tell(call, arg, "number");
    for (int fd = FILE_FD; fd < LAST_FD; fd++)
        one(call, arg, fd_names[fd - FILE_FD], fd);
    tell(call, arg, "kind");
}
static void lengths(const struct call *call, int arg) {
    one(call, arg, "0", 0);
    one(call, arg, "1", 1);
    one(call, arg, "int", INT_MAX);
    one(call, arg, "2G", 1L << 31);
    one(call, arg, "4G-1", 0xffffffffL);
    one(call, arg, "4G", 1L << 32);
    one(call, arg, "128T", 1L << 47);
    one(call, arg, "max", LONG_MAX);
    one(call, arg, "min", LONG_MIN);
    one(call, arg, "-1", -1);
    tell(call, arg, "length");
}
static void counts(const struct call *call, int arg) {
    one(call, arg, "0", 0);
    one(call, arg, "1025", 1025);
    one(call, arg, "65537", 65537);
    one(call, arg, "int", INT_MAX);
    one(call, arg, "min", INT_MIN);
    one(call, arg, "-1", -1);
    one(call, arg, "4G", 1L << 32);
    one(call, arg, "max", LONG_MAX);
    tell(call, arg, "count");
}
static void paths(const struct call *call, int arg) {
    static const char *const names[] = {"", "missing", "missing/x", "file/", "file/x", "folder", "folder/", "folder/.", "empty",
                                        "link", "dangling", "loop", "loop/x", "l40", "l41", "d40/inner", "d41/inner", ".", "..",
                                        "link/", "dangling/", ".//file"};
    static const char *const labels[] = {"none", "missing", "missing/x", "file/", "file/x", "folder", "folder/", "folder/.",
                                         "empty", "link", "dangling", "loop", "loop/x", "l40", "l41", "d40/inner", "d41/inner",
                                         ".", "..", "link/", "dangling/", ".//file"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        one(call, arg, labels[i], (long)names[i]);
    one(call, arg, "5000-bytes", (long)long_path);
    one(call, arg, "300-letters", (long)long_name);
    tell(call, arg, "path");
}
static void vector_case(const struct call *call, int arg, const char *name, void *base, size_t size) {
    long args[6];
    good(call, args);
    struct iovec *v = (struct iovec *)arena[arg];
    v[1] = (struct iovec){base, size};
    restore();
    note(name, attempt(call, args));
}
static void vectors(const struct call *call, int arg) {
    vector_case(call, arg, "null", NULL, 8);
    vector_case(call, arg, "nothing", NULL, 0);
    vector_case(call, arg, "text", (void *)0xffffffff81000000, 8);
    vector_case(call, arg, "text-0", (void *)0xffffffff81000000, 0);
    vector_case(call, arg, "hole", (void *)0x8000000000000000, 8);
    vector_case(call, arg, "unmapped", arena[arg] + PAGE, 8);
    vector_case(call, arg, "half", arena[arg] + PAGE - 4, 8);
    vector_case(call, arg, "readonly", readonly(arg), 8);
    vector_case(call, arg, "negative", arena[arg] + 2048, -1);
    vector_case(call, arg, "huge", arena[arg] + 2048, LONG_MAX);
    vector_case(call, arg, "2G", arena[arg] + 2048, 1L << 31);
    tell(call, arg, "element");
}

static void try(const struct call *call) {
    if (call->how & UNTRIED)
        return;
    if (!(call->how & NO_GOOD)) {
        one(call, 5, "good", call->args[5].kind >= IN && call->args[5].kind <= PATH ? (long)arena[5] : call->args[5].value);
        tell(call, -1, "good");
    }
    for (int i = 0; i < 6; i++)
        switch (call->args[i].kind) {
        case IN: case OUT: case ADDRESS: case STRING: pointers(call, i); break;
        case PATH: pointers(call, i); paths(call, i); break;
        case FD: descriptors(call, i); break;
        case LENGTH: lengths(call, i); break;
        case COUNT: counts(call, i); break;
        case VECTOR: pointers(call, i); vectors(call, i); break;
        default: break;
        }
    drop_world();
}

static void tests(void) {
    char host[65], domain[65];
    begin("set up");
    works(gethostname(host, sizeof host));
    works(getdomainname(domain, sizeof domain));
    fill_template();
    memset(long_path, 'a', 5000);
    for (int i = 100; i < 5000; i += 100)
        long_path[i] = '/';
    memset(long_name, 'n', 300);
    result = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < 6; i++) {
        arena[i] = mmap(NULL, 6 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        works(munmap(arena[i] + PAGE, PAGE));
        works(munmap(arena[i] + 3 * PAGE, PAGE));
        works(mprotect(readonly(i), PAGE, PROT_READ));
        works(mprotect(forbidden(i), PAGE, PROT_NONE));
    }
    put_file("file", template);
    mkdir("folder", 0755);
    close(0);
    open("/dev/null", O_RDWR);
    for (int fd = 3; fd < 100; fd++)
        close(fd);
    open_all();
    check_end();
    for (unsigned i = 0; i < sizeof calls / sizeof *calls; i++)
        try(&calls[i]);
    /* What the calls changed of the machine: other programs of the boot come after. */
    sethostname(host, strlen(host));
    setdomainname(domain, strlen(domain));
    chmod("/dev/null", 0666);
    (void)!chown("/dev/null", 0, 0);
}
