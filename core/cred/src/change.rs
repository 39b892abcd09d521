//! The rules by which credentials change. Every method works on a task's private copy, which is installed on success.
use crate::cred::securebit;
use crate::filecaps::FileCaps;
use crate::{CapSet, Cred, GroupList, Kgid, Kuid, cap};
use abi::{Errno, Result};
use alloc::sync::Arc;

/// One of the ids that setresuid(2) and its kin set; `None` leaves it.
pub type IdKind<T> = Option<T>;

/// What exec(2) needs to know of the file.
#[derive(Clone, Copy, Debug)]
pub struct ExecFile {
    /// Owner if the set-user-ID bit counts (no `nosuid` mount, no_new_privs unset).
    pub setuid: Option<Kuid>,
    /// Group if the set-group-ID bit counts (with group execute permission).
    pub setgid: Option<Kgid>,
    /// Capabilities that it gives (no `nosuid` mount).
    pub caps: Option<FileCaps>,
    /// Nothing may be gained: no_new_privs, or a tracer without the privilege.
    pub no_gain: bool,
}

impl Cred {
    fn may_setuid(&self) -> bool {
        self.has_cap(cap::SETUID)
    }

    fn may_setgid(&self) -> bool {
        self.has_cap(cap::SETGID)
    }

    /// setuid(2). EPERM.
    pub fn set_uid(&mut self, uid: Kuid) -> Result<()> {
        let old = self.clone();
        if self.may_setuid() {
            (self.uid, self.suid) = (uid, uid);
        } else if uid != self.uid && uid != self.suid {
            return Err(Errno::EPERM);
        }
        (self.euid, self.fsuid) = (uid, uid);
        self.fix_caps_after(&old);
        Ok(())
    }

    /// setreuid(2). EPERM.
    pub fn set_reuid(&mut self, real: IdKind<Kuid>, effective: IdKind<Kuid>) -> Result<()> {
        let old = self.clone();
        let free = self.may_setuid();
        if let Some(real) = real {
            if !free && real != old.uid && real != old.euid {
                return Err(Errno::EPERM);
            }
            self.uid = real;
        }
        if let Some(effective) = effective {
            if !free && effective != old.uid && effective != old.euid && effective != old.suid {
                return Err(Errno::EPERM);
            }
            self.euid = effective;
        }
        if real.is_some() || effective.is_some_and(|e| e != old.uid) {
            self.suid = self.euid;
        }
        self.fsuid = self.euid;
        self.fix_caps_after(&old);
        Ok(())
    }

    /// setresuid(2). EPERM.
    pub fn set_resuid(
        &mut self,
        real: IdKind<Kuid>,
        effective: IdKind<Kuid>,
        saved: IdKind<Kuid>,
    ) -> Result<()> {
        let old = self.clone();
        let mine = |id: Kuid| id == old.uid || id == old.euid || id == old.suid;
        if !self.may_setuid() && ![real, effective, saved].into_iter().flatten().all(mine) {
            return Err(Errno::EPERM);
        }
        self.uid = real.unwrap_or(self.uid);
        self.euid = effective.unwrap_or(self.euid);
        self.suid = saved.unwrap_or(self.suid);
        self.fsuid = self.euid;
        self.fix_caps_after(&old);
        Ok(())
    }

    /// setfsuid(2): answers the id before; an id that is not allowed changes nothing.
    pub fn set_fsuid(&mut self, uid: Kuid) -> Kuid {
        let old = self.fsuid;
        let mine = uid == self.uid || uid == self.euid || uid == self.suid || uid == old;
        if uid.is_valid() && (mine || self.may_setuid()) {
            let root = self.user_ns.kuid(0);
            self.fsuid = uid;
            if self.securebits & securebit::NO_SETUID_FIXUP == 0 {
                if old == root && uid != root {
                    self.effective = self.effective & !CapSet::FS;
                } else if old != root && uid == root {
                    self.effective = self.effective | (self.permitted & CapSet::FS);
                }
            }
        }
        old
    }

    /// setgid(2). EPERM.
    pub fn set_gid(&mut self, gid: Kgid) -> Result<()> {
        if self.may_setgid() {
            (self.gid, self.sgid) = (gid, gid);
        } else if gid != self.gid && gid != self.sgid {
            return Err(Errno::EPERM);
        }
        (self.egid, self.fsgid) = (gid, gid);
        Ok(())
    }

    /// setregid(2). EPERM.
    pub fn set_regid(&mut self, real: IdKind<Kgid>, effective: IdKind<Kgid>) -> Result<()> {
        let (gid, egid, sgid) = (self.gid, self.egid, self.sgid);
        let free = self.may_setgid();
        if real.is_some_and(|r| !free && r != gid && r != egid)
            || effective.is_some_and(|e| !free && e != gid && e != egid && e != sgid)
        {
            return Err(Errno::EPERM);
        }
        self.gid = real.unwrap_or(gid);
        self.egid = effective.unwrap_or(egid);
        if real.is_some() || effective.is_some_and(|e| e != gid) {
            self.sgid = self.egid;
        }
        self.fsgid = self.egid;
        Ok(())
    }

    /// setresgid(2). EPERM.
    pub fn set_resgid(
        &mut self,
        real: IdKind<Kgid>,
        effective: IdKind<Kgid>,
        saved: IdKind<Kgid>,
    ) -> Result<()> {
        let (gid, egid, sgid) = (self.gid, self.egid, self.sgid);
        let mine = |id: Kgid| id == gid || id == egid || id == sgid;
        if !self.may_setgid() && ![real, effective, saved].into_iter().flatten().all(mine) {
            return Err(Errno::EPERM);
        }
        self.gid = real.unwrap_or(gid);
        self.egid = effective.unwrap_or(egid);
        self.sgid = saved.unwrap_or(sgid);
        self.fsgid = self.egid;
        Ok(())
    }

    /// setfsgid(2): answers the id before.
    pub fn set_fsgid(&mut self, gid: Kgid) -> Kgid {
        let old = self.fsgid;
        let mine = gid == self.gid || gid == self.egid || gid == self.sgid || gid == old;
        if gid.is_valid() && (mine || self.may_setgid()) {
            self.fsgid = gid;
        }
        old
    }

    /// Whether setgroups(2) is allowed: with CAP_SETGID, where groups are mapped and it is not forbidden.
    pub fn may_setgroups(&self) -> bool {
        self.may_setgid() && self.user_ns.has_setgroups()
    }

    /// setgroups(2). EPERM.
    pub fn set_groups(&mut self, groups: Arc<GroupList>) -> Result<()> {
        if !self.may_setgroups() {
            return Err(Errno::EPERM);
        }
        self.groups = Some(groups);
        Ok(())
    }

    /// capset(2). EPERM when a set would grow beyond what the rules allow.
    pub fn set_caps(&mut self, eff: CapSet, permitted: CapSet, inheritable: CapSet) -> Result<()> {
        let old = self.clone();
        let within =
            self.has_cap(cap::SETPCAP) || inheritable.is_subset(old.inheritable | old.permitted);
        if !within
            || !inheritable.is_subset(old.inheritable | old.bounding)
            || !permitted.is_subset(old.permitted)
            || !eff.is_subset(permitted)
        {
            return Err(Errno::EPERM);
        }
        self.effective = eff;
        self.permitted = permitted;
        self.inheritable = inheritable;
        self.ambient = self.ambient & permitted & inheritable;
        Ok(())
    }

    /// prctl(PR_CAPBSET_DROP). EPERM without CAP_SETPCAP, EINVAL for no capability.
    pub fn drop_bounding(&mut self, cap: u32) -> Result<()> {
        if !self.has_cap(cap::SETPCAP) {
            return Err(Errno::EPERM);
        }
        if cap > cap::LAST {
            return Err(Errno::EINVAL);
        }
        self.bounding.remove(cap);
        Ok(())
    }

    /// prctl(PR_SET_SECUREBITS). EPERM: a locked bit, an unknown one, or no CAP_SETPCAP.
    pub fn set_securebits(&mut self, bits: u32) -> Result<()> {
        // A lock bit stands one above the bit that it locks.
        const LOCKS: u32 = securebit::ALL & 0xaa;
        let old = self.securebits;
        let locked = (old & LOCKS) >> 1;
        if locked & (old ^ bits) != 0
            || old & LOCKS & !bits != 0
            || bits & !securebit::ALL != 0
            || !self.has_cap(cap::SETPCAP)
        {
            return Err(Errno::EPERM);
        }
        self.securebits = bits;
        Ok(())
    }

    /// prctl(PR_CAP_AMBIENT_RAISE). EPERM: not both permitted and inheritable, or forbidden by a secure bit.
    pub fn raise_ambient(&mut self, cap: u32) -> Result<()> {
        if cap > cap::LAST {
            return Err(Errno::EINVAL);
        }
        if !self.permitted.has(cap)
            || !self.inheritable.has(cap)
            || self.securebits & securebit::NO_CAP_AMBIENT_RAISE != 0
        {
            return Err(Errno::EPERM);
        }
        self.ambient.add(cap);
        Ok(())
    }

    /// Changes to what the program of `file` runs with (capabilities(7), "Transformation of capabilities during
    /// execve()"). Answers whether the program gained something: `AT_SECURE`. EPERM: the file's capabilities are effective
    /// from the start, for a program that knows nothing of them, and the bounding set lacks some.
    pub fn exec(&mut self, file: ExecFile) -> Result<bool> {
        let had = self.permitted;
        if let Some(uid) = file.setuid {
            self.euid = uid;
        }
        if let Some(gid) = file.setgid {
            self.egid = gid;
        }
        let root = self.user_ns.kuid(0);
        let rooted = self.securebits & securebit::NOROOT == 0;
        let (mut permitted, mut effective) = (CapSet::EMPTY, false);
        if let Some(caps) = file.caps {
            permitted = (self.bounding & caps.permitted) | (self.inheritable & caps.inheritable);
            effective = caps.effective;
            if effective && !caps.permitted.is_subset(permitted) {
                return Err(Errno::EPERM);
            }
        }
        // A file that has capabilities and is set-user-ID root as well gives others these alone.
        let replaced = file.caps.is_some() && self.uid != root;
        if rooted && (self.uid == root || (self.euid == root && !replaced)) {
            permitted = self.inheritable | self.bounding;
            effective |= self.euid == root;
        }
        let set_id = self.euid != self.uid || self.egid != self.gid;
        if file.no_gain && (set_id || !permitted.is_subset(had)) {
            (self.euid, self.egid) = (self.uid, self.gid);
            permitted = permitted & had;
        }
        if set_id || file.caps.is_some() {
            self.ambient = CapSet::EMPTY;
        }
        self.permitted = permitted | self.ambient;
        self.effective = if effective {
            self.permitted
        } else {
            self.ambient
        };
        (self.suid, self.fsuid) = (self.euid, self.euid);
        (self.sgid, self.fsgid) = (self.egid, self.egid);
        self.securebits &= !securebit::KEEP_CAPS;
        let grew = effective || !self.permitted.is_subset(self.ambient);
        Ok(set_id || (self.uid != root && grew))
    }

    /// What leaving and entering uid 0 does to the capabilities (capabilities(7), "Effect of user ID changes").
    fn fix_caps_after(&mut self, old: &Self) {
        if self.securebits & securebit::NO_SETUID_FIXUP != 0 {
            return;
        }
        let root = self.user_ns.kuid(0);
        let was = old.uid == root || old.euid == root || old.suid == root;
        let is = self.uid == root || self.euid == root || self.suid == root;
        if was && !is {
            if self.securebits & securebit::KEEP_CAPS == 0 {
                self.permitted = CapSet::EMPTY;
                self.effective = CapSet::EMPTY;
            }
            self.ambient = CapSet::EMPTY;
        }
        if old.euid == root && self.euid != root {
            self.effective = CapSet::EMPTY;
        }
        if old.euid != root && self.euid == root {
            self.effective = self.permitted;
        }
    }
}
