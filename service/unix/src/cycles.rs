//! Which sockets on their way nobody can ever receive: those that only wait in one another's queues.
//!
//! A socket on its way is one that a message holds a descriptor of. It can be a member of such a circle if messages alone
//! refer to its file. Of these, whoever some other message holds is alive, one that waits in a socket that is open; and so
//! are all that wait in a living one. The rest is garbage. This is logic alone; `flight.rs` gathers and clears.
use abi::Result;
use alloc::vec::Vec;
use kmem::TryVec;

/// A socket on its way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    /// References to its file.
    pub(crate) references: usize,
    /// How many of them messages have.
    pub(crate) in_flight: usize,
}

/// Marks the garbage. An edge `(from, to)`: a message in the queue of `from` holds a descriptor of `to`. ENOMEM.
pub(crate) fn garbage(nodes: &[Node], edges: &[(usize, usize)]) -> Result<Vec<bool>> {
    let candidate = |at: usize| nodes[at].references == nodes[at].in_flight;
    let mut outside = Vec::try_with_capacity(nodes.len())?;
    for node in nodes {
        outside.try_push(node.in_flight)?;
    }
    for (from, to) in edges {
        if candidate(*from) {
            outside[*to] = outside[*to].saturating_sub(1);
        }
    }
    let mut dead = Vec::try_with_capacity(nodes.len())?;
    for (at, outside) in outside.iter().enumerate() {
        dead.try_push(candidate(at) && *outside == 0)?;
    }
    // Edges by where they start, so that each is followed once.
    let mut by_start = Vec::try_from_slice(edges)?;
    by_start.sort_unstable();
    let mut alive = Vec::try_with_capacity(nodes.len())?;
    for at in (0..nodes.len()).filter(|at| !dead[*at]) {
        alive.try_push(at)?;
    }
    while let Some(at) = alive.pop() {
        let first = by_start.partition_point(|edge| edge.0 < at);
        for (_, to) in by_start[first..].iter().take_while(|edge| edge.0 == at) {
            if core::mem::replace(&mut dead[*to], false) {
                // There is room: what was dead had no place yet.
                alive.try_push(*to)?;
            }
        }
    }
    Ok(dead)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec;

    /// What is reachable, said plainly: from every socket that somebody has open, by messages.
    fn reachable(open: &[bool], edges: &[(usize, usize)], held: &[usize]) -> Vec<bool> {
        let mut alive: Vec<bool> = open.iter().zip(held).map(|(o, h)| *o || *h > 0).collect();
        loop {
            let mut changed = false;
            for (from, to) in edges {
                if alive[*from] && !alive[*to] {
                    alive[*to] = true;
                    changed = true;
                }
            }
            if !changed {
                return alive;
            }
        }
    }

    proptest! {
        #[test]
        fn garbage_is_what_nobody_can_reach(
            open in prop::collection::vec(any::<bool>(), 1..12),
            raw in prop::collection::vec((0..12usize, 0..12usize), 0..40),
            held in prop::collection::vec(0..2usize, 12),
        ) {
            let n = open.len();
            let edges: Vec<_> = raw.into_iter().map(|(a, b)| (a % n, b % n)).collect();
            let nodes: Vec<Node> = (0..n)
                .map(|at| {
                    let in_flight = held[at] + edges.iter().filter(|e| e.1 == at).count();
                    Node { references: in_flight + usize::from(open[at]), in_flight }
                })
                .collect();
            let dead = garbage(&nodes, &edges).unwrap();
            let alive = reachable(&open, &edges, &held[..n]);
            for at in 0..n {
                prop_assert_eq!(dead[at], !alive[at], "socket {}", at);
            }
        }
    }

    #[test]
    fn circles() {
        let lost = |n| Node {
            references: n,
            in_flight: n,
        };
        // One in its own queue; two in each other's.
        assert_eq!(garbage(&[lost(1)], &[(0, 0)]), Ok(vec![true]));
        assert_eq!(
            garbage(&[lost(1), lost(1)], &[(0, 1), (1, 0)]),
            Ok(vec![true, true])
        );
        // The same, but one of them is open.
        let open = Node {
            references: 2,
            in_flight: 1,
        };
        assert_eq!(
            garbage(&[open, lost(1)], &[(0, 1), (1, 0)]),
            Ok(vec![false, false])
        );
        assert_eq!(garbage(&[], &[]), Ok(vec![]));
    }
}
