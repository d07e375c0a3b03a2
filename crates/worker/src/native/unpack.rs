//! Archives that blueprints bring: zip and tar.gz.
//!
//! Invariant: nothing is written outside the folder, no links are made, and no more bytes than [`MOST`] come
//! out of an archive. Blocks.

use std::fs::{self, File};
use std::io::{self, Cursor, Read};
use std::path::{Component, Path, PathBuf};

use flate2::read::GzDecoder;

/// Bytes that the files of an archive may have together.
const MOST: u64 = 1 << 30;

/// Puts an archive's files into a folder, or a file that is no archive under its name.
pub(super) fn place(content: &[u8], name: &str, into: &Path) -> io::Result<()> {
    fs::create_dir_all(into)?;
    match content {
        [b'P', b'K', 3 | 5, 4 | 6, ..] => unzip(content, into),
        [0x1f, 0x8b, ..] => untar(content, into),
        _ => fs::write(into.join(inside(Path::new(name))?), content),
    }
}

fn unzip(content: &[u8], into: &Path) -> io::Result<()> {
    let mut archive = zip::ZipArchive::new(Cursor::new(content))?;
    let mut left = MOST;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index)?;
        let path = inside(Path::new(entry.name()?.as_ref()))?;
        let mode = entry.unix_mode();
        if entry.is_file() {
            write(&mut entry, &into.join(path), mode, &mut left)?;
        }
    }
    Ok(())
}

fn untar(content: &[u8], into: &Path) -> io::Result<()> {
    let mut archive = tar::Archive::new(GzDecoder::new(content));
    let mut left = MOST;
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = inside(&entry.path()?)?;
        let mode = entry.header().mode().ok();
        if entry.header().entry_type().is_file() {
            write(&mut entry, &into.join(path), mode, &mut left)?;
        }
    }
    Ok(())
}

/// A path that leads nowhere but down.
pub(super) fn inside(path: &Path) -> io::Result<PathBuf> {
    if path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Ok(path.to_owned());
    }
    Err(io::Error::other(format!("its entry `{}` leads out of the folder", path.display())))
}

fn write(from: &mut impl Read, target: &Path, mode: Option<u32>, left: &mut u64) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    fs::create_dir_all(target.parent().unwrap_or(target))?;
    let mut file = File::create(target)?;
    *left -= io::copy(&mut from.take(*left), &mut file)?;
    if *left == 0 {
        return Err(io::Error::other(format!("its files have more than {} GiB", MOST >> 30)));
    }
    let is_program = mode.is_some_and(|mode| mode & 0o100 != 0);
    file.set_permissions(fs::Permissions::from_mode(if is_program { 0o700 } else { 0o600 }))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn zip(entries: &[(&str, &str)]) -> Vec<u8> {
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, text) in entries {
            zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            zip.write_all(text.as_bytes()).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    fn tar(entries: &[(&str, &str)]) -> Vec<u8> {
        let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
        for (name, text) in entries {
            let mut header = tar::Header::new_gnu();
            header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
            header.set_size(u64::try_from(text.len()).unwrap());
            header.set_cksum();
            tar.append(&header, text.as_bytes()).unwrap();
        }
        tar.into_inner().unwrap().finish().unwrap()
    }

    #[test]
    fn archives_and_files_come_out_inside_the_folder_or_not_at_all() {
        let around = tempfile::tempdir().unwrap();
        let entries = [("a.tf", "one"), ("deeper/b.tf", "two")];
        for (number, content) in [zip(&entries), tar(&entries)].iter().enumerate() {
            let into = around.path().join(number.to_string());
            place(content, "module", &into).unwrap();
            assert_eq!(fs::read_to_string(into.join("deeper/b.tf")).unwrap(), "two");
        }
        let into = around.path().join("single");
        place(b"resource", "main.tf", &into).unwrap();
        assert_eq!(fs::read_to_string(into.join("main.tf")).unwrap(), "resource");
        for hostile in ["../out.tf", "/out.tf", "x/../../out.tf"] {
            for content in [zip(&[(hostile, "x")]), tar(&[(hostile, "x")])] {
                assert!(place(&content, "module", &around.path().join("hostile")).is_err(), "{hostile}");
            }
        }
        assert!(place(b"x", "..", &into).is_err());
        assert!(!around.path().join("out.tf").exists() && !Path::new("/out.tf").exists());
    }
}
