//! The shell that `gaon run` gives, as somebody at a terminal has it: keys go in, the screen is read.

use super::Counter;
use super::plan::Plan;
use super::terminal::Do::{See, Type, Wait};
use super::terminal::{Act, Terminal};
use crate::verb::run::{DEFAULT_MACHINE, PEER_MACHINE};
use anyhow::Result;

/// What the shell prints is computed, so that the echo of what was typed is not taken for it.
const STEPS: &[Act] = &[
    (
        "prompt",
        &[
            See("# "),
            Type("PS1='rea''dy> '; stty rows 24 cols 80\r"),
            See("ready> "),
        ],
    ),
    (
        "rub-out",
        &[
            Type("echo $((6*7))hellp\x7fo\r"),
            See("42hello"),
            See("ready> "),
        ],
    ),
    (
        "move-and-insert",
        &[
            Type("cho $((6*7))-ac\x1b[Db\x01e\r"),
            See("42-abc"),
            See("ready> "),
        ],
    ),
    (
        "history",
        &[Type("\x1b[A\r"), See("42-abc"), See("ready> ")],
    ),
    (
        "kill-line",
        &[
            Type("rubbish\x15echo $((40+3))good\r"),
            See("43good"),
            See("ready> "),
        ],
    ),
    (
        "ctrl-c",
        &[
            Type("sleep 1000\r"),
            Wait,
            Type("\x03"),
            See("ready> "),
            Type("echo status-$?\r"),
            See("status-130"),
            See("ready> "),
        ],
    ),
    (
        "ctrl-z-and-fg",
        &[
            Type("sleep 5; echo $((50+2))-over\r"),
            Wait,
            Type("\x1a"),
            See("Stopped"),
            See("ready> "),
            Type("jobs | grep -c sleep; echo $((50+1))-jobs\r"),
            See("51-jobs"),
            See("ready> "),
            Type("fg; echo $((50+3))-back\r"),
            See("53-back"),
            See("ready> "),
        ],
    ),
    (
        "pipes",
        &[
            Type("seq 1 100 | grep 7 | wc -l | sed s/^/count-/\r"),
            See("count-19"),
            See("ready> "),
        ],
    ),
    (
        "end-of-file",
        &[
            Type("cat >/tmp/typed\r"),
            Wait,
            Type("one line\r\x04"),
            See("ready> "),
            Type("wc -c </tmp/typed | sed s/^/bytes-/\r"),
            See("bytes-9"),
            See("ready> "),
        ],
    ),
    (
        "vi",
        &[
            Type("busybox vi /tmp/note\r"),
            See("/tmp/note"),
            Wait,
            Type("ihello from vx\x7fi\x1b"),
            Wait,
            Type(":wq\r"),
            See("ready> "),
            Type("sed s/hello/read/ /tmp/note\r"),
            See("read from vi"),
            See("ready> "),
        ],
    ),
    (
        "top",
        &[
            Type("busybox top\r"),
            See("Mem:"),
            See("COMMAND"),
            Wait,
            Type("q"),
            See("ready> "),
            Type("echo $((60+1))-after\r"),
            See("61-after"),
            See("ready> "),
        ],
    ),
];

/// What the shell leaves with.
const STATUS: i32 = 7;

pub(super) fn run(plan: &Plan, counter: &mut Counter<'_>) -> Result<()> {
    if !counter.wants("interactive") {
        return Ok(());
    }
    let tool = std::env::current_exe()?;
    let usual = if plan.linux {
        PEER_MACHINE
    } else {
        DEFAULT_MACHINE
    };
    let mut terminal = Terminal::open(&format!(
        "exec {} run --kernel {} --machine {} --timeout 300",
        tool.display(),
        plan.kernel.display(),
        plan.machine.as_deref().unwrap_or(usual),
    ))?;
    if terminal.play("interactive", STEPS, counter) {
        terminal.press("exit 7\r");
        counter.count("interactive-exit", terminal.ends_with(STATUS));
    }
    Ok(())
}
