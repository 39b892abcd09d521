//! Loads modules, as insmod(8) does.

use std::ffi::{CString, OsString};
use std::fs::File;
use std::io::{Error, ErrorKind, Result};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Loads modules: path and parameters of each.
///
/// # Errors
/// That of the first that can't be loaded, with its name.
pub(crate) fn load(modules: &[(OsString, OsString)]) -> Result<()> {
    for (path, parameters) in modules {
        insert(path, parameters).map_err(|error| {
            let name = Path::new(path).display();
            Error::new(error.kind(), format!("{name}: {error}"))
        })?;
    }
    Ok(())
}

fn insert(path: &OsString, parameters: &OsString) -> Result<()> {
    let file = File::open(path)?;
    let parameters = CString::new(parameters.as_bytes())
        .map_err(|_| Error::new(ErrorKind::InvalidInput, "a NUL in the parameters"))?;
    Ok(rustix::system::finit_module(&file, &parameters, 0)?)
}
