//! `--output-filename`: each rank's output in files of its own, `PREFIX.RANK.out` and `PREFIX.RANK.err`.
//!
//! They are written by `caperun`, on the host where it was started, so that no file system needs to be shared.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::output::Stream;
use crate::report::{self, Failure};

/// The files of all ranks, each made when its rank first writes or its stream ends.
#[derive(Debug)]
pub struct RankFiles {
    prefix: PathBuf,
    files: HashMap<(u32, Stream), File>,
    complained: bool,
}

impl RankFiles {
    /// Files whose names begin with `prefix`.
    pub fn new(prefix: &Path) -> RankFiles {
        RankFiles {
            prefix: prefix.to_owned(),
            files: HashMap::new(),
            complained: false,
        }
    }

    /// Whether files can be made there, found out before anything runs.
    pub fn check(prefix: &Path) -> Result<(), Failure> {
        let first = name(prefix, 0, Stream::Output);
        File::create(&first).map(drop).map_err(|error| {
            let message = format!(
                "--output-filename: cannot make {}: {error}; name a prefix in a writable directory",
                first.display()
            );
            Failure::with_code(message, 2)
        })
    }

    /// Adds `bytes` to a rank's file; an error is told once.
    pub fn write(&mut self, rank: u32, stream: Stream, bytes: &[u8]) -> std::io::Result<()> {
        let file = name(&self.prefix, rank, stream);
        let result = self.append(rank, stream, &file, bytes);
        if let (Err(error), false) = (&result, self.complained) {
            self.complained = true;
            report::error(&format!(
                "--output-filename: cannot write {}: {error}; make room, or name another place",
                file.display()
            ));
        }
        result
    }

    fn append(
        &mut self,
        rank: u32,
        stream: Stream,
        name: &Path,
        bytes: &[u8],
    ) -> std::io::Result<()> {
        use std::collections::hash_map::Entry;
        let file = match self.files.entry((rank, stream)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(File::create(name)?),
        };
        file.write_all(bytes)
    }
}

fn name(prefix: &Path, rank: u32, stream: Stream) -> PathBuf {
    let kind = match stream {
        Stream::Output => "out",
        Stream::Error => "err",
    };
    let mut name = prefix.as_os_str().to_owned();
    name.push(format!(".{rank}.{kind}"));
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stream_has_its_file() {
        let folder =
            std::env::temp_dir().join(format!("caperun-rank-files-{}", std::process::id()));
        std::fs::create_dir(&folder).expect("made");
        let prefix = folder.join("log");
        RankFiles::check(&prefix).expect("writable");
        let mut files = RankFiles::new(&prefix);
        for (rank, stream, text) in [
            (0, Stream::Output, "a"),
            (1, Stream::Error, "b"),
            (0, Stream::Output, "c"),
            (1, Stream::Output, ""),
        ] {
            files.write(rank, stream, text.as_bytes()).expect("written");
        }
        for (file, text) in [("log.0.out", "ac"), ("log.1.err", "b"), ("log.1.out", "")] {
            let read = std::fs::read_to_string(folder.join(file));
            assert_eq!(read.expect(file), text);
        }
        std::fs::remove_dir_all(&folder).expect("removed");
        let failure = RankFiles::check(&prefix).expect_err("no such directory");
        assert!(failure.message.contains("log.0.out"), "{}", failure.message);
    }
}
