/* Restartable sequences: rseq(2). The C library has registered each thread already. */
// test: smp=2 limit=60
#include "check.h"
#include <stddef.h>
#include <sys/rseq.h>

#define SIGNATURE 0x53053053

/* Never ends by itself: in the section it waits for being aborted. */
long spin(struct rseq *area, struct rseq_cs *section);
extern char section_start[], section_end[], section_abort[], section_bad_abort[];
asm(".text\n"
    ".balign 16\n"
    "spin:\n"
    "    movq %rsi, 8(%rdi)\n"
    "section_start:\n"
    "    pause\n"
    "    jmp section_start\n"
    "section_end:\n"
    "    ud2\n"
    "    .long 0x53053053\n"
    "section_abort:\n"
    "    movl $1, %eax\n"
    "    ret\n"
    "    .long 0x12345678\n"
    "section_bad_abort:\n"
    "    movl $2, %eax\n"
    "    ret\n");

static long rseq(void *area, unsigned len, int flags, unsigned signature) {
    return syscall(SYS_rseq, area, len, flags, signature);
}
/* The caller's own, as the C library made it. */
static struct rseq *own(void) { return (void *)((char *)__builtin_thread_pointer() + __rseq_offset); }
static volatile unsigned *cpu_of(struct rseq *area) { return &area->cpu_id; }
static unsigned cpu_now(void) {
    unsigned cpu = -1;
    syscall(SYS_getcpu, &cpu, NULL, NULL);
    return cpu;
}
static void stay_on(int cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    sched_setaffinity(0, sizeof set, &set);
}
static struct rseq_cs section(void) {
    return (struct rseq_cs){.start_ip = (uintptr_t)section_start,
                            .post_commit_offset = section_end - section_start,
                            .abort_ip = (uintptr_t)section_abort};
}

static struct rseq_cs good, bad;
static volatile uintptr_t seen_ip;
static volatile int handled;
static void on_signal(int sig, siginfo_t *info, void *context) {
    (void)sig, (void)info;
    seen_ip = ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
    handled++;
}
static void set_timer(void) {
    struct itimerval soon = {{0, 2000}, {0, 2000}};
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &soon, NULL);
}
/* Spins in a section with this descriptor until a signal comes, in a child; its status. */
static int with_section(const struct rseq_cs *it) {
    bad = *it;
    return in_child({ set_timer(); _exit(spin(own(), &bad) == 1 ? 0 : 9); });
}

static void *of_a_thread(void *first) {
    int bad = own() == first;
    bad |= *cpu_of(own()) != cpu_now() ? 2 : 0;
    bad |= rseq(own(), 32, 0, SIGNATURE) != -1 || errno != EBUSY ? 4 : 0;
    return (void *)(long)bad;
}
static struct rseq area __attribute__((aligned(32)));
static int on_shared_memory(void *unused) {
    (void)unused;
    /* The parent's area is none of its business. */
    if (rseq(own(), 32, 1, SIGNATURE) != -1 || errno != EINVAL) return 1;
    if (rseq(&area, 32, 0, SIGNATURE)) return 2;
    return *cpu_of(&area) != cpu_now() ? 3 : 0;
}

static void registration(void) {
    int status;
    void *bad = (void *)99;
    pthread_t thread;
    static char stack[65536];

    begin("the C library registers each thread");
    yes(__rseq_size >= 20);
    is(*cpu_of(own()), cpu_now());
    is(own()->cpu_id_start, own()->cpu_id);
    pthread_create(&thread, NULL, of_a_thread, own());
    pthread_join(thread, &bad);
    is((long)bad, 0);

    begin("one area a thread, always the same");
    fails(rseq(own(), 32, 0, SIGNATURE), EBUSY);
    fails(rseq(own(), 32, 0, SIGNATURE + 1), EPERM);
    fails(rseq(own(), 32, 1, SIGNATURE + 1), EPERM);
    fails(rseq(own(), 64, 0, SIGNATURE), EINVAL);
    fails(rseq(own(), 64, 1, SIGNATURE), EINVAL);
    fails(rseq(&area, 32, 0, SIGNATURE), EINVAL);
    fails(rseq(&area, 32, 1, SIGNATURE), EINVAL);
    fails(rseq(NULL, 32, 1, SIGNATURE), EINVAL);
    fails(rseq(own(), 32, 2, SIGNATURE), EINVAL);
    fails(rseq(own(), 32, 3, SIGNATURE), EINVAL);

    begin("taking it back and giving another");
    status = in_child({
        struct rseq *mine = own();
        if (rseq(mine, 32, 1, SIGNATURE)) _exit(1);
        if (mine->cpu_id != -1u || mine->cpu_id_start != 0) _exit(2);
        if (rseq(mine, 32, 1, SIGNATURE) != -1 || errno != EINVAL) _exit(3);
        if (rseq((char *)&area + 8, 32, 0, 7) != -1 || errno != EINVAL) _exit(4);
        if (rseq(&area, 33, 0, 7) != -1 || errno != EINVAL) _exit(5);
        if (rseq((void *)0xffff888000000000, 32, 0, 7) != -1 || errno != EFAULT) _exit(6);
        area.cpu_id = -1;
        if (rseq(&area, 32, 0, 7) || *cpu_of(&area) != cpu_now()) _exit(7);
        if (rseq(&area, 32, 0, 7) != -1 || errno != EBUSY) _exit(8);
        if (rseq(&area, 32, 1, 7)) _exit(9);
    });
    yes(exited(status, 0));

    begin("a child of fork has its parent's area, one on shared memory has none");
    status = in_child({
        if (*cpu_of(own()) != cpu_now()) _exit(1);
        if (rseq(own(), 32, 0, SIGNATURE) != -1 || errno != EBUSY) _exit(2);
    });
    yes(exited(status, 0));
    pid_t pid = works(clone(on_shared_memory, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, NULL));
    is(waitpid(pid, &status, 0), pid);
    yes(exited(status, 0));
    fails(rseq(own(), 32, 0, SIGNATURE), EBUSY);

    begin("a new program registers anew");
    status = in_child({ execl("/proc/self/exe", "rseq", "fresh", NULL); });
    yes(exited(status, 3));

    begin("the number follows its thread");
    status = in_child({
        for (int i = 0; i < 50; i++) {
            stay_on(i & 1);
            if (*cpu_of(own()) != (unsigned)(i & 1) || own()->cpu_id_start != (unsigned)(i & 1)) _exit(1);
        }
    });
    yes(exited(status, 0));
}

static void sections(void) {
    int status;

    good = section();
    begin("a signal aborts, and its handler sees where to");
    status = in_child({
        set_timer();
        do
            if (spin(own(), &good) != 1) _exit(1);
        while (seen_ip != (uintptr_t)section_abort);
        if (own()->rseq_cs) _exit(3);
    });
    yes(exited(status, 0));

    begin("losing the CPU aborts");
    status = in_child({
        stay_on(0);
        pid_t other = fork();
        if (other == 0) {
            for (;;) {}
        }
        for (int i = 0; i < 3; i++)
            if (spin(own(), &good) != 1 || own()->rseq_cs) _exit(1);
        kill(other, SIGKILL);
        waitpid(other, NULL, 0);
    });
    yes(exited(status, 0));

    begin("outside of the section its pointer is only cleared");
    status = in_child({
        struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
        sigaction(SIGUSR1, &action, NULL);
        own()->rseq_cs = (uintptr_t)&good;
        raise(SIGUSR1);
        if (!handled || own()->rseq_cs || seen_ip == (uintptr_t)section_abort) _exit(1);
    });
    yes(exited(status, 0));

    begin("what makes no sense is SIGSEGV");
    struct rseq_cs it = good;
    yes(exited(with_section(&it), 0));
    it.abort_ip = (uintptr_t)section_bad_abort;
    yes(killed(with_section(&it), SIGSEGV));
    it = good;
    it.abort_ip = it.start_ip;
    yes(killed(with_section(&it), SIGSEGV));
    it = good;
    it.version = 1;
    yes(killed(with_section(&it), SIGSEGV));
    it = good;
    it.flags = 1;
    yes(killed(with_section(&it), SIGSEGV));
    it = good;
    it.post_commit_offset = -1ul;
    yes(killed(with_section(&it), SIGSEGV));
    it = good;
    it.abort_ip = 0xffff888000000000;
    yes(killed(with_section(&it), SIGSEGV));
    for (unsigned long at = 8; at; at = at == 8 ? 0xffff888000000000 : 0) {
        status = in_child({
            own()->rseq_cs = at;
            raise(SIGCHLD);
            set_timer();
            for (;;) {}
        });
        yes(killed(status, SIGSEGV));
    }
    status = in_child({
        void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (rseq(own(), 32, 1, SIGNATURE) || rseq(page, 32, 0, SIGNATURE)) _exit(1);
        munmap(page, 4096);
        set_timer();
        for (;;) {}
    });
    yes(killed(status, SIGSEGV));
}

/* What the kernel writes there by itself is no error exit of the program's. */
static void injection(void) {
    begin("failures that are injected spare it");
    int file = open("/proc/self/fail-nth", O_WRONLY);
    if (file < 0)
        return skip("no fault injection here");
    close(file);
    pid_t other = fork();
    if (other == 0)
        for (;;)
            sched_yield();
    for (int i = 0; i < 20; i++) {
        int status = in_child({
            int nth = open("/proc/self/fail-nth", O_WRONLY);
            if (write(nth, "1", 1) != 1) _exit(1);
            for (int n = 0; n < 10; n++)
                sched_yield();
            _exit(0);
        });
        is(status, 0);
    }
    kill(other, SIGKILL);
    is(waitpid(other, NULL, 0), other);
}

static void tests(void) {
    stay_on(0);
    registration();
    sections();
    injection();
}

__attribute__((constructor)) static void again(int argc, char **argv) {
    if (argc == 2 && !strcmp(argv[1], "fresh"))
        _exit(rseq(own(), 32, 0, SIGNATURE) == -1 && errno == EBUSY && *cpu_of(own()) == cpu_now() ? 3 : 1);
}
