//! What tells two executables apart: the GNU build-id if the linker wrote one, a digest of the file otherwise.

use std::io;

use object::{Object, read::ReadCache};

/// The identity of the running executable, in hexadecimal.
pub fn of_executable() -> io::Result<String> {
    let file = std::fs::File::open("/proc/self/exe")?;
    let cache = ReadCache::new(&file);
    if let Ok(object) = object::File::parse(&cache)
        && let Ok(Some(id)) = object.build_id()
    {
        return Ok(hexadecimal(id));
    }
    let contents = std::fs::read("/proc/self/exe")?;
    Ok(format!(
        "{:08x}-{:x}",
        crc32fast::hash(&contents),
        contents.len()
    ))
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
