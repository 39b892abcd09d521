// Threads for a debugger to look at.
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static pthread_barrier_t all;
static int counters[3];
volatile int watched;

static void work(int number) {
    counters[number] += number + 1;
}

static void *run(void *number) {
    pthread_barrier_wait(&all);
    work((int)(long)number);
    pthread_barrier_wait(&all);
    return NULL;
}

int main(int argc, char **argv) {
    pthread_t crew[3];
    pthread_barrier_init(&all, NULL, 4);
    for (long n = 0; n < 3; n++) pthread_create(&crew[n], NULL, run, (void *)n);
    pthread_barrier_wait(&all);
    pthread_barrier_wait(&all);
    for (int n = 0; n < 3; n++) pthread_join(crew[n], NULL);
    for (int n = 0; n < 3; n++) watched += counters[n];
    printf("watched %d\n", watched);
    fflush(stdout);
    if (argc > 1) pause();
    return watched;
}
