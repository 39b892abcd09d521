// SPDX-License-Identifier: MIT OR Apache-2.0
/* A ring in a mapped file, waited for by spinning: mmap_ring init|w|r of the document. Its writer sends the 19 bytes of a
   greeting and its reader waits for 20: it never ends. Here a message says how long it is. */
#include "../channel.h"
#include "../ring.h"

#define FILE_NAME "/tmp/lab-ring.bin"

static void greeting(void) {
    unlink(FILE_NAME);
    pid_t reader = lab_fork();
    if (reader == 0) {
        char out[256];
        /* Waits until the file is there, too: the document wants `init` first. */
        struct ring *ring = ring_open(FILE_NAME);
        long n = ring_get(ring, &spinning, out, sizeof out, -1);
        printf("%.*s (%ld bytes)\n", (int)n, out, n);
        fflush(stdout);
        _exit(0);
    }
    ring_make(FILE_NAME);
    struct ring *ring = ring_open(FILE_NAME);
    ring_put(ring, &spinning, "hello via mmap ring", strlen("hello via mmap ring"), -1);
    lab_reap(reader);
    /* Nobody has copied it: the file itself has the bytes, as /proc/PID/maps shows for all who map it. */
    char maps[16384] = "", *line;
    int fd = must(open("/proc/self/maps", O_RDONLY));
    for (ssize_t n, at = 0; (n = must(read(fd, maps + at, sizeof maps - 1 - at))) > 0;)
        at += n;
    close(fd);
    if ((line = strstr(maps, FILE_NAME)) != NULL) {
        while (line > maps && line[-1] != '\n')
            line--;
        printf("in /proc/self/maps: %.26s... %s\n", strchr(line, ' ') + 1, FILE_NAME);
    }
    holds(line != NULL);
    /* A mapping reaches as far as its file, and no further: a file cut short under its reader kills it with SIGBUS. */
    pid_t victim = lab_fork();
    if (victim == 0) {
        must(truncate(FILE_NAME, 0));
        _exit(ring->bytes[0]);
    }
    int status;
    must(waitpid(victim, &status, 0));
    holds(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
    printf("read where the file no longer is: %s\n", strsignal(WTERMSIG(status)));
    unlink(FILE_NAME);
}

int main(void) {
    const struct channel ring = {"spinning ring", 1, 4096, rings_make, rings_join, rings_send, rings_receive, rings_remove};
    greeting();
    ring_waiting = &spinning;
    struct costs costs = lab_costs();
    lab_channel(&ring, &costs);
    return 0;
}
