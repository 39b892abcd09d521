//! Stand-in until `pagecache::MapObject` is there (the trait will be re-exported from `pagecache`).
use abi::Result;

/// What can be mapped.
pub trait MapObject: Send + Sync {
    /// Bytes; pages beyond are `SIGBUS`.
    fn size(&self) -> u64;
    /// Device and inode for proc(5) maps.
    fn dev_ino(&self) -> (u64, u64);
    /// Unique number, for shared futexes.
    fn id(&self) -> u64;
    /// Written before it is unmapped.
    fn sync(&self) -> Result<()>;
}
