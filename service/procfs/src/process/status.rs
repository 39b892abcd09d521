//! status: the numbers for people.
use super::Who;
use abi::Result;
use core::fmt::Write;
use vfs::SeqBuf;

/// /proc/PID/status (proc_pid_status(5)).
pub(crate) fn status(who: &Who, out: &mut SeqBuf) -> Result<()> {
    identity(who, out)?;
    memory(who, out);
    signals(who, out);
    let cred = who.task.cred()?;
    for (name, set) in [
        ("CapInh", cred.inheritable),
        ("CapPrm", cred.permitted),
        ("CapEff", cred.effective),
        ("CapBnd", cred.bounding),
        ("CapAmb", cred.ambient),
    ] {
        let _ = writeln!(out, "{name}:\t{:016x}", set.0);
    }
    let seccomp = who.task.seccomp();
    let _ = writeln!(
        out,
        "NoNewPrivs:\t{}\nSeccomp:\t{}\nSeccomp_filters:\t{}",
        u8::from(who.task.no_new_privs()),
        seccomp.mode(),
        seccomp.filters()
    );
    // prctl(2), `PR_GET_SPECULATION_CTRL`: EINVAL.
    out.push_bytes(
        b"Speculation_Store_Bypass:\tunknown\nSpeculationIndirectBranch:\tunsupported\n",
    );
    affinity(who, out);
    memory_nodes(out);
    let (voluntary, involuntary) = who.task.switches();
    let _ = writeln!(
        out,
        "voluntary_ctxt_switches:\t{voluntary}\nnonvoluntary_ctxt_switches:\t{involuntary}"
    );
    Ok(())
}

fn identity(who: &Who, out: &mut SeqBuf) -> Result<()> {
    let (process, task) = (&who.process, &who.task);
    out.push_bytes(b"Name:\t");
    who.name(out, |out, name| out.push_escaped(name, b"\n\\"));
    let umask = task.fs().map(|fs| fs.umask());
    if let Some(umask) = umask {
        let _ = write!(out, "\nUmask:\t{umask:04o}");
    }
    let state = task.state_char();
    let word = match state {
        'R' => "running",
        'S' => "sleeping",
        'D' => "disk sleep",
        'T' => "stopped",
        't' => "tracing stop",
        'Z' => "zombie",
        'I' => "idle",
        _ => "dead",
    };
    let cred = task.cred()?;
    let _ = writeln!(
        out,
        "\nState:\t{state} ({word})\nTgid:\t{}\nNgid:\t0\nPid:\t{}",
        process.nr_in(&who.pids),
        task.tid_in(&who.pids)
    );
    let _ = writeln!(out, "PPid:\t{}", process.parent_nr_in(&who.pids));
    let tracer = task.tracer().map_or(0, |tracer| tracer.tid_in(&who.pids));
    let _ = writeln!(out, "TracerPid:\t{tracer}");
    let reader = task::current().map_or_else(|| Ok(cred.clone()), |reader| reader.cred())?;
    let names = &reader.user_ns;
    let uids = [cred.uid, cred.euid, cred.suid, cred.fsuid].map(|uid| names.uid(uid));
    let gids = [cred.gid, cred.egid, cred.sgid, cred.fsgid].map(|gid| names.gid(gid));
    for (kind, ids) in [("Uid", uids), ("Gid", gids)] {
        let _ = writeln!(
            out,
            "{kind}:\t{}\t{}\t{}\t{}",
            ids[0], ids[1], ids[2], ids[3]
        );
    }
    let _ = writeln!(
        out,
        "FDSize:\t{}",
        task.files().map_or(0, |files| files.capacity())
    );
    let _ = write!(out, "Groups:\t");
    for gid in cred.groups.iter().flat_map(|list| list.as_slice()) {
        let _ = write!(out, "{} ", names.gid(*gid));
    }
    if cred.groups.iter().all(|list| list.as_slice().is_empty()) {
        out.push_bytes(b" ");
    }
    out.push_bytes(b"\n");
    numbers(who, out);
    Ok(())
}

/// What each namespace from that of the file system inwards calls it.
fn numbers(who: &Who, out: &mut SeqBuf) {
    let group = who.process.group().ok();
    let session = group.as_ref().map(|group| group.session().pid());
    for (name, pid) in [
        ("NStgid", Some(who.process.pid())),
        ("NSpid", Some(&who.task.pid())),
        ("NSpgid", group.as_ref().map(|group| group.pid())),
        ("NSsid", session),
    ] {
        let _ = write!(out, "{name}:");
        let _ = match pid {
            // As many as the process itself has, 0 where a group is from outside.
            Some(pid) => pid.write_numbers(&who.pids, who.process.pids(), out),
            None => write!(out, "\t0"),
        };
        out.push_bytes(b"\n");
    }
}

fn memory(who: &Who, out: &mut SeqBuf) {
    let Some(mm) = who.task.mm() else { return };
    let (c, layout) = (mm.counters(), mm.layout());
    let text = layout.end_code.saturating_sub(layout.start_code) / 1024;
    let kib = abi::PAGE_SIZE / 1024;
    for (name, kib) in [
        ("VmPeak", c.peak.max(c.total) * kib),
        ("VmSize", c.total * kib),
        ("VmLck", c.locked * kib),
        ("VmPin", 0),
        ("VmHWM", c.rss_peak.max(c.rss) * kib),
        ("VmRSS", c.rss * kib),
        ("RssAnon", c.anon * kib),
        ("RssFile", c.file * kib),
        ("RssShmem", c.shmem * kib),
        ("VmData", c.data * kib),
        ("VmStk", c.stack * kib),
        ("VmExe", text),
        ("VmLib", (c.exec * kib).saturating_sub(text)),
        ("VmPTE", c.page_tables * kib),
        ("VmSwap", 0),
        ("HugetlbPages", c.huge * kib),
    ] {
        let _ = writeln!(out, "{name}:\t{kib:>8} kB");
    }
    let dumps = u8::from(who.process.is_dumping());
    let _ = writeln!(out, "CoreDumping:\t{dumps}\nTHP_enabled:\t0");
}

fn signals(who: &Who, out: &mut SeqBuf) {
    let (process, task) = (&who.process, &who.task);
    let (ignored, caught) = process.sighand().ignored_and_caught();
    let _ = writeln!(out, "Threads:\t{}", process.thread_count());
    let limit = process.limits().cur(cred::Resource::Sigpending);
    let _ = writeln!(out, "SigQ:\t{}/{limit}", process.user().queued_signals());
    for (name, set) in [
        ("SigPnd", task.pending_set()),
        ("ShdPnd", process.pending_set()),
        ("SigBlk", task.blocked()),
        ("SigIgn", ignored),
        ("SigCgt", caught),
    ] {
        let _ = writeln!(out, "{name}:\t{:016x}", set.0);
    }
}

/// There is one node. Linux as Debian builds it has room for 1024 in the mask.
fn memory_nodes(out: &mut SeqBuf) {
    out.push_bytes(b"Mems_allowed:\t");
    for _ in 0..31 {
        out.push_bytes(b"00000000,");
    }
    out.push_bytes(b"00000001\nMems_allowed_list:\t0\n");
}

fn affinity(who: &Who, out: &mut SeqBuf) {
    let Some(thread) = who.task.thread() else {
        return;
    };
    let allowed = thread.allowed();
    let online = sched::stats::active_cpus();
    let mask = online
        .iter()
        .filter(|cpu| allowed.has(*cpu))
        .fold(0u32, |mask, cpu| mask | 1 << cpu);
    let _ = write!(out, "Cpus_allowed:\t{mask:x}\nCpus_allowed_list:\t");
    let mut first = true;
    let mut cpu = 0;
    while cpu < 32 {
        let run = (mask >> cpu).trailing_ones();
        if run > 0 {
            let comma = if first { "" } else { "," };
            let _ = if run == 1 {
                write!(out, "{comma}{cpu}")
            } else {
                write!(out, "{comma}{cpu}-{}", cpu + run - 1)
            };
            first = false;
        }
        cpu += run.max(1);
    }
    let _ = writeln!(out);
}
