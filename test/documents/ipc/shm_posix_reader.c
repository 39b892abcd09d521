// shm_posix_reader.c
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
    int fd = shm_open(SHM_NAME, O_RDWR, 0600);
    shm_block* p = mmap(NULL, sizeof(*p), PROT_READ|PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    sem_t* sem_empty = sem_open(SEM_EMPTY, 0);
    sem_t* sem_full  = sem_open(SEM_FULL , 0);

    for(;;){
        sem_wait(sem_full);
        if (strncmp(p->buf,"quit",4)==0) { sem_post(sem_empty); break; }
        write(1, p->buf, p->len);
        write(1, "\n", 1);
        sem_post(sem_empty);
    }
    munmap(p, sizeof(*p));
    shm_unlink(SHM_NAME);     // 정리
    sem_unlink(SEM_EMPTY);
    sem_unlink(SEM_FULL);
    return 0;
}
