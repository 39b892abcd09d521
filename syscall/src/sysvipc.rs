//! System calls: System V shared memory, semaphores, message queues (sysvipc(7)).
use crate::Call;
use crate::time::deadline;
use abi::Result;
use abi::pod::Timespec;
use abi::raw::{
    __NR_msgctl, __NR_msgget, __NR_msgrcv, __NR_msgsnd, __NR_semctl, __NR_semget, __NR_semop,
    __NR_semtimedop, __NR_shmat, __NR_shmctl, __NR_shmdt, __NR_shmget,
};
use hal::addr::UserAddr;
use kmem::user;
use sysvipc::calls::{self, msg, sem, shm};
use task::Cx;

/// This family.
pub(crate) const CALLS: &[Call] = &[
    (__NR_shmget, "shmget", sys_shmget),
    (__NR_shmat, "shmat", sys_shmat),
    (__NR_shmctl, "shmctl", sys_shmctl),
    (__NR_shmdt, "shmdt", sys_shmdt),
    (__NR_semget, "semget", sys_semget),
    (__NR_semop, "semop", sys_semop),
    (__NR_semtimedop, "semtimedop", sys_semtimedop),
    (__NR_semctl, "semctl", sys_semctl),
    (__NR_msgget, "msgget", sys_msgget),
    (__NR_msgsnd, "msgsnd", sys_msgsnd),
    (__NR_msgrcv, "msgrcv", sys_msgrcv),
    (__NR_msgctl, "msgctl", sys_msgctl),
];

fn sys_shmget(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    shm::get(cx, a[0] as i32, a[1], a[2] as u32).map(|id| id as usize)
}

fn sys_shmat(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    shm::attach(cx, a[0] as i32, a[1], a[2] as u32)
}

fn sys_shmdt(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    shm::detach(cx, a[0]).map(|()| 0)
}

fn sys_shmctl(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    calls::shmctl(cx, a[0] as i32, a[1] as u32, UserAddr(a[2]))
}

fn sys_semget(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    sem::get(cx, a[0] as i32, a[1] as i32, a[2] as u32).map(|id| id as usize)
}

fn sys_semop(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let count = a[2] as u32 as usize;
    sem::operate(cx, a[0] as i32, UserAddr(a[1]), count, None).map(|()| 0)
}

fn sys_semtimedop(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let until = match a[3] {
        0 => None,
        at => {
            let span: Timespec = user::read(UserAddr(at))?;
            Some(deadline(time::clock::from_timespec(&span)?))
        }
    };
    let count = a[2] as u32 as usize;
    sem::operate(cx, a[0] as i32, UserAddr(a[1]), count, until).map(|()| 0)
}

fn sys_semctl(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    calls::semctl(cx, a[0] as i32, a[1] as i32, a[2] as u32, a[3])
}

fn sys_msgget(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    msg::get(cx, a[0] as i32, a[1] as u32).map(|id| id as usize)
}

fn sys_msgsnd(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    msg::send(cx, a[0] as i32, UserAddr(a[1]), a[2], a[3] as u32).map(|()| 0)
}

fn sys_msgrcv(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let (kind, flags) = (a[3] as i64, a[4] as u32);
    msg::receive(cx, a[0] as i32, UserAddr(a[1]), a[2], kind, flags)
}

fn sys_msgctl(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    calls::msgctl(cx, a[0] as i32, a[1] as u32, UserAddr(a[2]))
}
