//! Where the binaries under test are.

use std::path::{Path, PathBuf};

use crate::Failure;

/// The binaries that the suite drives.
#[derive(Clone, Debug)]
pub struct Tools {
    /// The compiler under test.
    pub capec: PathBuf,
    /// The launcher under test.
    pub caperun: PathBuf,
    /// The compiler whose OpenMP is the reference.
    pub oracle: PathBuf,
}

impl Tools {
    /// The tools in `folder`.
    ///
    /// # Errors
    /// One is missing.
    pub fn in_folder(folder: &Path) -> Result<Self, Failure> {
        let tool = |name: &str| {
            let path = folder.join(name);
            if path.is_file() {
                Ok(path)
            } else {
                Err(missing(&path.display().to_string()))
            }
        };
        Ok(Self {
            capec: tool("capec")?,
            caperun: tool("caperun")?,
            oracle: PathBuf::from("gcc"),
        })
    }

    /// The tools in `chosen` (`CAPE_BIN_DIR`) if given, else in the folder the calling test was built into
    /// (`target/<profile>/deps/<test>` belongs to `target/<profile>/capec`).
    ///
    /// # Errors
    /// One is missing.
    pub fn find(chosen: Option<&Path>) -> Result<Self, Failure> {
        if let Some(folder) = chosen {
            return Self::in_folder(folder);
        }
        let test = std::env::current_exe()
            .map_err(|error| Failure::system("find the test's own path", &error))?;
        let folder = test
            .ancestors()
            .skip(1)
            .find(|folder| folder.join("capec").is_file() && folder.join("caperun").is_file())
            .ok_or_else(|| missing(&format!("capec and caperun above {}", test.display())))?;
        Self::in_folder(folder)
    }
}

fn missing(what: &str) -> Failure {
    Failure::Setup(format!(
        "{what} not found: build the tools first with the profile of the tests (cargo build --release && cargo test --release), \
         or name their folder in CAPE_BIN_DIR"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_tools_are_an_error_that_says_what_to_do() {
        let empty = tempfile::tempdir().unwrap();
        let error = Tools::find(Some(empty.path())).unwrap_err().to_string();
        assert!(error.contains("cargo build --release"), "{error}");
    }
}
