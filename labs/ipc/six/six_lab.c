// SPDX-License-Identifier: MIT OR Apache-2.0
/* The six ways between a program and its kernel that document 000 compares: procfs, sysfs, netlink, shared memory, signals and
   eventfd, BPF. Each is tried in both directions and measured, so that the table has numbers instead of "high" and "low". The
   document has procfs as one-way: its own text sets kernel parameters by writing there. */
#include "../count.h"
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#define PARAMETER "/proc/sys/fs/pipe-max-size"
#define DEVICE "/sys/class/mem/null/uevent"

enum { TURNS = 500, LIMIT_MS = 200, MOST_LINES = 16, COUNTED_TURNS = 20 };

static struct costs costs;

static char lines[MOST_LINES][160];
static int line_count;

/* A line of the table. */
static void entry(const char *mechanism, const char *directions, double ns, const char *use) {
    snprintf(lines[line_count++], sizeof *lines, "%-16s %-22s %10.2f us   %s", mechanism, directions, ns / 1000, use);
}

/* Nanoseconds of a turn, the median; a row is told. Calls are this side's. */
static double measure(const char *name, void (*turn)(void)) {
    static int64_t samples[TURNS];
    struct row row = NO_ROW;
    long done = 0;
    turn();
    struct used before = lab_used();
    for (int64_t end = now_ns() + LIMIT_MS * 1000000LL; done < TURNS && now_ns() < end; done++) {
        int64_t start = now_ns();
        turn();
        samples[done] = now_ns() - start;
    }
    row.name = name;
    lab_spent(&row, before, done, 0);
    lab_percentiles(&row, samples, done);
    lab_count_turns(&row, turn, COUNTED_TURNS);
    lab_predict(&row, &costs, 0);
    tell(&row);
    return row.p50;
}

static int fd;
static char text[4096];
static long length;

static void read_it(void) { length = must(pread(fd, text, sizeof text, 0)); }
static void write_it(void) { must(pwrite(fd, text, length, 0)); }

/* ---- procfs ---- */

static void procfs(void) {
    fd = must(open("/proc/meminfo", O_RDONLY));
    double reads = measure("procfs: read meminfo", read_it);
    holds(strncmp(text, "MemTotal:", 9) == 0);
    close(fd);
    /* The other direction: a parameter, set to what it was. */
    fd = must(open(PARAMETER, O_RDWR));
    read_it();
    double writes = measure("procfs: set a parameter", write_it);
    char was[64] = "", is[64] = "";
    memcpy(was, text, length < 63 ? length : 63);
    must(pread(fd, is, sizeof is - 1, 0));
    holds(strcmp(was, is) == 0);
    close(fd);
    entry("procfs", "reads, and writes", reads, "what the system does; parameters");
    entry("", "(a write)", writes, "");
}

/* ---- sysfs, and netlink, which tells what was written there ---- */

static int ears[2];

static void change(void) {
    must(pwrite(fd, "change", 6, 0));
    for (int i = 0; i < 2; i++)
        holds(recv(ears[i], text, sizeof text, 0) > 0);
}

static void write_change(void) {
    must(pwrite(fd, "change", 6, 0));
}

static void sysfs_and_netlink(void) {
    fd = must(open(DEVICE, O_RDONLY));
    double reads = measure("sysfs: read an attribute", read_it);
    holds(strstr(text, "DEVNAME=null") != NULL);
    close(fd);
    fd = must(open(DEVICE, O_WRONLY));
    double writes = measure("sysfs: write one (makes an event)", write_change);
    entry("sysfs", "reads and writes", reads, "devices, one value a file");
    entry("", "(a write)", writes, "");
    for (int i = 0; i < 2; i++) {
        struct sockaddr_nl group = {.nl_family = AF_NETLINK, .nl_groups = 1};
        ears[i] = must(socket(AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT));
        must(bind(ears[i], (struct sockaddr *)&group, sizeof group));
    }
    double events = measure("netlink: an event to two listeners", change);
    holds(strncmp(text, "change@/devices/virtual/mem/null", 32) == 0);
    printf("heard by both: %s\n", text);
    entry("netlink", "both, kernel may begin", events, "events, to all who listen (write, event, two reads)");
    for (int i = 0; i < 2; i++)
        close(ears[i]);
    close(fd);
}

/* ---- shared memory ---- */

static void memory(void) {
    double sync = costs.sync;
    struct row row = NO_ROW;
    row.name = "shared memory: a word to another processor";
    row.p50 = row.formula = sync;
    row.crossings = row.copied = row.waits = 0;
    tell(&row);
    entry("shared memory", "both", sync, "large data; nobody is woken");
}

/* ---- signals and eventfd ---- */

static sigset_t asked;

static void signal_self(void) {
    siginfo_t info;
    must(kill(getpid(), SIGUSR1));
    must(sigwaitinfo(&asked, &info));
    holds(info.si_pid == getpid());
}

static void count_event(void) {
    uint64_t one = 1, got;
    must(write(fd, &one, sizeof one));
    must(read(fd, &got, sizeof got));
    holds(got == 1);
}

static int to_other, from_other;

static void wake_and_be_woken(void) {
    uint64_t one = 1, got;
    must(write(to_other, &one, sizeof one));
    must(read(from_other, &got, sizeof got));
}

static void events(void) {
    sigemptyset(&asked);
    sigaddset(&asked, SIGUSR1);
    must(sigprocmask(SIG_BLOCK, &asked, NULL));
    double signals = measure("signal: to oneself, and taken", signal_self);
    fd = must(eventfd(0, 0));
    double own = measure("eventfd: write and read", count_event);
    close(fd);
    to_other = must(eventfd(0, 0));
    from_other = must(eventfd(0, 0));
    pid_t other = lab_fork();
    if (other == 0)
        for (uint64_t got, one = 1;;) {
            must(read(to_other, &got, sizeof got));
            must(write(from_other, &one, sizeof one));
        }
    double round = measure("eventfd: round trip to a process", wake_and_be_woken);
    must(kill(other, SIGKILL));
    must(waitpid(other, NULL, 0));
    entry("signal", "one, a number", signals, "tells a process, whatever it does");
    entry("eventfd", "one, a count", own, "tells an event loop");
    entry("", "(there and back)", round, "");
}

/* ---- BPF: a program of the user's that the kernel runs ---- */

static void null_call(void) {
    for (int i = 0; i < 100; i++)
        syscall(SYS_getppid);
}

/* Classic BPF: a filter that looks at each call's number. What a call costs more with it is what its few steps cost. */
static void classic(void) {
    double *calls = lab_shared(2 * sizeof *calls);
    pid_t filtered = lab_fork();
    if (filtered == 0) {
        struct sock_filter filter[] = {
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_swapon, 0, 1),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
        calls[0] = measure("classic BPF: 100 calls without a filter", null_call);
        must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
        must(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
        calls[1] = measure("classic BPF: 100 calls with one", null_call);
        errno = 0;
        holds(syscall(SYS_swapon, "/nothing", 0) == -1 && errno == EACCES);
        fflush(stdout);
        _exit(0);
    }
    lab_reap(filtered);
    entry("classic BPF", "a program goes in", (calls[1] - calls[0]) / 100, "filters: of calls (seccomp), of packets; each call more");
}

static int program = -1;

static void run_program(void) {
    static char packet[64];
    union bpf_attr attributes;
    memset(&attributes, 0, sizeof attributes);
    attributes.test.prog_fd = program;
    attributes.test.data_in = (uintptr_t)packet;
    attributes.test.data_size_in = sizeof packet;
    must(syscall(SYS_bpf, BPF_PROG_TEST_RUN, &attributes, sizeof attributes));
    holds(attributes.test.retval == 42);
}

static void extended(void) {
    const struct bpf_insn code[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 42},
        {.code = BPF_JMP | BPF_EXIT},
    };
    union bpf_attr attributes;
    memset(&attributes, 0, sizeof attributes);
    attributes.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
    attributes.insns = (uintptr_t)code;
    attributes.insn_cnt = sizeof code / sizeof *code;
    attributes.license = (uintptr_t)"GPL";
    program = syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof attributes);
    if (program < 0) {
        printf("this kernel lacks it: bpf: %s; the other five follow\n", strerror(errno));
        snprintf(lines[line_count++], sizeof *lines, "%-16s bpf: %s", "eBPF", strerror(errno));
        return;
    }
    double runs = measure("eBPF: load once, run by a call", run_program);
    entry("eBPF", "a program goes in", runs, "filters, measurements inside the kernel");
    close(program);
}

int main(void) {
    costs = lab_costs();
    procfs();
    sysfs_and_netlink();
    memory();
    events();
    classic();
    extended();
    printf("\n%-16s %-22s %13s   %s\n", "mechanism", "direction", "cost", "use");
    for (int i = 0; i < line_count; i++)
        printf("%s\n", lines[i]);
    return 0;
}
