//! vm: huge pages (`Documentation/admin-guide/sysctl/vm.rst`).
use super::number;
use crate::node::parse_number;
use abi::{Errno, Result};
use kmem::frame::{huge_counts, resize_huge_pool, set_huge_overcommit};
use vfs::SeqBuf;

fn pages(text: &[u8], set: impl Fn(usize)) -> Result<()> {
    set(usize::try_from(parse_number(text)?).map_err(|_| Errno::EINVAL)?);
    Ok(())
}

pub(super) fn show_pool(_: &(), out: &mut SeqBuf) -> Result<()> {
    let c = huge_counts();
    number(out, (c.total - c.surplus) as u64)
}

pub(super) fn set_pool(_: &(), text: &[u8]) -> Result<()> {
    pages(text, resize_huge_pool)
}

pub(super) fn show_overcommit(_: &(), out: &mut SeqBuf) -> Result<()> {
    number(out, huge_counts().most_surplus as u64)
}

pub(super) fn set_overcommit(_: &(), text: &[u8]) -> Result<()> {
    pages(text, set_huge_overcommit)
}

pub(super) fn show_group(_: &(), out: &mut SeqBuf) -> Result<()> {
    number(out, u64::from(mm::huge_shm_group()))
}

pub(super) fn set_group(_: &(), text: &[u8]) -> Result<()> {
    let group = u32::try_from(parse_number(text)?).map_err(|_| Errno::EINVAL)?;
    mm::set_huge_shm_group(group);
    Ok(())
}
