//! The link: user's objects and flags in their order, then the linker script fragment, the wrapped symbols, the runtime.
//!
//! The runtime stands in for functions such as `malloc` where *user* code calls them, and for `main`. The list of them is
//! `wrap.opts`, one `--wrap=symbol` per line. Two schemes give the same result:
//!
//! ```text
//! dynamic   ld --wrap=X           undefined X in any input -> __wrap_X (the runtime's); its __real_X -> X (libc's)
//! static    would catch libc's own calls too, as libc is an input. Instead, in copies of the user's objects and
//!           archives: X -> __wrap_X and main -> __real_main (objcopy --redefine-syms); and at the link
//!           __real_X = X, main = __wrap_main (--defsym).
//! ```
//!
//! A shared library (`-shared`) gets the dynamic scheme, a fragment of its own and an object that tells the runtime, which is in
//! the program, of it when it is loaded. `-r` and the flags that leave the C library out (`-nostdlib`) make a link of the host's
//! alone.
//!
//! A wrapped function that the user's program defines itself (its own `getline`) is the user's in every sense: it is not
//! wrapped then.

use crate::args::Class;
use crate::error::Error;
use crate::layout::{LIBRARY, Layout};
use crate::options::{Flag, Input, Options, Piece};
use crate::symbols::{self, Kind, Symbols};
use crate::toolchain::Toolchain;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Any of these undefined means translated code.
const TRANSLATED: &str = "cape_abi_";

/// Parts of the C library, even if a `-L` leads to them.
const SYSTEM_LIBRARIES: [&[u8]; 7] = [b"c", b"m", b"pthread", b"dl", b"rt", b"util", b"gcc"];

/// Libraries named by `-l` that are replaced by a file.
type Renamed = BTreeMap<OsString, PathBuf>;

/// One input of the link, in the order of the command line's inputs.
#[derive(Clone, Debug)]
pub enum Object {
    /// Named by the user.
    Given(Input),
    /// Compiled by this command.
    Compiled {
        /// From this file.
        source: PathBuf,
        /// To this temporary object.
        object: PathBuf,
        /// It contains OpenMP.
        translated: bool,
    },
}

impl Object {
    fn path(&self) -> &Path {
        match self {
            Self::Given(input) => &input.path,
            Self::Compiled { object, .. } => object,
        }
    }
}

/// A link to be done.
#[derive(Debug)]
pub struct Link<'a> {
    /// The command.
    pub options: &'a Options,
    /// The host.
    pub toolchain: &'a Toolchain,
    /// Where the runtime is.
    pub layout: &'a Layout,
    /// A directory for temporary files.
    pub scratch: &'a Path,
    /// Its inputs: one for each of the command's inputs except headers.
    pub objects: Vec<Object>,
}

impl Link<'_> {
    /// Links and returns the host's exit code.
    ///
    /// # Errors
    /// OpenMP in a shared library, missing parts, failing tools.
    pub fn run(mut self) -> Result<i32, Error> {
        if self.options.has(Class::Relocatable) {
            return self.host(&[], &[], &Renamed::new());
        }
        if self.options.has(Class::Shared) {
            return self.shared();
        }
        if self.options.has(Class::Freestanding) {
            return self.host(&["-no-pie".into()], &[], &Renamed::new());
        }
        self.refuse_linker()?;
        self.refuse_other_openmp()?;
        let library = self.layout.library()?;
        let script = self.layout.script()?;
        let list = self.layout.wrapped()?;
        let wrapped = read_list(&list)?;
        let own = self.defined_by_user(&wrapped);
        let mut words: Vec<OsString> = vec!["-T".into(), script.into_os_string()];
        if let Some(launcher) = self.launcher_script()? {
            words.extend(["-T".into(), launcher.into_os_string()]);
        }
        let mut libraries = Renamed::new();
        if self.options.has(Class::Static) {
            libraries = self.rename(&wrapped, &own)?;
            words.extend(static_flags(&wrapped));
        } else {
            words.extend(dynamic_flags(&wrapped, &own));
            let mut list = OsString::from("-Wl,--dynamic-list=");
            list.push(self.layout.exports()?);
            words.push(list);
        }
        words.push(library.into_os_string());
        words.extend(["-lpthread", "-ldl", "-lm"].map(OsString::from));
        // The runtime, which asks for `main`, comes too late for one in an archive.
        let main = if self.options.has(Class::Static) {
            "-Wl,-u,__real_main"
        } else {
            "-Wl,-u,main"
        };
        let mut before: Vec<OsString> = vec![main.into()];
        // clang warns of a flag that says nothing new.
        if !(self.options.has(Class::Static) && self.toolchain.is_clang()) {
            before.push("-no-pie".into());
        }
        self.host(&before, &words, &libraries)
    }

    /// A linker script that leaves the path of the `caperun` that belongs to this compiler in the program, which looks there, if
    /// nowhere else, when `srun` or `mpirun` have started it several times.
    fn launcher_script(&self) -> Result<Option<PathBuf>, Error> {
        let Some(launcher) = self.layout.launcher() else {
            return Ok(None);
        };
        let mut text = String::from("SECTIONS { .cape_run : { __cape_run = .; ");
        for byte in launcher.as_os_str().as_bytes().iter().chain(&[0]) {
            text.push_str(&format!("BYTE({byte}) "));
        }
        text.push_str("} } INSERT AFTER .rodata;\n");
        let file = self.scratch.join("cape-run.ld");
        std::fs::write(&file, text).map_err(|source| Error::Write {
            path: file.clone(),
            source,
        })?;
        Ok(Some(file))
    }

    /// A shared library. Its references to the runtime and to the wrapped functions are left to the program that loads it.
    fn shared(&self) -> Result<i32, Error> {
        self.refuse_linker()?;
        self.refuse_other_openmp()?;
        let script = self.layout.shared_script()?;
        let wrapped = read_list(&self.layout.wrapped()?)?;
        let own = self.defined_by_user(&wrapped);
        let object = self.scratch.join("cape-library.o");
        let translated = i32::from(self.is_translated());
        let compile = [
            "-O1".into(),
            "-fPIC".into(),
            format!("-DCAPE_LIBRARY_TRANSLATED={translated}").into(),
            "-c".into(),
            self.layout.shared_source()?.into_os_string(),
            "-o".into(),
            object.clone().into_os_string(),
        ];
        let code = self.toolchain.run(&compile, None)?;
        if code != 0 {
            return Ok(code);
        }
        let mut words: Vec<OsString> = vec!["-T".into(), script.into_os_string()];
        let wraps = |name: &&String| *name != "main" && !own.contains(*name);
        let wraps = wrapped.iter().filter(wraps);
        words.extend(wraps.map(|name| format!("-Wl,--wrap={name}").into()));
        words.push(object.into_os_string());
        if self.options.flags().any(forbids_undefined) {
            // The runtime's functions are in the program.
            words.push("-Wl,-z,undefs".into());
        }
        self.host(&[], &words, &Renamed::new())
    }

    /// The host's command: `before`, the user's in order, `after`. No `after`: no runtime is linked.
    fn host(
        &self,
        before: &[OsString],
        after: &[OsString],
        libraries: &Renamed,
    ) -> Result<i32, Error> {
        let mut words = before.to_vec();
        let mut objects = self.objects.iter();
        for piece in &self.options.pieces {
            match piece {
                Piece::Input(input) if input.language == crate::options::Language::Header => {}
                Piece::Input(_) => words.extend(objects.next().into_iter().flat_map(input_words)),
                Piece::Flag(flag)
                    if flag.class == Class::Library && libraries.contains_key(&flag.value) =>
                {
                    words.extend(
                        libraries
                            .get(&flag.value)
                            .map(|path| path.clone().into_os_string()),
                    );
                }
                Piece::Flag(flag) => words.extend(flag_words(flag, after.is_empty())),
            }
        }
        words.extend(after.iter().cloned());
        if let Some(output) = &self.options.output {
            words.extend(["-o".into(), output.clone().into_os_string()]);
        }
        if after.is_empty() || !self.options.has(Class::Static) || self.options.dry_run {
            return self.toolchain.run(&words, None);
        }
        let captured = self.toolchain.capture(&words, None)?;
        // Nothing can be done about closed streams.
        let _ = io::stdout().write_all(&captured.output);
        let _ = io::stderr().write_all(&without_runtimes_own(&captured.messages));
        Ok(captured.code)
    }

    /// Whether any of the inputs contains OpenMP.
    fn is_translated(&self) -> bool {
        self.objects.iter().any(|object| match object {
            Object::Compiled { translated, .. } => *translated,
            Object::Given(input) => symbols_of(&input.path)
                .undefined
                .iter()
                .any(|name| name.starts_with(TRANSLATED)),
        })
    }

    fn refuse_linker(&self) -> Result<(), Error> {
        let unable = |flag: &&Flag| {
            flag.class == Class::LinkerChoice && matches!(flag.value.as_bytes(), b"gold" | b"mold")
        };
        match self.options.flags().find(unable) {
            Some(flag) => Err(Error::Linker(format!(
                "-fuse-ld={}",
                flag.value.to_string_lossy()
            ))),
            None => Ok(()),
        }
    }

    /// Only objects: of an archive, the member in question may not be needed.
    fn refuse_other_openmp(&self) -> Result<(), Error> {
        for object in &self.objects {
            let Ok(data) = std::fs::read(object.path()) else {
                continue;
            };
            if symbols::kind(&data) != Kind::Relocatable {
                continue;
            }
            let undefined = symbols::read(object.path(), &data).undefined;
            let foreign = |name: &String| name.starts_with("GOMP_") || name.starts_with("__kmpc_");
            if let Some(name) = undefined.into_iter().find(foreign) {
                return Err(Error::OtherOpenMp(
                    object.path().display().to_string(),
                    name,
                ));
            }
        }
        Ok(())
    }

    /// The wrapped functions that the user's own objects and archives define; never `main`.
    fn defined_by_user(&self, wrapped: &[String]) -> BTreeSet<String> {
        let inputs = self.objects.iter().map(|object| object.path().to_owned());
        let defined: BTreeSet<String> = inputs
            .chain(self.user_libraries().into_values())
            .flat_map(|path| symbols_of(&path).defined)
            .collect();
        wrapped
            .iter()
            .filter(|name| *name != "main" && defined.contains(*name))
            .cloned()
            .collect()
    }

    /// The archives that `-l` flags name and that lie in the user's `-L` directories, by the flag's value.
    fn user_libraries(&self) -> Renamed {
        let names = self
            .options
            .flags()
            .filter(|flag| flag.class == Class::Library);
        names
            .filter_map(|flag| Some((flag.value.clone(), self.user_library(flag)?)))
            .collect()
    }

    fn user_library(&self, flag: &Flag) -> Option<PathBuf> {
        if SYSTEM_LIBRARIES.contains(&flag.value.as_bytes()) {
            return None;
        }
        let directories = self.options.flags().filter_map(|flag| {
            let word = flag.words.first()?;
            is_library_directory(word).then(|| PathBuf::from(&flag.value))
        });
        let name = flag.value.as_bytes();
        let file = match name.strip_prefix(b":") {
            Some(exact) => exact.to_vec(),
            None => [b"lib".as_slice(), name, b".a"].concat(),
        };
        let file = std::ffi::OsStr::from_bytes(&file).to_owned();
        directories
            .map(|place| place.join(&file))
            .find(|path| path.is_file())
    }

    /// Static scheme: replaces the user's objects and archives by copies in which the wrapped symbols are renamed.
    /// Returns the copies of those that `-l` names.
    fn rename(&mut self, wrapped: &[String], own: &BTreeSet<String>) -> Result<Renamed, Error> {
        let map = self.scratch.join("redefine-syms");
        let line = |name: &String| match name.as_str() {
            "main" => "main __real_main\n".to_owned(),
            _ => format!("{name} __wrap_{name}\n"),
        };
        let text: String = wrapped
            .iter()
            .filter(|name| !own.contains(*name))
            .map(line)
            .collect();
        std::fs::write(&map, text).map_err(|source| Error::Write {
            path: map.clone(),
            source,
        })?;
        let objcopy = self.toolchain.tool("objcopy")?;
        let mut objects = std::mem::take(&mut self.objects);
        for (number, object) in objects.iter_mut().enumerate() {
            let copy = self.scratch.join(format!("renamed-{number}.o"));
            if self.rename_one(&objcopy, &map, object.path(), &copy)? {
                *object = Object::Compiled {
                    source: object.path().to_owned(),
                    object: copy,
                    translated: false,
                };
            }
        }
        self.objects = objects;
        let mut libraries = Renamed::new();
        for (number, (name, path)) in self.user_libraries().into_iter().enumerate() {
            let copy = self.scratch.join(format!("renamed-{number}.a"));
            if self.rename_one(&objcopy, &map, &path, &copy)? {
                libraries.insert(name, copy);
            }
        }
        Ok(libraries)
    }

    /// Whether `path` is a file whose symbols count as the user's and has been copied.
    fn rename_one(
        &self,
        objcopy: &Path,
        map: &Path,
        path: &Path,
        copy: &Path,
    ) -> Result<bool, Error> {
        let Ok(data) = std::fs::read(path) else {
            return Ok(false);
        };
        match symbols::kind(&data) {
            Kind::Other => return Ok(false),
            Kind::ThinArchive => return Err(Error::ThinArchive(path.display().to_string())),
            Kind::Archive | Kind::Relocatable => {}
        }
        if symbols::read(path, &data).lto {
            return Err(Error::StaticLto(path.display().to_string()));
        }
        let mut option = OsString::from("--redefine-syms=");
        option.push(map);
        self.toolchain
            .run_tool(objcopy, &[option, path.into(), copy.into()])?;
        Ok(true)
    }
}

/// `-z defs` in one of its spellings.
fn forbids_undefined(flag: &Flag) -> bool {
    let says = |word: &[u8]| word == b"defs" || word == b"--no-undefined";
    flag.class == Class::Linker
        && flag
            .words
            .iter()
            .any(|word| word.as_bytes().split(|&byte| byte == b',').any(says))
}

fn is_library_directory(word: &OsString) -> bool {
    [b"-L".as_slice(), b"--library-directory"]
        .iter()
        .any(|name| word.as_bytes().starts_with(name))
}

fn symbols_of(path: &Path) -> Symbols {
    std::fs::read(path)
        .map(|data| symbols::read(path, &data))
        .unwrap_or_default()
}

fn input_words(object: &Object) -> Vec<OsString> {
    match object {
        Object::Compiled { object, .. } => vec![object.clone().into_os_string()],
        Object::Given(Input {
            path,
            explicit: Some(language),
            ..
        }) => {
            vec![
                "-x".into(),
                language.clone(),
                path.clone().into_os_string(),
                "-x".into(),
                "none".into(),
            ]
        }
        Object::Given(input) => vec![input.path.clone().into_os_string()],
    }
}

/// The words of a user's flag in the link; `host_only`: no runtime is linked.
fn flag_words(flag: &Flag, host_only: bool) -> Vec<OsString> {
    match flag.class {
        Class::Mode(_)
        | Class::Output
        | Class::OpenMp(_)
        | Class::OwnWarning
        | Class::DryRun
        | Class::Language => Vec::new(),
        Class::Pie if !host_only => Vec::new(),
        Class::Static if !host_only => vec!["-static".into()],
        // Another OpenMP runtime would answer the program's omp_ calls.
        Class::Library if matches!(flag.value.as_bytes(), b"gomp" | b"omp" | b"iomp5") => {
            Vec::new()
        }
        _ => flag.words.clone(),
    }
}

/// The symbols of a `wrap.opts`: one `--wrap=symbol` per line.
fn read_list(path: &Path) -> Result<Vec<String>, Error> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::Read {
        path: path.to_owned(),
        source,
    })?;
    Ok(text
        .split_whitespace()
        .filter_map(|word| word.strip_prefix("--wrap="))
        .map(str::to_owned)
        .collect())
}

/// The linker's messages without the warnings about the runtime itself: that it refers to functions of glibc that would load
/// a library in a static program, which it never calls. Each is a line that names the place and one with the warning.
fn without_runtimes_own(messages: &[u8]) -> Vec<u8> {
    let contains = |line: &[u8], part: &[u8]| line.windows(part.len()).any(|window| window == part);
    let lines: Vec<&[u8]> = messages.split_inclusive(|&byte| byte == b'\n').collect();
    let names_runtime = |line: &[u8]| contains(line, LIBRARY.as_bytes());
    let warns = |line: &[u8]| {
        contains(
            line,
            b"in statically linked applications requires at runtime",
        )
    };
    let mut kept = Vec::new();
    let mut at = 0;
    while let Some(&line) = lines.get(at) {
        let next = lines.get(at + 1).copied().unwrap_or_default();
        if names_runtime(line) && warns(line) {
            at += 1;
        } else if names_runtime(line) && warns(next) && !names_runtime(next) {
            at += 2;
        } else {
            kept.extend_from_slice(line);
            at += 1;
        }
    }
    kept
}

fn dynamic_flags(wrapped: &[String], own: &BTreeSet<String>) -> Vec<OsString> {
    let option = |name: &String| {
        if own.contains(name) {
            format!("-Wl,--defsym=__real_{name}={name}")
        } else {
            format!("-Wl,--wrap={name}")
        }
    };
    wrapped.iter().map(|name| option(name).into()).collect()
}

fn static_flags(wrapped: &[String]) -> Vec<OsString> {
    let options = |name: &String| match name.as_str() {
        "main" => [
            "-Wl,-u,__wrap_main".to_owned(),
            "-Wl,--defsym=main=__wrap_main".to_owned(),
        ],
        _ => [
            format!("-Wl,-u,{name}"),
            format!("-Wl,--defsym=__real_{name}={name}"),
        ],
    };
    wrapped
        .iter()
        .flat_map(options)
        .map(OsString::from)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_definitions_are_not_wrapped() {
        let wrapped = ["main".to_owned(), "malloc".to_owned(), "getline".to_owned()];
        let own = BTreeSet::from(["getline".to_owned()]);
        assert_eq!(
            dynamic_flags(&wrapped, &own),
            [
                "-Wl,--wrap=main",
                "-Wl,--wrap=malloc",
                "-Wl,--defsym=__real_getline=getline"
            ]
        );
    }

    #[test]
    fn the_list_has_one_symbol_a_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("wrap.opts");
        std::fs::write(&path, "--wrap=main\n--wrap=malloc\n").unwrap();
        assert_eq!(read_list(&path).unwrap(), ["main", "malloc"]);
    }

    #[test]
    fn only_the_runtimes_own_static_warnings_go() {
        let warning = "warning: Using 'getaddrinfo' in statically linked applications requires at runtime the shared libraries\n";
        let text = format!(
            "/usr/bin/ld: /p/libcape_runtime.a(std.o): in function `lookup':\n/x/mod.rs:350: {warning}/usr/bin/ld: a.o: in function `f':\na.c:3: {warning}ld: /p/libcape_runtime.a(x.o): error\n/p/libcape_runtime.a(y.o):(.text+0x3): {warning}"
        );
        let kept = format!(
            "/usr/bin/ld: a.o: in function `f':\na.c:3: {warning}ld: /p/libcape_runtime.a(x.o): error\n"
        );
        assert_eq!(
            String::from_utf8(without_runtimes_own(text.as_bytes())).unwrap(),
            kept
        );
    }
}
