//! TCP and UDP on the loopback interface.
use crate::ipc::echo;
use crate::sys::{self, Fd, Took, check, wrong};
use crate::{Bench, bench};
use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::IntoRawFd;

pub(crate) const ALL: &[Bench] = &[
    bench("net/tcp", "round trip of 1 byte by TCP", tcp),
    bench("net/udp", "round trip of 1 byte by UDP", udp),
    bench(
        "net/tcp_connect",
        "connect by TCP, be accepted, see the end",
        tcp_connect,
    ),
    bench("net/tcp_bandwidth", "64 KiB by TCP", tcp_bandwidth),
];

/// Switches the loopback interface on, where it is off; who may not do that has it on.
fn loopback() -> io::Result<SocketAddr> {
    // SAFETY: numbers.
    let socket = Fd(check(i64::from(unsafe {
        libc::socket(libc::AF_INET, libc::SOCK_DGRAM, 0)
    }))? as i32);
    // SAFETY: all zeroes is a valid `struct ifreq`; the name is shorter than its field.
    unsafe {
        let mut request: libc::ifreq = std::mem::zeroed();
        request.ifr_name[0] = b'l' as libc::c_char;
        request.ifr_name[1] = b'o' as libc::c_char;
        check(i64::from(libc::ioctl(
            socket.0,
            libc::SIOCGIFFLAGS as _,
            &raw mut request,
        )))?;
        let up = libc::IFF_UP as i16;
        if request.ifr_ifru.ifru_flags & up == 0 {
            request.ifr_ifru.ifru_flags |= up;
            check(i64::from(libc::ioctl(
                socket.0,
                libc::SIOCSIFFLAGS as _,
                &raw const request,
            )))?;
        }
    }
    Ok((Ipv4Addr::LOCALHOST, 0).into())
}

/// Two ends of a connection that sends at once.
fn pair() -> io::Result<(Fd, Fd)> {
    let server = TcpListener::bind(loopback()?)?;
    let client = TcpStream::connect(server.local_addr()?)?;
    let (peer, _) = server.accept()?;
    for end in [&client, &peer] {
        end.set_nodelay(true)?;
    }
    Ok((Fd(client.into_raw_fd()), Fd(peer.into_raw_fd())))
}

fn tcp(n: u64) -> io::Result<Took> {
    let (a, b) = pair()?;
    echo(n, (&a, &a), (&b, &b))
}

fn udp(n: u64) -> io::Result<Took> {
    let any = loopback()?;
    let (a, b) = (UdpSocket::bind(any)?, UdpSocket::bind(any)?);
    a.connect(b.local_addr()?)?;
    b.connect(a.local_addr()?)?;
    let (a, b) = (Fd(a.into_raw_fd()), Fd(b.into_raw_fd()));
    echo(n, (&a, &a), (&b, &b))
}

/// The client waits for the server's end, so that the server's queue never overflows.
fn tcp_connect(n: u64) -> io::Result<Took> {
    let server = TcpListener::bind(loopback()?)?;
    let address = server.local_addr()?;
    let pid = sys::child(|| (0..sys::warm(n) + n).try_for_each(|_| server.accept().map(drop)))?;
    let took = sys::time_warm(n, || {
        let mut client = TcpStream::connect(address)?;
        match client.read(&mut [0])? {
            0 => Ok(()),
            _ => Err(wrong("data")),
        }
    })?;
    sys::reap(pid)?;
    Ok(took)
}

fn tcp_bandwidth(n: u64) -> io::Result<Took> {
    const SIZE: usize = 64 << 10;
    let (from, to) = pair()?;
    let pid = sys::child(|| {
        let data = vec![6u8; SIZE];
        (0..sys::warm(n) + n).try_for_each(|_| sys::write_all(to.0, &data))
    })?;
    let mut data = vec![0u8; SIZE];
    let took = sys::time_warm(n, || sys::read_all(from.0, &mut data))?;
    sys::reap(pid)?;
    if data.iter().all(|b| *b == 6) {
        Ok(took.moving(SIZE))
    } else {
        Err(wrong("data"))
    }
}
