//! Numbers, what they name, namespaces of them.
use crate::{INIT_NS, Pid, PidNs, ProcessGroup, SigInfo, SignalTarget, find};
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::any::Any;
use cred::Kuid;

struct Process(i32);
impl SignalTarget for Process {
    fn nr(&self) -> i32 {
        self.0
    }
    fn signal(&self, _info: &SigInfo) -> Result<()> {
        Ok(())
    }
    fn users(&self) -> Option<[Kuid; 2]> {
        None
    }
    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

fn process() -> (Arc<Pid>, Arc<Process>) {
    let pid = INIT_NS.alloc().unwrap();
    let process = Arc::new(Process(pid.nr()));
    pid.publish(process.clone(), Some(process.clone())).unwrap();
    (pid, process)
}

#[test]
fn a_number_lives_as_long_as_what_it_names() {
    let (pid, leader) = process();
    let group = ProcessGroup::new_session(&pid).unwrap();
    let first = group.join(leader).unwrap();
    let (other_pid, other) = process();
    let second = group.join(other).unwrap();
    pid.detach_both();
    group.leave(first);
    assert!(find(pid.nr()).is_some(), "the group still has a member");
    assert!(find(pid.nr()).unwrap().process().is_none());
    group.leave(second);
    assert!(find(pid.nr()).is_none());
    assert!(!pid.is_live());
    assert_eq!(group.join(Arc::new(Process(0))), Err(Errno::ESRCH));
    other_pid.detach_both();
    assert!(find(other_pid.nr()).is_none());
}

fn inside(ns: &PidNs) -> Arc<Pid> {
    let pid = ns.alloc(&[]).unwrap();
    let process = Arc::new(Process(pid.nr()));
    pid.publish(process.clone(), Some(process)).unwrap();
    pid
}

#[test]
fn one_pid_has_a_number_in_each_namespace() {
    let users = cred::Cred::init().unwrap();
    let outer = PidNs::FIRST.create(&users).unwrap();
    let inner = outer.create(&users).unwrap();
    assert_eq!((outer.level(), inner.level()), (1, 2));
    assert!(inner.is_within(&outer) && !outer.is_within(&inner));
    assert!(!outer.has_reaper());
    let first = inside(&outer);
    assert_eq!((first.own_nr(), first.nr_in(&inner)), (1, 0));
    assert!(outer.has_reaper() && !inner.has_reaper());
    let both = inside(&inner);
    assert_eq!((both.nr_in(&inner), both.nr_in(&outer)), (1, 2));
    assert_eq!(both.nr_in(&PidNs::FIRST), both.nr());
    assert!(Arc::ptr_eq(&outer.find(2).unwrap(), &both));
    assert!(Arc::ptr_eq(&find(both.nr()).unwrap(), &both));
    assert_eq!(outer.next(2).unwrap().0, 2);
    assert!(outer.next(3).is_none() && outer.find(0).is_none());
    both.detach_both();
    assert!(outer.find(2).is_none() && inner.find(1).is_none());
    assert_eq!(
        outer.alloc(&[]).unwrap().own_nr(),
        3,
        "not the one just freed"
    );
    first.detach_both();
    assert!(!outer.has_reaper());
}

#[test]
fn wanted_numbers() {
    let users = cred::Cred::init().unwrap();
    let ns = PidNs::FIRST.create(&users).unwrap();
    assert_eq!(
        ns.alloc(&[7]).err(),
        Some(Errno::EINVAL),
        "the first is number 1"
    );
    let first = inside(&ns);
    assert_eq!(ns.alloc(&[1]).err(), Some(Errno::EEXIST));
    let seventh = ns.alloc(&[7]).unwrap();
    assert_eq!(seventh.own_nr(), 7);
    assert_eq!(ns.alloc(&[8, first.nr()]).err(), Some(Errno::EEXIST));
    assert_eq!(
        ns.alloc(&[]).unwrap().own_nr(),
        2,
        "what is wanted does not move the next"
    );
    ns.close();
    let late = Arc::new(Process(0));
    assert_eq!(
        seventh.publish(late.clone(), Some(late)),
        Err(Errno::ENOMEM)
    );
    assert!(ns.find(7).is_none() && find(seventh.nr()).is_none());
    first.detach_both();
}

#[test]
fn an_unpublished_number_returns() {
    let pid = INIT_NS.alloc().unwrap();
    let nr = pid.nr() as u32;
    assert!(find(pid.nr()).is_none());
    drop(pid);
    assert_ne!(INIT_NS.numbers.next_used(nr), Some(nr));
}
