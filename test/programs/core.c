/* Core images (core(5)): when there is one, its name, what is in it, what wait(2) says. */
// test: smp=2
#include "check.h"
#include <dirent.h>
#include <elf.h>
#include <sys/prctl.h>
#include <sys/procfs.h>
#include <sys/ptrace.h>
#include <sys/user.h>

#define PATTERN "/proc/sys/kernel/core_pattern"
#define USES_PID "/proc/sys/kernel/core_uses_pid"
#define FILTER "/proc/self/coredump_filter"

static void limit(long bytes) {
    struct rlimit core = {bytes, RLIM_INFINITY};
    setrlimit(RLIMIT_CORE, &core);
}
/* Everything that is called core* goes. */
static int cores(char *name) {
    int n = 0;
    DIR *folder = opendir(".");
    for (struct dirent *e; (e = readdir(folder));)
        if (!strncmp(e->d_name, "core", 4)) {
            if (name)
                strcpy(name, e->d_name);
            n++;
        }
    closedir(folder);
    return n;
}
static void sweep(void) {
    char name[300];
    while (cores(name) && !unlink(name)) {}
}

static char *image;
static long image_size;
static Elf64_Ehdr *head(void) { return (Elf64_Ehdr *)image; }
static Elf64_Phdr *part(int i) { return (Elf64_Phdr *)(image + head()->e_phoff) + i; }
static int load(const char *name) {
    struct stat s;
    free(image);
    image = NULL;
    int fd = open(name, O_RDONLY);
    if (fd < 0 || fstat(fd, &s))
        return 0;
    image_size = s.st_size;
    image = calloc(1, image_size + 1);
    long got = 0, n;
    while (got < image_size && (n = read(fd, image + got, image_size - got)) > 0)
        got += n;
    close(fd);
    return got == image_size && got > (long)sizeof(Elf64_Ehdr) && !memcmp(image, ELFMAG, 4);
}
/* The n-th note of a kind, from 0; its size goes to *size. */
static void *note(unsigned kind, int nth, long *size) {
    Elf64_Phdr *notes = part(0);
    char *at = image + notes->p_offset, *end = at + notes->p_filesz;
    while (at < end) {
        Elf64_Nhdr *n = (Elf64_Nhdr *)at;
        char *text = at + sizeof *n + ((n->n_namesz + 3) & ~3);
        if (n->n_type == kind && nth-- == 0) {
            if (size)
                *size = n->n_descsz;
            return text;
        }
        at = text + ((n->n_descsz + 3) & ~3);
    }
    return NULL;
}
static int notes(unsigned kind) {
    int n = 0;
    while (note(kind, n, NULL))
        n++;
    return n;
}
/* The area that holds an address. */
static Elf64_Phdr *area(const volatile void *p) {
    unsigned long at = (unsigned long)p;
    for (int i = 1; i < head()->e_phnum; i++)
        if (part(i)->p_vaddr <= at && at < part(i)->p_vaddr + part(i)->p_memsz)
            return part(i);
    return NULL;
}
/* The byte at an address; -1 if the image has it not. */
static int byte_at(const volatile void *p) {
    Elf64_Phdr *a = area(p);
    unsigned long offset = a ? (unsigned long)p - a->p_vaddr : 0;
    if (!a || offset >= a->p_filesz || (long)(a->p_offset + offset) >= image_size)
        return -1;
    return (unsigned char)image[a->p_offset + offset];
}

static volatile char marker = 77;
static char *private, *shared, *left_out, *unreadable, *untouched, *mapped;
static pthread_barrier_t here;
static void *sleeper(void *arg) {
    __asm__ volatile("movq %0, %%xmm7" : : "r"(0x1122334455667788) : "xmm7");
    prctl(PR_SET_NAME, "sleeper");
    pthread_barrier_wait(&here);
    register long r15 __asm__("r15") = 0x5ca1ab1e;
    for (;;)
        __asm__ volatile("syscall" : : "a"(SYS_pause), "r"(r15) : "rcx", "r11", "memory");
    return arg;
}
/* Dies with threads beside it. */
static void crash(int threads) {
    pthread_t t;
    limit(RLIM_INFINITY);
    marker = 78;
    pthread_barrier_init(&here, NULL, threads + 1);
    for (int i = 0; i < threads; i++)
        pthread_create(&t, NULL, sleeper, NULL);
    pthread_barrier_wait(&here);
    pause_ms(20);
    *(volatile int *)0x1230 = 1;
}

static void tests(void) {
    char name[300], old[200], text[200];
    int status;
    long size;
    siginfo_t info;
    struct rlimit none = {0, RLIM_INFINITY};

    begin("set up");
    get_file(PATTERN, old, sizeof old);
    put_file(PATTERN, "core");
    put_file(USES_PID, "0");
    setrlimit(RLIMIT_CORE, &none);
    umask(022);
    get_file(PATTERN, text, sizeof text);
    yes(!strcmp(text, "core\n"));
    get_file(USES_PID, text, sizeof text);
    yes(!strcmp(text, "0\n"));
    get_file(FILTER, text, sizeof text);
    yes(!strcmp(text, "00000033\n"));
    private = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    left_out = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unreadable = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    untouched = mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    private[4096] = 'p', shared[0] = 's', left_out[0] = 'l', unreadable[0] = 'u';
    works(madvise(left_out, 4096, MADV_DONTDUMP));
    works(mprotect(unreadable, 4096, PROT_NONE));
    put_file("some file", "its text");
    int fd = open("some file", O_RDONLY);
    mapped = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
    is(mapped[0], 'i');

    begin("no image: limit, signals that leave none, not dumpable, no room for a page");
    status = in_child({ abort(); });
    yes(killed(status, SIGABRT) && !WCOREDUMP(status));
    status = in_child({ limit(RLIM_INFINITY); raise(SIGTERM); });
    yes(killed(status, SIGTERM) && !WCOREDUMP(status));
    status = in_child({ limit(RLIM_INFINITY); prctl(PR_SET_DUMPABLE, 0); abort(); });
    yes(killed(status, SIGABRT) && !WCOREDUMP(status));
    status = in_child({ limit(4095); abort(); });
    yes(killed(status, SIGABRT) && !WCOREDUMP(status));
    is(cores(NULL), 0);

    begin("an image: its file, what wait and waitid say");
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        limit(RLIM_INFINITY);
        abort();
    }
    is(waitid(P_PID, pid, &info, WEXITED | WNOWAIT), 0);
    is(info.si_code, CLD_DUMPED);
    is(info.si_status, SIGABRT);
    is(waitpid(pid, &status, 0), pid);
    is(status, SIGABRT | 0x80);
    is(cores(name), 1);
    yes(!strcmp(name, "core"));
    struct stat s;
    works(stat("core", &s));
    is(s.st_mode, S_IFREG | 0600);
    is(s.st_uid, 0);
    int signals[] = {SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGXCPU, SIGXFSZ, SIGSYS};
    for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++) {
        status = in_child({ limit(RLIM_INFINITY); raise(signals[i]); });
        is(status, signals[i] | 0x80);
    }

    begin("what is in it: one thread");
    sweep();
    fflush(stdout);
    pid = fork();
    if (pid == 0)
        crash(0);
    waitpid(pid, &status, 0);
    is(status, SIGSEGV | 0x80);
    if (!load("core")) {
        yes(!"core is an ELF file");
        return;
    }
    is(head()->e_type, ET_CORE);
    is(head()->e_machine, EM_X86_64);
    is(head()->e_phentsize, sizeof(Elf64_Phdr));
    is(part(0)->p_type, PT_NOTE);
    int loads = 0;
    for (int i = 1; i < head()->e_phnum; i++)
        loads += part(i)->p_type == PT_LOAD && part(i)->p_offset % 4096 == 0;
    is(loads, head()->e_phnum - 1);
    struct elf_prstatus *st = note(NT_PRSTATUS, 0, &size);
    is(size, sizeof *st);
    is(notes(NT_PRSTATUS), 1);
    if (st) {
        is(st->pr_pid, pid);
        is(st->pr_ppid, getpid());
        is(st->pr_cursig, SIGSEGV);
        is(st->pr_info.si_signo, SIGSEGV);
        is(st->pr_fpvalid, 1);
        struct user_regs_struct *regs = (void *)st->pr_reg;
        yes(byte_at((void *)regs->rip) >= 0 || area((void *)regs->rip));
        yes(byte_at((void *)regs->rsp) >= 0);
        is(regs->cs, 0x33);
        yes(regs->fs_base != 0);
    }
    struct elf_prpsinfo *ps = note(NT_PRPSINFO, 0, &size);
    is(size, sizeof *ps);
    if (ps) {
        is(ps->pr_pid, pid);
        is(ps->pr_sname, 'R');
        yes(!strcmp(ps->pr_fname, "core"));
        yes(strstr(ps->pr_psargs, "core") != NULL);
    }
    siginfo_t *si = note(NT_SIGINFO, 0, &size);
    is(size, sizeof *si);
    if (si) {
        is(si->si_signo, SIGSEGV);
        is(si->si_code, SEGV_MAPERR);
        is((long)si->si_addr, 0x1230);
    }
    unsigned long *aux = note(NT_AUXV, 0, &size);
    yes(aux && size % 16 == 0 && aux[size / 8 - 2] == 0);
    int pages = 0;
    for (int i = 0; aux && i < size / 8; i += 2)
        pages |= aux[i] == AT_PAGESZ && aux[i + 1] == 4096;
    yes(pages);
    unsigned long *files = note(NT_FILE, 0, &size);
    yes(files && files[0] >= 2 && files[1] == 4096);
    int named = 0;
    if (files) {
        char *names = (char *)(files + 2 + 3 * files[0]);
        for (unsigned i = 0; i < files[0]; i++, names += strlen(names) + 1)
            named += files[2 + 3 * i] == (unsigned long)mapped && strstr(names, "/some file") != NULL;
    }
    is(named, 1);
    char *vdso = NULL;
    for (int i = 0; aux && aux[i]; i += 2)
        if (aux[i] == AT_SYSINFO_EHDR)
            vdso = (char *)aux[i + 1];
    yes(vdso && byte_at(vdso) == 0x7f && area(vdso)->p_filesz == area(vdso)->p_memsz);
    yes(files && files[2] != (unsigned long)vdso && files[2 + 3 * (files[0] - 1)] != (unsigned long)vdso);
    struct user_fpregs_struct *fp = note(NT_PRFPREG, 0, &size);
    yes(fp && size == sizeof *fp && fp->cwd == 0x37f);
    yes(note(NT_X86_XSTATE, 0, &size) && size >= 576);

    begin("which memory is in it");
    is(byte_at(&marker), 78);
    is(byte_at(private + 4096), 'p');
    is(byte_at(private), 0);
    is(byte_at(shared), 's');
    is(byte_at(unreadable), 'u');
    yes(area(left_out) != NULL);
    is(byte_at(left_out), -1);
    yes(area(untouched) != NULL);
    is(byte_at(untouched), -1);
    yes(area(mapped) != NULL);
    is(byte_at(mapped), -1); /* a file that is no program */
    is(area(private)->p_flags, PF_R | PF_W);
    is(area(unreadable)->p_flags, 0);

    begin("coredump_filter: other memory, inherited");
    sweep();
    status = in_child({ put_file(FILTER, "0x7"); limit(RLIM_INFINITY); _exit(in_child(crash(0)) == (SIGSEGV | 0x80) ? 0 : 1); });
    yes(exited(status, 0));
    yes(load("core"));
    is(byte_at(mapped), 'i');
    sweep();
    status = in_child({ put_file(FILTER, "0"); crash(0); });
    yes(load("core"));
    is(byte_at(private + 4096), -1);
    is(byte_at(shared), -1);
    is(byte_at(&marker), -1);
    get_file(FILTER, text, sizeof text);
    yes(!strcmp(text, "00000033\n"));

    begin("threads: registers of each");
    sweep();
    status = in_child(crash(3));
    is(status, SIGSEGV | 0x80);
    yes(load("core"));
    is(notes(NT_PRSTATUS), 4);
    is(notes(NT_PRFPREG), 4);
    is(notes(NT_X86_XSTATE), 4);
    is(notes(NT_PRPSINFO), 1);
    int waiting = 0, vectors = 0;
    for (int i = 1; i < 4; i++) {
        struct elf_prstatus *other = note(NT_PRSTATUS, i, NULL);
        struct user_regs_struct *regs = other ? (void *)other->pr_reg : NULL;
        waiting += regs && regs->r15 == 0x5ca1ab1e && regs->orig_rax == SYS_pause;
        struct user_fpregs_struct *xmm = note(NT_PRFPREG, i, NULL);
        vectors += xmm && ((unsigned long *)xmm->xmm_space)[14] == 0x1122334455667788;
    }
    is(waiting, 3);
    is(vectors, 3);

    begin("the limit is one of bytes written");
    sweep();
    status = in_child({ limit(20000); abort(); });
    is(status, SIGABRT | 0x80);
    works(stat("core", &s));
    yes(s.st_size > 8192 && s.st_blocks * 512 <= 20480);
    yes(load("core"));
    Elf64_Phdr *last = part(head()->e_phnum - 1);
    yes(image_size < (long)(last->p_offset + last->p_filesz));

    begin("what is there by that name goes first, unless it is a folder");
    put_file("core", "old");
    is(in_child({ limit(RLIM_INFINITY); abort(); }), SIGABRT | 0x80);
    yes(load("core"));
    put_file("two", "old");
    works(unlink("core"));
    works(link("two", "core"));
    is(in_child({ limit(RLIM_INFINITY); abort(); }), SIGABRT | 0x80);
    yes(load("core"));
    works(unlink("core"));
    works(symlink("two", "core"));
    is(in_child({ limit(RLIM_INFINITY); abort(); }), SIGABRT | 0x80);
    yes(load("core"));
    works(stat("two", &s));
    is(s.st_size, 3);
    works(unlink("core"));
    works(mkdir("core", 0755));
    is(in_child({ limit(RLIM_INFINITY); abort(); }), SIGABRT);
    rmdir("core");

    begin("names: letters of the pattern, core_uses_pid");
    sweep();
    put_file(PATTERN, "core.%e.%s.%u.%%.%q");
    is(in_child({ limit(RLIM_INFINITY); abort(); }), SIGABRT | 0x80);
    is(cores(name), 1);
    yes(!strcmp(name, "core.core.6.0.%."));
    sweep();
    put_file(PATTERN, "core.%p.%i");
    pid = fork();
    if (pid == 0) {
        limit(RLIM_INFINITY);
        abort();
    }
    waitpid(pid, &status, 0);
    snprintf(text, sizeof text, "core.%d.%d", pid, pid);
    is(cores(name), 1);
    yes(!strcmp(name, text));
    sweep();
    put_file(PATTERN, "core");
    put_file(USES_PID, "1");
    pid = fork();
    if (pid == 0) {
        limit(RLIM_INFINITY);
        abort();
    }
    waitpid(pid, &status, 0);
    snprintf(text, sizeof text, "core.%d", pid);
    is(cores(name), 1);
    yes(!strcmp(name, text));
    sweep();
    put_file(USES_PID, "0");
    mkdir("elsewhere", 0777);
    get_file("/proc/self/comm", text, sizeof text);
    if (getcwd(name, 200)) {
        char pattern[400];
        snprintf(pattern, sizeof pattern, "%s/elsewhere/core", name);
        put_file(PATTERN, pattern);
        get_file(PATTERN, text, sizeof text);
        text[strcspn(text, "\n")] = 0;
        yes(!strcmp(text, pattern));
        is(in_child({ limit(RLIM_INFINITY); (void)!chdir("/"); abort(); }), SIGABRT | 0x80);
        works(unlink("elsewhere/core"));
    }
    put_file(PATTERN, old);

    begin("nobody's process writes where nobody may, and not after it changed who it is");
    chmod(".", 0755);
    put_file(PATTERN, "core");
    is(in_child({ limit(RLIM_INFINITY); (void)!setresuid(4323, 4323, 4323); prctl(PR_SET_DUMPABLE, 1); abort(); }), SIGABRT);
    chmod(".", 0777);
    is(in_child({ limit(RLIM_INFINITY); (void)!setresuid(4323, 4323, 4323); abort(); }), SIGABRT);
    is(in_child({ limit(RLIM_INFINITY); (void)!setresuid(4323, 4323, 4323); prctl(PR_SET_DUMPABLE, 1); abort(); }), SIGABRT | 0x80);
    works(stat("core", &s));
    is(s.st_uid, 4323);
    sweep();
    put_file(PATTERN, old);

    begin("a tracer hears of the end when the image is there");
    put_file(PATTERN, "core");
    pid = fork();
    if (pid == 0) {
        limit(RLIM_INFINITY);
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        abort();
    }
    static const int stops[] = {SIGSTOP, SIGABRT, SIGTRAP | PTRACE_EVENT_EXIT << 8};
    for (int i = 0; i < 3; i++) {
        is(waitpid(pid, &status, 0), pid);
        is(status, W_STOPCODE(stops[i]));
        is(cores(NULL), i == 2);
        works(ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEEXIT));
        unsigned long message = 0;
        works(ptrace(PTRACE_GETEVENTMSG, pid, 0, &message));
        is(message, i == 2 ? SIGABRT | 0x80 : 0);
        works(ptrace(PTRACE_CONT, pid, 0, i == 1 ? SIGABRT : 0));
    }
    is(waitpid(pid, &status, 0), pid);
    is(status, SIGABRT | 0x80);
    sweep();
    put_file(PATTERN, old);
}
