//! `/sys/module/M/parameters`: a file for each parameter whose permissions are not 0.
use crate::enter;
use crate::page::Page;
use crate::param;
use abi::{Errno, Result};
use alloc::sync::{Arc, Weak};
use kernfs::Attribute;
use module::Module;
use vfs::SeqBuf;

/// The file of a parameter.
struct ParamFile {
    /// The file goes with the module.
    module: Weak<Module>,
    /// Address of its `struct kernel_param`.
    param: usize,
}

impl Attribute for ParamFile {
    fn show(&self, out: &mut SeqBuf) -> Result<()> {
        let module = self.module.upgrade().ok_or(Errno::ENODEV)?;
        let page = Page::new()?;
        let get = param::getter(self.param)?;
        let arguments = [page.address() as u64, self.param as u64, 0, 0, 0, 0];
        let len = enter::call_int(&module, get, &arguments)?;
        out.push_bytes(page.bytes(len as usize));
        Ok(())
    }

    fn store(&self, text: &[u8]) -> Result<usize> {
        let module = self.module.upgrade().ok_or(Errno::ENODEV)?;
        let page = Page::with(text)?;
        let set = param::setter(self.param)?;
        let arguments = [page.address() as u64, self.param as u64, 0, 0, 0, 0];
        enter::call_int(&module, set, &arguments)?;
        Ok(text.len())
    }
}

/// Shows the parameters of a module. ENOMEM; EFAULT: its table makes no sense.
pub(crate) fn show(module: &Arc<Module>) -> Result<()> {
    let Some(directory) = module.directory() else {
        return Ok(());
    };
    for param in param::all(module) {
        let mode = param::permissions(param)?;
        if mode == 0 {
            continue;
        }
        let name = param::name(param)?;
        let name = core::str::from_utf8(name.as_bytes()).map_err(|_| Errno::EINVAL)?;
        let file = ParamFile {
            module: Arc::downgrade(module),
            param,
        };
        directory
            .dir("parameters")?
            .add_attribute(name, mode, file)?;
    }
    Ok(())
}
