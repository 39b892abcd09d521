//! Memory that ends, in a process of its own: nothing else allocates frames here.
use kmem::frame::{self, Frame, Gfp};
use kmem::pressure::{self, Reclaim, VictimSource};
use std::sync::Mutex;

static CACHE: Mutex<Vec<Frame>> = Mutex::new(Vec::new());
static HOG: Mutex<Vec<Frame>> = Mutex::new(Vec::new());

struct Cache;
impl Reclaim for Cache {
    fn name(&self) -> &'static str {
        "cache"
    }
    fn reclaim(&self, pages: usize) -> usize {
        let mut cache = CACHE.lock().unwrap();
        let n = pages.min(cache.len());
        let left = cache.len() - n;
        cache.truncate(left);
        n
    }
}

struct Killer;
impl VictimSource for Killer {
    fn kill_one(&self) -> bool {
        let mut hog = HOG.lock().unwrap();
        let any = !hog.is_empty();
        hog.clear();
        any
    }
}

#[test]
fn reclaim_then_kill_then_fail() {
    let total = frame::stats().free;
    assert!(pressure::register_reclaim(&Cache) && pressure::register_victims(&Killer));
    CACHE
        .lock()
        .unwrap()
        .extend((0..1000).map(|_| Frame::uninit().unwrap()));
    HOG.lock()
        .unwrap()
        .extend((0..2000).map(|_| Frame::uninit().unwrap()));
    let mut held = Vec::new();
    while !CACHE.lock().unwrap().is_empty() {
        held.push(Frame::uninit().expect("the cache gives pages"));
    }
    assert_eq!(
        pressure::counts().1,
        0,
        "nobody was killed while the cache had pages"
    );
    while !HOG.lock().unwrap().is_empty() {
        held.push(Frame::uninit().expect("the victim gives pages"));
    }
    assert_eq!(pressure::counts().1, 1);
    let failed = loop {
        match Frame::uninit() {
            Ok(f) => held.push(f),
            Err(e) => break e,
        }
    };
    assert_eq!(failed, abi::Errno::ENOMEM);
    let stats = frame::stats();
    assert!(stats.free <= stats.min + 64, "{stats:?}");
    let reserve = Frame::alloc(Gfp::ATOMIC).expect("the reserve is for who can't wait");
    assert!(Frame::alloc(Gfp::NOWAIT).is_err());
    assert!(frame::alloc_block(3, Gfp::KERNEL).is_err());
    drop((held, reserve));
    assert_eq!(frame::stats().free, total);

    // Every error exit, one after the other: nothing is lost.
    use kmem::UserAddr;
    use kmem::space::{CowMode, Prot, UserSpace};
    for nth in 1..12 {
        let s = UserSpace::new().unwrap();
        for i in 0..6 {
            s.map(
                UserAddr(i << 30),
                Frame::uninit().unwrap(),
                Prot::READ | Prot::WRITE,
            )
            .unwrap();
        }
        frame::FRAME_ALLOC.arm(nth, 0);
        let child = UserSpace::new();
        let forked = child
            .and_then(|c| s.fork_range(&c, UserAddr(0)..UserAddr(1 << 40), CowMode::CopyOnWrite));
        let moved = s.move_range(UserAddr(0), UserAddr(1 << 45), 6 << 30);
        frame::FRAME_ALLOC.disarm();
        assert!(forked.is_err() || moved.is_err() || nth > 10 || frame::FRAME_ALLOC.hits() == 0);
        let mut pages = 0;
        s.unmap(UserAddr(0)..UserAddr(abi::USER_END), |_| pages += 1);
        assert_eq!(pages, 6, "a failed move loses nothing (fault {nth})");
    }
    kmem::drain_local();
    assert_eq!(frame::stats().free, total);
}
