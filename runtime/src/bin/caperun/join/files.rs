//! Files in a directory that the tasks share: for plain `srun`, which offers its tasks nothing to meet by.
//!
//! The directory belongs to the user alone (0700), a file (0600) appears under its name when it is complete. It is named for job and
//! step, which Slurm uses once, and removed as soon as all tasks have met.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::exchange::Exchange;
use crate::outer::SHARED;
use crate::report::Failure;

/// How long other tasks may take: nodes of a large step start minutes apart.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often a directory is looked at: on shared file systems a look is a message.
const INTERVAL: Duration = Duration::from_millis(20);
/// Bytes of a file at most.
const LONGEST: u64 = 8 << 10;

/// The directory.
#[derive(Debug)]
pub struct Files {
    directory: PathBuf,
    /// This task removes it.
    first: bool,
    patience: Duration,
}

impl Files {
    /// Opens `directory`, which the first of the tasks that gets here creates; `first`: this is task 0, which removes it.
    pub fn new(directory: PathBuf, first: bool) -> Result<Files, Failure> {
        let files = Files {
            directory,
            first,
            patience: PATIENCE,
        };
        let created = DirBuilder::new().mode(0o700).create(&files.directory);
        if let Err(error) = created
            && error.kind() != ErrorKind::AlreadyExists
        {
            return Err(files.failed("cannot be created", error));
        }
        // A symbolic link to a directory of this user's would be no secret either.
        let data = fs::symlink_metadata(&files.directory)
            .map_err(|error| files.failed("cannot be examined", error))?;
        let own = data.uid() == nix::unistd::geteuid().as_raw();
        if !data.is_dir() || !own || data.mode() & 0o077 != 0 {
            return Err(files.failed("is not private to this user", "somebody else made it"));
        }
        Ok(files)
    }

    fn failed(&self, what: &str, why: impl std::fmt::Display) -> Failure {
        Failure::new(format!(
            "{}, by which the tasks of this step meet, {what}: {why}; set {SHARED} to a directory that its hosts share, or use srun --mpi=pmi2",
            self.directory.display()
        ))
    }

    fn read(&self, name: &str) -> std::io::Result<Option<String>> {
        // Listing it makes a network file system look again, where opening a file may be answered "none" from memory for a minute.
        let there = fs::read_dir(&self.directory)?
            .flatten()
            .any(|entry| entry.file_name() == name);
        if !there {
            return Ok(None);
        }
        let file = self.directory.join(name);
        if fs::metadata(&file)?.len() > LONGEST {
            return Err(std::io::Error::other("a file in it is too long"));
        }
        fs::read_to_string(file).map(Some)
    }
}

impl Exchange for Files {
    fn put(&mut self, key: &str, value: &str) -> Result<(), Failure> {
        let unfinished = self.directory.join(format!(".{key}"));
        let write = || {
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&unfinished)?;
            file.write_all(value.as_bytes())?;
            file.sync_all()?;
            fs::rename(&unfinished, self.directory.join(key))
        };
        write().map_err(|error| self.failed("cannot be written to", error))
    }

    /// Nothing is to be waited for: [`Exchange::get`] waits.
    fn fence(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    fn get(&mut self, rank: u32, key: &str) -> Result<String, Failure> {
        let deadline = Instant::now() + self.patience;
        loop {
            match self.read(key) {
                Ok(Some(text)) => return Ok(text),
                Ok(None) if Instant::now() < deadline => std::thread::sleep(INTERVAL),
                Ok(None) => {
                    let seconds = self.patience.as_secs();
                    let why = format!("task {rank} left nothing there within {seconds} s");
                    return Err(self.failed("is of no help", why));
                }
                Err(error) => return Err(self.failed("cannot be read", error)),
            }
        }
    }

    fn leave(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    fn clear(&mut self) {
        if self.first {
            // What cannot be removed holds a key that opens nothing after the job.
            let _ = fs::remove_dir_all(&self.directory);
        }
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let pid = std::process::id();
        std::env::temp_dir().join(format!("caperun-files-{pid}-{name}"))
    }

    #[test]
    fn tasks_meet_and_leave_nothing() {
        let place = folder("meet");
        let mut first = Files::new(place.clone(), true).expect("created");
        let mut second = Files::new(place.clone(), false).expect("shared");
        let waiting = std::thread::spawn(move || second.get(0, "cape-0"));
        first.put("cape-0", "h61k").expect("written");
        assert_eq!(waiting.join().expect("ends"), Ok("h61k".to_owned()));
        let mode = fs::metadata(place.join("cape-0")).expect("there").mode();
        assert_eq!(mode & 0o777, 0o600);
        drop(first);
        assert!(!place.exists());
    }

    #[test]
    fn a_directory_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let place = folder("open");
        fs::create_dir(&place).expect("created");
        fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).expect("set");
        let failure = Files::new(place.clone(), false).expect_err("refused");
        assert!(failure.message.contains("private"), "{}", failure.message);
        fs::remove_dir(&place).expect("removed");
    }

    #[test]
    fn waiting_has_an_end() {
        let place = folder("wait");
        let mut files = Files::new(place, true).expect("created");
        files.patience = Duration::ZERO;
        let failure = files.get(3, "cape-3").expect_err("nobody");
        assert!(failure.message.contains("task 3"), "{}", failure.message);
    }
}
