/* pipe(7), fifo(7). */
// test: smp=2
#include "check.h"
#include <sys/ioctl.h>

static char block[1 << 17];

static void tests(void) {
    int p[2], status;
    char text[100];
    struct stat st;

    begin("bytes come out in order; the end is the end");
    works(pipe(p));
    is(write(p[1], "hello", 5), 5);
    is(read(p[0], text, 2), 2);
    is(read(p[0], text + 2, 90), 3);
    is(memcmp(text, "hello", 5), 0);
    close(p[1]);
    is(read(p[0], text, 1), 0);
    close(p[0]);

    begin("pipe2: flags and what is wrong");
    works(pipe2(p, O_CLOEXEC | O_NONBLOCK));
    is(fcntl(p[0], F_GETFD), FD_CLOEXEC);
    is(fcntl(p[1], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    fails(read(p[0], text, 1), EAGAIN);
    fails(syscall(SYS_pipe2, text, 0x1234567), EINVAL);
    fails(syscall(SYS_pipe2, 8, 0), EFAULT);

    begin("a full pipe: 64 KiB, then EAGAIN");
    long total = 0, n;
    while ((n = write(p[1], block, 4096)) > 0)
        total += n;
    int error = errno;
    is(total, 65536);
    is(error, EAGAIN);
    int pending = 0;
    works(ioctl(p[0], FIONREAD, &pending));
    is(pending, 65536);

    begin("small writes are all or nothing");
    is(read(p[0], block, 4095), 4095);
    fails(write(p[1], block, 4096), EAGAIN);
    is(read(p[0], block, 4096), 4096);
    yes(write(p[1], block, 4096) == 4096);
    close(p[0]);
    close(p[1]);

    begin("F_SETPIPE_SZ");
    works(pipe(p));
    is(fcntl(p[0], F_GETPIPE_SZ), 65536);
    is(fcntl(p[0], F_SETPIPE_SZ, 5000), 8192);
    is(fcntl(p[1], F_GETPIPE_SZ), 8192);
    is(fcntl(p[0], F_SETPIPE_SZ, 1 << 20), 1 << 20);
    close(p[0]);
    close(p[1]);

    begin("pages of a user's pipes");
    static const char soft[] = "/proc/sys/fs/pipe-user-pages-soft", hard[] = "/proc/sys/fs/pipe-user-pages-hard";
    char usual_soft[32], usual_hard[32];
    get_file(soft, usual_soft, sizeof usual_soft);
    get_file(hard, usual_hard, sizeof usual_hard);
    is(atoi(usual_soft), 16384);
    is(atoi(usual_hard), 0);
    put_file(soft, "40");
    put_file(hard, "42");
    is(in_child({
        int many[6][2];
        if (setuid(1003) || pipe(many[0]) || pipe(many[1]) || pipe(many[2]))
            _exit(1);
        // 16 pages each, until they would be more than 40.
        if (fcntl(many[1][0], F_GETPIPE_SZ) != 65536 || fcntl(many[2][0], F_GETPIPE_SZ) != 8192)
            _exit(2);
        if (fcntl(many[2][0], F_SETPIPE_SZ, 65536) != -1 || errno != EPERM)
            _exit(3);
        if (fcntl(many[2][0], F_SETPIPE_SZ, 32768) != 32768 || fcntl(many[0][0], F_SETPIPE_SZ, 131072) != -1)
            _exit(4);
        if (pipe(many[3]) || fcntl(many[3][0], F_GETPIPE_SZ) != 8192)
            _exit(5);
        if (pipe(many[4]) != -1 || errno != ENFILE)
            _exit(6);
        // A pipe counts until both its ends are closed.
        close(many[0][0]);
        if (pipe(many[4]) != -1 || errno != ENFILE)
            _exit(7);
        close(many[0][1]);
        if (pipe(many[4]) || fcntl(many[4][0], F_GETPIPE_SZ) != 8192)
            _exit(8);
    }), 0);
    // Not for root.
    is(in_child({
        int many[4][2];
        for (int i = 0; i < 4; i++)
            if (pipe(many[i]) || fcntl(many[i][0], F_GETPIPE_SZ) != 65536)
                _exit(1);
    }), 0);
    put_file(soft, usual_soft);
    put_file(hard, usual_hard);

    begin("8 MiB through, both sides checked");
    works(pipe(p));
    pid_t pid = fork();
    if (pid == 0) {
        close(p[0]);
        for (int i = 0; i < 64; i++) {
            memset(block, i, sizeof block);
            for (unsigned at = 0; at < sizeof block;) {
                long w = write(p[1], block + at, sizeof block - at);
                if (w <= 0) _exit(1);
                at += w;
            }
        }
        _exit(0);
    }
    close(p[1]);
    total = 0;
    int wrong = 0;
    while ((n = read(p[0], block, 50000)) > 0) {
        for (long i = 0; i < n; i += 997)
            wrong += (unsigned char)block[i] != (unsigned char)((total + i) / sizeof block);
        total += n;
    }
    is(total, 64L * sizeof block);
    is(wrong, 0);
    waitpid(pid, &status, 0);
    yes(exited(status, 0));
    close(p[0]);

    begin("many writers, lines stay whole");
    works(pipe(p));
    for (int w = 0; w < 8; w++)
        if (fork() == 0) {
            memset(text, 'a' + w, 50);
            text[49] = '\n';
            for (int i = 0; i < 200; i++)
                if (write(p[1], text, 50) != 50) _exit(1);
            _exit(0);
        }
    close(p[1]);
    FILE *in = fdopen(p[0], "r");
    int lines = 0, mixed = 0;
    while (fgets(text, sizeof text, in)) {
        lines++;
        for (int i = 1; i < 49; i++)
            mixed += text[i] != text[0];
    }
    is(lines, 1600);
    is(mixed, 0);
    fclose(in);
    while (wait(&status) > 0)
        yes(exited(status, 0));

    begin("a writer without readers");
    works(pipe(p));
    close(p[0]);
    signal(SIGPIPE, SIG_IGN);
    fails(write(p[1], "x", 1), EPIPE);
    close(p[1]);

    begin("fifo: opening waits for the other side");
    works(mkfifo("f", 0600));
    fails(open("f", O_WRONLY | O_NONBLOCK), ENXIO);
    int r = works(open("f", O_RDONLY | O_NONBLOCK));
    is(read(r, text, 1), 0);
    int w = works(open("f", O_WRONLY));
    is(write(w, "via", 3), 3);
    is(read(r, text, 10), 3);
    fails(read(r, text, 10), EAGAIN);
    close(w);
    is(read(r, text, 10), 0);
    close(r);
    pid = fork();
    if (pid == 0) {
        int f = open("f", O_WRONLY);
        _exit(write(f, "late", 4) == 4 ? 0 : 1);
    }
    r = works(open("f", O_RDONLY));
    is(read(r, text, 10), 4);
    is(read(r, text, 10), 0);
    close(r);
    waitpid(pid, &status, 0);
    r = works(open("f", O_RDWR));
    is(write(r, "self", 4), 4);
    is(read(r, text, 10), 4);
    close(r);

    begin("fstat says fifo");
    works(pipe(p));
    fstat(p[0], &st);
    yes(S_ISFIFO(st.st_mode));
    snprintf(text, sizeof text, "/proc/self/fd/%d", p[0]);
    char name[64] = "";
    yes(readlink(text, name, sizeof name - 1) > 0);
    yes(!strncmp(name, "pipe:[", 6));

    begin("reading with a reader waiting in another process");
    pid = fork();
    if (pid == 0) {
        close(p[1]);
        _exit(read(p[0], text, 4) == 4 && read(p[0], text, 4) == 0 ? 0 : 1);
    }
    pause_ms(30);
    is(write(p[1], "wake", 4), 4);
    close(p[1]);
    waitpid(pid, &status, 0);
    yes(exited(status, 0));
    close(p[0]);

    begin("splice and tee");
    int q[2];
    works(pipe(p));
    works(pipe(q));
    is(write(p[1], "spliced", 7), 7);
    n = tee(p[0], q[1], 100, 0);
    if (n < 0 && (errno == ENOSYS || errno == EINVAL)) {
        skip("no tee");
    } else {
        is(n, 7);
        is(read(q[0], text, 10), 7);
        int fd = works(open("out", O_RDWR | O_CREAT | O_TRUNC, 0600));
        is(splice(p[0], NULL, fd, NULL, 100, 0), 7);
        is(pread(fd, text, 10, 0), 7);
        off_t from = 2;
        is(splice(fd, &from, p[1], NULL, 3, 0), 3);
        is(read(p[0], text, 10), 3);
        is(memcmp(text, "lic", 3), 0);
        close(fd);
    }
}
