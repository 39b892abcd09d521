//! What nearly every module uses: `use kernel::prelude::*;`.
pub use crate::alloc::{Flags, KBox, KVec, flags::*};
pub use crate::error::{AllocError, Error, Result, code::*};
pub use crate::{Module, ThisModule, module};
pub use crate::{
    pr_alert, pr_cont, pr_crit, pr_debug, pr_emerg, pr_err, pr_info, pr_notice, pr_warn,
};
