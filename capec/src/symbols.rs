//! Reads the symbol tables of objects and archives, to know what they define and what they refer to.
//!
//! Files that cannot be read or parsed have no symbols: the linker will say what is wrong with them.

use object::read::archive::ArchiveFile;
use object::{Object, ObjectSection, ObjectSymbol};
use std::collections::BTreeSet;
use std::path::Path;

/// What a link input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A relocatable ELF object.
    Relocatable,
    /// An `ar` archive.
    Archive,
    /// An archive that only names its members' files.
    ThinArchive,
    /// A shared library, a linker script, a source, …
    Other,
}

/// Global symbols of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Symbols {
    /// Defined here.
    pub defined: BTreeSet<String>,
    /// Wanted from elsewhere.
    pub undefined: BTreeSet<String>,
    /// Some of the code is in the compiler's intermediate form, whose symbols cannot be renamed.
    pub lto: bool,
}

/// What kind of file `data` is the content of.
pub fn kind(data: &[u8]) -> Kind {
    if data.starts_with(b"!<arch>\n") {
        Kind::Archive
    } else if data.starts_with(b"!<thin>\n") {
        Kind::ThinArchive
    } else if matches!(object::File::parse(data), Ok(file) if file.kind() == object::ObjectKind::Relocatable)
    {
        Kind::Relocatable
    } else {
        Kind::Other
    }
}

/// The global symbols of the object or archive with this content; `path` is where a thin archive's members are found from.
pub fn read(path: &Path, data: &[u8]) -> Symbols {
    let mut symbols = Symbols::default();
    match kind(data) {
        Kind::Archive | Kind::ThinArchive => read_archive(path, data, &mut symbols),
        Kind::Relocatable => read_object(data, &mut symbols),
        Kind::Other => {}
    }
    symbols
}

fn read_archive(path: &Path, data: &[u8], symbols: &mut Symbols) {
    let Ok(archive) = ArchiveFile::parse(data) else {
        return;
    };
    for member in archive.members().filter_map(Result::ok) {
        if archive.is_thin() {
            let place = path.parent().unwrap_or(Path::new("."));
            let name = String::from_utf8_lossy(member.name()).into_owned();
            if let Ok(content) = std::fs::read(place.join(name)) {
                read_object(&content, symbols);
            }
        } else if let Ok(content) = member.data(data) {
            read_object(content, symbols);
        }
    }
}

fn read_object(data: &[u8], symbols: &mut Symbols) {
    let Ok(file) = object::File::parse(data) else {
        return;
    };
    for symbol in file.symbols().filter(|symbol| symbol.is_global()) {
        let Ok(name) = symbol.name() else { continue };
        let set = if symbol.is_undefined() {
            &mut symbols.undefined
        } else {
            &mut symbols.defined
        };
        set.insert(name.to_owned());
    }
    for section in file.sections() {
        let name = section.name().unwrap_or_default();
        symbols.lto |= name.starts_with(".gnu.lto_");
        if name.starts_with(".gnu.lto_.symtab.")
            && let Ok(table) = section.data()
        {
            read_lto_table(table, symbols);
        }
    }
}

/// The symbol table of gcc's intermediate form, as its linker plugin reads it (`parse_table_entry` in lto-plugin.c):
/// for each symbol its name and its comdat key, both ended by a zero byte, a kind, a visibility, an eight byte size and a
/// four byte slot.
fn read_lto_table(mut table: &[u8], symbols: &mut Symbols) {
    const FIXED: usize = 1 + 1 + 8 + 4;
    const UNDEFINED: [u8; 2] = [2, 3];
    loop {
        let mut parts = table.splitn(3, |&byte| byte == 0);
        let (Some(name), Some(_comdat), Some(rest)) = (parts.next(), parts.next(), parts.next())
        else {
            return;
        };
        let Some((fixed, next)) = rest.split_at_checked(FIXED) else {
            return;
        };
        let set = if UNDEFINED.contains(&fixed[0]) {
            &mut symbols.undefined
        } else {
            &mut symbols.defined
        };
        set.insert(String::from_utf8_lossy(name).into_owned());
        table = next;
    }
}
