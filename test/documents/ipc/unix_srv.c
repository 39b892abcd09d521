// unix_srv.c
#define _GNU_SOURCE
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <string.h>
#include <stdio.h>

int main(){
    const char* path="/tmp/usock";
    unlink(path);
    int s=socket(AF_UNIX,SOCK_STREAM,0);
    struct sockaddr_un a={.sun_family=AF_UNIX};
    strncpy(a.sun_path,path,sizeof(a.sun_path)-1);
    bind(s,(struct sockaddr*)&a,sizeof(a));
    listen(s,16);
    int c=accept(s,NULL,NULL);
    char b[256]; int n=read(c,b,sizeof(b));
    write(c,b,n);
    return 0;
}
