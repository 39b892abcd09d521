//! What is counted and handled by number: device lines, kinds of softirq.

/// Numbers of device lines are below this. 0 to 15 are the ISA interrupts.
pub const LINES: usize = 128;

/// The kinds, most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "the kinds' own names, as in /proc/softirqs")]
pub enum Kind {
    Hi = 0,
    Timer = 1,
    NetTx = 2,
    NetRx = 3,
    Block = 4,
    IrqPoll = 5,
    Tasklet = 6,
    Sched = 7,
    Hrtimer = 8,
    Rcu = 9,
}

/// How many kinds there are.
pub const KINDS: usize = 10;
/// All kinds with their names in /proc/softirqs.
pub const ALL: [(Kind, &str); KINDS] = [
    (Kind::Hi, "HI"),
    (Kind::Timer, "TIMER"),
    (Kind::NetTx, "NET_TX"),
    (Kind::NetRx, "NET_RX"),
    (Kind::Block, "BLOCK"),
    (Kind::IrqPoll, "IRQ_POLL"),
    (Kind::Tasklet, "TASKLET"),
    (Kind::Sched, "SCHED"),
    (Kind::Hrtimer, "HRTIMER"),
    (Kind::Rcu, "RCU"),
];
