// pipe_demo.c
#include <unistd.h>
#include <string.h>
#include <sys/wait.h>

int main(){
    int p[2]; pipe(p);
    if(fork()==0){
        close(p[1]);
        char b[64]; int n=read(p[0], b, sizeof(b));
        write(1, b, n); _exit(0);
    }else{
        close(p[0]);
        const char* m="hello pipe\n";
        write(p[1], m, strlen(m));
        close(p[1]); wait(NULL);
    }
}
