/* Kernel threads as users see them: in /proc, for signals, for schedulers, for tracers. */
#include "check.h"
#include <dirent.h>
#include <sys/ptrace.h>

#define KTHREAD 0x00200000
#define BOUND 0x04000000

struct seen {
    char name[64], state;
    int parent, group, session;
    unsigned flags;
    unsigned long size, resident;
};

static int look(int pid, struct seen *seen) {
    char path[64], line[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    int fd = open(path, O_RDONLY);
    if (fd < 0)
        return -1;
    ssize_t len = read(fd, line, sizeof line - 1);
    close(fd);
    if (len <= 0)
        return -1;
    line[len] = 0;
    char *name = strchr(line, '('), *end = strrchr(line, ')');
    snprintf(seen->name, sizeof seen->name, "%.*s", (int)(end - name - 1), name + 1);
    return sscanf(end + 2, "%c %d %d %d %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %*u %lu %lu", &seen->state,
                  &seen->parent, &seen->group, &seen->session, &seen->flags, &seen->size, &seen->resident) == 7 ? 0 : -1;
}

/* The process of that name. */
static int find(const char *name) {
    DIR *proc = opendir("/proc");
    int found = -1;
    for (struct dirent *e; proc && (e = readdir(proc));) {
        struct seen seen;
        int pid = atoi(e->d_name);
        if (pid > 0 && look(pid, &seen) == 0 && !strcmp(seen.name, name))
            found = pid;
    }
    closedir(proc);
    return found;
}

static char text[8192];
static ssize_t slurp(int pid, const char *name) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    int fd = open(path, O_RDONLY);
    if (fd < 0)
        return -1;
    ssize_t len = read(fd, text, sizeof text - 1);
    int error = errno;
    close(fd);
    errno = error;
    text[len < 0 ? 0 : len] = 0;
    return len;
}

static int entries(int pid, const char *name) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    DIR *dir = opendir(path);
    int count = 0;
    for (struct dirent *e; dir && (e = readdir(dir));)
        count += e->d_name[0] != '.';
    if (dir)
        closedir(dir);
    return dir ? count : -1;
}

static void tests(void) {
    struct seen seen;
    int pid = 2;

    begin("the first is kthreadd");
    works(look(pid, &seen));
    yes(!strcmp(seen.name, "kthreadd"));
    is(seen.state, 'S');
    is(seen.parent, 0);
    is(seen.group, 0);
    is(seen.session, 0);
    yes(seen.flags & KTHREAD);
    is(seen.size, 0);
    is(seen.resident, 0);

    begin("the others are its children");
    int softirqd = find("ksoftirqd/0");
    yes(softirqd > 2);
    works(look(softirqd, &seen));
    is(seen.parent, 2);
    yes(seen.flags & KTHREAD);
    yes(seen.flags & BOUND);
    yes(find("migration/0") > 2);
    works(look(getpid(), &seen));
    is(seen.flags & (KTHREAD | BOUND), 0);

    begin("without memory, files, a program");
    is(slurp(pid, "cmdline"), 0);
    is(slurp(pid, "maps"), 0);
    is(slurp(pid, "environ"), 0);
    is(slurp(pid, "auxv"), 0);
    yes(slurp(pid, "statm") > 0 && !strcmp(text, "0 0 0 0 0 0 0\n"));
    yes(slurp(pid, "comm") > 0 && !strcmp(text, "kthreadd\n"));
    yes(slurp(pid, "status") > 0 && !strstr(text, "VmSize") && strstr(text, "SigIgn:\tffffffffffffffff\n"));
    fails(readlink("/proc/2/exe", text, sizeof text), ENOENT);
    is(readlink("/proc/2/cwd", text, sizeof text), 1);
    is(readlink("/proc/2/root", text, sizeof text), 1);
    is(entries(pid, "fd"), 0);
    is(entries(pid, "task"), 1);

    begin("deaf to signals");
    works(kill(pid, 0));
    works(kill(pid, SIGKILL));
    works(kill(softirqd, SIGSTOP));
    works(kill(softirqd, SIGTERM));
    pause_ms(20);
    works(look(pid, &seen));
    yes(seen.state == 'S');
    works(look(softirqd, &seen));
    yes(strchr("SR", seen.state) != NULL);
    yes(slurp(pid, "status") > 0 && strstr(text, "ShdPnd:\t0000000000000000\n"));
    int refused = in_child(if (setuid(65534)) _exit(2); _exit(kill(2, 0) == -1 && errno == EPERM ? 0 : 1));
    yes(exited(refused, 0));

    begin("in no group, traced by nobody, waited for by nobody");
    is(getpgid(pid), 0);
    is(getsid(pid), 0);
    fails(setpgid(pid, 0), ESRCH);
    fails(ptrace(PTRACE_ATTACH, pid, NULL, NULL), EPERM);
    fails(ptrace(PTRACE_SEIZE, pid, NULL, NULL), EPERM);
    fails(waitpid(pid, NULL, WNOHANG), ECHILD);
    char byte;
    struct iovec here = {&byte, 1}, there = {(void *)4096, 1};
    fails(process_vm_readv(pid, &here, 1, &there, 1, 0), ESRCH);

    begin("scheduled as others, but not moved off its CPU");
    cpu_set_t all;
    works(sched_getaffinity(softirqd, sizeof all, &all));
    is(CPU_COUNT(&all), 1);
    yes(CPU_ISSET(0, &all));
    fails(sched_setaffinity(softirqd, sizeof all, &all), EINVAL);
    works(sched_getaffinity(pid, sizeof all, &all));
    works(sched_setaffinity(pid, sizeof all, &all));
    errno = 0;
    int nice = getpriority(PRIO_PROCESS, softirqd);
    works(setpriority(PRIO_PROCESS, softirqd, nice + 1));
    is(getpriority(PRIO_PROCESS, softirqd), nice + 1);
    works(setpriority(PRIO_PROCESS, softirqd, nice));
    is(sched_getscheduler(find("migration/0")), SCHED_FIFO);
    struct rlimit files;
    works(prlimit(pid, RLIMIT_NOFILE, NULL, &files));
}
