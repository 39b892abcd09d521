//! Operations on a set, against a plain model.
use super::*;
use crate::who::anybody;
use abi::ipc::SEM_UNDO;
use proptest::prelude::*;
use std::vec;

fn op(num: u16, op: i16) -> Sembuf {
    Sembuf { num, op, flags: 0 }
}

/// As semop(2) does it: whether it was done at once, or the sleeper.
fn call(set: &mut Set, ops: &[Sembuf]) -> Result<Option<Arc<Sleeper>>> {
    match set.attempt(ops, None, &anybody()) {
        Attempt::Done => {
            set.settle(ops);
            Ok(None)
        }
        Attempt::Failed(error) => Err(error),
        Attempt::Blocked(at) => {
            let sleeper = Sleeper::new(ops, None, &anybody(), at).unwrap();
            set.put_in(&sleeper).unwrap();
            Ok(Some(sleeper))
        }
    }
}

#[test]
fn all_or_none() {
    let mut set = Set::new(2).unwrap();
    let (one, other) = (anybody(), anybody());
    let done = set.attempt(&[op(0, 5), op(1, 7)], None, &one);
    assert_eq!(done, Attempt::Done);
    assert_eq!(
        set.attempt(&[op(0, -5), op(1, -8)], None, &other),
        Attempt::Blocked(1)
    );
    assert_eq!((set.sems[0].value, set.sems[1].value), (5, 7));
    assert!(set.sems.iter().all(|sem| sem.process.is(&one)));
    let large = op(1, 32767);
    let range = Attempt::Failed(Errno::ERANGE);
    assert_eq!(set.attempt(&[op(0, -1), large], None, &other), range);
    assert_eq!(set.sems[0].value, 5);
    let now = Sembuf {
        flags: IPC_NOWAIT as u16,
        ..op(0, 0)
    };
    assert_eq!(
        set.attempt(&[now], None, &other),
        Attempt::Failed(Errno::EAGAIN)
    );
}

#[test]
fn what_is_undone_has_a_limit() {
    let mut set = Set::new(1).unwrap();
    let undo = Undo::new(1).unwrap();
    let up = Sembuf {
        flags: SEM_UNDO as u16,
        ..op(0, 20000)
    };
    assert_eq!(set.attempt(&[up], Some(&undo), &anybody()), Attempt::Done);
    assert_eq!(undo.get(0), -20000);
    set.sems[0].value = 0;
    let range = Attempt::Failed(Errno::ERANGE);
    assert_eq!(set.attempt(&[up], Some(&undo), &anybody()), range);
    assert_eq!((set.sems[0].value, undo.get(0)), (0, -20000));
}

#[test]
fn first_come_first_served() {
    let mut set = Set::new(1).unwrap();
    let first = call(&mut set, &[op(0, -2)]).unwrap().unwrap();
    let second = call(&mut set, &[op(0, -1)]).unwrap().unwrap();
    let zero = call(&mut set, &[op(0, 1)]).unwrap();
    assert!(zero.is_none());
    assert_eq!(first.outcome(), None);
    assert_eq!(second.outcome(), Some(Ok(())));
    assert_eq!(set.waiting(0, false), 1);
    set.expel(Errno::EIDRM);
    assert_eq!(first.outcome(), Some(Err(Errno::EIDRM)));
}

#[test]
fn a_sleeper_lets_another_go_on() {
    let mut set = Set::new(2).unwrap();
    let zero = call(&mut set, &[op(0, 1)]).unwrap();
    assert!(zero.is_none());
    let waits = call(&mut set, &[op(0, 0), op(1, 3)]).unwrap().unwrap();
    let simple = call(&mut set, &[op(1, -3)]).unwrap().unwrap();
    assert_eq!(set.waiting(0, true), 1);
    call(&mut set, &[op(0, -1)]).unwrap();
    assert_eq!(waits.outcome(), Some(Ok(())));
    assert_eq!(simple.outcome(), Some(Ok(())));
    assert_eq!((set.sems[0].value, set.sems[1].value), (0, 0));
    assert!(set.shared.is_empty());
}

#[test]
fn who_gives_up_is_not_served() {
    let mut set = Set::new(2).unwrap();
    let simple = call(&mut set, &[op(0, -1)]).unwrap().unwrap();
    let several = call(&mut set, &[op(0, -1), op(1, -1)]).unwrap().unwrap();
    assert_eq!(set.give_up(&several), None);
    assert!(set.shared.is_empty());
    assert_eq!(set.give_up(&simple), None);
    call(&mut set, &[op(0, 1)]).unwrap();
    assert_eq!(set.sems[0].value, 1);
}

/// The plain way: one list, and whoever stands first and can goes on.
#[derive(Default)]
struct Model {
    values: [i32; 3],
    waiting: Vec<(usize, Vec<Sembuf>)>,
    done: Vec<usize>,
}

impl Model {
    fn possible(&self, ops: &[Sembuf]) -> Option<[i32; 3]> {
        let mut values = self.values;
        for op in ops {
            let value = &mut values[op.num as usize];
            if op.op == 0 && *value != 0 || *value + i32::from(op.op) < 0 {
                return None;
            }
            *value += i32::from(op.op);
        }
        Some(values)
    }

    fn call(&mut self, nr: usize, ops: &[Sembuf]) {
        match self.possible(ops) {
            None => self.waiting.push((nr, ops.to_vec())),
            Some(values) => {
                self.values = values;
                self.done.push(nr);
            }
        }
        while let Some(at) =
            (0..self.waiting.len()).find(|at| self.possible(&self.waiting[*at].1).is_some())
        {
            let (nr, ops) = self.waiting.remove(at);
            self.values = self.possible(&ops).unwrap();
            self.done.push(nr);
        }
    }
}

proptest! {
    #[test]
    fn as_the_plain_way(
        calls in proptest::collection::vec(
            proptest::collection::vec((0u16..3, -3i16..4), 1..4), 1..60)
    ) {
        let mut set = Set::new(3).unwrap();
        let mut model = Model::default();
        let mut sleepers = vec![];
        for (nr, ops) in calls.iter().enumerate() {
            let ops: Vec<_> = ops.iter().map(|(num, by)| op(*num, *by)).collect();
            sleepers.push(call(&mut set, &ops).unwrap());
            model.call(nr, &ops);
            let values: Vec<i32> = set.sems.iter().map(|sem| sem.value).collect();
            prop_assert_eq!(&values[..], &model.values[..]);
            for (nr, sleeper) in sleepers.iter().enumerate() {
                let done = sleeper.as_ref().is_none_or(|s| s.outcome() == Some(Ok(())));
                prop_assert_eq!(done, model.done.contains(&nr));
            }
        }
    }
}
