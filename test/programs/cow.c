/* Copy-on-write with many threads in it: while one thread forks, the others go on writing to the same pages. No write is
   lost, none is seen by a child that was forked before it, and the processors do not stand in each other's way. */
// test: smp=4 limit=200
#include "check.h"

#define THREADS 4
#define PAGES 128
#define WORDS 512

static volatile long (*page)[WORDS];
static volatile int stop;
static volatile long lost, laps;

/* Writes to its own word of each page and looks whether what it wrote last is still there. */
static void *writer(void *arg) {
    long me = (long)arg, seen[PAGES];
    for (int i = 0; i < PAGES; i++)
        seen[i] = page[i][me];
    while (!stop) {
        for (int i = 0; i < PAGES; i++) {
            long now = page[i][me];
            if (now != seen[i])
                __atomic_fetch_add(&lost, 1, __ATOMIC_RELAXED);
            page[i][me] = seen[i] = now + 1;
        }
        __atomic_fetch_add(&laps, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

/* Many threads, one word each in the same pages: each page is copied once, by whoever comes first. */
static void *toucher(void *arg) {
    long me = (long)arg;
    for (int i = 0; i < PAGES; i++)
        page[(i * 7 + me * 32) % PAGES][me]++;
    return NULL;
}

static void *pages(void) {
    void *p = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(p, 0, PAGES * 4096);
    return p;
}

static void tests(void) {
    int status, rounds = full() ? 200 : 12;
    pthread_t t[THREADS];

    begin("threads write while their process forks: no write is lost");
    page = pages();
    for (long i = 0; i < THREADS; i++)
        pthread_create(&t[i], NULL, writer, (void *)i);
    for (int i = 0; i < rounds; i++) {
        status = in_child({
            /* what a child sees stands still */
            long sum = 0, again = 0;
            for (int k = 0; k < PAGES; k++)
                for (int w = 0; w < THREADS; w++)
                    sum += page[k][w];
            sched_yield();
            for (int k = 0; k < PAGES; k++)
                for (int w = 0; w < THREADS; w++)
                    again += page[k][w];
            _exit(sum == again ? 0 : 1);
        });
        yes(exited(status, 0));
    }
    stop = 1;
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    is(lost, 0);
    yes(laps > 0);

    begin("many threads of a child copy its parent's pages");
    for (int round = 0; round < rounds; round++) {
        long before = page[5][0];
        status = in_child({
            pthread_t c[THREADS];
            for (long i = 0; i < THREADS; i++)
                pthread_create(&c[i], NULL, toucher, (void *)i);
            for (int i = 0; i < THREADS; i++)
                pthread_join(c[i], NULL);
            int bad = 0;
            for (int i = 0; i < THREADS; i++)
                bad |= page[5][i] == 0;
            _exit(bad || page[5][0] != before + 1);
        });
        yes(exited(status, 0));
        is(page[5][0], before);
    }

    begin("many threads of a parent copy what its child still has");
    for (int round = 0; round < rounds; round++) {
        int p[2];
        char c;
        works(pipe(p));
        pid_t child = fork();
        if (child == 0) {
            close(p[1]);
            (void)!read(p[0], &c, 1);
            _exit(0);
        }
        long before = page[9][2];
        for (long i = 0; i < THREADS; i++)
            pthread_create(&t[i], NULL, toucher, (void *)i);
        for (int i = 0; i < THREADS; i++)
            pthread_join(t[i], NULL);
        is(page[9][2], before + 1);
        close(p[1]);
        close(p[0]);
        is(waitpid(child, &status, 0), child);
    }
}
