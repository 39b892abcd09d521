/* splice(2), tee(2), vmsplice(2): what moves between pipes and files, and what Linux says to each kind of file. */
// test: smp=2
#include "check.h"
#include <sys/eventfd.h>

static char block[1 << 17], back[1 << 17];

static int moved_in(const char *path, int flags) {
    int p[2], fd = open(path, flags);
    works(pipe(p));
    long n = splice(fd, NULL, p[1], NULL, 100, SPLICE_F_NONBLOCK);
    int error = n < 0 ? errno : 0;
    close(fd), close(p[0]), close(p[1]);
    return n < 0 ? -error : n > 0;
}
static int moved_out(const char *path, int flags) {
    int p[2], fd = open(path, flags);
    works(pipe(p));
    is(write(p[1], "1\n", 2), 2);
    long n = splice(p[0], NULL, fd, NULL, 100, 0);
    int error = n < 0 ? errno : 0;
    close(fd), close(p[0]), close(p[1]);
    return n < 0 ? -error : n;
}
static void *writes_later(void *fd) {
    pause_ms(50);
    (void)!write(*(int *)fd, "late", 4);
    return NULL;
}
static void *reads_later(void *fd) {
    pause_ms(50);
    (void)!read(*(int *)fd, back, 8192);
    return NULL;
}

static void tests(void) {
    int p[2], q[2];
    char text[100];
    loff_t at;
    pthread_t thread;
    for (size_t i = 0; i < sizeof block; i++)
        block[i] = i * 7 + (i >> 8);
    int file = works(open("from", O_RDWR | O_CREAT | O_TRUNC, 0600));
    is(write(file, block, 100000), 100000);
    int out = works(open("to", O_RDWR | O_CREAT | O_TRUNC, 0600));

    begin("a file through a pipe into a file");
    works(pipe(p));
    works(fcntl(p[1], F_SETPIPE_SZ, 1 << 17));
    is(lseek(file, 0, SEEK_SET), 0);
    is(splice(file, NULL, p[1], NULL, 100000, SPLICE_F_MOVE), 100000);
    is(lseek(file, 0, SEEK_CUR), 100000);
    is(splice(file, NULL, p[1], NULL, 100, 0), 0);
    is(splice(p[0], NULL, out, NULL, 1 << 20, SPLICE_F_MORE), 100000);
    is(pread(out, back, 1 << 17, 0), 100000);
    is(memcmp(block, back, 100000), 0);
    fails(splice(p[0], NULL, out, NULL, 1, SPLICE_F_NONBLOCK), EAGAIN);

    begin("from and to offsets, which leave the position alone");
    at = 5000;
    is(lseek(file, 3, SEEK_SET), 3);
    is(splice(file, &at, p[1], NULL, 5000, 0), 5000);
    is(at, 10000);
    is(lseek(file, 0, SEEK_CUR), 3);
    is(lseek(out, 9, SEEK_SET), 9);
    at = 200000;
    is(splice(p[0], NULL, out, &at, 5000, 0), 5000);
    is(at, 205000);
    is(lseek(out, 0, SEEK_CUR), 9);
    is(pread(out, back, 5000, 200000), 5000);
    is(memcmp(block + 5000, back, 5000), 0);
    at = 99990;
    is(splice(file, &at, p[1], NULL, 5000, 0), 10);
    is(read(p[0], back, 100), 10);
    is(memcmp(block + 99990, back, 10), 0);

    begin("holes are zeros, and what is in the pipe is not added to");
    is(ftruncate(out, 0), 0);
    is(ftruncate(out, 20000), 0);
    at = 100;
    is(splice(out, &at, p[1], NULL, 10000, 0), 10000);
    is(write(p[1], "x", 1), 1);
    memset(back, 1, sizeof back);
    is(read(p[0], back, 1 << 17), 10001);
    is(back[0] | back[5000] | back[9999], 0);
    is(back[10000], 'x');
    is(pread(out, back, 20000, 0), 20000);
    is(back[10100], 0);

    begin("between pipes: whole and parts of buffers");
    works(pipe(q));
    is(write(p[1], block, 10000), 10000);
    is(splice(p[0], NULL, q[1], NULL, 100, 0), 100);
    is(splice(p[0], NULL, q[1], NULL, 5000, 0), 5000);
    is(write(q[1], "y", 1), 1);
    is(read(p[0], back + 5100, 10000), 4900);
    is(read(q[0], back, 5100), 5100);
    is(memcmp(block, back, 10000), 0);
    is(read(q[0], back, 10), 1);
    is(back[0], 'y');

    begin("tee leaves what it copies");
    is(write(p[1], block, 9000), 9000);
    is(tee(p[0], q[1], 6000, 0), 6000);
    is(read(q[0], back, 10000), 6000);
    is(memcmp(block, back, 6000), 0);
    is(tee(p[0], q[1], 60000, 0), 9000);
    is(write(q[1], "z", 1), 1);
    is(read(p[0], back, 10000), 9000);
    is(memcmp(block, back, 9000), 0);
    memset(back, 0, 10000);
    is(read(q[0], back, 10000), 9001);
    is(memcmp(block, back, 9000), 0);
    is(back[9000], 'z');
    fails(tee(p[0], q[1], 10, SPLICE_F_NONBLOCK), EAGAIN);
    is(tee(p[0], q[1], 0, 0), 0);
    fails(tee(p[0], p[1], 10, 0), EINVAL);
    fails(tee(file, p[1], 10, 0), EINVAL);
    fails(tee(p[0], file, 10, 0), EINVAL);
    fails(tee(-1, p[1], 10, 0), EBADF);
    fails(tee(p[1], q[1], 10, 0), EBADF);
    fails(tee(p[0], q[1], 10, 0x100), EINVAL);

    begin("vmsplice both ways");
    struct iovec two[2] = {{block, 5000}, {block + 5000, 100}};
    is(vmsplice(p[1], two, 2, 0), 5100);
    memset(back, 0, sizeof back);
    struct iovec into[2] = {{back, 100}, {back + 100, 20000}};
    is(vmsplice(p[0], into, 2, 0), 5100);
    is(memcmp(block, back, 5100), 0);
    fails(vmsplice(p[0], into, 2, SPLICE_F_NONBLOCK), EAGAIN);
    fails(vmsplice(file, into, 1, 0), EBADF);
    fails(vmsplice(-1, into, 1, 0), EBADF);
    fails(vmsplice(p[1], into, 1, 0x100), EINVAL);
    is(vmsplice(p[1], into, 0, 0), 0);
    fails(vmsplice(p[1], (void *)8, 1, 0), EFAULT);
    fails(vmsplice(p[1], into, 5000, 0), EINVAL);

    begin("waiting for what comes, and for room");
    works(pthread_create(&thread, NULL, writes_later, &p[1]));
    is(splice(p[0], NULL, q[1], NULL, 100, 0), 4);
    pthread_join(thread, NULL);
    is(read(q[0], back, 10), 4);
    works(fcntl(q[1], F_SETPIPE_SZ, 4096));
    is(write(q[1], block, 4096), 4096);
    at = 0;
    fails(splice(file, &at, q[1], NULL, 100, SPLICE_F_NONBLOCK), EAGAIN);
    works(pthread_create(&thread, NULL, reads_later, &q[0]));
    is(splice(file, &at, q[1], NULL, 100, 0), 100);
    pthread_join(thread, NULL);
    is(read(q[0], back, 1000), 100);

    begin("ends that are gone");
    close(p[1]);
    is(splice(p[0], NULL, q[1], NULL, 100, 0), 0);
    is(tee(p[0], q[1], 100, 0), 0);
    close(q[0]);
    signal(SIGPIPE, SIG_IGN);
    at = 0;
    fails(splice(file, &at, q[1], NULL, 100, 0), EPIPE);
    signal(SIGPIPE, SIG_DFL);
    yes(killed(in_child(splice(file, &at, q[1], NULL, 100, 0)), SIGPIPE));
    close(p[0]), close(q[1]);

    begin("what makes no sense");
    works(pipe(p)), works(pipe(q));
    is(write(p[1], "ab", 2), 2);
    fails(splice(file, NULL, out, NULL, 1, 0), EINVAL);
    fails(splice(p[0], NULL, p[1], NULL, 1, 0), EINVAL);
    fails(splice(p[0], &at, out, NULL, 1, 0), ESPIPE);
    fails(splice(p[0], NULL, q[1], &at, 1, 0), ESPIPE);
    fails(splice(file, &at, q[1], &at, 1, 0), ESPIPE);
    fails(splice(p[0], NULL, out, NULL, 1, 0x100), EINVAL);
    fails(splice(-1, NULL, p[1], NULL, 1, 0), EBADF);
    fails(splice(p[0], NULL, -1, NULL, 1, 0), EBADF);
    is(splice(-1, NULL, -1, NULL, 0, 0), 0);
    fails(splice(p[1], NULL, out, NULL, 1, 0), EBADF);
    fails(splice(file, NULL, p[0], NULL, 1, 0), EBADF);
    fails(splice(file, (void *)8, p[1], NULL, 1, 0), EFAULT);
    at = -1;
    fails(splice(file, &at, p[1], NULL, 1, 0), EINVAL);
    int append = works(open("to", O_WRONLY | O_APPEND));
    fails(splice(p[0], NULL, append, NULL, 1, 0), EINVAL);
    int only = works(open("to", O_RDONLY));
    fails(splice(p[0], NULL, only, NULL, 1, 0), EBADF);
    is(read(p[0], text, 9), 2);
    struct rlimit old, small = {100, RLIM_INFINITY};
    getrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, SIG_IGN);
    is(write(p[1], "ab", 2), 2);
    setrlimit(RLIMIT_FSIZE, &small);
    at = 100;
    fails(splice(p[0], NULL, out, &at, 2, 0), EFBIG);
    setrlimit(RLIMIT_FSIZE, &old);
    is(read(p[0], text, 9), 2);

    begin("kinds of files");
    int events = eventfd(3, EFD_NONBLOCK);
    printf("answer from eventfd: %ld\n", (long)splice(events, NULL, p[1], NULL, 8, 0) < 0 ? (long)-errno : 1);
    is(write(p[1], "12345678", 8), 8);
    printf("answer to eventfd: %ld\n", (long)splice(p[0], NULL, events, NULL, 8, 0) < 0 ? (long)-errno : 1);
    const char *kinds[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/urandom", "/dev/tty", "/dev/ptmx", "/dev/kmsg", ".",
        "/proc/version", "/proc/self/stat", "/proc/self/comm", "/proc/sys/kernel/ostype",
        "/proc/sys/kernel/panic", "/proc/kmsg", "/proc/self/maps", "/proc/meminfo", "/proc/self/cmdline", "/proc/self/environ"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        printf("answer from %s: %d\n", kinds[i], moved_in(kinds[i], O_RDONLY | O_NONBLOCK | O_NOCTTY));
        if (strcmp(kinds[i], "/proc/sys/kernel/panic"))
            printf("answer to %s: %d\n", kinds[i], moved_out(kinds[i], O_WRONLY | O_NONBLOCK | O_NOCTTY));
    }
    char old_panic[20];
    get_file("/proc/sys/kernel/panic", old_panic, sizeof old_panic);
    printf("answer to a number of /proc/sys: %d\n", moved_out("/proc/sys/kernel/panic", O_WRONLY));
    get_file("/proc/sys/kernel/panic", text, sizeof text);
    is(atoi(text), 1);
    put_file("/proc/sys/kernel/panic", old_panic);
    unlink("from"), unlink("to");
}
