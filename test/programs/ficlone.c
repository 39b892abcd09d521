/* ioctl_ficlonerange(2) where no file shares its blocks; the files of random(4). */
#include "check.h"
#include <linux/fs.h>
#include <linux/random.h>
#include <sys/ioctl.h>

static void tests(void) {
    begin("FICLONE, where no file shares its blocks");
    put_file("from", "text");
    int from = works(open("from", O_RDONLY)), to = works(open("to", O_RDWR | O_CREAT, 0600));
    int far = works(open("/proc/version", O_RDONLY)), folder = works(open(".", O_RDONLY)), pipes[2];
    int end = works(open("to", O_WRONLY | O_APPEND)), path = works(open("from", O_PATH));
    works(pipe(pipes));
    struct file_clone_range range = {.src_fd = from};
    fails(ioctl(to, FICLONE, from), EOPNOTSUPP);
    fails(ioctl(to, FICLONERANGE, &range), EOPNOTSUPP);
    fails(ioctl(to, FICLONERANGE, 8), EFAULT);
    fails(ioctl(to, FICLONE, -1), EBADF);
    fails(ioctl(to, FICLONE, path), EBADF);
    fails(ioctl(from, FICLONE, to), EBADF);
    fails(ioctl(end, FICLONE, from), EBADF);
    fails(ioctl(path, FICLONE, from), EBADF);
    fails(ioctl(to, FICLONE, far), EXDEV);
    fails(ioctl(to, FICLONE, pipes[0]), EXDEV);
    fails(ioctl(to, FICLONE, folder), EISDIR);
    fails(ioctl(folder, FICLONE, from), EISDIR);
    fails(ioctl(pipes[1], FICLONE, pipes[0]), EINVAL);

    begin("entropy");
    char text[32];
    int bits = 0, fd = works(open("/dev/urandom", O_RDONLY));
    works(ioctl(fd, RNDGETENTCNT, &bits));
    yes(bits > 0 && bits <= 256);
    yes(get_file("/proc/sys/kernel/random/entropy_avail", text, sizeof text) > 0);
    is(atoi(text), bits);
    is(get_file("/proc/sys/kernel/random/poolsize", text, sizeof text), 4);
    is(atoi(text), 256);
}
