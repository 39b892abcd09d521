/* Memory: mmap(2), munmap, mprotect, mremap, brk, madvise, copy on write, stack growth, shared file mappings. */
#include "check.h"
#include <setjmp.h>
#include <sys/resource.h>

#define P 4096L
static sigjmp_buf back;
static void fault(int sig) { siglongjmp(back, sig); }
/* 0: the access works; otherwise the signal. */
#define touch(e) ({ int s_ = sigsetjmp(back, 1); if (!s_) { e; } s_; })

static void *map(long pages, int prot, int flags) {
    return mmap(NULL, pages * P, prot, flags | MAP_ANONYMOUS, -1, 0);
}

static long lines_of(const char *path) {
    static char text[200000];
    if (get_file(path, text, sizeof text) < 0)
        return -1;
    long n = 0;
    for (char *c = text; *c; c++)
        n += *c == '\n';
    return n;
}

static void tests(void) {
    const int RW = PROT_READ | PROT_WRITE;
    int status;
    volatile char *p, *q;
    signal(SIGSEGV, fault);
    signal(SIGBUS, fault);

    begin("anonymous memory is zero and holds what is written");
    p = map(100, RW, MAP_PRIVATE);
    yes(p != MAP_FAILED);
    for (long i = 0; i < 100; i++) {
        is(p[i * P + 7], 0);
        p[i * P + 7] = i;
    }
    for (long i = 0; i < 100; i++)
        is(p[i * P + 7], i);
    works(munmap((void *)p, 100 * P));
    is(touch(p[0]), SIGSEGV);

    begin("mmap: what it refuses");
    fails(mmap(NULL, 0, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), EINVAL);
    fails(mmap(NULL, P, RW, MAP_ANONYMOUS, -1, 0), EINVAL);
    fails(mmap((void *)1, P, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), EINVAL);
    fails(mmap(NULL, P, RW, MAP_PRIVATE, -1, 0), EBADF);
    fails(mmap(NULL, P, RW, MAP_PRIVATE, 0, 1), EINVAL);
    fails(mmap(NULL, -P, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), ENOMEM);
    fails(mmap((void *)0xffff800000000000, P, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), ENOMEM);
    int fd = open("file", O_RDWR | O_CREAT | O_TRUNC, 0644), rd = open("file", O_RDONLY), wr = open("file", O_WRONLY);
    fails(mmap(NULL, P, RW, MAP_SHARED, rd, 0), EACCES);
    fails(mmap(NULL, P, PROT_READ, MAP_SHARED, wr, 0), EACCES);
    yes(mmap(NULL, P, RW, MAP_PRIVATE, rd, 0) != MAP_FAILED);
    int dir = open(".", O_RDONLY);
    fails(mmap(NULL, P, PROT_READ, MAP_SHARED, dir, 0), ENODEV);
    close(dir);

    begin("MAP_FIXED replaces, MAP_FIXED_NOREPLACE does not");
    p = map(3, RW, MAP_PRIVATE);
    p[P] = 9;
    is((long)mmap((void *)(p + P), P, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), (long)(p + P));
    is(p[P], 0);
    fails(mmap((void *)(p + P), P, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0), EEXIST);

    begin("munmap cuts a hole");
    works(munmap((void *)(p + P), P));
    is(touch(p[0] = 1), 0);
    is(touch(p[P] = 1), SIGSEGV);
    is(touch(p[2 * P] = 1), 0);
    works(munmap((void *)p, 3 * P));
    works(munmap((void *)p, 3 * P));
    fails(munmap((void *)(p + 1), P), EINVAL);
    fails(munmap((void *)p, 0), EINVAL);

    begin("mprotect takes and gives rights");
    p = map(4, RW, MAP_PRIVATE);
    p[P] = 5;
    works(mprotect((void *)(p + P), P, PROT_READ));
    is(touch(p[P] = 1), SIGSEGV);
    is(p[P], 5);
    is(touch(p[2 * P] = 1), 0);
    works(mprotect((void *)(p + P), P, PROT_NONE));
    is(touch(p[P]), SIGSEGV);
    works(mprotect((void *)(p + P), P, RW));
    is(touch(p[P] = 6), 0);
    fails(mprotect((void *)(p + 1), P, PROT_READ), EINVAL);
    works(munmap((void *)(p + 2 * P), P));
    fails(mprotect((void *)p, 4 * P, RW), ENOMEM);

    begin("execution needs PROT_EXEC");
    p = map(1, RW, MAP_PRIVATE);
    p[0] = 0xc3;
    is(touch(((void (*)(void))p)()), SIGSEGV);
    works(mprotect((void *)p, P, PROT_READ | PROT_EXEC));
    is(touch(((void (*)(void))p)()), 0);

    begin("what may be written or run alone can be read as well");
    put_file("only", "the text");
    int only = open("only", O_RDWR), prots[] = {PROT_WRITE, PROT_EXEC};
    for (int i = 0; i < 2; i++)
        for (int shared = 0; shared < 2; shared++) {
            p = map(2, prots[i], shared ? MAP_SHARED : MAP_PRIVATE);
            is(p[0], 0);
            is(write(only, (char *)p + P, 1), 1);
            if (prots[i] == PROT_WRITE)
                is(p[0] = 3, 3);
            works(munmap((void *)p, 2 * P));
            p = mmap(NULL, P, prots[i], shared ? MAP_SHARED : MAP_PRIVATE, only, 0);
            is(p[4], 't');
            works(mprotect((void *)p, P, PROT_NONE));
            works(mprotect((void *)p, P, prots[i]));
            is(p[4], 't');
            works(munmap((void *)p, P));
        }
    close(only);

    begin("copy on write keeps both sides apart");
    p = map(50, RW, MAP_PRIVATE);
    memset((void *)p, 'a', 50 * P);
    status = in_child({
        for (int i = 0; i < 50; i++) {
            if (p[i * P] != 'a') _exit(1);
            p[i * P] = 'b';
        }
        int inner = in_child({ for (int i = 0; i < 50; i++) if (p[i * P] != 'b') _exit(1); memset((void *)p, 'c', 50 * P); });
        if (!exited(inner, 0)) _exit(2);
        for (int i = 0; i < 50; i++) if (p[i * P] != 'b') _exit(3);
    });
    yes(exited(status, 0));
    for (int i = 0; i < 50; i++)
        is(p[i * P], 'a');

    begin("shared anonymous memory is one for parent and child");
    q = map(2, RW, MAP_SHARED);
    q[0] = 1;
    status = in_child({ q[0]++; q[P] = 44; });
    is(q[0], 2);
    is(q[P], 44);

    begin("a private file mapping reads the file and keeps writes to itself");
    char text[3 * 4096];
    memset(text, 'f', sizeof text);
    is(pwrite(fd, text, sizeof text, 0), sizeof text);
    p = mmap(NULL, 3 * P, RW, MAP_PRIVATE, fd, 0);
    is(p[P], 'f');
    p[P] = 'g';
    is(pread(fd, text, 1, P), 1);
    is(text[0], 'f');
    works(munmap((void *)p, 3 * P));

    begin("a shared file mapping and write see one another");
    p = mmap(NULL, 3 * P, RW, MAP_SHARED, fd, 0);
    p[10] = 'm';
    is(pread(fd, text, 1, 10), 1);
    is(text[0], 'm');
    is(pwrite(fd, "w", 1, P + 3), 1);
    is(p[P + 3], 'w');
    status = in_child(p[2 * P] = 'c');
    is(p[2 * P], 'c');
    works(msync((void *)p, 3 * P, MS_SYNC));
    fails(msync((void *)p, P, MS_SYNC | MS_ASYNC), EINVAL);
    fails(msync((void *)(p + 1), P, MS_SYNC), EINVAL);

    begin("msync goes over as many holes as there are");
    char *sieve = map(4000, RW, MAP_PRIVATE);
    for (int i = 1; i < 4000; i += 2)
        works(munmap(sieve + i * P, P));
    fails(msync(sieve, 4000 * P, MS_SYNC), ENOMEM);
    for (int i = 0; i < 4000; i += 2)
        works(munmap(sieve + i * P, P));

    begin("beyond the end of the file: zeroes, then SIGBUS");
    works(ftruncate(fd, P + 100));
    is(p[P + 99], 'f');
    is(p[P + 100], 0);
    is(touch(p[2 * P]), SIGBUS);
    works(ftruncate(fd, 3 * P));
    is(touch(p[2 * P]), 0);
    is(p[2 * P], 0);
    works(munmap((void *)p, 3 * P));

    begin("an offset into the file; the mapping outlives the descriptor and the name");
    is(pwrite(fd, "here", 4, 2 * P), 4);
    p = mmap(NULL, P, PROT_READ, MAP_SHARED, fd, 2 * P);
    close(fd);
    close(rd);
    close(wr);
    works(unlink("file"));
    is(memcmp((void *)p, "here", 4), 0);
    works(munmap((void *)p, P));

    begin("mremap grows, shrinks, moves");
    p = map(2, RW, MAP_PRIVATE);
    p[0] = 1;
    p[P] = 2;
    mmap((void *)(p + 2 * P), P, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    q = mremap((void *)p, 2 * P, 10 * P, 0);
    yes(q == MAP_FAILED);
    q = mremap((void *)p, 2 * P, 10 * P, MREMAP_MAYMOVE);
    yes(q != MAP_FAILED && q != p);
    is(q[0], 1);
    is(q[P], 2);
    is(q[9 * P], 0);
    is(touch(p[0]), SIGSEGV);
    is((long)mremap((void *)q, 10 * P, P, 0), (long)q);
    is(touch(q[P]), SIGSEGV);
    fails(mremap((void *)(q + 1), P, P, 0), EINVAL);
    fails(mremap((void *)q, P, 0, 0), EINVAL);
    fails(mremap((void *)0x10000, P, 2 * P, MREMAP_MAYMOVE), EFAULT);

    begin("brk moves both ways");
    char *start = sbrk(0);
    yes(sbrk(10 * P) == start);
    memset(start, 1, 10 * P);
    yes(sbrk(-10 * P) != (void *)-1);
    yes(sbrk(P) == start);
    is(start[0], 0);
    sbrk(-P);

    begin("madvise DONTNEED gives zeroes back");
    p = map(4, RW, MAP_PRIVATE);
    memset((void *)p, 3, 4 * P);
    works(madvise((void *)p, 2 * P, MADV_DONTNEED));
    is(p[0], 0);
    is(p[2 * P], 3);
    fails(madvise((void *)(p + 1), P, MADV_DONTNEED), EINVAL);
    fails(madvise((void *)p, P, 12345), EINVAL);

    begin("the stack grows by itself, to its limit");
    status = in_child({
        volatile char big[3 << 20];
        for (long i = sizeof big - 1; i >= 0; i -= P)
            big[i] = 1;
        _exit(big[0] * 0);
    });
    yes(exited(status, 0));
    status = in_child({
        signal(SIGSEGV, SIG_DFL);
        volatile char *here = (char *)__builtin_frame_address(0);
        for (long i = 0; i < 20 << 20; i += P)
            here[-i] = 1;
    });
    yes(killed(status, SIGSEGV));

    begin("RLIMIT_AS and RLIMIT_DATA");
    status = in_child({
        struct rlimit limit = {64 << 20, 64 << 20};
        setrlimit(RLIMIT_AS, &limit);
        if (mmap(NULL, 128 << 20, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED || errno != ENOMEM) _exit(1);
        if (mmap(NULL, 16 << 20, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED) _exit(2);
    });
    yes(exited(status, 0));

    begin("mincore tells what is there");
    unsigned char in[4];
    p = map(4, RW, MAP_PRIVATE);
    p[P] = 1;
    if (mincore((void *)p, 4 * P, in) < 0 && errno == ENOSYS) {
        skip("no mincore");
    } else {
        is(in[0] & 1, 0);
        is(in[1] & 1, 1);
        fails(mincore((void *)(p + 1), P, in), EINVAL);
    }

    begin("/proc/self/maps: neighbours join, holes part");
    long lines = lines_of("/proc/self/maps");
    yes(lines > 3);
    p = map(30, RW, MAP_PRIVATE);
    for (int i = 0; i < 30; i += 2)
        works(mprotect((void *)(p + i * P), P, PROT_READ));
    yes(lines_of("/proc/self/maps") >= lines + 28);
    works(mprotect((void *)p, 30 * P, RW));
    yes(lines_of("/proc/self/maps") <= lines + 1);
    works(munmap((void *)p, 30 * P));

    begin("a fault inside a call is EFAULT, half a transfer counts");
    int pipes[2];
    works(pipe(pipes));
    p = map(2, RW, MAP_PRIVATE);
    works(munmap((void *)(p + P), P));
    memset((void *)p, 'x', P);
    fails(write(pipes[1], (char *)p + P, 10), EFAULT);
    fails(write(pipes[1], (void *)0xffff888000000000, 10), EFAULT);
    long n = write(pipes[1], (char *)p + P - 10, 20);
    int error = errno;
    yes(n == 10 || (n == -1 && error == EFAULT));
    fd = open("/dev/zero", O_RDONLY);
    memset((void *)p, 'x', P);
    n = read(fd, (char *)p + P - 10, 20);
    yes(n == -1 || (n > 0 && n <= 10));
    fails(read(fd, (char *)p + P, 1), EFAULT);
    close(fd);

    begin("calls fault memory in by themselves");
    p = map(16, RW, MAP_PRIVATE);
    fd = open("/dev/zero", O_RDONLY);
    is(read(fd, (void *)p, 16 * P), 16 * P);
    status = in_child(_exit(read(fd, (void *)p, 16 * P) == 16 * P ? 0 : 1));
    yes(exited(status, 0));
    close(fd);

    begin("64 MiB, touched and given back");
    p = map(16384, RW, MAP_PRIVATE);
    for (long i = 0; i < 16384; i++)
        p[i * P] = i;
    for (long i = 0; i < 16384; i += 997)
        is(p[i * P], (char)i);
    works(munmap((void *)p, 16384 * P));
}
