//! eventfd, epoll, poll, select and timerfd on the host, with threads.
use crate::epoll::{Epoll, Event, Interest};
use crate::eventfd::EventFd;
use crate::poll::{Kept, PollFd, Until, poll};
use crate::select::{Sets, select};
use crate::timerfd::{Setting, TimerFd};
use abi::{Errno, raw};
use cred::Cred;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::vec::Vec;
use vfs::{File, Files, OnExec};

fn cred() -> Arc<Cred> {
    Cred::init().unwrap()
}

fn counter(count: u32) -> (Arc<File>, Arc<EventFd>) {
    let file = EventFd::create(count, raw::EFD_NONBLOCK, &cred()).unwrap();
    let ops = file.ops_arc::<EventFd>().unwrap();
    (file, ops)
}

fn set() -> (Arc<File>, Arc<Epoll>) {
    let file = Epoll::create(0, &cred()).unwrap();
    let set = file.ops_arc::<Epoll>().unwrap();
    (file, set)
}

fn wants(events: u32, data: u64) -> Interest {
    Interest { events, data }
}

fn events(set: &Epoll, until: Until) -> Vec<Event> {
    let mut out = Vec::new();
    set.wait(16, until, |_, event| {
        out.push(event);
        Ok(())
    })
    .unwrap();
    out
}

fn after(ms: u64) -> Until {
    Until::after(ms * 1_000_000)
}

#[test]
fn counters() {
    let (_file, c) = counter(3);
    assert_eq!(c.take(true), Ok(3));
    assert_eq!(c.take(true), Err(Errno::EAGAIN));
    c.add(u64::MAX - 1, true).unwrap();
    assert_eq!(c.add(1, true), Err(Errno::EAGAIN));
    assert_eq!(c.add(u64::MAX, true), Err(Errno::EINVAL));
    let semaphore = EventFd::new(2, true).unwrap();
    assert_eq!((semaphore.take(true), semaphore.take(true)), (Ok(1), Ok(1)));
    let other = semaphore.clone();
    let waiter = std::thread::spawn(move || other.take(false));
    std::thread::sleep(Duration::from_millis(10));
    semaphore.add(1, false).unwrap();
    assert_eq!(waiter.join().unwrap(), Ok(1));
}

#[test]
fn level_and_edge() {
    let (_keep, set) = set();
    let (level, lc) = counter(0);
    let (edge, ec) = counter(0);
    set.add(3, &level, wants(raw::EPOLLIN, 3)).unwrap();
    set.add(4, &edge, wants(raw::EPOLLIN | raw::EPOLLET, 4))
        .unwrap();
    assert_eq!(
        set.add(3, &level, wants(raw::EPOLLIN, 3)),
        Err(Errno::EEXIST)
    );
    assert_eq!(events(&set, Until::Now), []);
    lc.add(1, true).unwrap();
    ec.add(1, true).unwrap();
    let both = events(&set, Until::Now);
    assert_eq!(both.iter().map(|e| e.data).collect::<Vec<_>>(), [3, 4]);
    for _ in 0..3 {
        let again = events(&set, Until::Now);
        assert_eq!(
            again,
            [Event {
                events: raw::EPOLLIN,
                data: 3
            }]
        );
    }
    ec.add(1, true).unwrap();
    lc.take(true).unwrap();
    assert_eq!(events(&set, Until::Now)[0].data, 4);
    assert_eq!(events(&set, Until::Now), []);
}

#[test]
fn one_shot_modify_remove() {
    let (_keep, set) = set();
    let (file, c) = counter(1);
    set.add(3, &file, wants(raw::EPOLLIN | raw::EPOLLONESHOT, 1))
        .unwrap();
    assert_eq!(events(&set, Until::Now).len(), 1);
    c.add(1, true).unwrap();
    assert_eq!(events(&set, Until::Now), []);
    set.modify(3, &file, wants(raw::EPOLLIN, 2)).unwrap();
    assert_eq!(events(&set, Until::Now)[0].data, 2);
    assert_eq!(
        set.modify(4, &file, wants(raw::EPOLLIN, 2)),
        Err(Errno::ENOENT)
    );
    set.remove(3, &file).unwrap();
    assert_eq!(set.remove(3, &file), Err(Errno::ENOENT));
    assert_eq!(events(&set, Until::Now), []);
}

#[test]
fn exclusive_rules() {
    let (_keep, set) = set();
    let (file, _c) = counter(0);
    let exclusive = raw::EPOLLEXCLUSIVE;
    let bad = wants(raw::EPOLLIN | raw::EPOLLONESHOT | exclusive, 0);
    assert_eq!(set.add(3, &file, bad), Err(Errno::EINVAL));
    set.add(3, &file, wants(raw::EPOLLIN | exclusive, 0))
        .unwrap();
    assert_eq!(
        set.modify(3, &file, wants(raw::EPOLLIN, 0)),
        Err(Errno::EINVAL)
    );
}

#[test]
fn nested_sets() {
    let (f0, s0) = set();
    let (f1, s1) = set();
    let (file, c) = counter(0);
    s0.add(1, &f1, wants(raw::EPOLLIN, 7)).unwrap();
    s1.add(2, &file, wants(raw::EPOLLIN, 8)).unwrap();
    assert_eq!(s1.add(3, &f0, wants(raw::EPOLLIN, 0)), Err(Errno::ELOOP));
    assert_eq!(s0.add(3, &f0, wants(raw::EPOLLIN, 0)), Err(Errno::EINVAL));
    assert_eq!(events(&s0, Until::Now), []);
    c.add(1, true).unwrap();
    assert_eq!(events(&s0, Until::Now)[0].data, 7);
    assert_eq!(events(&s1, Until::Now)[0].data, 8);
    c.take(true).unwrap();
    assert_eq!(events(&s0, Until::Now), []);
    // Five deep is too deep.
    let chain: Vec<_> = (0..5).map(|_| set()).collect();
    for pair in chain.windows(2).rev() {
        let (outer, inner) = (&pair[0].1, &pair[1].0);
        let result = outer.add(9, inner, wants(raw::EPOLLIN, 0));
        assert!(result.is_ok(), "{result:?}");
    }
    let top = set().1;
    assert_eq!(
        top.add(9, &chain[0].0, wants(raw::EPOLLIN, 0)),
        Err(Errno::ELOOP)
    );
}

#[test]
fn waits_and_is_woken() {
    let (_keep, set) = set();
    let (file, c) = counter(0);
    set.add(3, &file, wants(raw::EPOLLIN, 5)).unwrap();
    let start = Instant::now();
    assert_eq!(events(&set, after(20)), []);
    assert!(start.elapsed() >= Duration::from_millis(19));
    let other = c.clone();
    let waker = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(20));
        other.add(1, true).unwrap();
    });
    assert_eq!(events(&set, Until::Forever)[0].data, 5);
    waker.join().unwrap();
}

#[test]
fn closed_files_leave() {
    let (_keep, set) = set();
    for i in 0..500 {
        let (file, c) = counter(1);
        set.add(i, &file, wants(raw::EPOLLIN, 1)).unwrap();
        drop((file, c));
        assert_eq!(events(&set, Until::Now), []);
    }
}

#[test]
fn many_producers() {
    let (keep, set) = set();
    let counters: Vec<_> = (0..20).map(|_| counter(0)).collect();
    for (i, (file, _)) in counters.iter().enumerate() {
        let edge = if i % 2 == 0 { raw::EPOLLET } else { 0 };
        set.add(i as i32, file, wants(raw::EPOLLIN | edge, i as u64))
            .unwrap();
    }
    const EACH: u64 = 2000;
    let threads: Vec<_> = (0..2)
        .map(|t| {
            let mine: Vec<_> = counters.iter().map(|c| c.1.clone()).collect();
            std::thread::spawn(move || {
                for i in 0..EACH {
                    for c in mine.iter().skip(t).step_by(2) {
                        c.add(1, true).unwrap();
                    }
                    if i % 64 == 0 {
                        std::thread::yield_now();
                    }
                }
            })
        })
        .collect();
    let mut total = 0;
    while total < EACH * 20 {
        for event in events(&set, after(2000)) {
            total += counters[event.data as usize].1.take(true).unwrap_or(0);
        }
    }
    for thread in threads {
        thread.join().unwrap();
    }
    drop(keep);
}

#[test]
fn poll_and_select() {
    let mut files = Files::new().unwrap();
    let (a, ac) = counter(0);
    let (b, _bc) = counter(1);
    for file in [a, b] {
        files.alloc(0, 100, file, OnExec::Keep).unwrap();
    }
    let fd = |fd, events: u32| PollFd {
        fd,
        events: events as u16,
        revents: 0xff,
    };
    let mut fds = [fd(0, raw::POLLIN), fd(1, raw::POLLIN), fd(-1, 1), fd(77, 1)];
    let mut kept = None;
    assert_eq!(poll(&mut files, &mut fds, Until::Forever, &mut kept), Ok(2));
    let got: Vec<_> = fds.iter().map(|f| u32::from(f.revents)).collect();
    assert_eq!(got, [0, raw::POLLIN, 0, raw::POLLNVAL]);
    let start = Instant::now();
    assert_eq!(poll(&mut files, &mut fds[..1], after(15), &mut kept), Ok(0));
    assert!(start.elapsed() >= Duration::from_millis(14));
    let place = |kept: &Kept| kept.as_deref().map(std::ptr::from_ref);
    let first = place(&kept);
    assert!(first.is_some(), "what waited is kept");
    let other = ac.clone();
    let waker = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(15));
        other.add(1, true).unwrap();
    });
    assert_eq!(
        poll(&mut files, &mut fds[..1], Until::Forever, &mut kept),
        Ok(1)
    );
    assert_eq!(place(&kept), first, "and waits again");
    waker.join().unwrap();
    ac.take(true).unwrap();
    let mut sets = Sets::new(2).unwrap();
    sets.asked_mut(0)[0] = 0b11;
    sets.asked_mut(1)[0] = 0b01;
    assert_eq!(
        select(&mut files, &mut sets, Until::Forever, &mut kept),
        Ok(2)
    );
    assert_eq!((sets.ready(0)[0], sets.ready(1)[0]), (0b10, 0b01));
    let mut sets = Sets::new(70).unwrap();
    sets.asked_mut(0)[1] = 1;
    assert_eq!(
        select(&mut files, &mut sets, Until::Now, &mut kept),
        Err(Errno::EBADF)
    );
}

#[test]
fn timer_settings() {
    let file = TimerFd::create(raw::CLOCK_MONOTONIC, 0, &cred()).unwrap();
    let timer = file.ops_arc::<TimerFd>().unwrap();
    assert_eq!(timer.get(), Setting::default());
    let hour = 3_600_000_000_000;
    let setting = Setting {
        value_ns: hour,
        interval_ns: 5,
    };
    assert_eq!(timer.set(setting, false, false), Setting::default());
    let left = timer.get();
    assert!(left.value_ns <= hour && left.value_ns > hour - 1_000_000_000);
    assert_eq!(left.interval_ns, 5);
    assert_eq!(TimerFd::create(99, 0, &cred()).err(), Some(Errno::EINVAL));
}
