/* /proc as ps, free, mount and top read it: formats, and numbers that are true (proc(5)). */
#include "check.h"
#include <dirent.h>
#include <sys/prctl.h>
#include <sys/mount.h>
#include <sys/sysinfo.h>

static char text[1 << 16];

static long field(const char *file, const char *key) {
    if (get_file(file, text, sizeof text) < 0)
        return -1;
    char *at = strstr(text, key);
    return at ? atol(at + strlen(key)) : -2;
}
static int has(const char *file, const char *what) {
    return get_file(file, text, sizeof text) > 0 && strstr(text, what) != NULL;
}

static void tests(void) {
    char path[200], name[100];
    int status;

    begin("stat of a process: 52 fields, the right ones");
    yes(get_file("/proc/self/stat", text, sizeof text) > 0);
    int pid, ppid, pgrp, session, fields = 1;
    char state;
    is(sscanf(text, "%d (procfs) %c %d %d %d", &pid, &state, &ppid, &pgrp, &session), 5);
    is(pid, getpid());
    is(ppid, getppid());
    is(pgrp, getpgrp());
    is(state, 'R');
    for (char *c = text; *c; c++)
        fields += *c == ' ';
    is(fields, 52);

    begin("status of a process");
    is(field("/proc/self/status", "\nPid:\t"), getpid());
    is(field("/proc/self/status", "\nPPid:\t"), getppid());
    is(field("/proc/self/status", "\nThreads:\t"), 1);
    yes(has("/proc/self/status", "Name:\tprocfs\n"));
    yes(has("/proc/self/status", "\nUid:\t0\t0\t0\t0\n"));
    long rss = field("/proc/self/status", "\nVmRSS:");
    yes(rss >= 0 && rss < 100000);
    char *area = mmap(NULL, 8 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(area, 1, 8 << 20);
    long more = field("/proc/self/status", "\nVmRSS:");
    yes(more >= rss + 7900 && more <= rss + 9200);
    munmap(area, 8 << 20);
    yes(field("/proc/self/status", "\nVmRSS:") < more - 7000);
    signal(SIGUSR1, SIG_IGN);
    yes(has("/proc/self/status", "SigIgn:\t0000000000000200\n"));

    begin("cmdline, comm, exe, cwd, root, environ");
    yes(get_file("/proc/self/cmdline", text, sizeof text) > 0);
    yes(strstr(text, "procfs") != NULL);
    memset(name, 0, sizeof name);
    yes(readlink("/proc/self/exe", name, sizeof name - 1) > 0);
    is(strcmp(name, "/test/procfs"), 0);
    memset(name, 0, sizeof name);
    yes(readlink("/proc/self/cwd", name, sizeof name - 1) > 0);
    yes(getcwd(path, sizeof path) && !strcmp(name, path));
    memset(name, 0, sizeof name);
    is(readlink("/proc/self/root", name, sizeof name), 1);
    yes(get_file("/proc/self/environ", text, sizeof text) > 0);

    begin("self and thread-self");
    memset(name, 0, sizeof name);
    yes(readlink("/proc/self", name, sizeof name - 1) > 0);
    is(atoi(name), getpid());
    snprintf(path, sizeof path, "%d/task/%d", getpid(), getpid());
    memset(name, 0, sizeof name);
    yes(readlink("/proc/thread-self", name, sizeof name - 1) > 0);
    is(strcmp(name, path), 0);

    begin("maps: this program, its stack and heap");
    yes(has("/proc/self/maps", "/test/procfs\n"));
    yes(has("/proc/self/maps", "[stack]\n"));
    sbrk(4096);
    yes(has("/proc/self/maps", "[heap]\n"));
    unsigned long from, to, offset, inode;
    char rights[8];
    unsigned major, minor;
    is(sscanf(text, "%lx-%lx %7s %lx %x:%x %lu", &from, &to, rights, &offset, &major, &minor, &inode), 7);
    yes(to > from && strlen(rights) == 4);
    long here = (long)&status;
    int found = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        if (sscanf(line, "%lx-%lx", &from, &to) == 2 && (unsigned long)here >= from && (unsigned long)here < to)
            found = strstr(line, "rw-p") && strstr(line, "[stack]");
    yes(found);

    begin("statm agrees with status");
    long pages[7];
    yes(get_file("/proc/self/statm", text, sizeof text) > 0);
    is(sscanf(text, "%ld %ld %ld %ld %ld %ld %ld", pages, pages + 1, pages + 2, pages + 3, pages + 4, pages + 5, pages + 6), 7);
    long size = field("/proc/self/status", "\nVmSize:");
    yes(labs(pages[0] * 4 - size) <= 200);

    begin("fd: one link for each descriptor");
    int fd = open("/dev/null", O_RDONLY);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    memset(name, 0, sizeof name);
    is(readlink(path, name, sizeof name), 9);
    is(strcmp(name, "/dev/null"), 0);
    close(fd);
    is(readlink(path, name, sizeof name), -1);
    snprintf(path, sizeof path, "/proc/self/fdinfo/0");
    yes(has(path, "pos:\t0\n"));

    begin("another process: its state as it changes");
    pid_t child = fork();
    if (child == 0)
        for (;;)
            pause();
    snprintf(path, sizeof path, "/proc/%d/stat", child);
    for (int i = 0; i < 200 && !has(path, ") S "); i++)
        pause_ms(5);
    yes(has(path, ") S "));
    kill(child, SIGSTOP);
    for (int i = 0; i < 200 && !has(path, ") T "); i++)
        pause_ms(5);
    yes(has(path, ") T "));
    kill(child, SIGKILL);
    for (int i = 0; i < 200 && !has(path, ") Z "); i++)
        pause_ms(5);
    yes(has(path, ") Z "));
    waitpid(child, &status, 0);
    is(access(path, F_OK), -1);

    begin("the list of processes is numbers that exist");
    DIR *d = opendir("/proc");
    struct dirent *e;
    int numbers = 0, me = 0, one = 0;
    while (d && (e = readdir(d))) {
        if (e->d_name[0] >= '0' && e->d_name[0] <= '9') {
            numbers++;
            me |= atoi(e->d_name) == getpid();
            one |= atoi(e->d_name) == 1;
        }
    }
    closedir(d);
    yes(me && one && numbers >= 2);

    begin("meminfo: true numbers");
    long total = field("/proc/meminfo", "MemTotal:"), memfree = field("/proc/meminfo", "MemFree:");
    struct sysinfo si;
    sysinfo(&si);
    yes(total > 100000 && labs((long)(si.totalram * si.mem_unit / 1024) - total) < 100);
    /* Of what is given back Linux keeps up to a low watermark (84 MiB here) on lists of each processor, and counts none of it. */
    area = mmap(NULL, 160 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(area, 1, 160 << 20);
    long less = field("/proc/meminfo", "MemFree:");
    yes(memfree - less > 60 << 10 && memfree - less < 180 << 10);
    long taken = field("/proc/meminfo", "\nActive:") + field("/proc/meminfo", "\nInactive:");
    yes(taken > 150 << 10 && taken < total);
    yes(field("/proc/meminfo", "Active(anon):") + field("/proc/meminfo", "Inactive(anon):") > 150 << 10);
    yes(field("/proc/meminfo", "Active(file):") >= 0 && field("/proc/meminfo", "Inactive(file):") >= 0);
    munmap(area, 160 << 20);
    for (int i = 0; i < 100 && field("/proc/meminfo", "MemFree:") <= less; i++)
        pause_ms(10);
    yes(field("/proc/meminfo", "MemFree:") > less);
    yes(field("/proc/meminfo", "MemAvailable:") > 0);
    yes(field("/proc/meminfo", "Cached:") >= 0);
    yes(field("/proc/meminfo", "Slab:") > 0);

    begin("vmstat: what is free, what was swapped");
    yes(field("/proc/vmstat", "nr_free_pages ") > 0);
    is(field("/proc/vmstat", "\npswpin "), 0);
    is(field("/proc/vmstat", "\npswpout "), 0);

    begin("stat of the system: CPUs, time, forks, boot");
    yes(has("/proc/stat", "cpu  "));
    yes(strstr(text, "\ncpu0 ") && strstr(text, "\nctxt ") && strstr(text, "\nbtime "));
    long forks = field("/proc/stat", "\nprocesses ");
    in_child(_exit(0));
    yes(field("/proc/stat", "\nprocesses ") > forks);
    works(sysinfo(&si));
    yes(labs(field("/proc/stat", "\nbtime ") + si.uptime - time(NULL)) <= 3);

    begin("loadavg, uptime, version, cpuinfo, filesystems");
    float a, b, c;
    int running, all, last;
    yes(get_file("/proc/loadavg", text, sizeof text) > 0);
    is(sscanf(text, "%f %f %f %d/%d %d", &a, &b, &c, &running, &all, &last), 6);
    yes(running >= 1 && all >= running);
    yes(has("/proc/version", "Linux version 6.1."));
    yes(has("/proc/cpuinfo", "processor\t: 0\n"));
    yes(strstr(text, "model name\t: ") && strstr(text, "flags\t\t: "));
    long processors = sysconf(_SC_NPROCESSORS_ONLN), package = field("/proc/cpuinfo", "\nphysical id\t: ");
    long siblings = field("/proc/cpuinfo", "\nsiblings\t: "), cores = field("/proc/cpuinfo", "\ncpu cores\t: ");
    yes(package >= 0 && field("/proc/cpuinfo", "\ncore id\t\t: ") >= 0);
    yes(1 <= cores && cores <= siblings && siblings <= processors);
    struct stat advised;
    is(stat("/proc/cpuinfo", &advised), 0);
    is(advised.st_blksize, 1024);
    is(stat("/proc/self", &advised), 0);
    is(advised.st_blksize, 1024);
    is(access("/sys/class/power_supply", R_OK | X_OK), 0);
    yes(has("/proc/filesystems", "nodev\tproc\n"));
    yes(has("/proc/filesystems", "nodev\ttmpfs\n"));
    yes(get_file("/proc/cmdline", text, sizeof text) > 0 && strchr(text, '\n'));

    begin("mounts and mountinfo");
    yes(has("/proc/mounts", " /proc proc "));
    mkdir("m", 0755);
    works(mount("tmpfs", "m", "tmpfs", 0, "size=1m"));
    char cwd[100];
    getcwd(cwd, sizeof cwd);
    snprintf(path, sizeof path, "tmpfs %s/m tmpfs rw", cwd);
    yes(has("/proc/mounts", path));
    yes(has("/proc/self/mountinfo", "/m rw"));
    fails(rmdir("m"), EBUSY);
    works(umount("m"));
    yes(!has("/proc/mounts", path));
    fails(umount("m"), EINVAL);
    fails(mount("x", "m", "nosuchfs", 0, NULL), ENODEV);

    begin("sysctl files");
    yes(has("/proc/sys/kernel/ostype", "Linux\n"));
    yes(has("/proc/sys/kernel/hostname", "gaon\n"));
    yes(field("/proc/sys/kernel/pid_max", "") >= 301);

    begin("open files are counted, and limited");
    long used = field("/proc/sys/fs/file-nr", ""), most = field("/proc/sys/fs/file-max", "");
    yes(used >= 0 && most > 1000); /* Linux counts in batches */
    int many[300];
    for (int i = 0; i < 300; i++)
        many[i] = open("/dev/null", O_RDONLY);
    yes(field("/proc/sys/fs/file-nr", "") >= used + 200);
    for (int i = 0; i < 300; i++)
        close(many[i]);
    snprintf(path, sizeof path, "%ld\n", used + 300);
    put_file("/proc/sys/fs/file-max", path);
    status = in_child({
        struct rlimit limit = {4000, 4000};
        setrlimit(RLIMIT_NOFILE, &limit);
        if (setuid(1000)) _exit(1);
        for (int i = 0; i < 2000; i++)
            if (open("/dev/null", O_RDONLY) < 0) _exit(errno == ENFILE ? 0 : 2);
        _exit(3);
    });
    yes(exited(status, 0));
    snprintf(path, sizeof path, "%ld\n", most);
    put_file("/proc/sys/fs/file-max", path);

    begin("threads-max is a limit");
    long threads = field("/proc/sys/kernel/threads-max", "");
    yes(threads >= 20);
    put_file("/proc/sys/kernel/threads-max", "21\n");
    is(field("/proc/sys/kernel/threads-max", ""), 21);
    pid_t crowd[40];
    int born = 0, refused = 0;
    for (int i = 0; i < 40 && !refused; i++) {
        crowd[i] = fork();
        if (crowd[i] == 0) {
            pause();
            _exit(0);
        }
        refused = crowd[i] < 0 ? errno : 0;
        born += crowd[i] > 0;
    }
    is(refused, EAGAIN);
    for (int i = 0; i < born; i++) {
        kill(crowd[i], SIGKILL);
        waitpid(crowd[i], NULL, 0);
    }
    snprintf(path, sizeof path, "%ld\n", threads);
    put_file("/proc/sys/kernel/threads-max", path);
    is(field("/proc/sys/kernel/threads-max", ""), threads);

    begin("mem: the memory of a process");
    {
        static char here[8192] __attribute__((aligned(4096)));
        char seen[64];
        strcpy(here + 4090, "across the pages");
        int fd = works(open("/proc/self/mem", O_RDWR));
        is(pread(fd, seen, 17, (off_t)(here + 4090)), 17);
        is(strcmp(seen, "across the pages"), 0);
        is(lseek(fd, (off_t)here + 10, SEEK_SET), (long)here + 10);
        is(write(fd, "written", 8), 8);
        is(lseek(fd, -8, SEEK_CUR), (long)here + 10);
        is(read(fd, seen, 8), 8);
        yes(!strcmp(seen, "written") && !strcmp(here + 10, "written"));
        fails(lseek(fd, 0, SEEK_END), EINVAL);
        fails(lseek(fd, 0, SEEK_DATA), EINVAL);
        /* protections are passed by, but a shared mapping stays what it is */
        char *shared = mmap(NULL, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        char *text = mmap(NULL, 3 * 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        munmap(text + 4096, 4096);
        is(pwrite(fd, "breakpoint", 11, (off_t)text + 4000), 11);
        is(strcmp(text + 4000, "breakpoint"), 0);
        mprotect(text, 4096, PROT_NONE);
        is(pread(fd, seen, 11, (off_t)text + 4000), 11);
        is(strcmp(seen, "breakpoint"), 0);
        fails(pwrite(fd, "x", 1, (off_t)shared), EIO);
        /* as far as there is something */
        is(pread(fd, seen, 64, (off_t)text + 4090), 6);
        fails(pread(fd, seen, 64, (off_t)text + 4096), EIO);
        fails(pwrite(fd, seen, 64, (off_t)text + 4096), EIO);
        fails(pread(fd, seen, 1, 0), EIO);
        is(pread(fd, seen, 0, 0), 0);
        fails(pread(fd, seen, 1, -1), EINVAL);
        lseek(fd, 0xffff888000000000UL, SEEK_SET);
        fails(read(fd, seen, 1), EIO);
        fails(pread(fd, text + 4096, 8, (off_t)here), EFAULT);
        fails(pwrite(fd, text + 4096, 8, (off_t)here), EFAULT);
        yes(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED && errno == ENODEV);
        close(fd);
        munmap(text, 4096), munmap(text + 8192, 4096), munmap(shared, 4096);

        /* another process: for who may trace it; its end empties what is open */
        char path[40];
        int gate[2];
        works(pipe(gate));
        pid_t pid = fork();
        if (pid == 0) {
            (void)!read(gate[0], seen, 1);
            _exit(here[10] == 'W' ? 0 : 1);
        }
        snprintf(path, sizeof path, "/proc/%d/mem", pid);
        fd = works(open(path, O_RDWR));
        is(pwrite(fd, "W", 1, (off_t)here + 10), 1);
        is(here[10], 'w');
        status = in_child(_exit(setresuid(4325, 4325, 4325) || open(path, O_RDONLY) != -1 || errno != EACCES));
        yes(exited(status, 0));
        is(write(gate[1], "x", 1), 1);
        waitpid(pid, &status, 0);
        yes(exited(status, 0));
        is(pread(fd, seen, 8, (off_t)here), 0);
        close(fd), close(gate[0]), close(gate[1]);
        /* the same user, who has given up nothing; and who has */
        status = in_child({
            int bad = setresgid(4325, 4325, 4325) || setresuid(4325, 4325, 4325);
            bad |= prctl(PR_SET_DUMPABLE, 1);
            pid_t heir = fork();
            if (heir == 0)
                for (;;)
                    pause();
            snprintf(path, sizeof path, "/proc/%d/mem", heir);
            fd = open(path, O_RDONLY);
            bad |= fd < 0 || pread(fd, seen, 8, (off_t)here) != 8;
            kill(heir, SIGKILL);
            waitpid(heir, NULL, 0);
            prctl(PR_SET_DUMPABLE, 0);
            bad |= open("/proc/self/mem", O_RDONLY) != -1 || errno != EACCES; /* it is root's now */
            _exit(bad);
        });
        yes(exited(status, 0));
    }

    begin("swappiness is kept within its range");
    {
        char old[20], text[20];
        yes(get_file("/proc/sys/vm/swappiness", old, sizeof old) > 0);
        is(atoi(old), 60);
        int fd = works(open("/proc/sys/vm/swappiness", O_WRONLY));
        is(pwrite(fd, "200\n", 4, 0), 4);
        get_file("/proc/sys/vm/swappiness", text, sizeof text);
        is(strcmp(text, "200\n"), 0);
        fails(pwrite(fd, "201\n", 4, 0), EINVAL);
        fails(pwrite(fd, "-1\n", 3, 0), EINVAL);
        works(pwrite(fd, old, strlen(old), 0));
        close(fd);
    }

    begin("wchan: where a thread sleeps");
    int ends[2];
    works(pipe(ends));
    pid_t sleeper = fork();
    if (sleeper == 0) {
        close(ends[1]);
        (void)!read(ends[0], path, 1);
        _exit(0);
    }
    snprintf(path, sizeof path, "/proc/%d/wchan", sleeper);
    for (int i = 0; i < 100 && !has(path, "pipe"); i++)
        pause_ms(5);
    yes(has(path, "pipe"));
    yes(!strchr(text, '\n'));

    begin("stack and sched: of the same thread");
    snprintf(path, sizeof path, "/proc/%d/stack", sleeper);
    yes(has(path, "[<0>] ") && strstr(text, "pipe") && strstr(text, "+0x"));
    struct stat about;
    works(stat(path, &about));
    is(about.st_mode & 0777, 0400);
    status = in_child(if (setuid(65534)) _exit(2); char byte; int stack = open("/proc/self/stack", O_RDONLY);
                      if (stack >= 0 && read(stack, &byte, 1) >= 0) _exit(1); _exit(errno == EACCES ? 0 : 3));
    yes(exited(status, 0));
    snprintf(path, sizeof path, "/proc/%d/sched", sleeper);
    snprintf(name, sizeof name, "procfs (%d, #threads: 1)\n-----", sleeper);
    yes(has(path, name));
    for (int nice = 0; nice <= 10; nice += 10) {
        works(setpriority(PRIO_PROCESS, sleeper, nice));
        get_file(path, text, sizeof text);
        char *prio = strstr(text, "\nprio "), *policy = strstr(text, "\npolicy ");
        yes(prio && atoi(strchr(prio, ':') + 1) == 120 + nice);
        yes(policy && atoi(strchr(policy, ':') + 1) == 0);
    }
    char *voluntary = strstr(text, "nr_voluntary_switches"), *ran = strstr(text, "se.sum_exec_runtime");
    yes(voluntary && atoi(strchr(voluntary, ':') + 1) >= 1);
    yes(ran && atof(strchr(ran, ':') + 1) > 0);
    yes(strstr(text, "se.exec_start") && strstr(text, "se.vruntime") && strstr(text, "se.load.weight"));

    begin("oom_adj: the old scale");
    snprintf(path, sizeof path, "/proc/%d/oom_adj", sleeper);
    snprintf(name, sizeof name, "/proc/%d/oom_score_adj", sleeper);
    static const int scale[][3] = {{15, 1000, 15}, {-17, -1000, -17}, {8, 470, 7}, {0, 0, 0}, {-1, -58, 0}};
    int adj = open(path, O_RDWR);
    for (int i = 0; i < 5; i++) {
        char number[8];
        int length = snprintf(number, sizeof number, "%d\n", scale[i][0]);
        is(pwrite(adj, number, length, 0), length);
        is(field(name, ""), scale[i][1]);
        is(field(path, ""), scale[i][2]);
    }
    fails(pwrite(adj, "16", 2, 0), EINVAL);
    fails(pwrite(adj, "-18", 3, 0), EINVAL);
    fails(pwrite(adj, "x", 1, 0), EINVAL);
    close(adj);

    begin("wchan of who runs, and of the dead");
    close(ends[1]);
    close(ends[0]);
    waitpid(sleeper, NULL, 0);
    yes(get_file("/proc/self/wchan", text, sizeof text) == 1 && text[0] == '0');

    begin("what may not be");
    fails(open("/proc/self/nothing", O_RDONLY), ENOENT);
    fails(open("/proc/newfile", O_CREAT | O_RDWR, 0600), ENOENT);
    yes(mkdir("/proc/newdir", 0700) == -1);
    yes(unlink("/proc/meminfo") == -1);
    fails(open("/proc/999999/stat", O_RDONLY), ENOENT);
    fd = open("/proc/self/stat", O_RDONLY);
    fails(write(fd, "x", 1), EBADF);
    is(pread(fd, text, 10, 100000), 0);
    close(fd);

    begin("small reads give the same as one large read");
    static char whole[1 << 16], pieces[1 << 16];
    long n = get_file("/proc/filesystems", whole, sizeof whole), at = 0;
    fd = open("/proc/filesystems", O_RDONLY);
    while (read(fd, pieces + at, 1) == 1)
        at++;
    close(fd);
    is(at, n);
    is(memcmp(whole, pieces, n), 0);
}
