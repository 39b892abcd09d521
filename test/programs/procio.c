// test: smp=2
/* proc_pid_io(5): what a task reads and writes by calls. */
#include "check.h"
#include <sys/sendfile.h>
#include <sys/socket.h>

struct io { long read, written, reads, writes; };

/* The lines of the file, in their order. */
static int parse(const char *path, struct io *io) {
    char text[512], wanted[512];
    long disk[3];
    if (get_file(path, text, sizeof text) <= 0)
        return 0;
    if (sscanf(text, "rchar: %ld\nwchar: %ld\nsyscr: %ld\nsyscw: %ld\nread_bytes: %ld\nwrite_bytes: %ld\n"
               "cancelled_write_bytes: %ld\n", &io->read, &io->written, &io->reads, &io->writes, &disk[0], &disk[1],
               &disk[2]) != 7)
        return 0;
    snprintf(wanted, sizeof wanted, "rchar: %ld\nwchar: %ld\nsyscr: %ld\nsyscw: %ld\nread_bytes: %ld\nwrite_bytes: %ld\n"
             "cancelled_write_bytes: %ld\n", io->read, io->written, io->reads, io->writes, disk[0], disk[1], disk[2]);
    return !strcmp(text, wanted);
}
static struct io look(const char *path) {
    struct io io = {-1, -1, -1, -1};
    yes(parse(path, &io));
    return io;
}
/* What the statements add to the caller's counters, without the look itself. */
static long look_bytes, look_calls;
#define added(...) ({ struct io one_ = look("/proc/thread-self/io"); __VA_ARGS__; struct io two_ = look("/proc/thread-self/io"); \
    (struct io){two_.read - one_.read - look_bytes, two_.written - one_.written, two_.reads - one_.reads - look_calls, \
    two_.writes - one_.writes}; })
#define adds(bytes_in, bytes_out, calls_in, calls_out, ...) do { struct io io_ = added(__VA_ARGS__); is(io_.read, bytes_in); \
    is(io_.written, bytes_out); is(io_.reads, calls_in); is(io_.writes, calls_out); } while (0)

/* Numbers of as many digits as they will have, so that a look costs the same each time. */
static void settle(void) {
    static char much[65536];
    int null = open("/dev/zero", O_RDWR);
    for (struct io io = look("/proc/thread-self/io"); io.read < 1000000 || io.written < 1000000 || io.reads < 1000 || io.writes < 1000;
         io = look("/proc/thread-self/io")) {
        (void)!read(null, much, sizeof much), (void)!write(null, much, sizeof much);
        for (int i = 0; i < 100; i++)
            (void)!read(null, much, 1), (void)!write(null, much, 1);
    }
    close(null);
    look_bytes = look_calls = 0;
    struct io one = look("/proc/thread-self/io"), two = look("/proc/thread-self/io");
    look_bytes = two.read - one.read;
    look_calls = two.reads - one.reads;
}

static void *thread(void *arg) {
    (void)!write(*(int *)arg, "1234567", 7);
    return NULL;
}

static void tests(void) {
    char buf[4096], path[64];
    int pipe_[2], pair[2], file = open("data", O_RDWR | O_CREAT | O_TRUNC, 0600);
    works(pipe(pipe_));
    works(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    works(fcntl(pipe_[0], F_SETFL, O_NONBLOCK));

    begin("seven lines; a look counts itself");
    settle();
    is(look_calls, 2); /* the text, and its end */
    yes(look_bytes > 100 && look_bytes < 200);

    begin("reads and writes");
    adds(0, 100, 0, 1, is(write(pipe_[1], buf, 100), 100));
    adds(100, 0, 1, 0, is(read(pipe_[0], buf, 4096), 100));
    adds(0, 0, 1, 0, fails(read(pipe_[0], buf, 4096), EAGAIN));
    adds(0, 4096, 0, 1, is(pwrite(file, buf, 4096, 0), 4096));
    adds(1000, 0, 1, 0, is(pread(file, buf, 1000, 0), 1000));
    adds(0, 0, 1, 0, is(pread(file, buf, 1000, 1 << 20), 0));
    adds(0, 0, 1, 0, fails(read(open("/", O_RDONLY), buf, 1), EISDIR));
    adds(0, 0, 1, 0, fails(pread(file, (void *)16, 10, 0), EFAULT));

    begin("several segments");
    struct iovec parts[2] = {{buf, 10}, {buf + 10, 20}};
    adds(0, 30, 0, 1, is(writev(file, parts, 2), 30));
    adds(30, 0, 1, 0, is(preadv(file, parts, 2, 0), 30));
    adds(0, 30, 0, 1, is(pwritev2(file, parts, 2, 0, 0), 30));
    adds(30, 0, 1, 0, is(preadv2(file, parts, 2, 0, 0), 30));
    adds(0, 0, 1, 0, fails(readv(-1, parts, 2), EBADF));
    adds(0, 0, 0, 1, fails(writev(-1, parts, 2), EBADF));

    begin("what could not begin is no call");
    adds(0, 0, 0, 0, fails(read(-1, buf, 1), EBADF));
    adds(0, 0, 0, 0, fails(read(pipe_[1], buf, 1), EBADF));
    adds(0, 0, 0, 0, fails(write(pipe_[0], buf, 1), EBADF));
    adds(0, 0, 0, 0, fails(pread(pipe_[0], buf, 1, 0), ESPIPE));
    adds(0, 0, 0, 0, fails(pread(file, buf, 1, -1), EINVAL));

    begin("copies count on both sides, messages on none");
    int other = open("other", O_RDWR | O_CREAT | O_TRUNC, 0600);
    off_t at = 0;
    adds(500, 500, 1, 1, is(sendfile(other, file, &at, 500), 500));
    loff_t from = 0, to = 0;
    adds(600, 600, 1, 1, is(copy_file_range(file, &from, other, &to, 600, 0), 600));
    adds(0, 0, 0, 0, is(send(pair[0], buf, 10, 0), 10));
    adds(0, 0, 0, 0, is(recv(pair[1], buf, 10, 0), 10));
    adds(0, 10, 0, 1, is(write(pair[0], buf, 10), 10));
    adds(10, 0, 1, 0, is(read(pair[1], buf, 10), 10));

    begin("a process has what its threads have, ended ones too");
    pthread_t id;
    struct io before = look("/proc/self/io"), own = look("/proc/thread-self/io");
    pthread_create(&id, NULL, thread, &pipe_[1]);
    pthread_join(id, NULL);
    struct io after = look("/proc/self/io"), own_after = look("/proc/thread-self/io");
    is(after.written - before.written, 7);
    is(after.writes - before.writes, 1);
    is(own_after.written, own.written);
    is(own_after.writes, own.writes);

    begin("and what the children had that it waited for");
    before = look("/proc/self/io");
    int status = in_child((void)!write(pipe_[1], "123456789", 9));
    yes(exited(status, 0));
    after = look("/proc/self/io");
    is(after.written - before.written, 9);
    is(after.writes - before.writes, 1);

    begin("for who may look into the process");
    struct stat st;
    works(stat("/proc/self/io", &st));
    is(st.st_mode, S_IFREG | 0400);
    snprintf(path, sizeof path, "/proc/%d/io", getpid());
    status = in_child({ works(setuid(12345)); fails(open(path, O_RDONLY), EACCES); _exit(check_bad); });
    yes(exited(status, 0));
    int fd = works(open("/proc/self/io", O_WRONLY));
    fails(write(fd, "x", 1), EINVAL);
    close(fd);
    unlink("data");
    unlink("other");
}
