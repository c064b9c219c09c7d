//! The translation for people (`capec --emit-c`).
pub fn readable(
    _f: &[super::lower::Translated],
    _text: &str,
    _map: &super::markers::SourceMap<'_>,
    _source: &std::path::Path,
    original: &str,
) -> String {
    original.to_owned()
}
