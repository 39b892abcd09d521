//! Order, hand-over, announcements, and nothing lost among many.
use super::*;
use std::time::Duration;
use std::vec;
use std::vec::Vec;

const NOW: Blocking = Blocking {
    nonblock: true,
    deadline_ns: None,
    urgency: || 0,
};
const WAIT: Blocking = Blocking {
    nonblock: false,
    ..NOW
};

fn message(priority: u32, text: &[u8]) -> Message {
    Message {
        bytes: text.to_vec(),
        priority,
    }
}

fn until_waiting(queue: &Queue<u32>, wanted: usize) {
    loop {
        let state = queue.state.lock();
        if state.receivers.len() + state.senders.len() == wanted {
            return;
        }
        drop(state);
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn order_and_limits() {
    let queue: Queue<u32> = Queue::new(3, 8);
    assert_eq!(queue.receive(&NOW), Err(Errno::EAGAIN));
    for (priority, text) in [(1, b"a"), (2, b"b"), (1, b"c")] {
        assert_eq!(queue.send(message(priority, text), &NOW), Ok(None));
    }
    assert_eq!(queue.send(message(9, b"d"), &NOW), Err(Errno::EAGAIN));
    assert_eq!(queue.look(|bytes, _| bytes), 3);
    let got: Vec<_> = (0..3).map(|_| queue.receive(&NOW).unwrap().bytes).collect();
    assert_eq!(got, vec![b"b".to_vec(), b"a".to_vec(), b"c".to_vec()]);
    assert!(queue.is_empty());
}

#[test]
fn announced_once_and_only_when_it_was_empty() {
    let queue = Queue::new(3, 8);
    queue.send(message(0, b"x"), &NOW).unwrap();
    queue.register(7).unwrap();
    assert_eq!(queue.register(8), Err(8));
    assert_eq!(queue.send(message(0, b"x"), &NOW), Ok(None));
    queue.receive(&NOW).unwrap();
    queue.receive(&NOW).unwrap();
    assert_eq!(queue.send(message(0, b"x"), &NOW), Ok(Some(7)));
    queue.register(9).unwrap();
    assert_eq!(queue.unregister(|who| *who == 1), None);
    assert_eq!(queue.unregister(|who| *who == 9), Some(9));
}

#[test]
fn hand_over_in_both_directions() {
    let queue: Arc<Queue<u32>> = Arc::new(Queue::new(1, 8));
    let other = queue.clone();
    let receiver = std::thread::spawn(move || other.receive(&WAIT).unwrap());
    until_waiting(&queue, 1);
    queue.register(5).unwrap();
    assert_eq!(queue.send(message(3, b"given"), &NOW), Ok(None));
    // It was given, not kept: nothing was announced.
    assert_eq!(receiver.join().unwrap(), message(3, b"given"));
    assert_eq!(queue.send(message(0, b"full"), &NOW), Ok(Some(5)));
    let other = queue.clone();
    let sender = std::thread::spawn(move || other.send(message(1, b"later"), &WAIT));
    until_waiting(&queue, 1);
    assert_eq!(queue.receive(&NOW).unwrap(), message(0, b"full"));
    assert_eq!(queue.receive(&NOW).unwrap(), message(1, b"later"));
    assert_eq!(sender.join().unwrap(), Ok(None));
}

#[test]
fn who_gives_up_leaves_nothing() {
    let queue: Queue<u32> = Queue::new(1, 8);
    let soon = || Blocking {
        deadline_ns: Some(hal_now() + 1_000_000),
        ..WAIT
    };
    assert_eq!(queue.receive(&soon()), Err(Errno::ETIMEDOUT));
    queue.send(message(0, b"x"), &NOW).unwrap();
    assert_eq!(queue.send(message(0, b"y"), &soon()), Err(Errno::ETIMEDOUT));
    assert_eq!(queue.receive(&NOW).unwrap(), message(0, b"x"));
    assert_eq!(queue.receive(&NOW), Err(Errno::EAGAIN));
    until_waiting(&queue, 0);
}

fn hal_now() -> u64 {
    hal::clock::now_ns()
}

#[test]
fn nothing_is_lost_among_many() {
    const EACH: u32 = 500;
    let queue: Arc<Queue<u32>> = Arc::new(Queue::new(3, 8));
    let senders: Vec<_> = (0..4)
        .map(|_| {
            let queue = queue.clone();
            std::thread::spawn(move || {
                for n in 0..EACH {
                    queue.send(message(n % 5, &n.to_le_bytes()), &WAIT).unwrap();
                }
            })
        })
        .collect();
    let receivers: Vec<_> = (0..4)
        .map(|_| {
            let queue = queue.clone();
            std::thread::spawn(move || {
                let mut sum = 0u64;
                for _ in 0..EACH {
                    let bytes = queue.receive(&WAIT).unwrap().bytes;
                    sum += u64::from(u32::from_le_bytes(bytes.try_into().unwrap()));
                }
                sum
            })
        })
        .collect();
    senders.into_iter().for_each(|t| t.join().unwrap());
    let total: u64 = receivers.into_iter().map(|t| t.join().unwrap()).sum();
    assert_eq!(total, 4 * u64::from(EACH) * u64::from(EACH - 1) / 2);
    assert!(queue.is_empty());
}
