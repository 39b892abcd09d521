// mq_demo.c
#define _GNU_SOURCE
#include <mqueue.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char**argv){
    const char* q="/mq_demo";
    struct mq_attr at = {.mq_flags=0,.mq_maxmsg=10,.mq_msgsize=256,.mq_curmsgs=0};
    if(argc>1 && !strcmp(argv[1],"w")){
        mqd_t mq = mq_open(q, O_CREAT|O_WRONLY, 0600, &at);
        mq_send(mq, "hello", 5, 5); // prio=5
        mq_send(mq, "world", 5, 1); // prio=1
        mq_close(mq); return 0;
    }
    if(argc>1 && !strcmp(argv[1],"r")){
        mqd_t mq = mq_open(q, O_CREAT|O_RDONLY, 0600, &at);
        char buf[256]; unsigned pr;
        for(int i=0;i<2;i++){
            ssize_t n=mq_receive(mq, buf, sizeof(buf), &pr);
            write(1, buf, n); write(1,"\n",1);
        }
        mq_close(mq); mq_unlink(q); return 0;
    }
    fprintf(stderr,"usage: %s [w|r]\n", argv[0]);
    return 1;
}
