// SPDX-License-Identifier: GPL-2.0
//! A device that gives back what was written to it last: misc device, mutex, user memory, ioctl.
#![no_std]
#![forbid(unsafe_code)]
use kernel::fs::File;
use kernel::miscdevice::{MiscDevice, MiscDeviceOptions, MiscDeviceRegistration};
use kernel::prelude::*;
use kernel::sync::{Arc, Mutex};
use kernel::uaccess::{UserSlice, UserSliceReader, UserSliceWriter};

module! {
    type: RustEcho,
    name: "rust_echo",
    authors: ["The Gaon contributors"],
    description: "A device in Rust that gives back what it got",
    license: "GPL",
}

/// `_IOR('E', 1, u64)`: how many bytes it holds.
const LENGTH: u32 = 0x8008_4501;
/// `_IO('E', 2)`: forget them.
const CLEAR: u32 = 0x4502;
/// More is refused.
const MOST: usize = 64 * 1024;

/// What was written last. All who have the device open share it.
static KEPT: Mutex<KVec<u8>> = Mutex::new(KVec::new());

struct RustEcho {
    _device: MiscDeviceRegistration<Echo>,
}

impl Module for RustEcho {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let options = MiscDeviceOptions::new(c"rust_echo");
        Ok(Self {
            _device: MiscDeviceRegistration::register(options)?,
        })
    }
}

impl Drop for RustEcho {
    fn drop(&mut self) {
        KEPT.lock().clear();
    }
}

struct Echo;

impl MiscDevice for Echo {
    type Ptr = Arc<Echo>;

    fn open(_file: &File<'_>, _misc: &MiscDeviceRegistration<Self>) -> Result<Arc<Echo>> {
        Ok(Arc::new(Echo, GFP_KERNEL)?)
    }

    fn read(_: &Echo, _: &File<'_>, to: &mut UserSliceWriter, position: &mut i64) -> Result<usize> {
        let kept = KEPT.lock();
        let rest = kept.get(usize::try_from(*position)?..).unwrap_or(&[]);
        let part = &rest[..rest.len().min(to.len())];
        to.write_slice(part)?;
        *position += i64::try_from(part.len())?;
        Ok(part.len())
    }

    fn write(_: &Echo, _: &File<'_>, from: &mut UserSliceReader, _: &mut i64) -> Result<usize> {
        let length = from.len();
        if length > MOST {
            return Err(EMSGSIZE);
        }
        let mut new = KVec::from_elem(0, length, GFP_KERNEL)?;
        from.read_slice(&mut new)?;
        *KEPT.lock() = new;
        Ok(length)
    }

    fn ioctl(_: &Echo, _: &File<'_>, command: u32, argument: usize) -> Result<isize> {
        match command {
            LENGTH => {
                let length = KEPT.lock().len() as u64;
                UserSlice::new(argument, 8).writer().write(&length)?;
            }
            CLEAR => KEPT.lock().clear(),
            _ => return Err(ENOTTY),
        }
        Ok(0)
    }
}
