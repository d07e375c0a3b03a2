//! Archives as clients send them, and such as no client should.

use std::io::{Cursor, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use zip::write::{SimpleFileOptions, ZipWriter};

/// A folder as tar.gz below one top folder, the way clients pack a blueprint.
pub fn pack(folder: &Path) -> Vec<u8> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    archive.append_dir_all("blueprint", folder).expect("a readable folder");
    archive.into_inner().expect("the tar").finish().expect("the gzip stream")
}

/// A tar.gz with one `blueprint/blueprint.yaml` of this text.
pub fn single(text: &str) -> Vec<u8> {
    files(&[("blueprint/blueprint.yaml", text)])
}

/// A tar.gz with these files, their names written as they are.
pub fn files(entries: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, text) in entries {
        let mut header = tar::Header::new_gnu();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        archive.append(&header, text.as_bytes()).expect("an entry");
    }
    archive.into_inner().expect("the tar").finish().expect("the gzip stream")
}

/// A zip with these files, their names written as they are.
pub fn zip(entries: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in entries {
        archive.start_file(*name, SimpleFileOptions::default()).expect("an entry");
        archive.write_all(text.as_bytes()).expect("an entry's content");
    }
    archive.finish().expect("the zip").into_inner()
}
