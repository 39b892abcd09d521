//! `linux/kmod.h`: a module asks for another one.
use crate::enter;
use crate::export::exports;
use crate::va_list::{VaList, variadic};
use abi::{Errno, Result};
use task::helper::{self, Wait};

/// Longest name that can be asked for, and one more.
const ALIAS: usize = 57;

fn status(result: Result<i32>) -> i32 {
    result.unwrap_or_else(|e| -e.code())
}

fn request(wait: Wait, format: usize, list: &VaList) -> Result<i32> {
    let mut alias = [0; ALIAS];
    let wanted = crate::print::format_to(&mut alias, format, *list);
    let alias = alias.get(..wanted).ok_or(Errno::ENAMETOOLONG)?;
    let alias = core::str::from_utf8(alias).map_err(|_| Errno::EINVAL)?;
    helper::request(alias, wait)
}

extern "C" fn request_with(wait: bool, format: usize, list: &VaList) -> i32 {
    enter::check_may_sleep("request_module");
    let wait = if wait { Wait::Finish } else { Wait::Not };
    status(request(wait, format, list))
}

variadic! {
    /// `__request_module(wait, format, ...)`.
    __request_module(2, "rdx") => request_with;
}

exports![__request_module];
