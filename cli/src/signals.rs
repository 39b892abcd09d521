//! The signals this tool reacts to, taken one after another by one thread: handlers could do next to nothing safely.

use std::mem::MaybeUninit;

/// Signals that end the run, and the one that tells of a new window size.
const HANDLED: [i32; 4] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGWINCH];

/// Has Ctrl-C do nothing to this tool, but what it does by itself to the programs that it starts.
pub(crate) fn leave_interrupts() {
    extern "C" fn nothing(_: i32) {}
    let nothing: extern "C" fn(i32) = nothing;
    // SAFETY: the handler touches nothing; an exec sets it back, as it does all that are not "ignore".
    unsafe { libc::signal(libc::SIGINT, nothing as libc::sighandler_t) };
}

/// Blocks the handled signals in this thread and in all it starts, and calls `on_signal` with each from a thread of its
/// own. To be called before any other thread starts.
pub(crate) fn handle(on_signal: impl Fn(i32) + Send + 'static) {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigemptyset initialises the set it is given; the others then work on that initialised set, and
    // pthread_sigmask accepts a null pointer for the old mask.
    let set = unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for signal in HANDLED {
            libc::sigaddset(set.as_mut_ptr(), signal);
        }
        libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), std::ptr::null_mut());
        set.assume_init()
    };
    std::thread::spawn(move || {
        loop {
            let mut signal = 0;
            // SAFETY: both pointers are to live locals of the right types.
            if unsafe { libc::sigwait(&raw const set, &raw mut signal) } == 0 {
                on_signal(signal);
            }
        }
    });
}
