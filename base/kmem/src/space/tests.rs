//! Page tables of user spaces on the host, held against a map, and with threads that fault and unmap.
use super::*;
use crate::charge::{self, Charge};
use std::collections::BTreeMap;
use std::vec::Vec;

const RW: Prot = Prot::READ.union(Prot::WRITE);
fn va(page: usize) -> UserAddr {
    UserAddr(page << 12)
}

#[test]
fn map_get_replace_reuse() {
    let s = UserSpace::new().unwrap();
    let a = Frame::zeroed().unwrap();
    assert!(s.get(va(5)).is_none());
    s.map(va(5), a.clone(), RW | Prot::ANON).unwrap();
    assert_eq!(
        s.map(va(5), Frame::zeroed().unwrap(), RW),
        Err(MapError::Exists)
    );
    let m = s.get(va(5).add(77)).unwrap();
    assert!(m.frame.same(&a) && m.prot == RW | Prot::ANON && m.accessed && !m.dirty);
    drop(m);
    assert!(!s.try_reuse(va(5), RW), "we hold it as well");
    let b = Frame::zeroed().unwrap();
    let elsewhere = Some(PhysAddr(0x1000));
    assert_eq!(
        s.replace(va(5), b.clone(), RW, elsewhere).unwrap_err(),
        MapError::Exists
    );
    let old = s
        .replace(va(5), b.clone(), Prot::READ, Some(a.paddr()))
        .unwrap()
        .unwrap();
    assert!(old.same(&a));
    let pa = b.paddr();
    drop(b);
    assert!(s.try_reuse(va(5), RW));
    assert_eq!(s.prot(va(5)), Some(RW));
    assert!(!s.set_prot(va(5), RW, a.paddr()));
    assert!(s.set_prot(va(5), Prot::EXEC, pa));
    assert_eq!(s.prot(va(5)), Some(Prot::READ | Prot::EXEC));
    assert_eq!(a.refs(), 2);
}

#[test]
fn fork_modes() {
    let s = UserSpace::new().unwrap();
    let f: Vec<Frame> = (0..3).map(|_| Frame::zeroed().unwrap()).collect();
    s.map(va(1000), f[0].clone(), RW | Prot::ANON).unwrap();
    s.map(va(1001), f[1].clone(), Prot::READ).unwrap();
    s.map(va(900_000), f[2].clone(), RW).unwrap();
    let child = UserSpace::new().unwrap();
    let ranges = [
        (va(0)..va(2000), CowMode::AnonOnly),
        (va(900_000)..va(900_001), CowMode::Share),
    ];
    assert_eq!(s.fork_ranges(&child, ranges), Ok(2));
    assert_eq!(s.prot(va(1000)), Some(Prot::READ | Prot::ANON));
    assert_eq!(child.prot(va(1000)), Some(Prot::READ | Prot::ANON));
    assert_eq!(child.prot(va(1001)), None);
    assert_eq!(child.prot(va(900_000)), Some(RW));
    assert_eq!(s.prot(va(900_000)), Some(RW));
    assert_eq!([f[0].refs(), f[1].refs(), f[2].refs()], [3, 2, 3]);
    drop(child);
    assert_eq!([f[0].refs(), f[1].refs(), f[2].refs()], [2, 2, 2]);
    drop(s);
    assert_eq!([f[0].refs(), f[1].refs(), f[2].refs()], [1, 1, 1]);
}

#[test]
fn protections_never_gain_write() {
    let s = UserSpace::new().unwrap();
    s.map(va(1), Frame::zeroed().unwrap(), RW | Prot::ANON)
        .unwrap();
    s.map(va(2), Frame::zeroed().unwrap(), Prot::READ).unwrap();
    s.protect(va(0)..va(100), Prot::empty());
    assert_eq!(s.prot(va(1)), Some(Prot::ANON));
    assert_eq!(s.prot(va(2)), Some(Prot::empty()));
    s.protect(va(0)..va(100), RW | Prot::EXEC);
    assert_eq!(s.prot(va(1)), Some(Prot::READ | Prot::EXEC | Prot::ANON));
    assert_eq!(s.prot(va(2)), Some(Prot::READ | Prot::EXEC));
}

#[test]
fn move_across_tables() {
    let s = UserSpace::new().unwrap();
    let frames: Vec<Frame> = (0..700).map(|_| Frame::uninit().unwrap()).collect();
    for (i, f) in frames.iter().enumerate() {
        s.map(va(300 + i), f.clone(), RW).unwrap();
    }
    s.move_range(va(300), va(5001), 700 << 12).unwrap();
    for (i, f) in frames.iter().enumerate() {
        assert!(s.get(va(300 + i)).is_none());
        assert!(s.get(va(5001 + i)).unwrap().frame.same(f));
    }
    s.unmap(va(0)..UserAddr(USER_END), drop);
    assert!(frames.iter().all(|f| f.refs() == 1));
}

struct Rng(u64);
impl Rng {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % n
    }
}

/// Random traffic against a map; places that share tables, lie far apart, and at both ends of user space.
#[test]
fn behaves_like_a_map() {
    for seed in 0..20 {
        let mut rng = Rng(seed);
        let spots: Vec<usize> = [0, 510, 1 << 18, (1 << 27) - 3, (USER_END >> 12) - 40]
            .iter()
            .flat_map(|&b| b..b + 40)
            .collect();
        let s = UserSpace::new().unwrap();
        let mut model: BTreeMap<usize, (Frame, Prot)> = BTreeMap::new();
        for _ in 0..3000 {
            let page = spots[rng.below(spots.len())];
            match rng.below(10) {
                0..6 => {
                    let f = Frame::uninit().unwrap();
                    let prot = Prot::from_bits_retain(rng.below(16) as u8) | Prot::READ;
                    let r = s.map(va(page), f.clone(), prot);
                    assert_eq!(r.is_ok(), !model.contains_key(&page));
                    if r.is_ok() {
                        model.insert(page, (f, prot));
                    }
                }
                6 => {
                    let end = page + 1 + rng.below(60);
                    let mut got = Vec::new();
                    s.unmap(va(page)..UserAddr((end << 12).min(USER_END)), |u| {
                        got.push((u.va.0 >> 12, u.prot));
                    });
                    let keys: Vec<usize> = model.range(page..end).map(|(k, _)| *k).collect();
                    let expected: Vec<_> = keys
                        .iter()
                        .map(|k| (*k, model.remove(k).unwrap().1))
                        .collect();
                    assert_eq!(got, expected);
                }
                7 => {
                    let end = page + 1 + rng.below(60);
                    let d = s.discard(va(page)..va(end));
                    let keys: Vec<usize> = model.range(page..end).map(|(k, _)| *k).collect();
                    let anon = keys
                        .iter()
                        .filter(|k| model[k].1.contains(Prot::ANON))
                        .count();
                    assert_eq!(
                        d,
                        Discarded {
                            anon,
                            other: keys.len() - anon
                        }
                    );
                    keys.iter().for_each(|k| drop(model.remove(k)));
                }
                _ => {
                    let got = s.get(va(page)).map(|m| (m.frame.pfn(), m.prot));
                    assert_eq!(got, model.get(&page).map(|(f, p)| (f.pfn(), *p)));
                }
            }
        }
        assert!(model.values().all(|(f, _)| f.refs() == 2));
        let child = UserSpace::new().unwrap();
        let all = va(0)..UserAddr(USER_END);
        assert_eq!(
            s.fork_range(&child, all.clone(), CowMode::CopyOnWrite),
            Ok(model.len())
        );
        let mut seen = 0;
        child.for_each(all, |at, m| {
            seen += 1;
            let (f, p) = &model[&(at.0 >> 12)];
            assert!(m.frame.same(f) && m.prot == *p - Prot::WRITE);
        });
        assert_eq!(seen, model.len());
        drop((s, child));
        assert!(model.values().all(|(f, _)| f.refs() == 1));
    }
}

#[test]
fn threads_fault_and_unmap_at_once() {
    let s = UserSpace::new().unwrap();
    std::thread::scope(|scope| {
        for t in 0..4 {
            let s = &s;
            scope.spawn(move || {
                let mut rng = Rng(t);
                for _ in 0..3000 {
                    let page = rng.below(1200);
                    match rng.below(4) {
                        0 => s.unmap(va(page)..va(page + 300), drop),
                        1 => drop(s.get(va(page))),
                        _ => drop(s.map(va(page), Frame::uninit().unwrap(), RW)),
                    }
                }
            });
        }
    });
    s.unmap(va(0)..va(4096), drop);
    assert!(s.table_pages() <= 3, "leaf tables are freed when empty");
    assert!(charge::pages(charge::ROOT, Charge::Tables) >= s.table_pages());
}
