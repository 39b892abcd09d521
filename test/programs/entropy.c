/* The pool of random numbers as random(4) tells of it. */
#include "check.h"
#include <linux/random.h>
#include <sys/ioctl.h>

static void tests(void) {
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
