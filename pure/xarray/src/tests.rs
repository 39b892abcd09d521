//! The array of indices held against an ordered map.
extern crate std;
use super::*;
use core::ops::ControlFlow;
use std::collections::BTreeMap;
use std::vec::Vec;

/// A small generator, so that the test repeats.
struct Rng(u64);
impl Rng {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

#[test]
fn index_zero_needs_no_node() {
    let mut a = XArray::new();
    assert!(a.insert(0, 7, &mut Spare::new()).unwrap().is_none());
    assert_eq!(a.get(0), Some(&7));
    assert_eq!(a.get(1), None);
    assert_eq!(a.remove(0), Some(7));
    assert!(a.is_empty());
}

#[test]
fn says_how_many_nodes_it_lacks_and_needs_no_more() {
    for second in [1, 63, 64, 4095, 4096, u64::MAX] {
        let mut a = XArray::new();
        a.insert_alloc(0, 0).unwrap();
        let mut spare = Spare::new();
        let need = a.insert(second, 1, &mut spare).unwrap_err();
        assert_eq!(need.value, 1);
        spare.reserve(need.nodes).unwrap();
        assert!(a.insert(second, 1, &mut spare).unwrap().is_none());
        assert_eq!((a.get(0), a.get(second)), (Some(&0), Some(&1)), "{second}");
    }
}

#[test]
fn the_last_index_works() {
    let mut a = XArray::new();
    a.insert_alloc(u64::MAX, 1).unwrap();
    a.insert_alloc(5, 2).unwrap();
    assert_eq!(a.next(0), Some((5, &2)));
    assert_eq!(a.next(6), Some((u64::MAX, &1)));
    assert_eq!(a.iter().count(), 2);
    assert_eq!(a.remove(u64::MAX), Some(1));
    assert_eq!(a.next(6), None);
}

#[test]
fn behaves_like_an_ordered_map() {
    let mut rng = Rng(0x1234_5678_9abc_def1);
    for round in 0..40 {
        let mut ours = XArray::new();
        let mut model = BTreeMap::new();
        let span = [10, 100, 5000, 1 << 20, u64::MAX][round % 5];
        for step in 0..2000_u64 {
            let index = rng.next() % span;
            match rng.next() % 8 {
                0..4 => assert_eq!(
                    ours.insert_alloc(index, step).unwrap(),
                    model.insert(index, step)
                ),
                4..6 => assert_eq!(ours.remove(index), model.remove(&index)),
                6 => assert_eq!(
                    ours.next(index),
                    model.range(index..).next().map(|(k, v)| (*k, v))
                ),
                _ => {
                    assert_eq!(ours.get(index), model.get(&index));
                    assert_eq!(ours.get_mut(index), model.get_mut(&index));
                }
            }
            assert_eq!(ours.len(), model.len());
        }
        let all: Vec<_> = ours.iter().map(|(k, v)| (k, *v)).collect();
        let expected: Vec<_> = model.iter().map(|(k, v)| (*k, *v)).collect();
        assert_eq!(all, expected);
        let from = rng.next() % span;
        let mut tail = Vec::new();
        let all = ours.for_each_from(from, |k, v| {
            tail.push((k, *v));
            if tail.len() == 50 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        let expected: Vec<_> = model
            .range(from..)
            .take(50)
            .map(|(k, v)| (*k, *v))
            .collect();
        assert_eq!(tail, expected);
        assert_eq!(all.is_break(), tail.len() == 50);
        let mut popped = 0;
        while ours.pop_from(0).is_some() {
            popped += 1;
        }
        assert_eq!(popped, model.len());
        assert!(ours.is_empty());
    }
}

#[test]
fn finds_holes() {
    let mut a = XArray::new();
    for i in 0..70 {
        a.insert_alloc(i, ()).unwrap();
    }
    a.remove(66);
    assert_eq!(a.next_free(0, 100), Some(66));
    assert_eq!(a.next_free(67, 69), None);
    assert_eq!(a.next_free(67, 100), Some(70));
}
