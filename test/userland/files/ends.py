# One of each kind of local IPC that a process has open; says "ready" in a file and waits to be ended.
import mmap, os, select, signal, socket, sys

kept = [open("file", "w+")]


def stream(name):
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(name)
    listener.listen(5)
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.connect(name)
    kept.extend((listener, client, listener.accept()[0]))


stream("named")
stream("\0abstract")
datagrams = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
datagrams.bind("datagrams")
kept.append(datagrams)
kept.extend(socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET))
kept[-1].send(b"waits")
kept.append(os.eventfd(0))
kept.append(os.pipe())
watch = select.epoll()
watch.register(datagrams)
kept.append(watch)
shared = mmap.mmap(-1, 65536)
shared.write(b"x")
kept.append(shared)
open("ready", "w").close()
if len(sys.argv) == 1:
    signal.pause()
