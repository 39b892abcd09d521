//! Messages and who waits for them, against a plain list.
use super::*;
use crate::who::anybody;
use proptest::prelude::*;
use std::vec;

fn message(kind: i64, len: usize) -> Message {
    Message {
        kind,
        text: vec![kind as u8; len],
    }
}

fn kinds(queue: &Queue) -> Vec<i64> {
    queue.messages.iter().map(|m| m.kind).collect()
}

#[test]
fn by_type() {
    let mut queue = Queue::new(100);
    let (one, other) = (anybody(), anybody());
    for kind in [3, 1, 4, 1, 5, 2] {
        assert_eq!(queue.send(message(kind, 2), &one, 5), Ok(()));
    }
    assert_eq!(queue.bytes, 12);
    let mut next = |kind, except| {
        let got = queue.receive(Want::of(kind, except), 2, &other, 6);
        got.map(|message| message.kind)
    };
    assert_eq!(next(0, false), Ok(3));
    assert_eq!(next(1, true), Ok(4));
    assert_eq!(next(5, false), Ok(5));
    assert_eq!(next(-2, false), Ok(1));
    assert_eq!(next(-2, false), Ok(1));
    assert_eq!(next(-1, false), Err(Errno::ENOMSG));
    assert_eq!(next(i64::MIN, false), Ok(2));
    assert_eq!(queue.bytes, 0);
    assert!(queue.last_sender.is(&one) && queue.last_receiver.is(&other));
}

#[test]
fn too_long_stays() {
    let mut queue = Queue::new(100);
    queue.send(message(1, 5), &anybody(), 5).unwrap();
    assert_eq!(
        queue.receive(Want::Any, 4, &anybody(), 6),
        Err(Errno::E2BIG)
    );
    assert_eq!(queue.len(), 1);
}

#[test]
fn handed_over() {
    let mut queue = Queue::new(100);
    let one = anybody();
    let short = Receiver::new(Want::Any, 1, &anybody()).unwrap();
    let other = Receiver::new(Want::Equal(9), 10, &anybody()).unwrap();
    let first = Receiver::new(Want::UpTo(5), 10, &one).unwrap();
    let second = Receiver::new(Want::Any, 10, &anybody()).unwrap();
    for receiver in [&short, &other, &first, &second] {
        queue.add_receiver(receiver).unwrap();
    }
    assert_eq!(queue.send(message(2, 5), &anybody(), 5), Ok(()));
    assert!(short.ended() && !other.ended() && first.ended() && !second.ended());
    assert_eq!(short.take(), Err(Errno::E2BIG));
    assert_eq!(first.take(), Ok(message(2, 5)));
    assert_eq!(queue.len(), 0);
    assert!(queue.last_receiver.is(&one));
    assert!(queue.drop_receiver(&other));
    assert!(!queue.drop_receiver(&first));
    queue.expel();
    assert_eq!(second.take(), Err(Errno::EIDRM));
}

#[test]
fn room_goes_to_who_waits() {
    let mut queue = Queue::new(10);
    queue.send(message(1, 8), &anybody(), 5).unwrap();
    assert!(!queue.fits(5) && queue.fits(2));
    let large = Sender::new(message(2, 9), &anybody()).unwrap();
    let small = Sender::new(message(3, 1), &anybody()).unwrap();
    queue.add_sender(&large).unwrap();
    queue.add_sender(&small).unwrap();
    queue.receive(Want::Any, 10, &anybody(), 6).unwrap();
    assert!(large.ended() && small.ended());
    assert_eq!(large.take(), Ok(None));
    assert_eq!(kinds(&queue), [2, 3]);
    // As many messages as bytes, were they empty.
    let mut queue = Queue::new(2);
    queue.send(message(1, 0), &anybody(), 5).unwrap();
    queue.send(message(1, 0), &anybody(), 5).unwrap();
    assert!(!queue.fits(0));
}

#[test]
fn stirred_up() {
    let mut queue = Queue::new(1);
    let sender = Sender::new(message(2, 9), &anybody()).unwrap();
    queue.add_sender(&sender).unwrap();
    queue.stir();
    assert_eq!(sender.take(), Ok(Some(message(2, 9))));
}

proptest! {
    #[test]
    fn as_a_plain_list(
        calls in proptest::collection::vec((any::<bool>(), 1i64..6, -5i64..6, any::<bool>()), 1..80)
    ) {
        let mut queue = Queue::new(1000);
        let mut model: Vec<i64> = vec![];
        for (sends, kind, wanted, except) in calls {
            if sends {
                queue.send(message(kind, 1), &anybody(), 5).unwrap();
                model.push(kind);
                continue;
            }
            let at = match wanted {
                0 => (!model.is_empty()).then_some(0),
                ..0 => {
                    let least = model.iter().filter(|kind| **kind <= -wanted).min();
                    least.and_then(|least| model.iter().position(|kind| kind == least))
                }
                _ => model.iter().position(|kind| (*kind == wanted) != except),
            };
            let got = queue.receive(Want::of(wanted, except), 1, &anybody(), 6);
            prop_assert_eq!(got.ok().map(|m| m.kind), at.map(|at| model.remove(at)));
            prop_assert_eq!(kinds(&queue), model.clone());
        }
    }
}
