//! Where the parts that capec hands to the host compiler are: headers, the runtime library, the linker's files.
//!
//! ```text
//! installed                       build tree
//! <prefix>/bin/capec              <workspace>/target/<profile>/capec
//! <prefix>/lib/cape/              <workspace>/target/<profile>/libcape_runtime.a
//!     libcape_runtime.a           <workspace>/runtime/link/*
//!     cape.ld  cape-shared.ld  exports.list  library.c  wrap.opts
//! <prefix>/include/cape/          <workspace>/runtime/include/{cape.h,omp.h}
//!     cape.h  omp.h
//! ```
//!
//! `CAPE_HOME` names a prefix and is then the only place. Otherwise the executable's own path decides.

use crate::error::Error;
use std::path::{Path, PathBuf};

/// The runtime library's file name.
pub const LIBRARY: &str = "libcape_runtime.a";
/// The linker script fragment's file name.
pub const SCRIPT: &str = "cape.ld";
/// The linker script fragment's file name for shared libraries.
pub const SHARED_SCRIPT: &str = "cape-shared.ld";
/// The file name of the source of what each shared library gets.
pub const SHARED_SOURCE: &str = "library.c";
/// The file name of the list of symbols that a program offers to shared libraries.
pub const EXPORTS: &str = "exports.list";
/// The list of wrapped symbols' file name.
pub const WRAPPED: &str = "wrap.opts";

/// Directories to look in, most wanted first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    headers: Vec<PathBuf>,
    libraries: Vec<PathBuf>,
    scripts: Vec<PathBuf>,
    launchers: Vec<PathBuf>,
}

impl Layout {
    /// The places implied by `home` (`CAPE_HOME`) or, without it, by the path of the running executable.
    pub fn find(home: Option<&Path>, executable: &Path) -> Self {
        let mut layout = Self::default();
        if let Some(prefix) = home {
            layout.add_prefix(prefix);
            return layout;
        }
        let Some(directory) = executable.parent() else {
            return layout;
        };
        if let Some(prefix) = directory.parent() {
            layout.add_prefix(prefix);
        }
        layout.launchers.push(directory.join("caperun"));
        let workspace = directory
            .ancestors()
            .find(|place| is_workspace(place))
            .map(Path::to_owned);
        // A build whose target directory is elsewhere: cargo's `deps` beside the executable shows that this is one.
        let built_from = || {
            let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
            manifest
                .parent()
                .filter(|place| is_workspace(place) && directory.join("deps").is_dir())
                .map(Path::to_owned)
        };
        if let Some(workspace) = workspace.or_else(built_from) {
            layout.headers.push(workspace.join("runtime/include"));
            layout.libraries.push(directory.to_owned());
            layout.scripts.push(workspace.join("runtime/link"));
        }
        layout
    }

    fn add_prefix(&mut self, prefix: &Path) {
        self.headers.push(prefix.join("include/cape"));
        self.libraries.push(prefix.join("lib/cape"));
        self.scripts.push(prefix.join("lib/cape"));
        self.launchers.push(prefix.join("bin/caperun"));
    }

    /// The launcher, if it is installed with this compiler.
    pub fn launcher(&self) -> Option<PathBuf> {
        self.launchers.iter().find(|file| file.is_file()).cloned()
    }

    /// The directory of `cape.h` and `omp.h`.
    ///
    /// # Errors
    /// [`Error::Missing`].
    pub fn headers(&self) -> Result<PathBuf, Error> {
        let header = search("cape.h", &self.headers, REINSTALL)?;
        Ok(header.parent().unwrap_or(Path::new(".")).to_owned())
    }

    /// The runtime library.
    ///
    /// # Errors
    /// [`Error::Missing`].
    pub fn library(&self) -> Result<PathBuf, Error> {
        search(
            LIBRARY,
            &self.libraries,
            "build it with 'cargo build --release' or reinstall, and set CAPE_HOME if it is under another prefix",
        )
    }

    /// The linker script fragment.
    ///
    /// # Errors
    /// [`Error::Missing`].
    pub fn script(&self) -> Result<PathBuf, Error> {
        search(SCRIPT, &self.scripts, REINSTALL)
    }

    /// The list of symbols that a program offers to shared libraries.
    ///
    /// # Errors
    /// [`Error::Missing`].
    pub fn exports(&self) -> Result<PathBuf, Error> {
        search(EXPORTS, &self.scripts, REINSTALL)
    }

    /// The linker script fragment for shared libraries.
    ///
    /// # Errors
    /// [`Error::Missing`].
    pub fn shared_script(&self) -> Result<PathBuf, Error> {
        search(SHARED_SCRIPT, &self.scripts, REINSTALL)
    }

    /// The source of what each shared library gets.
    ///
    /// # Errors
    /// [`Error::Missing`].
    pub fn shared_source(&self) -> Result<PathBuf, Error> {
        search(SHARED_SOURCE, &self.scripts, REINSTALL)
    }

    /// The list of wrapped symbols.
    ///
    /// # Errors
    /// [`Error::Missing`].
    pub fn wrapped(&self) -> Result<PathBuf, Error> {
        search(WRAPPED, &self.scripts, REINSTALL)
    }
}

const REINSTALL: &str = "reinstall, or set CAPE_HOME to the prefix it is installed under";

fn is_workspace(place: &Path) -> bool {
    place.join("runtime/include/cape.h").is_file()
}

fn search(name: &str, places: &[PathBuf], remedy: &str) -> Result<PathBuf, Error> {
    let found = places
        .iter()
        .map(|place| place.join(name))
        .find(|path| path.is_file());
    found.ok_or_else(|| Error::Missing {
        what: name.to_owned(),
        places: match places {
            [] => "nowhere".to_owned(),
            _ => places
                .iter()
                .map(|place| place.display().to_string())
                .collect::<Vec<_>>()
                .join(", "),
        },
        remedy: remedy.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(path: &Path) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "").unwrap();
    }

    #[test]
    fn an_installed_tree_is_found_from_the_executable() {
        let prefix = tempfile::tempdir().unwrap();
        let root = prefix.path();
        for file in [
            "lib/cape/libcape_runtime.a",
            "lib/cape/cape.ld",
            "lib/cape/wrap.opts",
            "include/cape/cape.h",
        ] {
            touch(&root.join(file));
        }
        for layout in [
            Layout::find(None, &root.join("bin/capec")),
            Layout::find(Some(root), Path::new("/x/capec")),
        ] {
            assert_eq!(layout.headers().unwrap(), root.join("include/cape"));
            assert_eq!(
                layout.library().unwrap(),
                root.join("lib/cape/libcape_runtime.a")
            );
            assert_eq!(layout.script().unwrap(), root.join("lib/cape/cape.ld"));
            assert_eq!(layout.wrapped().unwrap(), root.join("lib/cape/wrap.opts"));
        }
    }

    #[test]
    fn a_build_tree_is_found_from_the_executable() {
        let tree = tempfile::tempdir().unwrap();
        let root = tree.path();
        for file in [
            "runtime/include/cape.h",
            "runtime/link/cape.ld",
            "target/release/libcape_runtime.a",
        ] {
            touch(&root.join(file));
        }
        let layout = Layout::find(None, &root.join("target/release/capec"));
        assert_eq!(layout.headers().unwrap(), root.join("runtime/include"));
        assert_eq!(
            layout.library().unwrap(),
            root.join("target/release/libcape_runtime.a")
        );
        assert_eq!(layout.script().unwrap(), root.join("runtime/link/cape.ld"));
        let message = layout.wrapped().unwrap_err().to_string();
        assert!(
            message.contains("wrap.opts") && message.contains("runtime/link"),
            "{message}"
        );
    }
}
