/* Huge pages by mmap(2): the pool and its counts, reservations, private copies, the calls that work on areas of them
   (`Documentation/admin-guide/mm/hugetlbpage.rst`, mmap(2) "Huge page (Huge TLB) mappings"). */
// test: smp=2 limit=120
#include "huge.h"

#define SYSFS "/sys/kernel/mm/hugepages/hugepages-2048kB/"

/* The number behind a name in the part of smaps about the area at P. */
static long area(const char *p, const char *name) {
    static char text[1 << 16];
    char head[32];
    snprintf(head, sizeof head, "%lx-", (long)p);
    get_file("/proc/self/smaps", text, sizeof text);
    char *at = strstr(text, head);
    at = at ? strstr(at, name) : NULL;
    return at ? strtol(at + strlen(name) + 1, NULL, 10) : -1;
}

static int all_are(const char *p, long len, char byte) {
    for (long i = 0; i < len; i++)
        if (p[i] != byte)
            return 0;
    return 1;
}

static void pools(void) {
    begin("the pool");
    is(pool(0), 0);
    yes(counts_are(0, 0, 0, 0));
    is(pool(6), 6);
    yes(counts_are(6, 6, 0, 0));
    is(count_in("/proc/meminfo", "Hugepagesize"), 2048);
    is(count_in("/proc/meminfo", "Hugetlb"), 6 * 2048);
    is(setting(SYSFS "nr_hugepages", NULL), 6);
    is(setting(SYSFS "nr_hugepages", "5"), 5);
    is(setting(SYSFS "free_hugepages", NULL), 5);
    is(setting(SYSFS "resv_hugepages", NULL), 0);
    is(setting(SYSFS "surplus_hugepages", NULL), 0);
    is(setting(SYSFS "nr_overcommit_hugepages", NULL), 0);
    fails(setting(SYSFS "nr_hugepages", "x"), EINVAL);
    is(setting("nr_hugepages", NULL), 5);
    fails(setting("nr_hugepages", "-3"), EINVAL);
    fails(setting("nr_hugepages", "x"), EINVAL);
    fails(open(SYSFS "free_hugepages", O_WRONLY | O_TRUNC) < 0 ? -1 : 0, EACCES);
    is(pool(6), 6);

    begin("what is in use outlasts a smaller pool as surplus");
    char *p = huge(3, MAP_PRIVATE);
    yes(p != MAP_FAILED);
    p[0] = 1;
    yes(counts_are(6, 5, 2, 0));
    /* Linux gives up pages that nobody was promised, then counts the rest as surplus. */
    is(pool(1), 1);
    yes(counts_are(3, 2, 2, 2));
    is(pool(2), 2);
    yes(counts_are(3, 2, 2, 1));
    works(munmap(p, 3 * MB2));
    yes(counts_are(2, 2, 0, 0));
    is(pool(6), 6);

    begin("overcommit");
    fails(huge(7, MAP_PRIVATE) == MAP_FAILED ? -1 : 0, ENOMEM);
    is(setting("nr_overcommit_hugepages", "2"), 2);
    is(setting(SYSFS "nr_overcommit_hugepages", NULL), 2);
    fails(huge(9, MAP_PRIVATE) == MAP_FAILED ? -1 : 0, ENOMEM);
    yes(counts_are(6, 6, 0, 0));
    p = huge(8, MAP_SHARED);
    yes(p != MAP_FAILED);
    yes(counts_are(8, 8, 8, 2));
    memset(p, 1, 8 * MB2);
    yes(counts_are(8, 0, 0, 2));
    works(munmap(p, 8 * MB2));
    yes(counts_are(6, 6, 0, 0));
    /* Without a promise too. */
    p = huge(8, MAP_PRIVATE | MAP_NORESERVE);
    yes(counts_are(6, 6, 0, 0));
    for (int i = 0; i < 8; i++)
        p[i * MB2] = 1;
    yes(counts_are(8, 0, 0, 2));
    works(munmap(p, 8 * MB2));
    yes(counts_are(6, 6, 0, 0));
    is(setting("nr_overcommit_hugepages", "0"), 0);
}

static void mappings(void) {
    char *p, *q;
    begin("arguments of mmap");
    fails(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | ANON, -1, 0) == MAP_FAILED ? -1 : 0, EINVAL);
    fails(huge(1, MAP_PRIVATE | 22 << MAP_HUGE_SHIFT) == MAP_FAILED ? -1 : 0, EINVAL);
    fails(mmap((void *)0x40001000, MB2, PROT_READ, MAP_PRIVATE | ANON | MAP_FIXED, -1, 0) == MAP_FAILED ? -1 : 0, EINVAL);
    int fd = works(memfd_create("small", 0));
    fails(mmap(NULL, MB2, PROT_READ, MAP_PRIVATE | MAP_HUGETLB, fd, 0) == MAP_FAILED ? -1 : 0, EINVAL);
    close(fd);
    fails(huge(7, MAP_SHARED) == MAP_FAILED ? -1 : 0, ENOMEM);
    fails(huge(1L << 26, MAP_PRIVATE) == MAP_FAILED ? -1 : 0, ENOMEM);
    yes(counts_are(6, 6, 0, 0));
    p = huge(1, MAP_PRIVATE | 21 << MAP_HUGE_SHIFT);
    yes(p != MAP_FAILED && !((long)p & (MB2 - 1)));
    works(munmap(p, MB2));
    p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | ANON, -1, 0);
    yes(p != MAP_FAILED);
    p[MB2 - 1] = 1;
    works(munmap(p, MB2));
    p = mmap((void *)0x40001000, MB2, PROT_READ | PROT_WRITE, MAP_PRIVATE | ANON, -1, 0);
    is(p, 0x40000000);
    q = mmap(p, MB2, PROT_READ | PROT_WRITE, MAP_PRIVATE | ANON | MAP_FIXED, -1, 0);
    is(q, p);
    fails(mmap(p, MB2, PROT_READ, MAP_PRIVATE | ANON | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED ? -1 : 0, EEXIST);
    works(munmap(p, MB2));
    yes(counts_are(6, 6, 0, 0));

    begin("reservations");
    p = huge(4, MAP_PRIVATE);
    yes(counts_are(6, 6, 4, 0));
    q = huge(2, MAP_SHARED);
    yes(counts_are(6, 6, 6, 0));
    fails(huge(1, MAP_PRIVATE) == MAP_FAILED ? -1 : 0, ENOMEM);
    char *r = huge(1, MAP_PRIVATE | MAP_NORESERVE);
    yes(r != MAP_FAILED);
    /* All is promised to others. */
    is(touch(r, 1), SIGBUS);
    is(touch(r, 0), SIGBUS);
    is(madvise(r, MB2, MADV_POPULATE_WRITE) ? errno : 0, EFAULT);
    p[0] = p[MB2] = q[0] = 1;
    yes(counts_are(6, 3, 3, 0));
    works(munmap(p + MB2, MB2));
    yes(counts_are(6, 4, 3, 0));
    works(munmap(p + 2 * MB2, MB2));
    yes(counts_are(6, 4, 2, 0));
    is(touch(r, 1), 0);
    works(munmap(p, 4 * MB2));
    works(munmap(q, 2 * MB2));
    works(munmap(r, MB2));
    yes(counts_are(6, 6, 0, 0));

    begin("memory is zeros and keeps what is written");
    p = huge(2, MAP_PRIVATE);
    yes(all_are(p, MB2, 0));
    memset(p, 7, MB2);
    p[MB2] = 3;
    yes(all_are(p, MB2, 7) && p[MB2] == 3);
    works(munmap(p, 2 * MB2));
    p = huge(2, MAP_PRIVATE | MAP_POPULATE);
    yes(counts_are(6, 4, 0, 0));
    yes(all_are(p, 2 * MB2, 0));
    is(count_in("/proc/self/status", "HugetlbPages"), 4096);
    works(munmap(p, 2 * MB2));
    is(count_in("/proc/self/status", "HugetlbPages"), 0);
    fd = works(open("/dev/zero", O_RDWR));
    p = huge(2, MAP_SHARED);
    is(read(fd, p + 4096, 2 * MB2 - 4096), 2 * MB2 - 4096);
    is(write(fd, p, 2 * MB2), 2 * MB2);
    close(fd);
    works(munmap(p, 2 * MB2));
}

static void calls(void) {
    unsigned char in[1024];
    char *p = huge(3, MAP_PRIVATE), *q;
    begin("areas are cut between pages alone");
    memset(p, 5, 3 * MB2);
    fails(munmap(p + 4096, MB2), EINVAL);
    fails(munmap(p, 4096), EINVAL);
    fails(mprotect(p, 4096, PROT_READ), EINVAL);
    fails(mprotect(p + 4096, MB2 - 4096, PROT_READ), EINVAL);
    fails(mmap(p + 4096, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED ? -1 : 0, ENOMEM);
    works(mprotect(p + MB2, MB2, PROT_READ));
    is(touch(p + MB2, 1), SIGSEGV);
    is(p[MB2], 5);
    works(mprotect(p + MB2, MB2, PROT_NONE));
    is(touch(p + MB2, 0), SIGSEGV);
    works(mprotect(p + MB2, MB2, PROT_READ | PROT_WRITE));
    p[MB2]++;
    is(p[MB2], 6);

    begin("mremap");
    fails(mremap(p, 3 * MB2, 4 * MB2, MREMAP_MAYMOVE) == MAP_FAILED ? -1 : 0, EINVAL);
    fails(mremap(p + 4096, MB2, MB2, MREMAP_MAYMOVE) == MAP_FAILED ? -1 : 0, EINVAL);
    is(mremap(p, 3 * MB2, 2 * MB2, 0), p);
    yes(counts_are(6, 4, 0, 0));
    /* Areas that were cut stay so. */
    fails(mremap(p, 2 * MB2, 2 * MB2, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)0x50000000) == MAP_FAILED ? -1 : 0, EFAULT);
    works(munmap(p, 2 * MB2));
    p = huge(2, MAP_PRIVATE);
    p[0] = 5;
    p[MB2] = 6;
    char *room = mmap(NULL, 6 * MB2, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *to = (char *)(((long)room + MB2 - 1) & ~(MB2 - 1));
    fails(mremap(p, MB2, MB2, MREMAP_MAYMOVE | MREMAP_FIXED, to + 4096) == MAP_FAILED ? -1 : 0, EINVAL);
    is(mremap(p, 2 * MB2, 2 * MB2, MREMAP_MAYMOVE | MREMAP_FIXED, to), to);
    is(to[0], 5);
    is(to[MB2], 6);
    to[0] = 9;
    yes(counts_are(6, 4, 0, 0));
    is(touch(p, 0), SIGSEGV);
    works(munmap(to, 2 * MB2));
    works(munmap(room, 6 * MB2));
    yes(counts_are(6, 6, 0, 0));
    /* What was promised moves too. */
    p = huge(2, MAP_PRIVATE);
    room = mmap(NULL, 6 * MB2, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    to = (char *)(((long)room + MB2 - 1) & ~(MB2 - 1));
    is(mremap(p, 2 * MB2, 2 * MB2, MREMAP_MAYMOVE | MREMAP_FIXED, to), to);
    yes(counts_are(6, 6, 2, 0));
    to[MB2] = 1;
    yes(counts_are(6, 5, 1, 0));
    works(munmap(room, 6 * MB2));
    yes(counts_are(6, 6, 0, 0));

    begin("madvise, mincore, mlock, msync");
    p = huge(2, MAP_PRIVATE);
    works(mincore(p, 2 * MB2, in));
    is(in[0] | in[511] | in[512] | in[1023], 0);
    p[MB2] = 1;
    works(mincore(p, 2 * MB2, in));
    is(in[0] | in[511], 0);
    is(in[512] & in[1023], 1);
    fails(madvise(p + 4096, MB2 - 4096, MADV_DONTNEED), EINVAL);
    fails(madvise(p, MB2, MADV_FREE), EINVAL);
    fails(madvise(p, MB2, MADV_COLD), EINVAL);
    fails(madvise(p, MB2, MADV_PAGEOUT), EINVAL);
    fails(madvise(p, MB2, MADV_WIPEONFORK), EINVAL);
    works(madvise(p + MB2, MB2, MADV_DONTNEED));
    is(p[MB2], 0);
    p[MB2] = 1;
    works(madvise(p, MB2 + 4096, MADV_DONTNEED));
    is(p[MB2], 1);
    works(madvise(p, 2 * MB2, MADV_DONTFORK));
    is(touch(p + MB2, 0), SIGSEGV);
    works(mlock(p, 4096));
    is(count_in("/proc/self/status", "VmLck"), 0);
    works(mincore(p, 2 * MB2, in));
    is(in[0] & in[511], 1);
    works(munlock(p, 2 * MB2));
    works(msync(p, 2 * MB2, MS_SYNC));
    works(munmap(p, 2 * MB2));
    yes(counts_are(6, 6, 0, 0));

    begin("what /proc tells");
    p = huge(2, MAP_PRIVATE);
    q = huge(1, MAP_SHARED);
    p[0] = q[0] = 1;
    is(area(p, "KernelPageSize"), 2048);
    is(area(p, "MMUPageSize"), 2048);
    is(area(p, "Rss"), 0);
    is(area(p, "Private_Hugetlb"), 2048);
    is(area(p, "Shared_Hugetlb"), 0);
    pid_t child = fork();
    if (child == 0) {
        (void)*(volatile char *)q;
        is(area(q, "Shared_Hugetlb"), 2048);
        is(area(p, "Shared_Hugetlb"), 2048);
        is(area(p, "Private_Hugetlb"), 0);
        _exit(check_bad);
    }
    int status;
    works(waitpid(child, &status, 0));
    yes(exited(status, 0));
    uint64_t entry[2];
    int map = works(open("/proc/self/pagemap", O_RDONLY));
    is(pread(map, entry, 16, ((long)p + 4096) / 512), 16);
    is(entry[0] >> 61, 4);
    is((entry[1] << 9) - (entry[0] << 9), 1 << 9);
    is(pread(map, entry, 8, ((long)p + MB2) / 512), 8);
    is(entry[0] >> 63, 0);
    is(pread(map, entry, 8, (long)q / 512), 8);
    is(entry[0] >> 61, 5);
    close(map);
    char *maps = malloc(1 << 16), head[32];
    get_file("/proc/self/maps", maps, 1 << 16);
    snprintf(head, sizeof head, "%lx-", (long)p);
    char *line = strstr(maps, head);
    yes(line && strstr(line, "/anon_hugepage (deleted)\n"));
    free(maps);
    /* By /proc/PID/mem, also what was not touched. */
    int mem = works(open("/proc/self/mem", O_RDWR));
    is(pwrite(mem, "abc", 3, (long)p + MB2 + 12345), 3);
    is(memcmp(p + MB2 + 12345, "abc", 3), 0);
    is(pread(mem, entry, 3, (long)p + MB2 + 12345), 3);
    is(memcmp(entry, "abc", 3), 0);
    close(mem);
    works(munmap(p, 2 * MB2));
    works(munmap(q, MB2));
    yes(counts_are(6, 6, 0, 0));
}

static void forks(void) {
    begin("private memory is copied after a fork");
    char *p = huge(2, MAP_PRIVATE), *q = huge(1, MAP_SHARED);
    memset(p, 1, 2 * MB2);
    q[0] = 1;
    int status = in_child({
        p[5] = 2;
        q[5] = 2;
        if (p[6] != 1 || p[MB2 + 5] != 1 || nfree() != 2) _exit(1);
    });
    yes(exited(status, 0));
    is(p[5], 1);
    is(q[5], 2);
    yes(counts_are(6, 3, 0, 0));
    p[5] = 3;
    yes(counts_are(6, 3, 0, 0));
    works(munmap(q, MB2));

    begin("a child gets no promise");
    char *r = huge(3, MAP_PRIVATE);
    yes(counts_are(6, 4, 3, 0));
    status = in_child({
        r[0] = 1;
        if (nfree() != 3 || reserved() != 3) _exit(1);
        r[MB2] = 1;
        _exit(2);
    });
    yes(killed(status, SIGBUS));
    r[0] = r[MB2] = r[2 * MB2] = 1;
    works(munmap(r, 3 * MB2));
    works(munmap(p, 2 * MB2));
    yes(counts_are(6, 6, 0, 0));

    begin("who was promised pages has them, whoever loses them");
    p = huge(6, MAP_PRIVATE);
    memset(p, 1, 6 * MB2);
    int end;
    pid_t child = waiting_child(&end, {});
    p[0] = 2;
    is(p[0], 2);
    is(p[1], 1);
    close(end);
    works(waitpid(child, &status, 0));
    yes(exited(status, 0));
    works(munmap(p, 6 * MB2));
    yes(counts_are(6, 6, 0, 0));
}

static void tests(void) {
    setbuf(stdout, NULL);
    pools();
    mappings();
    calls();
    forks();
    begin("pages of 1 GiB are refused");
    fails(huge(512, MAP_PRIVATE | 30 << MAP_HUGE_SHIFT) == MAP_FAILED ? -1 : 0, ENOMEM);
    is(pool(0), 0);
    yes(counts_are(0, 0, 0, 0));
}
