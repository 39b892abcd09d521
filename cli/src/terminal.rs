//! The host's terminal: raw while a guest program has it, and back as it was however this tool ends.

use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcgetwinsize, tcsetattr};
use std::sync::{Mutex, Once, PoisonError};

/// The mode to go back to, while the terminal is raw.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);
static HOOK: Once = Once::new();

/// Which of the descriptors 0, 1, 2 are terminals.
pub(crate) fn descriptors() -> [bool; 3] {
    [
        isatty(rustix::stdio::stdin()),
        isatty(rustix::stdio::stdout()),
        isatty(rustix::stdio::stderr()),
    ]
}

/// Rows and columns of the first descriptor that has them.
pub(crate) fn size() -> (u16, u16) {
    let sizes = [
        rustix::stdio::stdin(),
        rustix::stdio::stdout(),
        rustix::stdio::stderr(),
    ]
    .map(tcgetwinsize);
    let known = sizes
        .into_iter()
        .flatten()
        .find(|size| size.ws_row > 0 && size.ws_col > 0);
    known.map_or((24, 80), |size| (size.ws_row, size.ws_col))
}

/// Passes every key on as it is. Undone by [`restore`], also when this tool panics.
pub(crate) fn make_raw() {
    let Ok(before) = tcgetattr(rustix::stdio::stdin()) else {
        return;
    };
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |what| {
            restore();
            usual(what);
        }));
    });
    let mut raw = before.clone();
    raw.make_raw();
    *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some(before);
    let _ = tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &raw);
}

/// Puts the terminal back as it was before [`make_raw`].
pub(crate) fn restore() {
    if let Some(before) = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take() {
        let _ = tcsetattr(rustix::stdio::stdin(), OptionalActions::Drain, &before);
    }
}
