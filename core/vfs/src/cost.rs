//! What communication has cost: sums of a thread, of a process, of an open file. Who counts is `task::cost`.
use core::fmt::{self, Write};
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// System calls.
    pub calls: u64,
    /// Faults taken in user mode.
    pub faults: u64,
    /// Bytes copied from user memory.
    pub copied_in: u64,
    /// Bytes copied to user memory.
    pub copied_out: u64,
    /// Bytes copied from one place of the kernel to another.
    pub copied_inside: u64,
    /// Bytes moved or shared without a copy.
    pub referenced: u64,
    /// Descriptors passed on.
    pub passed: u64,
    /// Nanoseconds waited for locks.
    pub lock_ns: u64,
    /// Nanoseconds waited for the other side.
    pub peer_ns: u64,
}

const KINDS: usize = 9;

impl Cost {
    fn to_array(self) -> [u64; KINDS] {
        [
            self.calls,
            self.faults,
            self.copied_in,
            self.copied_out,
            self.copied_inside,
            self.referenced,
            self.passed,
            self.lock_ns,
            self.peer_ns,
        ]
    }

    fn from_array(from: [u64; KINDS]) -> Self {
        let [
            calls,
            faults,
            copied_in,
            copied_out,
            copied_inside,
            referenced,
            passed,
            lock_ns,
            peer_ns,
        ] = from;
        Self {
            calls,
            faults,
            copied_in,
            copied_out,
            copied_inside,
            referenced,
            passed,
            lock_ns,
            peer_ns,
        }
    }

    /// Adds another's.
    pub fn add(&mut self, other: &Self) {
        let (mut sum, more) = (self.to_array(), other.to_array());
        for (sum, more) in sum.iter_mut().zip(more) {
            *sum += more;
        }
        *self = Self::from_array(sum);
    }

    /// Writes the lines of `/proc/PID/ipc_cost`, each name with `prefix` before it.
    pub fn show(&self, prefix: &str, out: &mut dyn Write) -> fmt::Result {
        let lines = [
            ("crossings", self.calls + self.faults),
            ("calls", self.calls),
            ("faults", self.faults),
            ("copied_in_bytes", self.copied_in),
            ("copied_out_bytes", self.copied_out),
            ("copied_inside_bytes", self.copied_inside),
            ("referenced_bytes", self.referenced),
            ("passed_descriptors", self.passed),
            ("lock_wait_ns", self.lock_ns),
            ("peer_wait_ns", self.peer_ns),
        ];
        for (name, value) in lines {
            writeln!(out, "{prefix}{name}:\t{value}")?;
        }
        Ok(())
    }
}

/// Sums that grow while others look.
#[derive(Default)]
pub struct CostCounters([AtomicU64; KINDS]);

impl CostCounters {
    /// What they say.
    pub fn get(&self) -> Cost {
        Cost::from_array(core::array::from_fn(|at| self.0[at].load(Relaxed)))
    }

    /// Adds, for the one thread that ever does.
    pub fn add_alone(&self, more: &Cost) {
        for (sum, more) in self.0.iter().zip(more.to_array()) {
            sum.store(sum.load(Relaxed) + more, Relaxed);
        }
    }

    /// Adds.
    pub fn add(&self, more: &Cost) {
        for (sum, more) in self.0.iter().zip(more.to_array()) {
            if more != 0 {
                sum.fetch_add(more, Relaxed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;

    #[test]
    fn sums_add_up_and_show() {
        let one = Cost {
            calls: 2,
            faults: 1,
            copied_in: 10,
            peer_ns: 5,
            ..Cost::default()
        };
        let counters = CostCounters::default();
        counters.add(&one);
        counters.add_alone(&one);
        let mut sum = one;
        sum.add(&one);
        assert_eq!(counters.get(), sum);
        let mut text = String::new();
        sum.show("ipc_", &mut text).expect("a string takes all");
        assert!(text.starts_with(
            "ipc_crossings:\t6\nipc_calls:\t4\nipc_faults:\t2\nipc_copied_in_bytes:\t20\n"
        ));
        assert!(text.ends_with("ipc_lock_wait_ns:\t0\nipc_peer_wait_ns:\t10\n"));
    }
}
