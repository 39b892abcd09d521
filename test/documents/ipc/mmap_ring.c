// mmap_ring.c — 하나의 파일을 링버퍼로 사용(동기화는 간단히 스핀)
#define _GNU_SOURCE
#include <sys/mman.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <unistd.h>
#include <stdatomic.h>
#include <string.h>
#include <stdio.h>

typedef struct {
    _Atomic size_t head, tail, cap;
    char data[];
} ring;

int main(int argc, char**argv){
    const char* path = "/tmp/ring.bin";
    int fd = open(path, O_CREAT|O_RDWR, 0600);
    size_t cap = 1<<20; // 1MB
    ftruncate(fd, sizeof(ring)+cap);
    ring* r = mmap(NULL, sizeof(ring)+cap, PROT_READ|PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);

    if (argc>1 && !strcmp(argv[1],"init")){
        r->head=r->tail=0; r->cap=cap; return 0;
    }
    if (argc>1 && !strcmp(argv[1],"w")){
        const char* m = "hello via mmap ring";
        size_t n=strlen(m);
        for(size_t i=0;i<n;i++){
            while(((r->head+1)%r->cap)==r->tail) ; // full → busy wait (학습용)
            r->data[r->head]=m[i];
            r->head=(r->head+1)%r->cap;
        }
        return 0;
    }
    if (argc>1 && !strcmp(argv[1],"r")){
        char out[256]; size_t k=0;
        while(k<20){
            while(r->head==r->tail) ; // empty
            out[k++]=r->data[r->tail];
            r->tail=(r->tail+1)%r->cap;
        }
        write(1,out,k); write(1,"\n",1);
        return 0;
    }
    fprintf(stderr,"usage: %s [init|w|r]\n", argv[0]);
    return 1;
}
