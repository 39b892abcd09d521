# What psutil reads of the system and of processes. What differs from machine to machine is only looked at for sense.
import os, subprocess, sys, time
import psutil


def tell(name, ask):
    try:
        print(name, ask())
    except Exception as error:
        print(name, type(error).__name__, str(error).replace(str(child.pid), "PID"))


me = psutil.Process()
child = subprocess.Popen(["sleep", "1000"], cwd="/usr")
while psutil.Process(child.pid).name() != "sleep" or psutil.Process(child.pid).status() != "sleeping":
    time.sleep(0.01)
it = psutil.Process(child.pid)
file = open("file", "w")

tell("name", me.name)
tell("exe", me.exe)
tell("cmdline", lambda: me.cmdline()[1:])
tell("parent", lambda: me.parent().pid == os.getppid())
tell("children", lambda: me.children() == [it])
tell("status", lambda: (me.status(), it.status()))
tell("user", lambda: (me.username(), me.uids(), me.gids()))
tell("terminal", me.terminal)
tell("cwd", it.cwd)
tell("environ", lambda: me.environ()["LC_ALL"])
tell("nice", lambda: (me.nice(), it.nice(5), it.nice()))
tell("ionice", lambda: str(it.ionice()))
tell("affinity", lambda: (it.cpu_affinity(), it.cpu_affinity([0]), it.cpu_affinity()))
tell("rlimit", lambda: (it.rlimit(psutil.RLIMIT_CORE), it.rlimit(psutil.RLIMIT_NOFILE, (100, 200)), it.rlimit(psutil.RLIMIT_NOFILE)))
tell("threads", lambda: (me.num_threads(), me.threads()[0].id == me.pid))
tell("fds", lambda: me.num_fds() > 3)
tell("open_files", lambda: [(os.path.basename(one.path), one.position, one.mode) for one in me.open_files() if one.path.endswith("/file")])
tell("memory", lambda: (me.memory_info().rss > 1 << 20, me.memory_info().vms > me.memory_info().rss, me.memory_info().shared > 0))
tell("memory_full", lambda: (me.memory_full_info().uss > 0, me.memory_full_info().pss > 0, me.memory_full_info().swap))
tell("memory_percent", lambda: 0 < me.memory_percent() < 50)
tell("maps", lambda: sorted(os.path.basename(one.path) for one in it.memory_maps())[:4])
tell("maps-rss", lambda: all(one.rss >= 0 for one in me.memory_maps()) and sum(one.rss for one in me.memory_maps()) > 1 << 20)
tell("io", lambda: me.io_counters().read_count > 0)
tell("switches", lambda: me.num_ctx_switches().voluntary >= 0)
tell("cpu_times", lambda: me.cpu_times().user > 0)
tell("cpu_num", lambda: 0 <= me.cpu_num() < psutil.cpu_count())
tell("create_time", lambda: abs(me.create_time() - time.time()) < 1000)
tell("tree", lambda: [one.pid for one in it.parents()][-1])
tell("suspend", lambda: (it.suspend(), time.sleep(0.1), it.status())[2])
tell("resume", lambda: (it.resume(), time.sleep(0.1), it.status())[2])
tell("is_running", it.is_running)
tell("kill", lambda: (it.kill(), it.status() if child.poll() is None else "gone", child.wait()) [2])
tell("gone", lambda: psutil.pid_exists(child.pid))
tell("no such", lambda: psutil.Process(child.pid))
crew = [psutil.Popen(["sleep", str(n)]) for n in (0.01, 0.05, 1000)]
tell("wait_procs", lambda: [len(some) for some in psutil.wait_procs(crew, timeout=1.5)])
tell("terminate", lambda: (crew[2].terminate(), crew[2].wait()))
tell("pids", lambda: 1 in psutil.pids() and me.pid in psutil.pids())
tell("process_iter", lambda: sorted({one.info["name"] for one in psutil.process_iter(["name", "memory_info", "cpu_times", "num_threads"])} & {"python3", "init"}))

tell("cpu_count", lambda: (psutil.cpu_count(), psutil.cpu_count(logical=False)))
tell("system cpu_times", lambda: (psutil.cpu_times()._fields, psutil.cpu_times().user > 0, len(psutil.cpu_times(percpu=True))))
tell("cpu_percent", lambda: 0 <= psutil.cpu_percent(interval=0.2) <= 100)
tell("cpu_stats", lambda: (psutil.cpu_stats().ctx_switches > 100, psutil.cpu_stats().interrupts > 100))
tell("load", lambda: len(psutil.getloadavg()))
tell("virtual_memory", lambda: (psutil.virtual_memory()._fields, psutil.virtual_memory().total > psutil.virtual_memory().available > 0))
tell("swap", lambda: psutil.swap_memory().total)
tell("boot_time", lambda: 0 < time.time() - psutil.boot_time() < 100000)
tell("partitions", psutil.disk_partitions)
tell("usage", lambda: 0 <= psutil.disk_usage("/tmp").percent <= 100)
tell("users", psutil.users)
tell("sensors", lambda: (psutil.sensors_temperatures(), psutil.sensors_battery()))
print(sys.stdout.isatty())
