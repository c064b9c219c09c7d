//! An attacker without the job's key: connects again and again and says all that such a one can say.
//!
//! `cargo run --release -p transport --example attack ADDRESS [CONNECTIONS]`, where `caperun --verbose` prints the address. Used to
//! measure by how much a job is delayed; prints how many connections were made and how many bytes came back (none should).

use std::collections::VecDeque;
use std::error::Error;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::time::{Duration, Instant};

use transport::{Address, Contact};

/// Connections held open at once: the slow ones among them say a byte and no more.
const HELD: usize = 200;

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

fn connect(address: &Address) -> std::io::Result<Box<dyn Stream>> {
    Ok(match address {
        Address::Unix(name) => {
            let stream = UnixStream::connect_addr(&SocketAddr::from_abstract_name(name)?)?;
            stream.set_nonblocking(true)?;
            Box::new(stream)
        }
        Address::Tcp(address) => {
            let stream = TcpStream::connect_timeout(address, Duration::from_millis(500))?;
            stream.set_nonblocking(true)?;
            Box::new(stream)
        }
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let contact: Contact = arguments.next().ok_or("an address is needed")?.parse()?;
    let address = &contact.addresses()[0];
    let wanted: u32 = arguments.next().map_or(Ok(10_000), |text| text.parse())?;

    // A hello with a wrong proof, one of another version, garbage, an oversized frame, a byte, nothing.
    let header = |version: u8| [*b"CAPE", [version, 0, 0, 0], [1, 0, 0, 0], [0; 4]].concat();
    let fill = |mut bytes: Vec<u8>| {
        bytes.resize(80, 0x5a);
        bytes
    };
    let oversized = [&b"CAPf"[..], &[0xff; 60]].concat();
    let sayings = [
        fill(header(2)),
        fill(header(1)),
        vec![0xa5; 4096],
        oversized,
        b"C".to_vec(),
        Vec::new(),
    ];

    let started = Instant::now();
    let (mut made, mut failed, mut answered) = (0, 0, 0);
    let mut held = VecDeque::new();
    for saying in sayings.iter().cycle().take(wanted as usize) {
        match connect(address) {
            Ok(mut stream) => {
                made += 1;
                let _ = stream.write_all(saying);
                held.push_back(stream);
            }
            // The job has ended.
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => break,
            Err(_) => failed += 1,
        }
        if held.len() > HELD
            && let Some(mut oldest) = held.pop_front()
        {
            let mut answer = [0; 4096];
            // A refusal of another version is 80 bytes that begin with the magic and the version; anything else is a leak.
            if let Ok(count @ 1..) = oldest.read(&mut answer) {
                let version_only = count == 80 && answer[6..80].iter().all(|&byte| byte == 0);
                answered += if version_only { 0 } else { count };
            }
        }
    }
    println!(
        "{made} connections in {:.2} s, {failed} not accepted, {answered} bytes learned",
        started.elapsed().as_secs_f64()
    );
    Ok(())
}
