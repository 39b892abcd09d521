// shm_posix_writer.c
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <semaphore.h>
#include <unistd.h>
#include <stdio.h>
#include <string.h>

#define SHM_NAME "/demo_shm"
#define SEM_EMPTY "/demo_sem_empty"
#define SEM_FULL  "/demo_sem_full"
#define BUFSZ 4096

typedef struct {
    size_t len;
    char   buf[BUFSZ];
} shm_block;

int main(){
    int fd = shm_open(SHM_NAME, O_CREAT|O_RDWR, 0600);
    ftruncate(fd, sizeof(shm_block));
    shm_block* p = mmap(NULL, sizeof(*p), PROT_READ|PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);

    sem_t* sem_empty = sem_open(SEM_EMPTY, O_CREAT, 0600, 1);
    sem_t* sem_full  = sem_open(SEM_FULL , O_CREAT, 0600, 0);

    const char* msgs[] = {"alpha", "beta", "gamma", "quit", NULL};
    for (int i=0; msgs[i]; i++){
        sem_wait(sem_empty);
        size_t n = strlen(msgs[i]);
        p->len = n;
        memcpy(p->buf, msgs[i], n+1);
        sem_post(sem_full);
        usleep(200*1000);
    }
    munmap(p, sizeof(*p));
    return 0;
}
