//! Modules that try the kernel's services one by one. Each has beside it what Linux 6.1 says when it is loaded there.

use super::Case;

/// A module that does all it does in its init, and says so.
macro_rules! says {
    ($($name:literal: $module:literal),* $(,)?) => {
        &[$(Case {
            name: $name,
            script: concat!("insmod $m/", $module, ".ko; echo $?; rmmod ", $module, "; echo $?; told"),
            stdout: &["0\n0\n", include_str!(concat!("../../../../../test/modules/", $module, ".expected"))],
        }),*]
    };
}

/// The cases.
pub(super) const SERVICES: &[Case] = says![
    "locks-and-counters": "locks",
    "timers-and-threads": "timers",
];
