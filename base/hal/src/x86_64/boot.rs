//! stub
use crate::addr::PhysAddr;
pub(crate) fn kernel_root() -> PhysAddr {
    PhysAddr(0)
}
