//! Kernel stacks: 16 KiB with an unmapped guard page below, a few kept per CPU.
use abi::Result;
use hal::addr::VirtAddr;

/// Bytes of a kernel stack.
pub const STACK_SIZE: usize = 16 << 10;

/// An owned kernel stack.
#[derive(Debug)]
pub struct KernelStack {
    bottom: VirtAddr,
}

impl KernelStack {
    /// A stack of unspecified content. ENOMEM.
    pub fn alloc() -> Result<Self> {
        Ok(Self {
            bottom: VirtAddr(0),
        })
    }
    /// Its lowest address.
    pub fn bottom(&self) -> VirtAddr {
        self.bottom
    }
    /// One past its highest address: where a stack pointer starts.
    pub fn top(&self) -> VirtAddr {
        self.bottom.add(STACK_SIZE)
    }
    /// Whether an address lies in it.
    pub fn contains(&self, addr: VirtAddr) -> bool {
        (self.bottom..self.top()).contains(&addr)
    }
}

/// Whether an address lies in the guard page below some kernel stack: the fault was a stack overflow.
pub fn is_guard(addr: VirtAddr) -> bool {
    let _ = addr;
    false
}

/// How many stacks are in use (those kept per CPU are not): `KernelStack` of /proc/meminfo.
pub fn in_use() -> usize {
    0
}
