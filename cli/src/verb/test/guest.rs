//! Guest tests: programs in C and tables of command lines, as many as possible to one boot. A test that takes the kernel
//! down, or hangs it, is told, and the rest go on in a fresh boot.

use super::difference::{difference, meaning, one_line};
use super::plan::{Check, Group, Plan, Test};
use super::report::{Outcome, Parser, Progress};
use super::table::{self, Answer, Answers, Said};
use super::verdicts::Verdict;
use super::{Tally, plan, say};
use crate::session::{End, Job, Session, Streams};
use crate::verb::run::{DEFAULT_MACHINE, GUEST_PATH, PEER_MACHINE};
use crate::vm::{self, Machine};
use crate::{cargo, tree};
use anyhow::Result;
use std::collections::BTreeMap;
use std::io::{Read, Seek};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A boot may take this long on a busy host; so may the gap between a test's own limit and its report.
const GRACE: Duration = Duration::from_secs(40);
/// The same where the initramfs is of hundreds of megabytes, which Linux copies.
const LONG_GRACE: Duration = Duration::from_secs(400);
/// Boots of one group at most: a kernel that dies in every test need not die in all of them.
const MOST_BOOTS: usize = 12;

/// Tables of command lines.
pub(crate) fn tables(plan: &Plan) -> Result<Tally> {
    let folder = tree::root()?.join("test/shell");
    let mut runner = Runner::new(plan);
    runner.completeness(&folder)?;
    runner.groups(&plan::table_groups(&folder, plan)?)?;
    runner.end(&folder)
}

/// Programs in C.
pub(crate) fn programs(plan: &Plan) -> Result<Tally> {
    let folder = tree::root()?.join("test/programs");
    let mut runner = Runner::new(plan);
    runner.groups(&plan::program_groups(&folder, plan)?)?;
    for (name, said) in runner.said {
        table::bless(&folder, &name, &said)?;
    }
    Ok(runner.tally)
}

pub(super) struct Runner<'a> {
    plan: &'a Plan,
    tally: Tally,
    /// Fresh answers by table.
    blessed: BTreeMap<String, Answers>,
    /// Fresh `answer` lines by program.
    said: BTreeMap<String, Said>,
}

impl<'a> Runner<'a> {
    pub(super) fn new(plan: &'a Plan) -> Self {
        Self {
            plan,
            tally: Tally::default(),
            blessed: BTreeMap::new(),
            said: BTreeMap::new(),
        }
    }

    pub(super) fn groups(&mut self, groups: &[Group]) -> Result<()> {
        let mut wanted = groups.iter().filter(|group| !group.tests.is_empty());
        wanted.try_for_each(|group| self.group(group))
    }

    /// Keeps Linux' answers to the tables of `folder`, if there are fresh ones.
    pub(super) fn end(self, folder: &std::path::Path) -> Result<Tally> {
        for (name, fresh) in self.blessed {
            // A filter leaves the other answers of a table as they are.
            let mut answers = table::answers(folder, &name)?;
            answers.extend(fresh);
            table::bless(folder, &name, &answers)?;
        }
        Ok(self.tally)
    }

    /// Whether the tables cover all they say they do.
    fn completeness(&mut self, shell: &std::path::Path) -> Result<()> {
        for (name, table) in table::read_all(shell)? {
            let test = format!("{name}/complete");
            if !test.contains(&self.plan.filter) {
                continue;
            }
            match table.uncovered()? {
                None => {}
                Some(names) if names.is_empty() => self.pass(&test),
                Some(names) => self.fail(&test, &format!("neither tried nor left out: {names:?}")),
            }
        }
        Ok(())
    }

    fn group(&mut self, group: &Group) -> Result<()> {
        let mut left: Vec<&Test> = Vec::new();
        for test in &group.tests {
            match test
                .absent
                .as_ref()
                .or(test.skip.as_ref().filter(|_| !self.plan.linux))
            {
                Some(why) => self.skip(&test.name, why),
                None => left.push(test),
            }
        }
        for _ in 0..MOST_BOOTS {
            if left.is_empty() {
                return Ok(());
            }
            let bar = cargo::spinner(&format!("{}: {} tests", group.name, left.len()));
            let Boot {
                outcomes,
                end,
                warnings,
            } = boot(self.plan, group, &left, &bar)?;
            bar.finish_and_clear();
            let done = outcomes.len();
            for (test, outcome) in left.iter().zip(&outcomes) {
                self.judge(test, outcome);
            }
            left.drain(..done);
            if let Some(warnings) = warnings {
                self.fail(&format!("{}: the kernel warned", group.name), &warnings);
            }
            if let (Some(why), false) = (end, left.is_empty()) {
                let culprit = left.remove(0);
                self.fail(&culprit.name, &why);
            }
        }
        for test in left {
            self.fail(&test.name, "not run: the kernel died too often");
        }
        Ok(())
    }

    fn judge(&mut self, test: &Test, outcome: &Outcome) {
        match &test.check {
            Check::Lines(said) => self.judge_lines(test, said, outcome),
            Check::Answer {
                table,
                expected,
                stderr,
            } => {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                let stderr = if *stderr {
                    text(&outcome.stderr)
                } else {
                    String::new()
                };
                let answer = Answer {
                    status: outcome.status,
                    stdout: text(&outcome.stdout),
                    stderr,
                };
                if self.plan.bless {
                    self.blessed
                        .entry(table.clone())
                        .or_default()
                        .insert(test.name.clone(), answer);
                    self.pass(&test.name);
                    return;
                }
                match expected {
                    None => self.skip(
                        &test.name,
                        "no answer from Linux yet: ./gaon test guest --oracle linux --bless",
                    ),
                    Some(expected) if *expected == answer => self.pass(&test.name),
                    Some(expected) => {
                        let why = difference(expected, &answer, &text(&outcome.stderr));
                        self.fail(&test.name, &why);
                    }
                }
            }
        }
    }

    /// A program's own lines: `ok NAME`, `not ok NAME: why`, `skip NAME: why`, `answer NAME: TEXT`, `note WHAT` (counts and
    /// seeds, for the log of a long run), `done` at the end.
    fn judge_lines(&mut self, test: &Test, said: &Said, outcome: &Outcome) {
        let text = String::from_utf8_lossy(&outcome.stdout).into_owned();
        let mut done = false;
        for line in text.lines() {
            let full = |name: &str| format!("{}/{name}", test.name);
            if let Some(name) = line.strip_prefix("ok ") {
                self.pass(&full(name));
            } else if let Some(rest) = line.strip_prefix("not ok ") {
                let (name, why) = rest.split_once(": ").unwrap_or((rest, "failed"));
                self.fail(&full(name), why);
            } else if let Some(rest) = line.strip_prefix("skip ") {
                let (name, why) = rest.split_once(": ").unwrap_or((rest, ""));
                self.skip(&full(name), why);
            } else if let Some(rest) = line.strip_prefix("answer ") {
                let (name, answer) = rest.split_once(": ").unwrap_or((rest, ""));
                self.judge_said(&test.name, name, said, answer);
            }
            if let Some(note) = line.strip_prefix("note ")
                && (self.plan.full || self.plan.verbose)
            {
                say(&format!("note {}: {note}", test.name));
            }
            done |= line == "done";
        }
        if !done || outcome.status != 0 {
            let last = text.lines().last().unwrap_or("nothing");
            let errors = String::from_utf8_lossy(&outcome.stderr);
            let why = format!(
                "{} after {last:?} {}",
                meaning(outcome.status),
                one_line(&errors)
            );
            self.fail(&test.name, why.trim_end());
        }
    }

    fn judge_said(&mut self, program: &str, name: &str, said: &Said, answer: &str) {
        let full = format!("{program}/{name}");
        if self.plan.bless {
            let answers = self.said.entry(program.to_owned()).or_default();
            answers.insert(name.to_owned(), answer.to_owned());
            self.pass(&full);
            return;
        }
        match said.get(name) {
            Some(expected) if expected == answer => self.pass(&full),
            Some(expected) => self.fail(&full, &format!("Linux:{expected}  here:{answer}")),
            None => self.fail(&full, "no answer from Linux yet: --oracle linux --bless"),
        }
    }

    fn pass(&mut self, name: &str) {
        self.tally.passed += 1;
        self.plan.verdicts.note(name, Verdict::Passed);
        if self.plan.verbose {
            say(&format!("ok {name}"));
        }
    }

    fn fail(&mut self, name: &str, why: &str) {
        self.tally.failed += 1;
        self.plan.verdicts.note(name, Verdict::Failed);
        say(&format!("FAILED {name}: {why}"));
    }

    pub(super) fn skip(&mut self, name: &str, why: &str) {
        self.tally.skipped += 1;
        self.plan.verdicts.note(name, Verdict::Skipped);
        if self.plan.verbose {
            say(&format!("skipped {name}: {why}"));
        }
    }
}

/// What came of a boot.
struct Boot {
    outcomes: Vec<Outcome>,
    /// Why it ended early.
    end: Option<String>,
    /// What the kernel had to say of itself (not of what the tests did).
    warnings: Option<String>,
}

/// Boots once and runs `tests` until all are done or the kernel is.
fn boot(plan: &Plan, group: &Group, tests: &[&Test], bar: &indicatif::ProgressBar) -> Result<Boot> {
    let scratch = tempfile::Builder::new().prefix("gaon-").tempdir()?;
    let initrd = scratch.path().join("initrd.cpio");
    plan::pack(group, tests, &initrd)?;
    let machine = plan.machine.as_deref().unwrap_or(if plan.linux {
        PEER_MACHINE
    } else {
        DEFAULT_MACHINE
    });
    let config = vm::Config {
        kernel: plan.kernel.clone(),
        initrd,
        append: if plan.linux {
            // What Gaon has not: a fifth level of page tables, and protection keys. And no panic because a busy host gave no
            // time for ticks while Linux looked whether its timer ticks.
            format!(
                "mitigations=off no5lvl nopku no_timer_check {}",
                group.append
            )
        } else {
            // Warnings too: a broken rule of locking is told, and fails the run.
            format!("loglevel=5 {}", group.append)
        },
        cpus: plan.smp.unwrap_or(group.cpus),
        memory: group.memory.clone(),
        machine: machine.to_owned(),
        cpu: "max".to_owned(),
        accel: vm::choose_accel(&tree::output()?.join("accel")),
        verbose: false,
        extra: Vec::new(),
    };
    let mut guest = Machine::start(&config, false)?;
    let progress = Arc::new(Mutex::new(Progress::default()));
    let mut errors = tempfile::tempfile()?;
    let streams = Streams {
        stdin: None,
        stdout: Box::new(Parser::new(Arc::clone(&progress))),
        stderr: Box::new(errors.try_clone()?),
    };
    let session = Session::start(&guest, &job(plan, group), streams, |_| {})?;
    let limits: BTreeMap<&str, u64> = tests
        .iter()
        .map(|test| (test.name.as_str(), test.limit))
        .collect();
    let grace = if group.debian.is_some() {
        LONG_GRACE
    } else {
        GRACE
    };
    let (mut seen, mut since) = (0, Instant::now());
    let stuck = || {
        let progress = progress.lock().unwrap_or_else(PoisonError::into_inner);
        let count = progress.started + progress.outcomes.len();
        if count != seen {
            (seen, since) = (count, Instant::now());
            bar.set_message(format!(
                "{}: {}/{}",
                group.name,
                progress.outcomes.len(),
                tests.len()
            ));
        }
        let own = limits.get(progress.current.as_str()).copied().unwrap_or(0);
        since.elapsed() > grace + Duration::from_secs(own)
    };
    let end = session.wait(&mut guest, stuck, || {});
    guest.wait(Duration::from_millis(300))?;
    guest.stop();
    let outcomes = std::mem::take(
        &mut progress
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .outcomes,
    );
    let early = outcomes.len() < tests.len();
    let mut said = String::new();
    errors.rewind()?;
    errors.read_to_string(&mut said)?;
    Ok(Boot {
        outcomes,
        end: early.then(|| format!("{} {}", said.trim_end(), story(&end, &guest))),
        warnings: if plan.linux {
            None
        } else {
            guest.console.warnings()
        },
    })
}

fn job(plan: &Plan, group: &Group) -> Job {
    let modules = group.module.iter();
    let environment = [
        format!("PATH={GUEST_PATH}"),
        "HOME=/root".to_owned(),
        "USER=root".to_owned(),
        "TERM=linux".to_owned(),
        "LC_ALL=C".to_owned(),
        "TZ=UTC".to_owned(),
        format!("GAON_FULL={}", u8::from(plan.full)),
        format!("GAON_SEED={}", plan.seed),
    ];
    Job {
        modules: modules
            .map(|_| (plan::MODULE.to_owned(), String::new()))
            .collect(),
        program: plan::DRIVER.to_owned(),
        arguments: vec![plan::DRIVER.to_owned(), plan::LIST.to_owned()],
        environment: environment.to_vec(),
        folder: "/tmp".to_owned(),
        terminal: None,
    }
}

/// Why a boot ended before its tests did, with what the kernel had to say.
fn story(end: &End, guest: &Machine) -> String {
    let why = match end {
        _ if guest.console.panicked() => "the kernel panicked".to_owned(),
        End::TimedOut => "the kernel or the test hung".to_owned(),
        End::Silent(why) => why.clone(),
        other => format!("{other:?}"),
    };
    let report = guest.console.report();
    let shown: Vec<&str> = report.lines().take(30).collect();
    format!("{why}\n    {}", shown.join("\n    "))
}
