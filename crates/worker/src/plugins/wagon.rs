//! Takes the wheels out of a wagon, a tar.gz or zip of `NAME/wheels/*.whl`.
//!
//! Invariant: nothing but wheels is taken, by their bare names, and no more bytes than [`MOST`];
//! whatever paths and links an archive holds, nothing is written elsewhere. Blocks.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path};

use flate2::read::GzDecoder;

/// Bytes that the wheels may have together.
const MOST: u64 = 4 << 30;

/// Puts the wheels of `wagon` into the folder `into`, and says how many there were.
pub(super) fn unpack(wagon: &Path, into: &Path) -> io::Result<usize> {
    let mut file = File::open(wagon)?;
    let mut head = [0; 2];
    file.read_exact(&mut head)?;
    let file = File::open(wagon)?;
    if head == *b"PK" { unpack_zip(file, into) } else { unpack_tar(file, into) }
}

fn unpack_tar(file: File, into: &Path) -> io::Result<usize> {
    let mut archive = tar::Archive::new(GzDecoder::new(io::BufReader::new(file)));
    let (mut count, mut left) = (0, MOST);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let name = wheel(&entry.path()?).filter(|_| entry.header().entry_type().is_file());
        if let Some(name) = name {
            write(&mut entry, &into.join(name), &mut left)?;
            count += 1;
        }
    }
    Ok(count)
}

fn unpack_zip(file: File, into: &Path) -> io::Result<usize> {
    let mut archive = zip::ZipArchive::new(file)?;
    let (mut count, mut left) = (0, MOST);
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index)?;
        let name = wheel(Path::new(entry.name()?.as_ref())).filter(|_| entry.is_file());
        if let Some(name) = name {
            write(&mut entry, &into.join(name), &mut left)?;
            count += 1;
        }
    }
    Ok(count)
}

/// The name of a wheel, if this is a wheel's path.
fn wheel(path: &Path) -> Option<String> {
    let parts: Vec<_> = path.components().filter(|part| *part != Component::CurDir).collect();
    let [Component::Normal(_), Component::Normal(folder), Component::Normal(name)] = parts.as_slice() else {
        return None;
    };
    let name = name.to_str().filter(|name| !name.starts_with('.'))?;
    (*folder == "wheels" && path.extension().is_some_and(|ending| ending == "whl")).then(|| name.to_owned())
}

fn write(from: &mut impl Read, target: &Path, left: &mut u64) -> io::Result<()> {
    let written = io::copy(&mut from.take(*left), &mut File::create(target)?)?;
    *left -= written;
    if *left == 0 {
        return Err(io::Error::other(format!("its wheels have more than {} GiB", MOST >> 30)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn wheels_are_taken_and_nothing_is_written_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        let (into, wagon) = (folder.path().join("into"), folder.path().join("p.wgn"));
        std::fs::create_dir(&into).unwrap();
        let names = ["p/wheels/a-1.whl", "p/wheels/../../../b-1.whl", "/p/wheels/c-1.whl", "p/d.whl", "p/package.json"];
        let mut zip = zip::ZipWriter::new(File::create(&wagon).unwrap());
        for name in names {
            zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
            zip.write_all(b"wheel").unwrap();
        }
        zip.finish().unwrap();
        assert_eq!(unpack(&wagon, &into).unwrap(), 1);

        let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
        for name in names {
            let mut header = tar::Header::new_gnu();
            header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
            header.set_size(5);
            header.set_cksum();
            tar.append(&header, &b"wheel"[..]).unwrap();
        }
        std::fs::write(&wagon, tar.into_inner().unwrap().finish().unwrap()).unwrap();
        assert_eq!(unpack(&wagon, &into).unwrap(), 1);
        let mut found: Vec<_> = std::fs::read_dir(&into).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        found.sort();
        assert_eq!(found, ["a-1.whl"]);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
        std::fs::write(&wagon, "no archive").unwrap();
        assert!(unpack(&wagon, &into).is_err());
    }
}
