//! What workers and the service say to each other: one packet each, with a descriptor where one is lent.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use serde::{Deserialize, Serialize};

/// Longest packet: a file's name is at most 4096 bytes.
const PACKET: usize = 8192;

/// From a worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Question {
    /// The memory of the slots, please.
    Board,
    /// What is the stream at this address?
    Stream(u64),
    /// What is the descriptor of this number?
    Descriptor(i32),
    /// This worker opened a stream in a region.
    Opened {
        /// Its address.
        stream: u64,
        /// Its name.
        name: String,
        /// Who.
        rank: u32,
    },
    /// And closed it.
    Closed(u64),
    /// The program closes a stream of the driver's; true: by `pclose`.
    CloseStream(u64, bool),
    /// The program closes a descriptor of the driver's.
    CloseDescriptor(i32),
}

/// From the service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// It is the driver's; its descriptor comes along.
    Lent {
        /// The slot that all ranks use for it.
        slot: usize,
        /// The descriptor's number on the driver.
        number: i32,
        /// Its status flags, as `F_GETFL` returns them.
        flags: i32,
        /// Its name.
        name: String,
    },
    /// The driver has it, but it cannot be lent.
    Refused {
        /// Its name.
        name: String,
        /// Why.
        reason: String,
    },
    /// Another worker opened it in a region.
    Elsewhere {
        /// Who.
        rank: u32,
        /// Its name.
        name: String,
    },
    /// Nobody has noted it.
    Unknown,
    /// A stream of another rank's has that address: open it again.
    Taken,
    /// Done, with this result and `errno`.
    Done(i32, i32),
}

fn packet<T: Serialize>(message: &T) -> Vec<u8> {
    postcard::to_allocvec(message).expect("plain data can always be encoded")
}

/// Room for the control message that carries one descriptor, aligned as the kernel wants it.
#[repr(C)]
union Control {
    header: libc::cmsghdr,
    bytes: [u8; 64],
}

/// A message header for `piece` and `control`; they must outlive it.
fn header(piece: &mut libc::iovec, control: Option<&mut Control>) -> libc::msghdr {
    // SAFETY: all-zero is a valid header.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = piece;
    header.msg_iovlen = 1;
    if let Some(control) = control {
        header.msg_control = std::ptr::from_mut(control).cast();
        header.msg_controllen = size_of::<Control>();
    }
    header
}

/// A system call's result, interrupted calls being repeated.
fn repeated(call: impl Fn() -> isize) -> io::Result<usize> {
    loop {
        let result = call();
        match usize::try_from(result) {
            Ok(result) => return Ok(result),
            Err(_) => {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
            }
        }
    }
}

/// Sends a message, and a descriptor with it.
pub fn send<T: Serialize>(
    socket: &OwnedFd,
    message: &T,
    descriptor: Option<BorrowedFd>,
) -> io::Result<()> {
    let mut bytes = packet(message);
    let mut piece = libc::iovec {
        iov_base: bytes.as_mut_ptr().cast(),
        iov_len: bytes.len(),
    };
    let mut control = Control { bytes: [0; 64] };
    let mut header = header(&mut piece, descriptor.is_some().then_some(&mut control));
    if let Some(descriptor) = descriptor {
        const SIZE: u32 = size_of::<i32>() as u32;
        // SAFETY: the macros compute with sizes and addresses within `control`, which has room for one descriptor.
        unsafe {
            header.msg_controllen = libc::CMSG_SPACE(SIZE) as usize;
            let first = libc::CMSG_FIRSTHDR(&header);
            (*first).cmsg_level = libc::SOL_SOCKET;
            (*first).cmsg_type = libc::SCM_RIGHTS;
            (*first).cmsg_len = libc::CMSG_LEN(SIZE) as usize;
            libc::CMSG_DATA(first)
                .cast::<i32>()
                .write_unaligned(descriptor.as_raw_fd());
        }
    }
    // SAFETY: the header describes memory that is alive.
    repeated(|| unsafe { libc::sendmsg(socket.as_raw_fd(), &header, libc::MSG_NOSIGNAL) }).map(drop)
}

/// Receives a message and the descriptor that came with it; `None`: the other end is closed.
pub fn receive<T: for<'a> Deserialize<'a>>(
    socket: &OwnedFd,
) -> io::Result<Option<(T, Option<OwnedFd>)>> {
    let mut bytes = vec![0_u8; PACKET];
    let mut piece = libc::iovec {
        iov_base: bytes.as_mut_ptr().cast(),
        iov_len: bytes.len(),
    };
    let mut control = Control { bytes: [0; 64] };
    let mut header = header(&mut piece, Some(&mut control));
    let place = &raw mut header;
    // SAFETY: the header describes memory that is alive.
    let length =
        repeated(|| unsafe { libc::recvmsg(socket.as_raw_fd(), place, libc::MSG_CMSG_CLOEXEC) })?;
    // SAFETY: the kernel filled the header and what it describes.
    let descriptor = unsafe {
        let first = libc::CMSG_FIRSTHDR(place);
        (!first.is_null()
            && (*first).cmsg_level == libc::SOL_SOCKET
            && (*first).cmsg_type == libc::SCM_RIGHTS)
            .then(|| OwnedFd::from_raw_fd(libc::CMSG_DATA(first).cast::<i32>().read_unaligned()))
    };
    if length == 0 {
        return Ok(None);
    }
    let message = postcard::from_bytes(&bytes[..length])
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    Ok(Some((message, descriptor)))
}

fn new_socket() -> io::Result<OwnedFd> {
    let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC;
    // SAFETY: socket takes numbers.
    own(unsafe { libc::socket(libc::AF_UNIX, kind, 0) })
}

fn own(descriptor: i32) -> io::Result<OwnedFd> {
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

fn check(result: i32) -> io::Result<()> {
    match result {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// An abstract address: it leaves no file and ends with the process. A name that is too long is cut at its beginning, which is not what
/// makes it unique.
fn address(name: &str) -> (libc::sockaddr_un, u32) {
    // SAFETY: all-zero is a valid address.
    let mut address: libc::sockaddr_un = unsafe { std::mem::zeroed() };
    address.sun_family = libc::AF_UNIX as libc::sa_family_t;
    let room = address.sun_path.len() - 1;
    let name = &name.as_bytes()[name.len().saturating_sub(room)..];
    for (to, from) in address.sun_path[1..].iter_mut().zip(name) {
        *to = *from as libc::c_char;
    }
    let length = std::mem::offset_of!(libc::sockaddr_un, sun_path) + 1 + name.len();
    (
        address,
        u32::try_from(length).expect("at most the size of an address"),
    )
}

/// The service's end.
pub fn listen_at(name: &str) -> io::Result<OwnedFd> {
    let socket = new_socket()?;
    let (address, length) = address(name);
    // SAFETY: the address has that length.
    check(unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), length) })?;
    // SAFETY: listen takes numbers.
    check(unsafe { libc::listen(socket.as_raw_fd(), libc::SOMAXCONN) })?;
    Ok(socket)
}

/// Accepts a worker; `None`: whoever it is, it is not this user's process.
pub fn accept_at(listener: &OwnedFd) -> io::Result<Option<OwnedFd>> {
    let null = std::ptr::null_mut();
    // SAFETY: the peer's address is not asked for.
    let socket =
        own(unsafe { libc::accept4(listener.as_raw_fd(), null, null.cast(), libc::SOCK_CLOEXEC) })?;
    Ok(is_of_this_user(&socket)?.then_some(socket))
}

/// A worker's end.
pub fn connect_to(name: &str) -> io::Result<OwnedFd> {
    let socket = new_socket()?;
    let (address, length) = address(name);
    // SAFETY: the address has that length.
    check(unsafe { libc::connect(socket.as_raw_fd(), (&raw const address).cast(), length) })?;
    if is_of_this_user(&socket)? {
        Ok(socket)
    } else {
        Err(io::Error::from_raw_os_error(libc::EPERM))
    }
}

/// The kernel says who the other end is: a process of the same user may do to this one all that the messages can.
fn is_of_this_user(socket: &OwnedFd) -> io::Result<bool> {
    let mut peer = libc::ucred {
        pid: 0,
        uid: 0,
        gid: 0,
    };
    let mut length = size_of::<libc::ucred>() as libc::socklen_t;
    // SAFETY: the place has that length.
    check(unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut peer).cast(),
            &mut length,
        )
    })?;
    // SAFETY: geteuid has no preconditions.
    Ok(peer.uid == unsafe { libc::geteuid() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::{Read, Seek, Write};
    use std::os::fd::AsFd;

    #[test]
    fn a_descriptor_travels_with_its_offset() {
        let name = format!("cape-test-files-{}", std::process::id());
        let listener = listen_at(&name).expect("listens");
        let worker = connect_to(&name).expect("connects");
        let service = accept_at(&listener).expect("accepts").expect("this user");
        send(&worker, &Question::Descriptor(7), None).expect("sent");
        let question = receive::<Question>(&service)
            .expect("received")
            .expect("open");
        assert_eq!(question.0, Question::Descriptor(7));
        let mut file = tempfile();
        file.write_all(b"0123456789").expect("written");
        file.seek(std::io::SeekFrom::Start(4)).expect("seekable");
        let answer = Answer::Lent {
            slot: 1,
            number: 7,
            flags: 0,
            name: "x".into(),
        };
        send(&service, &answer, Some(file.as_fd())).expect("sent");
        let (got, descriptor) = receive::<Answer>(&worker).expect("received").expect("open");
        assert_eq!(got, answer);
        let mut text = String::new();
        File::from(descriptor.expect("came along"))
            .read_to_string(&mut text)
            .expect("readable");
        assert_eq!(text, "456789");
        drop(service);
        assert!(receive::<Answer>(&worker).expect("received").is_none());
    }

    fn tempfile() -> File {
        // SAFETY: the name is a string; the kernel makes the descriptor for us.
        unsafe { File::from_raw_fd(libc::memfd_create(c"test".as_ptr(), 0)) }
    }
}
