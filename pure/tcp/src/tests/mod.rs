//! Two connections and what is between them.
mod chance;

use crate::connection::{Config, Connection, Ending, State};
use crate::segment::{Flags, Payload, Segment, refusal};
use crate::seq::Seq;
use crate::timers::KeepAlive;
use std::sync::Arc;
use std::vec::Vec;

#[derive(Clone, Debug)]
struct Bytes(Arc<Vec<u8>>, usize, usize);

impl Payload for Bytes {
    fn len(&self) -> usize {
        self.2
    }
    fn slice(&self, from: usize, len: usize) -> Self {
        assert!(from + len <= self.2);
        Self(self.0.clone(), self.1 + from, len)
    }
    fn join(&mut self, next: &Self) -> bool {
        if self.2 + next.2 > 100 {
            return false;
        }
        let mut all = self.0[self.1..self.1 + self.2].to_vec();
        all.extend(&next.0[next.1..next.1 + next.2]);
        *self = bytes(all);
        true
    }
}

fn bytes(all: Vec<u8>) -> Bytes {
    let len = all.len();
    Bytes(Arc::new(all), 0, len)
}

type End = Connection<Bytes>;
const MS: u64 = 1_000_000;

fn config(iss: u32) -> Config {
    Config {
        iss: Seq(iss),
        mss: 1000,
        room: 5000,
        syn_tries: 6,
    }
}

/// Both ends, and the segments between them with their receiver.
struct World {
    ends: Vec<Option<End>>,
    wire: Vec<(usize, Segment<Bytes>)>,
    now: u64,
    iss: u32,
}

impl World {
    fn new(iss: u32) -> Self {
        let client = End::connect(config(iss));
        Self {
            ends: std::vec![Some(client), None],
            wire: Vec::new(),
            now: 1,
            iss,
        }
    }

    fn end(&mut self, n: usize) -> &mut End {
        self.ends[n].as_mut().unwrap()
    }

    fn pull(&mut self, n: usize) {
        let now = self.now;
        while let Some(segment) = self.ends[n].as_mut().and_then(|end| end.next_segment(now)) {
            self.wire.push((1 - n, segment));
        }
    }

    fn deliver(&mut self, place: usize) {
        let (to, segment) = self.wire.remove(place);
        match &mut self.ends[to] {
            Some(end) => {
                end.arrive(&segment, self.now);
            }
            None => self.ends[to] = End::answer(config(self.iss ^ 0x5555_0000), &segment),
        }
        self.pull(to);
    }

    /// Until nothing is on the way.
    fn settle(&mut self) {
        self.pull(0);
        self.pull(1);
        let mut steps = 0;
        while !self.wire.is_empty() {
            self.deliver(0);
            steps += 1;
            assert!(steps < 10_000, "they never stop talking");
        }
    }

    /// Time goes on to the next deadline.
    fn wait(&mut self) -> bool {
        let deadlines = self.ends.iter().flatten().filter_map(|end| end.deadline());
        let Some(next) = deadlines.min() else {
            return false;
        };
        self.now = self.now.max(next);
        for n in 0..2 {
            let now = self.now;
            if let Some(end) = &mut self.ends[n] {
                end.tick(now);
            }
            self.pull(n);
        }
        true
    }

    fn states(&self) -> (State, State) {
        let state = |n: usize| {
            self.ends[n]
                .as_ref()
                .map_or(State::Closed, |end| end.state())
        };
        (state(0), state(1))
    }

    fn read(&mut self, n: usize, most: usize) -> Vec<u8> {
        let mut out = Vec::new();
        let end = self.end(n);
        while out.len() < most.min(end.readable()) {
            let piece = end.piece(out.len()).unwrap();
            out.extend(&piece.0[piece.1..piece.1 + piece.2]);
        }
        out.truncate(most);
        end.consume(out.len());
        out
    }
}

fn established(iss: u32) -> World {
    let mut world = World::new(iss);
    world.settle();
    assert_eq!(world.states(), (State::Established, State::Established));
    assert_eq!(world.end(0).deadline(), None);
    assert_eq!(world.end(1).deadline(), None);
    world
}

#[test]
fn bytes_go_both_ways_and_it_ends() {
    let mut world = established(u32::MAX - 3);
    world.end(0).push(bytes(b"hello".to_vec())).unwrap();
    world.end(1).push(bytes(b"world!".to_vec())).unwrap();
    world.settle();
    assert_eq!(world.read(1, 100), b"hello");
    assert_eq!(world.read(0, 100), b"world!");
    assert_eq!(world.end(0).unacknowledged(), 0);
    world.end(0).close();
    world.settle();
    assert_eq!(world.states(), (State::FinWait2, State::CloseWait));
    assert!(world.end(1).has_heard_all());
    world.end(1).push(bytes(b"late".to_vec())).unwrap();
    world.end(1).close();
    world.settle();
    assert_eq!(world.states(), (State::TimeWait, State::Closed));
    assert_eq!(world.read(0, 100), b"late");
    assert!(world.wait());
    assert_eq!(world.states().0, State::Closed);
    assert!(!world.wait());
}

#[test]
fn both_close_at_once() {
    let mut world = established(7);
    world.end(0).close();
    world.end(1).close();
    world.settle();
    assert_eq!(world.states(), (State::TimeWait, State::TimeWait));
}

#[test]
fn a_connection_with_itself() {
    let mut end = End::connect(config(9));
    for _ in 0..20 {
        while let Some(segment) = end.next_segment(1) {
            end.arrive(&segment, 1);
        }
    }
    assert_eq!(end.state(), State::Established);
    end.push(bytes(b"echo".to_vec())).unwrap();
    while let Some(segment) = end.next_segment(1) {
        end.arrive(&segment, 1);
    }
    assert_eq!(end.readable(), 4);
}

#[test]
fn nobody_is_there() {
    let mut end = End::connect(config(9));
    let syn = end.next_segment(1).unwrap();
    let reset = refusal(&syn).unwrap();
    end.arrive(&reset, 1);
    assert_eq!(
        (end.state(), end.ending()),
        (State::Closed, Some(Ending::Refused))
    );
    assert!(refusal(&reset).is_none());
}

#[test]
fn nobody_answers() {
    let mut end = End::connect(config(9));
    let (mut now, mut sent) = (1, 0);
    while end.state() == State::SynSent {
        while end.next_segment(now).is_some() {
            sent += 1;
        }
        now = end.deadline().unwrap();
        end.tick(now);
    }
    assert_eq!(sent, 7);
    assert_eq!(end.ending(), Some(Ending::TimedOut));
}

#[test]
fn a_window_closes_and_opens() {
    let mut world = established(1);
    for _ in 0..20 {
        world.end(0).push(bytes(std::vec![7; 1000])).unwrap();
    }
    world.settle();
    assert_eq!(world.end(1).readable(), 5000);
    assert!(world.end(0).deadline().is_some());
    // A question is answered, and the window is still closed.
    assert!(world.wait());
    world.settle();
    assert_eq!(world.states(), (State::Established, State::Established));
    let mut got = 0;
    while got < 20_000 {
        let n = world.read(1, 3000).len();
        assert!(n != 0 || world.wait());
        got += n;
        world.settle();
    }
    assert_eq!(world.end(0).unacknowledged(), 0);
}

#[test]
fn a_reset_ends_it_and_leaves_what_came() {
    let mut world = established(1);
    world.end(0).push(bytes(b"last words".to_vec())).unwrap();
    world.settle();
    world.end(0).abort();
    world.settle();
    assert_eq!(world.states(), (State::Closed, State::Closed));
    assert_eq!(world.end(1).ending(), Some(Ending::Reset));
    assert_eq!(world.end(0).ending(), None);
    assert_eq!(world.read(1, 100), b"last words");
}

#[test]
fn a_reset_out_of_place_is_none() {
    let mut world = established(1);
    let next = world.end(1).expects();
    for off in [1usize, 100, 100_000] {
        let reset = Segment::bare(next.add(off), Seq(0), Flags::RST);
        world.wire.push((1, reset));
        world.settle();
    }
    assert_eq!(world.states().1, State::Established);
}

#[test]
fn what_nobody_reads_is_refused() {
    let mut world = established(1);
    world.end(0).close();
    world.end(0).abandon(1000, 1);
    world.settle();
    assert_eq!(world.states(), (State::FinWait2, State::CloseWait));
    world.end(1).push(bytes(b"x".to_vec())).unwrap();
    world.settle();
    assert_eq!(world.states(), (State::Closed, State::Closed));
    assert_eq!(world.end(1).ending(), Some(Ending::Broken));
}

#[test]
fn silence_is_looked_into() {
    let mut world = established(1);
    let keep = KeepAlive {
        idle: 1000 * MS,
        interval: 100 * MS,
        count: 3,
    };
    world.end(0).set_keep_alive(Some(keep));
    for _ in 0..10 {
        assert!(world.wait());
        world.settle();
    }
    assert_eq!(world.states().0, State::Established);
    world.ends[1] = None;
    for _ in 0..4 {
        world.wire.clear();
        assert!(world.wait());
    }
    assert_eq!(world.end(0).ending(), Some(Ending::TimedOut));
}

#[test]
fn small_pieces_wait_for_an_answer_unless_told() {
    for nodelay in [false, true] {
        let mut world = established(1);
        world.end(0).set_manner(nodelay, false);
        for _ in 0..5 {
            world.end(0).push(bytes(std::vec![1; 90])).unwrap();
            world.pull(0);
        }
        assert_eq!(world.wire.len(), if nodelay { 5 } else { 1 });
    }
    let mut world = established(1);
    world.end(0).set_manner(true, true);
    world.end(0).push(bytes(std::vec![1; 90])).unwrap();
    world.pull(0);
    assert!(world.wire.is_empty());
    assert!(world.wait());
    assert_eq!(world.wire.len(), 1);
}
