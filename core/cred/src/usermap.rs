//! Who may make a user namespace and set its maps (user_namespaces(7), "Defining user and group ID mappings").
use crate::idmap::{Extent, IdMap};
use crate::ledger::Counted;
use crate::userns::{Charge, MapKind, UserNamespace};
use crate::{Cred, cap};
use abi::{Errno, PAGE_SIZE, Result};
use alloc::sync::Arc;

/// How deep they nest below the first.
const DEEPEST: u32 = 32;

impl UserNamespace {
    /// A child of `maker`'s, owned by it. ENOSPC: nested too deeply, or too many; EPERM: the maker's ids have no name in its own; ENOMEM.
    pub fn new(maker: &Cred) -> Result<Arc<Self>> {
        let parent = &maker.user_ns;
        if parent.level() > DEEPEST {
            return Err(Errno::ENOSPC);
        }
        let counted = Charge::of(maker, Counted::UserNamespaces)?;
        if !parent.has_uid(maker.euid) || !parent.has_gid(maker.egid) {
            return Err(Errno::EPERM);
        }
        let number = crate::number::next()?;
        Self::make(
            Some(parent.clone()),
            Some(counted),
            maker.euid,
            maker.has_cap(cap::SETFCAP),
            number,
        )
    }

    /// Sets a map from the text that `writer` wrote to the file that `opener` opened, at its start.
    ///
    /// # Errors
    /// EINVAL: text that is no map, or a page of it. EPERM: the map is set; the opener is neither here nor in the parent, or
    /// lacks `CAP_SYS_ADMIN`; it maps what they may not, or what the parent has no name for. ENOMEM.
    pub fn set_map(&self, kind: MapKind, text: &[u8], opener: &Cred, writer: &Cred) -> Result<()> {
        let parent = self.parent().ok_or(Errno::EPERM)?;
        let inside = core::ptr::eq(self, &raw const *opener.user_ns);
        if !inside && !Arc::ptr_eq(&opener.user_ns, parent) {
            return Err(Errno::EPERM);
        }
        if text.len() >= PAGE_SIZE {
            return Err(Errno::EINVAL);
        }
        let administers = self.is_administered_by(opener);
        if self.map(kind).is_some() || kind != MapKind::Projects && !administers {
            return Err(Errno::EPERM);
        }
        let map = IdMap::parse(text)?;
        if !self.may_map(kind, map.extents(), opener, writer) {
            return Err(Errno::EPERM);
        }
        let of_parent = |e: &Extent| parent.range_to_kernel(kind, e.outside, e.count);
        let map = map.map_outside(of_parent).ok_or(Errno::EPERM)?;
        self.install(kind, map)
    }

    /// Whether `cred` has `CAP_SYS_ADMIN` in it.
    pub fn is_administered_by(&self, cred: &Cred) -> bool {
        cred.capable_in(self, cap::SYS_ADMIN)
    }

    /// Whether a map may say this (user_namespaces(7), "Defining user and group ID mappings").
    fn may_map(&self, kind: MapKind, map: &[Extent], opener: &Cred, writer: &Cred) -> bool {
        let Some(parent) = self.parent() else {
            return false;
        };
        let inside = core::ptr::eq(self, &raw const *opener.user_ns);
        let has_root = map.iter().any(|extent| extent.outside == 0);
        if kind == MapKind::Users && has_root {
            let may = if inside {
                self.maker_sets_file_caps()
            } else {
                opener.ns_capable(parent, cap::SETFCAP)
            };
            if !may {
                return false;
            }
        }
        if let [one] = map
            && one.count == 1
            && self.owner() == opener.euid
        {
            let own = match kind {
                MapKind::Users => parent.kuid(one.outside) == opener.euid,
                MapKind::Groups => {
                    !self.allows_setgroups() && parent.kgid(one.outside) == opener.egid
                }
                MapKind::Projects => false,
            };
            if own {
                return true;
            }
        }
        let needed = match kind {
            MapKind::Users => cap::SETUID,
            MapKind::Groups => cap::SETGID,
            MapKind::Projects => return true,
        };
        writer.ns_capable(parent, needed) && opener.ns_capable(parent, needed)
    }
}
