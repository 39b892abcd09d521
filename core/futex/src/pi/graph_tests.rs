//! Chains, circles and order by hand, and random steps against brute force.
use super::*;
use proptest::prelude::*;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::vec;
use std::vec::Vec;

impl Key for u32 {
    fn hash(&self) -> u64 {
        // Collisions on purpose.
        u64::from(*self % 3)
    }
}

#[derive(Clone)]
struct Actor(Rc<(u64, Cell<u8>, Cell<u8>)>);

impl Actor {
    fn new(id: u64, level: u8) -> Self {
        Self(Rc::new((id, Cell::new(level), Cell::new(0))))
    }
    fn inherited(&self) -> u8 {
        self.0.2.get()
    }
}

impl Party for Actor {
    fn id(&self) -> u64 {
        self.0.0
    }
    fn own_level(&self) -> u8 {
        self.0.1.get()
    }
    fn inherit(&self, level: u8) {
        self.0.2.set(level);
    }
}

#[test]
fn a_chain_raises_all_of_it() {
    let [low, middle, high] = [1, 2, 3].map(|n| Actor::new(n, n as u8 * 10));
    let mut graph = Graph::new();
    graph.open(1u32, low.clone()).unwrap();
    graph.wait(1, &middle).unwrap();
    assert_eq!(low.inherited(), 20);
    graph.open(2, middle.clone()).unwrap();
    graph.wait(2, &high).unwrap();
    assert_eq!((low.inherited(), middle.inherited()), (30, 30));
    graph.open(3, high.clone()).unwrap();
    assert_eq!(graph.wait(3, &low), Err(Errno::EDEADLK));
    graph.tidy_lock(&3);
    graph.leave(&2, &high);
    assert_eq!((low.inherited(), middle.inherited()), (20, 0));
    assert_eq!(graph.hand_over(&1, true).unwrap().id(), 2);
    assert_eq!(low.inherited(), 0);
    assert!(graph.locks.is_empty() && graph.ties.is_empty());
}

#[test]
fn own_lock_is_a_deadlock() {
    let me = Actor::new(1, 0);
    let mut graph = Graph::new();
    graph.open(1u32, me.clone()).unwrap();
    assert_eq!(graph.wait(1, &me), Err(Errno::EDEADLK));
    graph.tidy_lock(&1);
    assert!(graph.locks.is_empty() && graph.ties.is_empty());
}

#[test]
fn the_most_urgent_first_then_who_came_first() {
    let owner = Actor::new(9, 0);
    let mut graph = Graph::new();
    graph.open(1u32, owner).unwrap();
    for (id, level) in [(1, 0), (2, 5), (3, 0), (4, 5)] {
        graph.wait(1, &Actor::new(id, level)).unwrap();
    }
    let order: Vec<_> = (0..4)
        .map(|_| graph.hand_over(&1, true).unwrap().id())
        .collect();
    assert_eq!(order, vec![2, 4, 1, 3]);
    assert!(graph.locks.is_empty() && graph.ties.is_empty());
}

#[test]
fn an_unsettled_lock_stays_until_its_name_is_written() {
    let (owner, heir) = (Actor::new(1, 0), Actor::new(2, 0));
    let mut graph = Graph::new();
    graph.open(1u32, owner.clone()).unwrap();
    graph.wait(1, &heir).unwrap();
    assert_eq!(graph.owned_by(1), Some(1));
    assert_eq!(graph.hand_over(&1, false).unwrap().id(), 2);
    assert_eq!(graph.owned_by(1), None);
    assert!(!graph.lock(&1).unwrap().settled);
    graph.settle(&1);
    assert!(graph.locks.is_empty() && graph.ties.is_empty());
}

/// The same by brute force: who owns what, who waits for what.
#[derive(Default)]
struct Model {
    owner: BTreeMap<u32, u64>,
    waits: Vec<(u64, u32)>,
}

impl Model {
    fn level(&self, id: u64, own: &[Actor]) -> u8 {
        let waiters = self.waits.iter().filter(|(_, key)| self.owner[key] == id);
        let inherited = waiters.map(|(waiter, _)| self.level(*waiter, own)).max();
        own[id as usize].own_level().max(inherited.unwrap_or(0))
    }
    fn inherited(&self, id: u64, own: &[Actor]) -> u8 {
        let waiters = self.waits.iter().filter(|(_, key)| self.owner[key] == id);
        let levels = waiters.map(|(waiter, _)| self.level(*waiter, own));
        levels.max().unwrap_or(0)
    }
    fn waits_of(&self, id: u64) -> Option<u32> {
        let found = self.waits.iter().find(|(waiter, _)| *waiter == id);
        found.map(|(_, key)| *key)
    }
    fn closes_a_circle(&self, key: u32, id: u64) -> bool {
        let mut owner = self.owner[&key];
        loop {
            if owner == id {
                return true;
            }
            match self.waits_of(owner) {
                Some(key) => owner = self.owner[&key],
                None => return false,
            }
        }
    }
    fn next(&self, key: u32, own: &[Actor]) -> Option<u64> {
        let waiters = self.waits.iter().filter(|(_, other)| *other == key);
        let mut best: Option<u64> = None;
        for (id, _) in waiters {
            if best.is_none_or(|best| self.level(best, own) < self.level(*id, own)) {
                best = Some(*id);
            }
        }
        best
    }
}

#[derive(Clone, Debug)]
enum Step {
    Take(u64, u32),
    Release(u32),
    GiveUp(u64),
    Level(u64, u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..6u64, 0..5u32).prop_map(|(id, key)| Step::Take(id, key)),
        2 => (0..5u32).prop_map(Step::Release),
        1 => (0..6u64).prop_map(Step::GiveUp),
        1 => (0..6u64, 0..4u8).prop_map(|(id, level)| Step::Level(id, level)),
    ]
}

proptest! {
    #[test]
    fn as_by_brute_force(steps in proptest::collection::vec(step(), 0..150)) {
        let actors: Vec<_> = (0..6).map(|id| Actor::new(id, id as u8 % 3)).collect();
        let mut graph = Graph::new();
        let mut model = Model::default();
        for step in steps {
            match step {
                Step::Take(id, key) if model.waits_of(id).is_none() => {
                    let me = &actors[id as usize];
                    let Some(owner) = model.owner.get(&key).copied() else {
                        model.owner.insert(key, id);
                        continue;
                    };
                    if graph.lock(&key).is_none() {
                        graph.open(key, actors[owner as usize].clone()).unwrap();
                    }
                    let circle = model.closes_a_circle(key, id);
                    prop_assert_eq!(graph.wait(key, me).is_err(), circle);
                    graph.tidy_lock(&key);
                    if !circle {
                        model.waits.push((id, key));
                    }
                }
                Step::Release(key) if model.owner.contains_key(&key) => {
                    let heir = model.next(key, &actors);
                    let given = graph.hand_over(&key, true).map(|party| party.id());
                    prop_assert_eq!(given, heir);
                    match heir {
                        Some(heir) => {
                            model.waits.retain(|(id, _)| *id != heir);
                            model.owner.insert(key, heir);
                        }
                        None => drop(model.owner.remove(&key)),
                    }
                }
                Step::GiveUp(id) => {
                    if let Some(key) = model.waits_of(id) {
                        graph.leave(&key, &actors[id as usize]);
                        model.waits.retain(|(other, _)| *other != id);
                    }
                }
                Step::Level(id, level) => {
                    actors[id as usize].0.1.set(level);
                    graph.spread_from(actors[id as usize].clone());
                }
                _ => {}
            }
            for actor in &actors {
                prop_assert_eq!(actor.inherited(), model.inherited(actor.id(), &actors));
            }
        }
        for (id, key) in model.waits.clone() {
            graph.leave(&key, &actors[id as usize]);
        }
        prop_assert!(graph.locks.is_empty() && graph.ties.is_empty());
    }
}
