# What Python asks of a kernel: processes, threads, files, memory, signals, events.
import asyncio, ctypes, fcntl, glob, hashlib, json, mmap, multiprocessing, os, pathlib, pty, queue, random, resource
import select, shutil, signal, subprocess, sys, tempfile, threading, time, zlib
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor


def square(n):
    return n * n


def fail(_):
    raise ValueError("no")


def put(shared, lock, count):
    for _ in range(count):
        with lock:
            shared.value += 1


def processes():
    print(subprocess.run(["sh", "-c", "echo out; echo err >&2; exit 3"], capture_output=True))
    print(subprocess.run(["cat"], input=b"x" * 200000, capture_output=True).stdout == b"x" * 200000)
    try:
        subprocess.run(["sleep", "100"], timeout=0.2)
    except subprocess.TimeoutExpired:
        print("timed out")
    try:
        subprocess.run(["/nothing"])
    except FileNotFoundError as error:
        print(error)
    child = subprocess.Popen(["sleep", "100"], start_new_session=True)
    print(os.getsid(child.pid) == child.pid, child.poll())
    child.terminate()
    print(child.wait())
    pid = os.posix_spawn("/bin/sh", ["sh", "-c", "exit 5"], os.environ)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    pid = os.fork()
    if pid == 0:
        os.abort()
    status = os.wait4(pid, 0)
    print(os.WIFSIGNALED(status[1]), os.WTERMSIG(status[1]))
    fd = os.pidfd_open(os.posix_spawn("/bin/sleep", ["sleep", "0.1"], {}))
    print(select.select([fd], [], [], 60)[0] == [fd], os.waitid(os.P_PIDFD, fd, os.WEXITED).si_status)


def pools():
    with ProcessPoolExecutor(3) as pool:
        print(sum(pool.map(square, range(50))))
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        print(pool.map(square, range(5)))
        try:
            pool.map(fail, [1])
        except ValueError as error:
            print("raised", error)
    value, lock = multiprocessing.Value("i", 0), multiprocessing.Lock()
    crew = [multiprocessing.Process(target=put, args=(value, lock, 200)) for _ in range(4)]
    [one.start() for one in crew]
    [one.join() for one in crew]
    print(value.value, [one.exitcode for one in crew])
    box = multiprocessing.SimpleQueue()
    one = multiprocessing.Process(target=box.put, args=({"a": [1, 2]},))
    one.start()
    print(box.get())
    one.join()
    with ThreadPoolExecutor(8) as pool:
        print(sum(pool.map(square, range(200))))


def threads():
    box, done = queue.Queue(10), []
    barrier, event, condition = threading.Barrier(4), threading.Event(), threading.Condition()

    def work():
        barrier.wait()
        while (item := box.get()) is not None:
            with condition:
                done.append(item)
                condition.notify_all()

    crew = [threading.Thread(target=work) for _ in range(3)]
    [one.start() for one in crew]
    barrier.wait()
    for n in range(300):
        box.put(n)
    with condition:
        print(condition.wait_for(lambda: len(done) == 300, 60))
    [box.put(None) for _ in crew]
    [one.join() for one in crew]
    print(sum(done), event.wait(0.05))
    timer = threading.Timer(0.05, event.set)
    timer.start()
    print(event.wait(60), threading.get_native_id() == os.getpid())


def files(folder):
    path = pathlib.Path(folder)
    (path / "a/b/c").mkdir(parents=True)
    (path / "a/b/file").write_text("text\n" * 1000)
    shutil.copytree(path / "a", path / "copy")
    shutil.copystat(path / "a/b/file", path / "copy/b/file")
    print(sorted(str(one.relative_to(path)) for one in path.rglob("*")))
    os.symlink("file", path / "a/b/link")
    print((path / "a/b/link").resolve() == path / "a/b/file", os.readlink(path / "a/b/link"))
    shutil.make_archive(str(path / "archive"), "gztar", path / "a")
    shutil.unpack_archive(path / "archive.tar.gz", path / "unpacked")
    print(sorted(os.listdir(path / "unpacked/b")), shutil.disk_usage(path).total > 0)
    with open(path / "file", "wb+") as file:
        file.write(os.urandom(100000))
        os.posix_fallocate(file.fileno(), 0, 200000)
        print(os.fstat(file.fileno()).st_size, os.pread(file.fileno(), 4, 150000))
        os.copy_file_range(file.fileno(), os.open(path / "other", os.O_CREAT | os.O_WRONLY), 200000, 0)
        fcntl.flock(file, fcntl.LOCK_EX)
        fcntl.lockf(file, fcntl.LOCK_EX, 10)
    print(os.stat(path / "other").st_size > 0)
    with open(path / "sent", "wb") as to, open(path / "file", "rb") as source:
        print(os.sendfile(to.fileno(), source.fileno(), 0, 200000))
    for name in "user.note", "trusted.note":
        try:
            os.setxattr(path / "file", name, b"value")
        except OSError as error:
            print(name, error.strerror)
    print(os.listxattr(path / "file"), os.getxattr(path / "file", "trusted.note"))
    os.chmod(path / "file", 0o604)
    print(oct(os.stat(path / "file").st_mode), os.access(path / "file", os.X_OK))
    shutil.rmtree(path / "a")
    print(sorted(glob.glob("*", root_dir=path)))
    fd = os.memfd_create("note")
    os.write(fd, b"memory")
    print(open(f"/proc/self/fd/{fd}", "rb").read())
    with tempfile.TemporaryFile() as file, tempfile.NamedTemporaryFile() as named:
        print(file.name.__class__.__name__, os.path.exists(named.name))


def memory(folder):
    with mmap.mmap(-1, 1 << 20) as area:
        area[:5] = b"hello"
        if os.fork() == 0:
            area[:5] = b"child"
            os._exit(0)
        os.wait()
        print(area[:5], area.find(b"ld"))
    with open(f"{folder}/mapped", "wb+") as file:
        file.truncate(8192)
        with mmap.mmap(file.fileno(), 8192) as area:
            area[4090:4100] = b"0123456789"
            area.flush()
            area.madvise(mmap.MADV_WILLNEED)
        file.seek(4090)
        print(file.read(10))
    libc = ctypes.CDLL(None, use_errno=True)
    print(libc.getppid() == os.getppid(), libc.chdir(b"/nothing"), os.strerror(ctypes.get_errno()))
    print(resource.getrlimit(resource.RLIMIT_NOFILE)[0], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > 1000)
    try:
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, resource.RLIM_INFINITY))
        bytearray(2 << 30)
    except MemoryError:
        print("MemoryError")
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    print(hashlib.sha256(bytes(1 << 20)).hexdigest()[:16], zlib.crc32(bytes(1 << 20)))


def signals():
    caught = []
    signal.signal(signal.SIGUSR1, lambda number, frame: caught.append(number))
    signal.signal(signal.SIGALRM, lambda number, frame: caught.append(number))
    os.kill(os.getpid(), signal.SIGUSR1)
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
    while len(caught) < 5:
        signal.pause()
    signal.setitimer(signal.ITIMER_REAL, 0)
    print(caught[:5])
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
    os.kill(os.getpid(), signal.SIGUSR2)
    print(signal.sigpending(), signal.sigwait({signal.SIGUSR2}))
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    os.kill(os.getpid(), signal.SIGUSR1)
    print(os.read(reader, 10))
    signal.set_wakeup_fd(-1)


def terminals():
    leader, follower = pty.openpty()
    print(os.isatty(follower), os.ttyname(follower).startswith("/dev/pts/"))
    os.write(leader, b"line\n")
    print(os.read(follower, 100))
    pid, fd = pty.fork()
    if pid == 0:
        os.execvp("sh", ["sh", "-c", "read line; echo got $line; tty | cut -c1-9"])
    os.write(fd, b"keys\n")
    said = b""
    try:
        while piece := os.read(fd, 1000):
            said += piece
    except OSError as error:
        print(error.strerror)
    print(said, os.waitpid(pid, 0)[1])


async def events():
    async def tick(n):
        await asyncio.sleep(0.01 * n)
        return n

    print(await asyncio.gather(*(tick(n) for n in range(10))))
    child = await asyncio.create_subprocess_exec("cat", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    print(await child.communicate(b"through cat"), child.returncode)
    loop, reader = asyncio.get_running_loop(), os.pipe()
    loop.add_reader(reader[0], lambda: (print("readable", os.read(reader[0], 5)), loop.remove_reader(reader[0])))
    os.write(reader[1], b"event")
    await asyncio.sleep(0.05)
    try:
        await asyncio.wait_for(asyncio.sleep(100), 0.05)
    except asyncio.TimeoutError:
        print("timeout")
    print(await asyncio.to_thread(square, 12))


def main():
    print(sys.version_info[:2], sys.platform, os.cpu_count(), len(os.sched_getaffinity(0)), os.uname().sysname)
    processes()
    pools()
    threads()
    with tempfile.TemporaryDirectory() as folder:
        files(folder)
        memory(folder)
    signals()
    terminals()
    asyncio.run(events())
    start = time.monotonic()
    time.sleep(0.1)
    print(time.monotonic() - start >= 0.1, time.process_time() > 0, abs(time.time() - time.clock_gettime(time.CLOCK_REALTIME)) < 5)
    random.seed(1)
    print(json.dumps(sorted(random.sample(range(100), 5))))


if __name__ == "__main__":
    main()
