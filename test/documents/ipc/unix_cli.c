// unix_cli.c
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <string.h>

int main(){
    const char* path="/tmp/usock";
    int s=socket(AF_UNIX,SOCK_STREAM,0);
    struct sockaddr_un a={.sun_family=AF_UNIX};
    strncpy(a.sun_path,path,sizeof(a.sun_path)-1);
    connect(s,(struct sockaddr*)&a,sizeof(a));
    write(s,"hello uds\n",11);
    char b[64]; int n=read(s,b,sizeof(b));
    write(1,b,n);
}
