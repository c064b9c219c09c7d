//! Stream sockets, never blocking: Unix (abstract names) and TCP.

use std::io::{self, IoSlice};
use std::mem;
use std::net::{IpAddr, Ipv6Addr, Shutdown, SocketAddr, TcpListener};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::UnixListener;
use std::time::Duration;

use super::{check, lift, own};
use crate::{Address, Listen};

/// Asked for as the kernel's buffer of a Unix socket. What `net.core.wmem_max` (212,992 by default) does not allow is cut
/// off silently.
const UNIX_BUFFER: libc::c_int = 1 << 20;

/// Connections that may wait to be accepted, as far as `net.core.somaxconn` (4096 by default) allows.
const QUEUE: libc::c_int = 4096;

/// For so many seconds the kernel keeps a TCP connection to itself until its first bytes are there (tcp(7),
/// `TCP_DEFER_ACCEPT`): who connects and says nothing does not even wake this process.
const DEFER: libc::c_int = 5;

/// Who has connected, as far as the kernel knows: a flood is told by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Source {
    /// A host, or an IPv6 network.
    Host(IpAddr),
    /// A process of this host.
    Process(libc::pid_t),
    Unknown,
}

impl Source {
    /// A host has as many IPv6 addresses as it likes in its network of 64 bits.
    fn of(ip: IpAddr) -> Self {
        Self::Host(match ip {
            IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
            v4 => v4,
        })
    }
}

/// A listening socket.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: OwnedFd,
    address: Address,
    detection: Duration,
}

impl Listener {
    /// Listens at a port of the kernel's choice (TCP) or under `name` (Unix). Dead connections show within `detection`.
    pub(crate) fn bind(listen: Listen, name: &str, detection: Duration) -> io::Result<Self> {
        let (socket, address): (OwnedFd, _) = match listen {
            Listen::Unix => {
                let address = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
                let listener = UnixListener::bind_addr(&address)?;
                listener.set_nonblocking(true)?;
                (listener.into(), Address::Unix(name.to_owned()))
            }
            Listen::Tcp(ip) if ip.is_unspecified() => {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    "a job listens at the addresses of its own interfaces, never at all of them",
                ));
            }
            Listen::Tcp(ip) => {
                let listener = TcpListener::bind(SocketAddr::new(ip, 0))?;
                listener.set_nonblocking(true)?;
                let address = listener.local_addr()?;
                (listener.into(), Address::Tcp(address))
            }
        };
        // SAFETY: no memory is involved. Only the length of the queue changes (listen(2)).
        check(unsafe { libc::listen(socket.as_raw_fd(), QUEUE) })?;
        if matches!(address, Address::Tcp(_)) {
            let _ = set_option(&socket, libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT, DEFER);
        }
        Ok(Self {
            socket: lift(socket),
            address,
            detection,
        })
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    pub(crate) fn descriptor(&self) -> &OwnedFd {
        &self.socket
    }

    /// The next connection and who made it. `WouldBlock`: there is none now. `PermissionDenied`: it was another user's.
    pub(crate) fn accept(&self) -> io::Result<(OwnedFd, Source)> {
        let flags = libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // SAFETY: the peer's address is not asked for, so no memory is involved.
        let result = unsafe {
            libc::accept4(
                self.socket.as_raw_fd(),
                std::ptr::null_mut(),
                std::ptr::null_mut(),
                flags,
            )
        };
        let socket = own(result)?;
        prepare(&socket, &self.address, self.detection);
        let source = match self.address {
            Address::Unix(_) => admit_user(&socket)?,
            Address::Tcp(_) => peer_ip(&socket).map_or(Source::Unknown, Source::of),
        };
        Ok((socket, source))
    }
}

/// Only this user's processes, and root's, may connect to a Unix socket: an abstract name has no permissions (unix(7)).
fn admit_user(socket: &OwnedFd) -> io::Result<Source> {
    let mut peer = libc::ucred {
        pid: 0,
        uid: libc::uid_t::MAX,
        gid: 0,
    };
    option_into(socket, libc::SOL_SOCKET, libc::SO_PEERCRED, &mut peer)?;
    // SAFETY: no memory is involved; cannot fail.
    let me = unsafe { libc::geteuid() };
    if peer.uid == me || peer.uid == 0 {
        Ok(Source::Process(peer.pid))
    } else {
        Err(io::ErrorKind::PermissionDenied.into())
    }
}

fn peer_ip(socket: &OwnedFd) -> Option<IpAddr> {
    borrowed(socket)
        .peer_addr()
        .ok()
        .map(|address| address.ip())
}

/// The address by which this end of a TCP connection is known.
pub(crate) fn local_ip(socket: &OwnedFd) -> Option<IpAddr> {
    if option(socket, libc::SOL_SOCKET, libc::SO_DOMAIN).ok()? == libc::AF_UNIX {
        return None;
    }
    borrowed(socket)
        .local_addr()
        .ok()
        .map(|address| address.ip())
}

/// The standard library's view of a TCP socket that somebody else owns.
fn borrowed(socket: &OwnedFd) -> mem::ManuallyDrop<std::net::TcpStream> {
    // SAFETY: the descriptor is open while `socket` is borrowed, and `ManuallyDrop` does not close it.
    mem::ManuallyDrop::new(unsafe { std::os::fd::FromRawFd::from_raw_fd(socket.as_raw_fd()) })
}

/// A connection that was begun.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) socket: OwnedFd,
    /// `false`: it is complete when the socket becomes writable; ask [`connect_error`] then.
    pub(crate) complete: bool,
}

/// Begins to connect. `WouldBlock`: the listener's queue is full (Unix), try later.
pub(crate) fn connect(address: &Address, detection: Duration) -> io::Result<Connection> {
    let family = match address {
        Address::Unix(_) => libc::AF_UNIX,
        Address::Tcp(SocketAddr::V4(_)) => libc::AF_INET,
        Address::Tcp(SocketAddr::V6(_)) => libc::AF_INET6,
    };
    let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: no memory is involved.
    let socket = own(unsafe { libc::socket(family, kind, 0) })?;
    prepare(&socket, address, detection);
    let result = match address {
        Address::Unix(name) => connect_to(&socket, &unix_address(name)?, unix_length(name)),
        Address::Tcp(SocketAddr::V4(v4)) => {
            let raw = libc::sockaddr_in {
                sin_family: family_number(family),
                sin_port: v4.port().to_be(),
                sin_addr: libc::in_addr {
                    s_addr: u32::from_ne_bytes(v4.ip().octets()),
                },
                sin_zero: [0; 8],
            };
            connect_to(&socket, &raw, mem::size_of_val(&raw))
        }
        Address::Tcp(SocketAddr::V6(v6)) => {
            let raw = libc::sockaddr_in6 {
                sin6_family: family_number(family),
                sin6_port: v6.port().to_be(),
                sin6_flowinfo: v6.flowinfo(),
                sin6_addr: libc::in6_addr {
                    s6_addr: v6.ip().octets(),
                },
                sin6_scope_id: v6.scope_id(),
            };
            connect_to(&socket, &raw, mem::size_of_val(&raw))
        }
    };
    match result {
        Ok(()) => Ok(Connection {
            socket,
            complete: true,
        }),
        Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => Ok(Connection {
            socket,
            complete: false,
        }),
        Err(error) => Err(error),
    }
}

fn family_number(family: libc::c_int) -> libc::sa_family_t {
    libc::sa_family_t::try_from(family).expect("address families are small numbers")
}

/// `sun_path` holds a zero byte and the name; what follows is not part of it (unix(7)).
fn unix_address(name: &str) -> io::Result<libc::sockaddr_un> {
    let mut raw = libc::sockaddr_un {
        sun_family: family_number(libc::AF_UNIX),
        sun_path: [0; 108],
    };
    let path = raw
        .sun_path
        .get_mut(1..=name.len())
        .ok_or(io::ErrorKind::InvalidInput)?;
    for (to, from) in path.iter_mut().zip(name.bytes()) {
        *to = libc::c_char::from_ne_bytes([from]);
    }
    Ok(raw)
}

fn unix_length(name: &str) -> usize {
    mem::offset_of!(libc::sockaddr_un, sun_path) + 1 + name.len()
}

/// `A` is the `sockaddr_…` structure of the socket's family.
fn connect_to<A>(socket: &OwnedFd, address: &A, length: usize) -> io::Result<()> {
    assert!(length <= mem::size_of::<A>());
    let length = libc::socklen_t::try_from(length).expect("the size of a socket address");
    // SAFETY: reads `length` bytes at `address`, checked to lie inside of it.
    let result = unsafe {
        libc::connect(
            socket.as_raw_fd(),
            std::ptr::from_ref(address).cast(),
            length,
        )
    };
    check(result).map(drop)
}

/// Sets what makes links fast, and what tells within `detection` that the other host is gone while nothing is sent. While
/// something is, [`unanswered`] tells. An option the kernel refuses only costs speed.
fn prepare(socket: &OwnedFd, address: &Address, detection: Duration) {
    let tcp = |name, value| {
        let _ = set_option(socket, libc::IPPROTO_TCP, name, value);
    };
    match address {
        Address::Unix(_) => {
            let _ = set_option(socket, libc::SOL_SOCKET, libc::SO_SNDBUF, UNIX_BUFFER);
        }
        Address::Tcp(_) => {
            // Idle for a quarter of the time, then three probes.
            let quarter = libc::c_int::try_from(detection.as_secs() / 4).unwrap_or(1 << 14);
            let quarter = quarter.clamp(1, 1 << 14);
            tcp(libc::TCP_NODELAY, 1);
            let _ = set_option(socket, libc::SOL_SOCKET, libc::SO_KEEPALIVE, 1);
            tcp(libc::TCP_KEEPIDLE, quarter);
            tcp(libc::TCP_KEEPINTVL, quarter);
            tcp(libc::TCP_KEEPCNT, 3);
        }
    }
}

/// How a connection stands that waits for the other host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// Everything sent was acknowledged, or there is no other host.
    No,
    /// Something sent was not acknowledged yet, but the other host was heard so long ago: since, or at the same moment.
    Heard(Duration),
    /// Something sent was not acknowledged yet; nothing was heard for so long.
    Since(Duration),
}

/// Whether the other host owes an acknowledgement, and how long nothing was heard from it.
///
/// Why not `TCP_USER_TIMEOUT`? It also ends a connection whose other end is alive but does not read, as a job that
/// is stopped with Ctrl-Z does not (tcp(7); `tcp_probe_timer` counts the time of a closed window although the other host
/// answers each probe).
pub(crate) fn unanswered(socket: &OwnedFd) -> Waiting {
    // SAFETY: a structure of integers, for which zero is a value.
    let mut info: libc::tcp_info = unsafe { mem::zeroed() };
    if option_into(socket, libc::IPPROTO_TCP, libc::TCP_INFO, &mut info).is_err() {
        return Waiting::No;
    }
    // In flight, and (re)transmitted after the last answer: a host whose window is closed answers each retransmission, however
    // long the next one takes. Or a probe of a closed window that was not answered yet.
    let owed = info.tcpi_unacked > 0 && info.tcpi_last_data_sent < info.tcpi_last_ack_recv;
    let unheard = Duration::from_millis(info.tcpi_last_ack_recv.into());
    if owed || info.tcpi_probes > 0 {
        Waiting::Since(unheard)
    } else if info.tcpi_unacked > 0 {
        // The kernel's clock ticks every few milliseconds: what was sent right after an answer will be told from it by its retransmission.
        Waiting::Heard(unheard)
    } else {
        Waiting::No
    }
}

fn set_option(
    socket: &OwnedFd,
    level: libc::c_int,
    name: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    let size = libc::socklen_t::try_from(mem::size_of_val(&value)).expect("the size of an integer");
    // SAFETY: reads the `size` bytes of `value`.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            std::ptr::from_ref(&value).cast(),
            size,
        )
    };
    check(result).map(drop)
}

/// How a connection that was begun has ended.
pub(crate) fn connect_error(socket: &OwnedFd) -> io::Result<()> {
    match option(socket, libc::SOL_SOCKET, libc::SO_ERROR)? {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

/// An integer option.
fn option(socket: &OwnedFd, level: libc::c_int, name: libc::c_int) -> io::Result<libc::c_int> {
    let mut value: libc::c_int = 0;
    option_into(socket, level, name, &mut value)?;
    Ok(value)
}

/// An option whose value is a `T`, a structure of integers only; the kernel may fill just its beginning.
fn option_into<T: Copy>(
    socket: &OwnedFd,
    level: libc::c_int,
    name: libc::c_int,
    value: &mut T,
) -> io::Result<()> {
    let mut size = libc::socklen_t::try_from(mem::size_of::<T>()).expect("the size of an option");
    let target = std::ptr::from_mut(value).cast();
    // SAFETY: writes at most `size` bytes to `value`, and to `size`.
    let result =
        unsafe { libc::getsockopt(socket.as_raw_fd(), level, name, target, &raw mut size) };
    check(result).map(drop)
}

/// Writes as much of `parts` as there is room for. A closed connection is an error, not a signal.
pub(crate) fn send(socket: &OwnedFd, parts: &[IoSlice<'_>]) -> io::Result<usize> {
    // SAFETY: a message header of zeros names no memory.
    let mut message: libc::msghdr = unsafe { mem::zeroed() };
    // `IoSlice` has the layout of `iovec` (its documentation), and sendmsg does not write to it.
    message.msg_iov = parts.as_ptr().cast_mut().cast();
    message.msg_iovlen = parts.len();
    loop {
        // SAFETY: `parts` lives during the call and holds as many slices as the header says.
        let sent =
            unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const message, libc::MSG_NOSIGNAL) };
        match usize::try_from(sent) {
            Ok(sent) => return Ok(sent),
            Err(_) => retry_if_interrupted()?,
        }
    }
}

/// Reads into the spare room of `body` (at most `missing` bytes, which its capacity must allow), what is left into
/// `tail`. Returns how many bytes each got; `(0, 0)`: the stream has ended.
pub(crate) fn receive(
    socket: &OwnedFd,
    body: Option<(&mut Vec<u8>, usize)>,
    tail: &mut [u8],
) -> io::Result<(usize, usize)> {
    let mut empty = Vec::new();
    let (body, missing) = body.unwrap_or((&mut empty, 0));
    let spare = body.spare_capacity_mut();
    let room = missing.min(spare.len());
    let parts = [
        libc::iovec {
            iov_base: spare.as_mut_ptr().cast(),
            iov_len: room,
        },
        libc::iovec {
            iov_base: tail.as_mut_ptr().cast(),
            iov_len: tail.len(),
        },
    ];
    let parts = if room == 0 { &parts[1..] } else { &parts[..] };
    let count = libc::c_int::try_from(parts.len()).expect("one or two");
    let received = loop {
        // SAFETY: the first part lies in the vector's spare capacity, the second is `tail`; both are borrowed mutably.
        let received = unsafe { libc::readv(socket.as_raw_fd(), parts.as_ptr(), count) };
        match usize::try_from(received) {
            Ok(received) => break received,
            Err(_) => retry_if_interrupted()?,
        }
    };
    let to_body = received.min(room);
    // SAFETY: readv fills the parts in order, so the first `to_body` bytes of the spare capacity are initialised.
    unsafe { body.set_len(body.len() + to_body) };
    Ok((to_body, received - to_body))
}

fn retry_if_interrupted() -> io::Result<()> {
    let error = io::Error::last_os_error();
    if error.kind() == io::ErrorKind::Interrupted {
        Ok(())
    } else {
        Err(error)
    }
}

/// Ends one or both directions for everybody who holds the socket.
pub(crate) fn shut_down(socket: &OwnedFd, directions: Shutdown) {
    let how = match directions {
        Shutdown::Read => libc::SHUT_RD,
        Shutdown::Write => libc::SHUT_WR,
        Shutdown::Both => libc::SHUT_RDWR,
    };
    // SAFETY: no memory is involved. Fails only if the connection is gone already.
    let _ = unsafe { libc::shutdown(socket.as_raw_fd(), how) };
}

/// Bytes that the other host has not acknowledged yet; 0 for a Unix socket, whose bytes are with the peer when sent.
pub(crate) fn unsent(socket: &OwnedFd) -> usize {
    if option(socket, libc::SOL_SOCKET, libc::SO_DOMAIN).is_ok_and(|family| family == libc::AF_UNIX)
    {
        return 0;
    }
    let mut bytes: libc::c_int = 0;
    // SAFETY: TIOCOUTQ, which is SIOCOUTQ for sockets (tcp(7)), writes one integer.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) };
    if result < 0 {
        0
    } else {
        usize::try_from(bytes).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr};

    #[test]
    fn bytes_pass_in_both_families() {
        for listen in [Listen::Unix, Listen::Tcp(IpAddr::V4(Ipv4Addr::LOCALHOST))] {
            let name =
                format!("cape-test-{}-{listen:?}", std::process::id()).replace(['(', ')'], "");
            let listener = Listener::bind(listen, &name, Duration::from_secs(8)).unwrap();
            let connection = connect(listener.address(), Duration::from_secs(8)).unwrap();
            connect_error(&connection.socket).unwrap();
            let sent = send(
                &connection.socket,
                &[IoSlice::new(b"abc"), IoSlice::new(b"defgh")],
            )
            .unwrap();
            assert_eq!(sent, 8);
            let accepted = loop {
                match listener.accept() {
                    Ok((socket, source)) => {
                        let expected = match listen {
                            Listen::Unix => Source::Process(std::process::id().try_into().unwrap()),
                            Listen::Tcp(ip) => Source::Host(ip),
                        };
                        assert_eq!(source, expected);
                        break socket;
                    }
                    Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
                }
            };
            assert_eq!(unanswered(&accepted), Waiting::No);
            shut_down(&connection.socket, Shutdown::Write);
            let (mut body, mut tail) = (Vec::with_capacity(100), [0; 10]);
            let got = loop {
                match receive(&accepted, Some((&mut body, 5)), &mut tail) {
                    Ok(got) => break got,
                    Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
                }
            };
            assert_eq!(
                (got, &body[..], &tail[..3]),
                ((5, 3), &b"abcde"[..], &b"fgh"[..])
            );
        }
    }
    #[test]
    fn all_interfaces_at_once_are_refused() {
        for ip in ["0.0.0.0", "::"] {
            let listen = Listen::Tcp(ip.parse().unwrap());
            let error = Listener::bind(listen, "", Duration::from_secs(8)).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        }
    }
}
