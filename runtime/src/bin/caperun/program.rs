//! Finds the program and checks that it can be a rank before anything is started: a hundred processes that fail one by one
//! explain less than one sentence.

use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use object::{Object, ObjectSegment, ReadCache};

use crate::report::Failure;

/// Section that the link of `capec` leaves in every program (see the linker fragment): the user's globals.
const MARKER: &str = ".cape_data";

/// First bytes of a compiled program.
const ELF: &[u8; 4] = b"\x7fELF";

const NOT_FOUND: u8 = 127;
const NOT_RUNNABLE: u8 = 126;

fn executable(metadata: &Metadata) -> bool {
    metadata.is_file() && metadata.permissions().mode() & 0o111 != 0
}

/// The file that `name` means: as a shell would look it up.
pub fn find(name: &OsStr, path: &OsStr) -> Result<PathBuf, Failure> {
    let shown = Path::new(name).display();
    if name.as_bytes().contains(&b'/') {
        return Ok(PathBuf::from(name));
    }
    // An empty element of PATH is the current directory (POSIX, 8.3).
    let directories = std::env::split_paths(path).map(|dir| {
        if dir.as_os_str().is_empty() {
            ".".into()
        } else {
            dir
        }
    });
    let candidates: Vec<PathBuf> = directories
        .map(|dir| dir.join(name))
        .filter(|file| file.is_file())
        .collect();
    let runnable = candidates
        .iter()
        .find(|file| file.metadata().is_ok_and(|data| executable(&data)));
    if let Some(file) = runnable.or(candidates.first()) {
        return Ok(file.clone());
    }
    let next = if Path::new(name).is_file() {
        format!("there is one in the current directory: write ./{shown}")
    } else {
        format!("compile it first, or write where it is, such as ./{shown}")
    };
    Err(Failure::with_code(
        format!("{shown}: not found in PATH; {next}"),
        NOT_FOUND,
    ))
}

/// Whether `file` starts as a compiled program does, whatever its name says.
pub fn is_elf(file: &Path) -> bool {
    let mut magic = [0; 4];
    File::open(file).is_ok_and(|mut file| file.read_exact(&mut magic).is_ok()) && magic == *ELF
}

/// Checks that `file` can run as a rank; returns the bytes of memory its segments take.
pub fn check(file: &Path) -> Result<u64, Failure> {
    let shown = file.display();
    let refused = |text: String| Failure::with_code(format!("{shown}: {text}"), NOT_RUNNABLE);
    let metadata = file.metadata().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => Failure::with_code(
            format!("{shown}: no such program; compile it first: capec prog.c -o {shown}"),
            NOT_FOUND,
        ),
        _ => refused(format!("{error}; check the permissions of its directories")),
    })?;
    if metadata.is_dir() {
        return Err(refused("is a directory; name the program in it".into()));
    }
    if !metadata.is_file() {
        return Err(refused(
            "is not a regular file; name a program built by capec".into(),
        ));
    }
    if !executable(&metadata) {
        return Err(refused(
            "is not executable; chmod +x it, or name the program it belongs to".into(),
        ));
    }
    let mut opened = File::open(file)
        .map_err(|error| refused(format!("cannot be read: {error}; chmod +r it")))?;
    let mut magic = [0; 4];
    let length = opened
        .read(&mut magic)
        .map_err(|error| refused(format!("cannot be read: {error}")))?;
    let not_built = "was not built by capec: compile it with capec, or run it without caperun";
    if magic[..length].starts_with(b"#!") {
        return Err(refused(format!(
            "is a script, and {not_built}; to start ranks from a script, call caperun in it"
        )));
    }
    if magic != *ELF {
        return Err(refused(format!(
            "is not an ELF executable, and {not_built}"
        )));
    }
    let cache = ReadCache::new(opened);
    let program = object::File::parse(&cache)
        .map_err(|error| refused(format!("is damaged ({error}); compile it again")))?;
    if program.section_by_name(MARKER).is_none() {
        return Err(refused(not_built.into()));
    }
    Ok(program
        .segments()
        .map(|segment| segment.size())
        .fold(0, u64::saturating_add))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(file: &str) -> Failure {
        check(Path::new(file)).expect_err(file)
    }

    #[test]
    fn what_is_not_a_program_is_named() {
        assert_eq!(refused("/nonexistent/prog").code, 127);
        assert_eq!(refused("/etc/passwd/prog").code, 127);
        for (file, text) in [
            ("/", "is a directory"),
            ("/dev/null", "not a regular file"),
            ("/etc/passwd", "is not executable"),
            (
                "/bin/true",
                "was not built by capec: compile it with capec, or run it without caperun",
            ),
        ] {
            let failure = refused(file);
            assert_eq!(failure.code, 126);
            assert!(
                failure.message.starts_with(&format!("{file}: ")) && failure.message.contains(text),
                "{}",
                failure.message
            );
        }
    }

    #[test]
    fn programs_are_known_by_their_first_bytes() {
        assert!(is_elf(Path::new("/bin/true")));
        assert!(!is_elf(Path::new("/etc/passwd")));
        assert!(!is_elf(Path::new("/nonexistent/prog.c")));
        assert!(!is_elf(Path::new("/")));
    }

    #[test]
    fn names_without_a_slash_are_looked_up() {
        let found = find(OsStr::new("true"), OsStr::new("/nonexistent:/bin")).expect("found");
        assert_eq!(found, Path::new("/bin/true"));
        assert_eq!(
            find(OsStr::new("./true"), OsStr::new("/bin")).expect("as it is"),
            Path::new("./true")
        );
        let missing = find(OsStr::new("no-such-program"), OsStr::new("/bin")).expect_err("missing");
        assert_eq!(missing.code, 127);
        assert!(missing.message.contains("PATH"));
        // Tests run in the package's directory.
        let here = find(OsStr::new("Cargo.toml"), OsStr::new("/bin")).expect_err("not in PATH");
        assert!(
            here.message.contains("write ./Cargo.toml"),
            "{}",
            here.message
        );
    }
}
