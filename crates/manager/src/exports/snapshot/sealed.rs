//! A zip that is written entry by entry, each with its checksum.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::json;
use sha2::{Digest, Sha256};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::CHECKSUMS;
use crate::crypto::hex;

/// Above this size an entry needs the larger headers; rows are not counted beforehand, so they always have them.
const LARGE: u64 = 0xffff_0000;

/// An archive under way.
pub(crate) struct Sealed {
    zip: ZipWriter<File>,
    sums: Vec<u8>,
    entry: Option<Entry>,
}

struct Entry {
    name: String,
    hash: Sha256,
    size: u64,
}

impl Sealed {
    pub(crate) fn new(file: File) -> Self {
        Self { zip: ZipWriter::new(file), sums: Vec::new(), entry: None }
    }

    /// Begins an entry of unknown size, which is then written to.
    pub(crate) fn begin(&mut self, name: &str) -> io::Result<()> {
        self.open(name, SimpleFileOptions::default().large_file(true))
    }

    /// Adds a whole entry.
    pub(crate) fn add(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        self.open(name, SimpleFileOptions::default())?;
        self.write_all(content)
    }

    /// Adds a file with its mode.
    pub(crate) fn add_file(&mut self, name: &str, mut file: File) -> io::Result<()> {
        let about = file.metadata()?;
        let options =
            SimpleFileOptions::default().unix_permissions(about.permissions().mode()).large_file(about.len() > LARGE);
        self.open(name, options)?;
        io::copy(&mut file, self).map(drop)
    }

    /// Adds what can be read, with a mode.
    pub(crate) fn add_stream(&mut self, name: &str, mode: u32, content: &mut impl io::Read) -> io::Result<()> {
        self.open(name, SimpleFileOptions::default().unix_permissions(mode).large_file(true))?;
        io::copy(content, self).map(drop)
    }

    /// Adds a folder.
    pub(crate) fn add_directory(&mut self, name: &str) -> io::Result<()> {
        self.close()?;
        self.zip.add_directory(name, SimpleFileOptions::default())?;
        Ok(())
    }

    /// Adds everything below a folder. What vanishes meanwhile is left out.
    pub(crate) fn add_folder(&mut self, folder: &Path, prefix: &str) -> io::Result<()> {
        let mut pending = vec![folder.to_owned()];
        while let Some(current) = pending.pop() {
            let Ok(entries) = std::fs::read_dir(&current) else { continue };
            let mut entries = entries.collect::<io::Result<Vec<_>>>()?;
            entries.sort_by_key(std::fs::DirEntry::file_name);
            if entries.is_empty() && current != folder {
                let below = current.strip_prefix(folder).unwrap_or(&current).display();
                self.add_directory(&format!("{prefix}/{below}"))?;
            }
            for entry in entries {
                let (path, kind) = (entry.path(), entry.file_type()?);
                let name = format!("{prefix}/{}", path.strip_prefix(folder).unwrap_or(&path).display());
                if kind.is_dir() {
                    pending.push(path);
                } else if kind.is_symlink()
                    && let Ok(target) = std::fs::read_link(&path)
                {
                    self.add_link(&name, &target.to_string_lossy())?;
                } else if kind.is_file()
                    && let Ok(file) = File::open(&path)
                {
                    self.add_file(&name, file)?;
                }
            }
        }
        Ok(())
    }

    pub(crate) fn add_link(&mut self, name: &str, target: &str) -> io::Result<()> {
        self.close()?;
        self.zip.add_symlink(name, target, SimpleFileOptions::default())?;
        let mut hash = Sha256::new();
        hash.update(target);
        self.entry = Some(Entry { name: name.to_owned(), hash, size: target.len() as u64 });
        Ok(())
    }

    /// Writes the checksums and the directory.
    pub(crate) fn finish(mut self) -> io::Result<File> {
        self.close()?;
        self.zip.start_file(CHECKSUMS, SimpleFileOptions::default().large_file(true))?;
        self.zip.write_all(&self.sums)?;
        let file = self.zip.finish()?;
        file.sync_all()?;
        Ok(file)
    }

    fn open(&mut self, name: &str, options: SimpleFileOptions) -> io::Result<()> {
        self.close()?;
        self.zip.start_file(name, options)?;
        self.entry = Some(Entry { name: name.to_owned(), hash: Sha256::new(), size: 0 });
        Ok(())
    }

    fn close(&mut self) -> io::Result<()> {
        let Some(Entry { name, hash, size }) = self.entry.take() else { return Ok(()) };
        writeln!(self.sums, "{}", json!({"name": name, "size": size, "sha256": hex(&hash.finalize())}))
    }
}

impl Write for Sealed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.zip.write(bytes)?;
        if let Some(entry) = &mut self.entry {
            entry.hash.update(&bytes[..written]);
            entry.size += written as u64;
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.zip.flush()
    }
}
