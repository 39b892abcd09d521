//! From a kernel thread to process 1: file systems, devices, the initramfs, `/init`.
use crate::options::Options;
use abi::{Errno, Result};
use alloc::sync::Arc;
use cred::{Cred, Rlimits};
use hal::boot::BootInfo;
use task::clone::First;
use vfs::{FileType, Files, FsStruct, Make, MountNs, OnExec, OpenHow, WalkCtx};

/// The thread's work. Nothing can go on without process 1, so a failure is a panic that names it. Afterwards it stays,
/// as the kernel threads' parent.
pub(crate) fn run(info: &'static BootInfo, options: Options) {
    if let Err(e) = prepare(info, options) {
        trace::panic::panic(format_args!("no first process: {e}"));
    }
    let never = sync::WaitQueue::new();
    loop {
        let _ = never.wait(sync::WaitMode::Interruptible, None, || None::<()>);
    }
}

fn prepare(info: &'static BootInfo, options: Options) -> Result<()> {
    register(info)?;
    trace::events::start();
    let cred = Cred::init()?;
    let rootfs = tmpfs::new_superblock("rootfs", b"mode=755")?;
    let ns = MountNs::new(&rootfs)?;
    let root = ns.root().ok_or(Errno::ENOENT)?.root_path();
    let fs = FsStruct::new(root.clone())?;
    default_tree(&fs, &cred)?;
    if let Some(initrd) = &info.initrd {
        match initramfs::unpack(initrd.clone(), &root, &cred) {
            Ok(report) => trace::pr_info!(
                "initramfs: {} entries, {} pages adopted, {} freed",
                report.entries,
                report.adopted,
                report.freed
            ),
            Err(e) => trace::panic::panic(format_args!("{e}")),
        }
    }
    let files = Files::new()?;
    open_console(&files, &fs, &cred)?;
    let first = First {
        files,
        fs,
        mm: mm::Mm::new()?,
        cred,
        limits: Rlimits::init(task::limits::max_threads().into()),
    };
    task::clone::spawn_init(first, move |cx| exec_first(cx, options))?;
    Ok(())
}

/// What each service adds: file systems, devices, hooks.
fn register(info: &'static BootInfo) -> Result<()> {
    task::set_syscalls(&syscall::TABLE);
    task::oom::register();
    task::uts::init()?;
    task::nsfs::init()?;
    exec::vdso::init()?;
    task::helper::set_start(exec::start_program);
    tmpfs::init()?;
    tmpfs::init_huge()?;
    device::init()?;
    netlink::init()?;
    mqueue::init()?;
    unix::init()?;
    inet::init()?;
    devtmpfs::init()?;
    block::init()?;
    loopdev::init()?;
    pipe::init();
    event::poll::init()?;
    tty::init()?;
    serial::init(info.cmdline)?;
    lkdtm::init()?;
    coredump::init();
    sysvipc::init()?;
    procfs::init(info.cmdline)?;
    // After all that have a part in it.
    task::ipcns::init()?;
    module::trust_signatures_of(include_bytes!(concat!(
        env!("OUT_DIR"),
        "/certificate.x509"
    )));
    capi::init()
}

/// What stands in the root before anything is unpacked, as in Linux' built-in archive.
fn default_tree(fs: &Arc<FsStruct>, cred: &Arc<Cred>) -> Result<()> {
    let ctx = || WalkCtx::new(fs, cred);
    vfs::make(ctx(), b"/dev", Make::Directory(0o755))?;
    vfs::make(
        ctx(),
        b"/dev/console",
        Make::Node(FileType::CharDevice, 0o600, vfs::makedev(5, 1)),
    )?;
    vfs::make(ctx(), b"/root", Make::Directory(0o700))
}

/// Process 1's descriptors 0, 1 and 2, if there is a console.
fn open_console(files: &Files, fs: &Arc<FsStruct>, cred: &Arc<Cred>) -> Result<()> {
    let how = OpenHow::new(abi::raw::O_RDWR, 0);
    let console = match vfs::open(WalkCtx::new(fs, cred), b"/dev/console", &how) {
        Ok(console) => console,
        Err(e) => {
            trace::pr_warn!("unable to open an initial console: {e}");
            return Ok(());
        }
    };
    for _ in 0..3 {
        files.alloc(0, 3, console.clone(), OnExec::from_flag(false))?;
    }
    Ok(())
}

/// `rdinit=` or /init; then `init=`, and the usual places.
fn exec_first(cx: &mut task::cx::Cx, options: Options) -> Result<()> {
    let candidates = [
        Some(options.rdinit),
        options.init,
        Some("/sbin/init"),
        Some("/etc/init"),
        Some("/bin/init"),
        Some("/bin/sh"),
    ];
    let mut last = Errno::ENOENT;
    for path in candidates.into_iter().flatten() {
        match exec::start_program(
            cx,
            path.as_bytes(),
            &[path.as_bytes()],
            &[b"HOME=/", b"TERM=linux"],
        ) {
            Ok(()) => {
                trace::pr_info!("Run {path} as init process");
                return Ok(());
            }
            Err(Errno::ENOENT) => {}
            Err(e) => {
                trace::pr_err!("Failed to execute {path} (error {})", -e.code());
                last = e;
            }
        }
    }
    trace::pr_emerg!("No working init found. Try passing init= option to kernel.");
    Err(last)
}
