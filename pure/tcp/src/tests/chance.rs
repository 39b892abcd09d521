//! Segments that are lost, doubled and mixed by chance.
use super::{World, bytes};
use crate::connection::State;
use proptest::prelude::*;
use std::vec::Vec;

#[derive(Clone, Copy, Debug)]
enum Step {
    Send(usize, usize),
    Read(usize, usize),
    Deliver(usize),
    Lose(usize),
    Double(usize),
    Wait,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..2usize, 1..3000usize).prop_map(|(n, len)| Step::Send(n, len)),
        3 => (0..2usize, 1..6000usize).prop_map(|(n, len)| Step::Read(n, len)),
        8 => (0..50usize).prop_map(Step::Deliver),
        1 => (0..50usize).prop_map(Step::Lose),
        1 => (0..50usize).prop_map(Step::Double),
        1 => Just(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
    /// Segments are lost, doubled and delivered in any order: what was sent is read, and both ends end.
    #[test]
    fn streams_survive(iss in any::<u32>(), steps in prop::collection::vec(step(), 0..300)) {
        let mut world = World::new(iss);
        world.pull(0);
        let empty = || [Vec::<u8>::new(), Vec::new()];
        let (mut sent, mut read) = (empty(), empty());
        let (mut next, mut waits) = (0u8, 0);
        for step in steps {
            match step {
                Step::Send(n, len) => if world.ends[n].is_some() && world.end(n).unacknowledged() < 20_000 {
                    let all: Vec<u8> = (0..len).map(|_| { next = next.wrapping_mul(5).wrapping_add(1); next }).collect();
                    sent[n].extend(&all);
                    world.end(n).push(bytes(all)).unwrap();
                    world.pull(n);
                },
                Step::Read(n, len) => if world.ends[n].is_some() {
                    let got = world.read(n, len);
                    read[n].extend(got);
                    world.pull(n);
                },
                Step::Deliver(at) => if !world.wire.is_empty() {
                    let at = at % world.wire.len();
                    world.deliver(at);
                },
                Step::Lose(at) => if !world.wire.is_empty() {
                    let at = at % world.wire.len();
                    world.wire.remove(at);
                },
                Step::Double(at) => if !world.wire.is_empty() {
                    let at = at % world.wire.len();
                    let copy = world.wire[at].clone();
                    world.wire.push(copy);
                },
                // Who waits too long gives up.
                Step::Wait => if waits < 4 {
                    waits += 1;
                    world.wait();
                },
            }
            prop_assert!(world.wire.len() < 5000);
        }
        // From here on nothing is lost.
        for _ in 0..200 {
            world.settle();
            for (n, read) in read.iter_mut().enumerate() {
                if world.ends[n].is_some() {
                    read.extend(world.read(n, usize::MAX));
                }
            }
            world.settle();
            let established = world.states() == (State::Established, State::Established);
            if established && (0..2).all(|n| world.end(n).unacknowledged() == 0) {
                break;
            }
            prop_assert!(world.wait() || established);
        }
        for (n, read) in read.iter_mut().enumerate() {
            read.extend(world.read(n, usize::MAX));
        }
        prop_assert_eq!(world.states(), (State::Established, State::Established));
        prop_assert!(sent[0] == read[1]);
        prop_assert!(sent[1] == read[0]);
        world.end(0).close();
        world.settle();
        world.end(1).close();
        world.settle();
        while world.wait() {
            world.settle();
        }
        prop_assert_eq!(world.states(), (State::Closed, State::Closed));
        prop_assert!(world.ends.iter().flatten().all(|end| end.ending().is_none()));
    }
}
