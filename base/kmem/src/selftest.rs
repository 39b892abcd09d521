//! Tests that need the machine: page tables the CPU walks, the exception table, guard pages. Each leaves memory as it
//! found it. Run on one CPU, in a task context or before the scheduler starts.
use crate::frame::{self, Frame};
use crate::space::{self, CowMode, Prot, UserSpace};
use crate::user::{self, UserBuf};
use crate::{TryVec, drain_local, stack, try_arc, try_box, vmalloc};
use abi::Errno;
use alloc::vec::Vec;
use core::fmt::Write;
use hal::addr::{PAGE_SIZE, UserAddr};

const RW: Prot = Prot::READ.union(Prot::WRITE).union(Prot::ANON);
const BASE: UserAddr = UserAddr(0x40_0000);

type Test = (&'static str, fn() -> bool);

/// Runs all; one line each. `false`: one failed.
pub fn run(out: &mut dyn Write) -> bool {
    let tests: [Test; 8] = [
        ("frames come back", frames),
        ("boxes, arcs and vectors", heap),
        ("vmalloc and stacks", areas),
        ("user memory", user_memory),
        ("user faults", user_faults),
        ("copy on write", copy_on_write),
        ("protection", protection),
        ("memory ends", exhaustion),
    ];
    let mut all = true;
    for (name, test) in tests {
        // The first run makes magazines and kernel page tables, which are kept; the second must cost nothing.
        let warm = test();
        space::deactivate();
        drain_local();
        let before = frame::stats().free;
        let passed = test() && warm;
        space::deactivate();
        drain_local();
        let leaked = before as isize - frame::stats().free as isize;
        let _ = writeln!(
            out,
            "kmem: {name}: {}, {leaked} pages gone",
            if passed { "ok" } else { "FAILED" }
        );
        all &= passed && leaked == 0;
    }
    all
}

fn frames() -> bool {
    let Ok(mut held) = Vec::<Frame>::try_with_capacity(2000) else {
        return false;
    };
    for i in 0..2000u64 {
        let Ok(f) = Frame::zeroed() else { return false };
        if f.read_pod::<[u64; 4]>(64) != [0; 4] {
            return false;
        }
        f.write_pod(64, &[i, !i]);
        held.push(f);
    }
    let intact = held
        .iter()
        .zip(0u64..)
        .all(|(f, i)| f.read_pod::<[u64; 2]>(64) == [i, !i]);
    let Ok(block) = frame::alloc_block(5, frame::Gfp::KERNEL.zeroed()) else {
        return false;
    };
    intact && block.bytes().iter().all(|b| *b == 0)
}

fn heap() -> bool {
    let mut ok = true;
    let Ok(mut all) = Vec::try_with_capacity(500) else {
        return false;
    };
    for i in 0..500u64 {
        let (Ok(b), Ok(a)) = (try_box([i; 20]), try_arc([i; 5])) else {
            return false;
        };
        all.push((b, a));
    }
    all.iter()
        .zip(0u64..)
        .for_each(|((b, a), i)| ok &= **b == [i; 20] && **a == [i; 5]);
    for size in [1usize, 100, 5000, 9000, 70_000, 1 << 20] {
        let Ok(mut v) = Vec::try_filled(7u8, size) else {
            return false;
        };
        ok &= v.try_extend(&[9; 100]).is_ok() && v[size - 1] == 7 && v[size] == 9;
    }
    ok && Vec::<u8>::try_with_capacity(1 << 40).is_err()
}

fn areas() -> bool {
    let before = crate::stats::vmalloc_stats();
    let (Ok(mut a), Ok(mut b)) = (vmalloc::alloc(10_000), vmalloc::alloc(1 << 20)) else {
        return false;
    };
    a.bytes_mut().fill(1);
    b.bytes_mut().fill(2);
    let Ok(s) = stack::KernelStack::alloc() else {
        return false;
    };
    let guards =
        stack::is_guard(s.bottom().add(0usize.wrapping_sub(1))) && !stack::is_guard(s.bottom());
    let ok = guards
        && a.bytes().iter().all(|x| *x == 1)
        && crate::stats::vmalloc_stats().areas == before.areas + 3;
    drop((a, b, s));
    ok && crate::stats::vmalloc_stats() == before
}

/// A space of `pages` pages from [`BASE`] on, active on this CPU.
fn space(pages: usize) -> Option<UserSpace> {
    let s = UserSpace::new().ok()?;
    for i in 0..pages {
        s.map(BASE.add(i * PAGE_SIZE), Frame::zeroed().ok()?, RW)
            .ok()?;
    }
    s.activate();
    Some(s)
}

fn user_memory() -> bool {
    let Some(s) = space(3) else { return false };
    let text = b"spread over two pages, of course";
    let at = BASE.add(PAGE_SIZE - 7);
    let mut back = [0; 32];
    let mut ok =
        user::copy_to_user(at, text).is_ok() && user::copy_from_user(&mut back, at).is_ok();
    ok &= &back == text;
    // What the CPU wrote through the tables is in the page.
    let Some(m) = s.get(BASE) else { return false };
    let mut tail = [0; 7];
    m.frame.read(PAGE_SIZE - 7, &mut tail);
    ok &= tail == text[..7] && m.dirty && m.accessed;
    ok &= user::write(at, b"name\0").is_ok() && user::strncpy(&mut back, at) == Ok(4);
    ok &= user::strncpy(&mut back[..4], at) == Err(Errno::ENAMETOOLONG);
    ok &= user::write(BASE, &5u32).is_ok() && user::cas_u32(BASE, 5, 6) == Ok(5);
    ok &= user::cas_u32(BASE, 5, 7) == Ok(6) && user::read::<u32>(BASE) == Ok(6);
    let mut buf = UserBuf::single(at, 100);
    ok &= buf.copy_frame_to(&m.frame, 0, 4) == Ok(4) && buf.zero(50) == Ok(50);
    ok && user::read::<[u8; 5]>(at) == Ok([6, 0, 0, 0, 0])
}

fn user_faults() -> bool {
    let Some(_s) = space(1) else { return false };
    let end = BASE.add(PAGE_SIZE);
    let kernel = UserAddr(hal::paging::DIRECT_MAP_BASE);
    let mut buf = [0; 64];
    let efault = Err(Errno::EFAULT);
    let mut ok =
        user::copy_from_user(&mut buf, end) == efault && user::copy_to_user(kernel, &buf) == efault;
    ok &= user::copy_to_user(UserAddr(abi::USER_END), &buf) == efault;
    ok &= user::copy_to_user(UserAddr(usize::MAX - 3), &buf) == efault;
    ok &= user::read::<u64>(UserAddr(0)) == Err(Errno::EFAULT)
        && user::cas_u32(kernel, 0, 1) == Err(Errno::EFAULT);
    ok &= user::clear(end.add(usize::MAX - 9), 64) == efault;
    ok &= user::write(end.add(usize::MAX - 2), b"abc").is_ok();
    ok &= user::strncpy(&mut buf, end.add(usize::MAX - 2)) == Err(Errno::EFAULT);
    for len in [1, 8, 30, 64] {
        // Exactly the bytes before the hole arrive.
        let start = UserAddr(end.0 - len.min(13));
        ok &= UserBuf::single(start, len).copy_to(&buf[..len]) == Ok(len.min(13));
        ok &= UserBuf::single(start, len).copy_from(&mut buf[..len]) == Ok(len.min(13));
    }
    ok
}

fn copy_on_write() -> bool {
    let Some(s) = space(4) else { return false };
    let Ok(child) = UserSpace::new() else {
        return false;
    };
    if user::write(BASE, &1u64).is_err()
        || s.fork_range(&child, BASE..BASE.add(4 * PAGE_SIZE), CowMode::AnonOnly) != Ok(4)
    {
        return false;
    }
    // Nobody breaks the sharing here: a write must fail in both, a read must not.
    let mut ok = user::write(BASE, &2u64) == Err(Errno::EFAULT) && user::read::<u64>(BASE) == Ok(1);
    child.activate();
    ok &= user::write(BASE, &2u64) == Err(Errno::EFAULT) && user::read::<u64>(BASE) == Ok(1);
    let (Some(m), Ok(copy)) = (child.get(BASE), Frame::uninit()) else {
        return false;
    };
    copy.copy_from(&m.frame);
    ok &= child.replace(BASE, copy, RW, Some(m.frame.paddr())).is_ok()
        && user::write(BASE, &2u64).is_ok();
    drop(m);
    s.activate();
    ok &= user::read::<u64>(BASE) == Ok(1)
        && s.try_reuse(BASE, RW)
        && user::write(BASE, &3u64).is_ok();
    ok &= !s.try_reuse(BASE.add(PAGE_SIZE), RW);
    drop(child);
    ok && s.try_reuse(BASE.add(PAGE_SIZE), RW)
}

fn protection() -> bool {
    let Some(s) = space(2) else { return false };
    let both = BASE..BASE.add(2 * PAGE_SIZE);
    let mut ok = user::write(BASE, &1u8).is_ok();
    s.protect(both.clone(), Prot::READ);
    ok &= user::write(BASE, &1u8) == Err(Errno::EFAULT) && user::read::<u8>(BASE) == Ok(1);
    s.protect(both.clone(), Prot::empty());
    ok &= user::read::<u8>(BASE) == Err(Errno::EFAULT);
    s.protect(both.clone(), Prot::READ);
    ok &= user::read::<u8>(BASE) == Ok(1);
    ok &= s.move_range(BASE, BASE.add(1 << 30), 2 * PAGE_SIZE).is_ok();
    ok &= user::read::<u8>(BASE) == Err(Errno::EFAULT)
        && user::read::<u8>(BASE.add(1 << 30)) == Ok(1);
    s.unmap(UserAddr(0)..UserAddr(abi::USER_END), drop);
    ok && user::read::<u8>(BASE.add(1 << 30)) == Err(Errno::EFAULT)
}

fn exhaustion() -> bool {
    // A list through the pages themselves: page n holds where n - 1 is.
    let mut held = Vec::<Frame>::new();
    let mut failed = false;
    while !failed {
        match Frame::uninit() {
            Ok(f) => failed = held.try_push(f).is_err(),
            Err(e) => failed = e == Errno::ENOMEM,
        }
    }
    let atomic = Frame::alloc(frame::Gfp::ATOMIC).is_ok();
    let low = frame::stats();
    drop(held);
    failed && atomic && low.free - low.tables < low.min * 2 + 200 && Frame::uninit().is_ok()
}
