//! From a path to a task that runs the program.
use crate::load::{self, Image, Loaded, ReadError};
use crate::script::{self, HEAD_SIZE};
use crate::stack::{Shape, StackImage, Text};
use abi::auxvec::{
    AT_BASE, AT_CLKTCK, AT_EGID, AT_ENTRY, AT_EUID, AT_EXECFN, AT_FLAGS, AT_GID, AT_HWCAP,
    AT_HWCAP2, AT_MINSIGSTKSZ, AT_NULL, AT_PAGESZ, AT_PHDR, AT_PHENT, AT_PHNUM, AT_PLATFORM,
    AT_RANDOM, AT_SECURE, AT_SYSINFO_EHDR, AT_UID,
};
use abi::raw::{S_ISGID, S_ISUID, S_IXGRP};
use abi::{Errno, PAGE_SIZE, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::any::Any;
use cred::{Cred, ExecFile, Resource, cap};
use elf::{ElfError, Plan, StackFlags};
use hal::addr::UserAddr;
use kmem::{TryVec, user};
use mm::{Backing, Limits, Mm, Placement, Randomize};
use task::Cx;
use vfs::{File, LookupFlags, MountFlags, Path, WalkCtx};

/// Most interpreters of interpreters: a fifth `#!` is `ELOOP`.
const MAX_SCRIPTS: usize = 5;
/// `USER_HZ`.
const CLOCK_TICKS: usize = 100;
/// `ADDR_NO_RANDOMIZE`, `ADDR_COMPAT_LAYOUT`, `READ_IMPLIES_EXEC` of personality(2).
const NO_RANDOMIZE: u32 = 0x004_0000;
const COMPAT_LAYOUT: u32 = 0x020_0000;
const READ_IMPLIES_EXEC: u32 = 0x040_0000;
/// What set-id programs do not inherit of the personality.
const PERSONALITY_CLEARED: u32 = READ_IMPLIES_EXEC | NO_RANDOMIZE | COMPAT_LAYOUT | 0x010_0000;
/// `HWCAP2_FSGSBASE`.
const HWCAP2_FSGSBASE: usize = 2;
/// Words of the auxiliary vector.
const AUX_WORDS: usize = 21 * 2;

/// Argument or environment strings.
#[derive(Clone, Copy)]
pub enum Strings<'a> {
    /// An array of pointers in user memory that a null pointer ends; a null array is empty.
    User(UserAddr),
    /// The kernel's own.
    Kernel(&'a [&'a [u8]]),
}

impl<'a> Strings<'a> {
    /// How many there are. `EFAULT`, `E2BIG`.
    fn count(self) -> Result<usize> {
        let array = match self {
            Strings::Kernel(strings) => return Ok(strings.len()),
            Strings::User(array) if array.0 == 0 => return Ok(0),
            Strings::User(array) => array,
        };
        // More pointers than this leave no room for strings.
        const AT_MOST: usize = (8 << 20) / size_of::<usize>();
        for n in 0..AT_MOST {
            if user::read::<usize>(array.add(n * size_of::<usize>()))? == 0 {
                return Ok(n);
            }
        }
        Err(Errno::E2BIG)
    }

    fn get(self, n: usize) -> Result<Text<'a>> {
        match self {
            Strings::Kernel(strings) => Ok(Text::Kernel(strings[n])),
            Strings::User(array) => {
                let at = user::read::<usize>(array.add(n * size_of::<usize>()))?;
                Ok(Text::User(UserAddr(at)))
            }
        }
    }
}

/// Replaces the caller's program. `base` is where a relative path starts (`None`: the working directory), `name` what
/// the program is told of itself (`AT_EXECFN`) if that is not `path`, and whether that will open the file again after
/// exec: a script whose interpreter could not open it is `ENOENT`.
///
/// On success the registers are those of the new program; the call's value is to be 0. Errors as execve(2) lists them.
pub fn execve(
    cx: &mut Cx,
    base: Option<&Path>,
    path: &[u8],
    lookup: LookupFlags,
    name: Option<(&[u8], bool)>,
    argv: Strings<'_>,
    envp: Strings<'_>,
) -> Result<usize> {
    task::limits::check_nproc_at_exec(cx)?;
    let (argc, envc) = (argv.count()?, envp.count()?);
    let fs = cx.fs.clone();
    let ctx = WalkCtx {
        fs: &fs,
        cred: &cx.cred,
        base,
    };
    let file = vfs::open_exec(ctx, path, lookup)?;
    let by_descriptor = name.is_some().then(|| file.dentry().clone());
    let (name, reachable) = name.unwrap_or((path, true));
    let program = Binary::find(cx, file, name)?;
    if !reachable && !program.prefix.is_empty() {
        return Err(Errno::ENOENT);
    }
    let stack = build_stack(cx, &program, name, (argv, argc), (envp, envc))?;
    // Of a file that came by descriptor the name it has in its directory, else what the caller called it.
    let mut comm = [0; 16];
    let mut keep = |text: &[u8]| {
        let len = text.len().min(comm.len() - 1);
        comm[..len].copy_from_slice(&text[..len]);
        len
    };
    let len = match &by_descriptor {
        Some(dentry) => dentry.with_name(&mut keep),
        None => keep(path.rsplit(|&b| b == b'/').next().unwrap_or(path)),
    };
    replace(cx, program, stack, &comm[..len])?;
    Ok(0)
}

/// Makes a process of the kernel's making (process 1, modprobe) run `path`; called on its own thread before it is ever in
/// user mode. Errors as execve(2) lists them.
pub fn start_program(cx: &mut Cx, path: &[u8], argv: &[&[u8]], envp: &[&[u8]]) -> Result<()> {
    execve(
        cx,
        None,
        path,
        LookupFlags::FOLLOW,
        None,
        Strings::Kernel(argv),
        Strings::Kernel(envp),
    )?;
    Ok(())
}

/// The ELF file to run, found through any number of scripts.
struct Binary {
    file: Arc<File>,
    image: Image,
    /// Arguments that come before the caller's, outermost interpreter first; none if the file is no script.
    prefix: Vec<Vec<u8>>,
    interpreter: Option<Image>,
}

impl Binary {
    /// `ENOEXEC`, `ELOOP`, `ELIBBAD`, `ENOMEM`, and the errors of opening interpreters.
    fn find(cx: &Cx, mut file: Arc<File>, name: &[u8]) -> Result<Self> {
        let mut prefix: Vec<Vec<u8>> = Vec::new();
        for _ in 0..=MAX_SCRIPTS {
            let object = map_object(&file)?;
            file.read_by_kernel()?;
            let mut head = [0; HEAD_SIZE];
            let len = load::read_at(object.as_ref(), 0, &mut head).unwrap_or(0);
            if !head[..len].starts_with(b"#!") {
                return Self::elf(cx, file, &object, prefix);
            }
            let line = script::parse(&head[..len]).ok_or(Errno::ENOEXEC)?;
            if prefix.is_empty() {
                prefix.try_push(Vec::try_from_slice(name)?)?;
            }
            if let Some(argument) = line.argument {
                prefix.try_insert(0, Vec::try_from_slice(argument)?)?;
            }
            prefix.try_insert(0, Vec::try_from_slice(line.interpreter)?)?;
            file = vfs::open_exec(
                WalkCtx::new(&cx.fs, &cx.cred),
                line.interpreter,
                LookupFlags::FOLLOW,
            )?;
        }
        Err(Errno::ELOOP)
    }

    fn elf(cx: &Cx, file: Arc<File>, object: &Backing, prefix: Vec<Vec<u8>>) -> Result<Self> {
        let image = Image::read(object).map_err(|e| match e {
            ReadError::NoMemory => Errno::ENOMEM,
            ReadError::Elf(_) => Errno::ENOEXEC,
        })?;
        // As Linux reads: the program headers, then the interpreter's name.
        file.read_by_kernel()?;
        let interpreter = match Plan::interp(image.segments()).map_err(|_| Errno::ENOEXEC)? {
            Some((offset, len)) => {
                file.read_by_kernel()?;
                Some(open_interpreter(cx, object, offset, len)?)
            }
            None => None,
        };
        Ok(Self {
            file,
            image,
            prefix,
            interpreter,
        })
    }

    fn stack_flags(&self) -> StackFlags {
        match self.image.segments().find(elf::pt::GNU_STACK) {
            Some(p) if p.flags & elf::pf::X != 0 => StackFlags::Executable,
            Some(_) => StackFlags::NoExec,
            None => StackFlags::Default,
        }
    }
}

fn map_object(file: &Arc<File>) -> Result<Backing> {
    file.mmap().map_err(|e| {
        if e == Errno::ENODEV {
            Errno::ENOEXEC
        } else {
            e
        }
    })
}

/// The dynamic linker that `PT_INTERP` names. `ENOEXEC`, `ELIBBAD`, and the errors of opening it.
fn open_interpreter(cx: &Cx, object: &Backing, offset: u64, len: usize) -> Result<Image> {
    let mut path = Vec::try_filled(0, len)?;
    if load::read_at(object.as_ref(), offset, &mut path)? != len {
        return Err(Errno::EIO);
    }
    if path.pop() != Some(0) {
        return Err(Errno::ENOEXEC);
    }
    let end = path.iter().position(|&b| b == 0).unwrap_or(path.len());
    let fs = cx.fs.clone();
    let file = vfs::open_exec(
        WalkCtx::new(&fs, &cx.cred),
        &path[..end],
        LookupFlags::FOLLOW,
    )?;
    let object = map_object(&file)?;
    // Its head and its program headers.
    file.read_by_kernel()?;
    file.read_by_kernel()?;
    Image::read(&object).map_err(|e| match e {
        ReadError::NoMemory => Errno::ENOMEM,
        ReadError::Elf(ElfError::Truncated) => Errno::EIO,
        ReadError::Elf(_) => Errno::ELIBBAD,
    })
}

/// Copies the strings. `E2BIG`, `EFAULT`, `ENOMEM`.
fn build_stack(
    cx: &Cx,
    program: &Binary,
    name: &[u8],
    (argv, argc): (Strings<'_>, usize),
    (envp, envc): (Strings<'_>, usize),
) -> Result<(StackImage, crate::stack::Marks)> {
    // A script's interpreters stand in for argv[0]; an empty argv gets an empty string, as Linux gives it.
    let skip = usize::from(!program.prefix.is_empty()).min(argc);
    let total = (program.prefix.len() + argc - skip).max(1);
    let limit = cx.process().limits().cur(Resource::Stack);
    let shape = Shape::new(total, envc, AUX_WORDS, limit)?;
    let mut image = StackImage::new(shape, [hal::random::seed_u64(), hal::random::seed_u64()])?;
    for text in &program.prefix {
        image.push_arg(Text::Kernel(text))?;
    }
    for n in skip..argc {
        image.push_arg(argv.get(n)?)?;
    }
    if program.prefix.is_empty() && argc == 0 {
        image.push_arg(Text::Kernel(b""))?;
    }
    for n in 0..envc {
        image.push_env(envp.get(n)?)?;
    }
    let marks = image.finish(name)?;
    Ok((image, marks))
}

/// What the new program's credentials are, and whether it must distrust its environment.
fn credentials(cx: &Cx, file: &File) -> Result<(Arc<Cred>, bool)> {
    let inode = file.inode();
    let mode = inode.mode();
    let counts = !file.path().mnt.flags().contains(MountFlags::NOSUID);
    let no_gain = cx.task.no_new_privs() || cx.task.is_traced_by_weaker();
    let honoured = counts
        && !no_gain
        && cx.cred.user_ns.has_uid(inode.uid())
        && cx.cred.user_ns.has_gid(inode.gid());
    let set_group = S_ISGID | S_IXGRP;
    let exec = ExecFile {
        setuid: (honoured && mode & S_ISUID != 0).then(|| inode.uid()),
        setgid: (honoured && mode & set_group == set_group).then(|| inode.gid()),
        caps: if counts {
            inode.file_caps(&cx.cred)?
        } else {
            None
        },
        no_gain,
    };
    let mut cred = Cred::clone(&cx.cred);
    let secure = cred.exec(exec)?;
    Ok((kmem::try_arc(cred)?, secure))
}

/// Loads the program and makes the task run it.
fn replace(
    cx: &mut Cx,
    program: Binary,
    (stack, marks): (StackImage, crate::stack::Marks),
    comm: &[u8],
) -> Result<()> {
    let (cred, secure) = credentials(cx, &program.file)?;
    if secure {
        cx.personality &= !PERSONALITY_CLEARED;
    }
    let space = match build_space(cx, &program, stack, &marks, &cred, secure) {
        Ok(space) => space,
        Err(Errno::ENOMEM) => return Err(Errno::ENOMEM),
        // Linux learns of this when the old program is gone already: the caller dies. An empty space kills it.
        Err(_) => Space {
            mm: Mm::new()?,
            entry: 0,
            sp: 0,
        },
    };
    let file: Arc<dyn Any + Send + Sync> = program.file;
    space.mm.set_exe(Some(file));
    let former = task::exec::take_over(cx)?;
    task::exec::commit(
        cx,
        task::exec::Program {
            mm: space.mm,
            comm,
            cred,
            entry: space.entry,
            stack: space.sp,
            former,
        },
    )
}

struct Space {
    mm: Arc<Mm>,
    entry: usize,
    sp: usize,
}

fn limits_of(cx: &Cx, cred: &Cred) -> Limits {
    let limits = cx.process().limits();
    let free = cred.capable(cap::IPC_LOCK);
    Limits {
        address_space: limits.cur(Resource::As),
        data: limits.cur(Resource::Data),
        stack: limits.cur(Resource::Stack),
        memlock: if free {
            u64::MAX
        } else {
            limits.cur(Resource::Memlock)
        },
    }
}

fn build_space(
    cx: &Cx,
    program: &Binary,
    stack: StackImage,
    marks: &crate::stack::Marks,
    cred: &Cred,
    secure: bool,
) -> Result<Space> {
    let limits = limits_of(cx, cred);
    let random = if cx.personality & NO_RANDOMIZE != 0 {
        Randomize::No
    } else {
        Randomize::Yes
    };
    let place = Placement::draw(limits.stack, random);
    let low_allowed = cred.capable(cap::SYS_RAWIO);
    let mm = Mm::new()?;
    mm.set_limits(limits);
    mm.set_mmap_base(
        place.mmap_base,
        limits.stack == u64::MAX || cx.personality & COMPAT_LAYOUT != 0,
    );
    let mut flags = program.stack_flags();
    if flags == StackFlags::Default && cx.personality & READ_IMPLIES_EXEC != 0 {
        flags = StackFlags::Executable;
    }
    let sp = load::map_stack(&mm, place.stack_top, stack.len_pages(), flags, limits.stack)?;
    // Before anything that goes where there is room.
    let vdso = crate::vdso::map(&mm, place.vdso)?;
    let with_interpreter = program.interpreter.is_some();
    let loaded = program
        .image
        .map(&mm, with_interpreter.then_some(place.dyn_base), low_allowed)?;
    let linker = program
        .interpreter
        .as_ref()
        .map(|i| i.map(&mm, None, low_allowed))
        .transpose()?;
    let heap = load::heap_start(&loaded, with_interpreter, program.image.header.kind, &place);
    set_layout(&mm, &loaded, heap, sp, marks);
    let aux = auxv(
        program,
        &loaded,
        linker.as_ref(),
        [sp, vdso],
        marks,
        cred,
        secure,
    );
    mm.set_auxv(&aux)?;
    load::fill_stack(&mm, sp, stack.place(sp, &aux))?;
    let entry = linker.as_ref().map_or(loaded.entry, |l| l.entry);
    Ok(Space { mm, entry, sp })
}

fn set_layout(mm: &Mm, loaded: &Loaded, heap: usize, sp: usize, marks: &crate::stack::Marks) {
    let at = |addr: u64| (addr as usize).wrapping_add(loaded.bias);
    mm.set_layout(|l| {
        (l.start_code, l.end_code) = (at(loaded.plan.start_code), at(loaded.plan.end_code));
        (l.start_data, l.end_data) = (at(loaded.plan.start_data), at(loaded.plan.end_data));
        (l.start_brk, l.brk) = (heap, heap);
        l.start_stack = sp;
        (l.arg_start, l.arg_end) = (sp + marks.arg.0, sp + marks.arg.1);
        (l.env_start, l.env_end) = (sp + marks.env.0, sp + marks.env.1);
    });
}

fn auxv(
    program: &Binary,
    loaded: &Loaded,
    linker: Option<&Loaded>,
    [sp, vdso]: [usize; 2],
    marks: &crate::stack::Marks,
    cred: &Cred,
    secure: bool,
) -> [usize; AUX_WORDS] {
    let ns = &cred.user_ns;
    let hwcap2 = if hal::cpu::features().fsgsbase {
        HWCAP2_FSGSBASE
    } else {
        0
    };
    let pairs: [(u32, usize); AUX_WORDS / 2] = [
        (AT_SYSINFO_EHDR, vdso),
        (AT_MINSIGSTKSZ, min_signal_stack()),
        (AT_HWCAP, hal::cpu::cpuid(1, 0).edx as usize),
        (AT_PAGESZ, PAGE_SIZE),
        (AT_CLKTCK, CLOCK_TICKS),
        (AT_PHDR, loaded.phdr),
        (AT_PHENT, elf::PHDR_SIZE),
        (AT_PHNUM, program.image.header.phnum.into()),
        (AT_BASE, linker.map_or(0, |l| l.bias)),
        (AT_FLAGS, 0),
        (AT_ENTRY, loaded.entry),
        (AT_UID, ns.uid(cred.uid) as usize),
        (AT_EUID, ns.uid(cred.euid) as usize),
        (AT_GID, ns.gid(cred.gid) as usize),
        (AT_EGID, ns.gid(cred.egid) as usize),
        (AT_SECURE, usize::from(secure)),
        (AT_RANDOM, sp + marks.random),
        (AT_HWCAP2, hwcap2),
        (AT_EXECFN, sp + marks.name),
        (AT_PLATFORM, sp + marks.platform),
        (AT_NULL, 0),
    ];
    let mut words = [0; AUX_WORDS];
    for (n, (kind, value)) in pairs.into_iter().enumerate() {
        words[2 * n] = kind as usize;
        words[2 * n + 1] = value;
    }
    words
}

/// The least stack a signal handler needs: the frame, the FPU state with room to align it, the red zone.
fn min_signal_stack() -> usize {
    const FRAME: usize = 440 + 128 + 64 + 16;
    (FRAME + hal::fpu::xstate_size() + 4).next_multiple_of(16)
}
