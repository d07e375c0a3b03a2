//! A deployment's folder as text: a ZIP archive in base64, as clients that move deployments take it.

use std::collections::BTreeMap;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nephele_model::{Error, Result};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::files::Tree;

/// The largest folder that is shown so, in bytes.
const LIMIT: u64 = 64 << 20;

/// The folder's files; an empty archive when there is none.
pub(super) async fn pack(folder: PathBuf) -> Result<String> {
    let packed = tokio::task::spawn_blocking(move || zip(&folder)).await.map_err(Error::internal)?;
    packed.map(|bytes| STANDARD.encode(bytes))
}

fn zip(folder: &Path) -> Result<Vec<u8>> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let files = if folder.is_dir() { Tree::index(folder).map_err(Error::internal)? } else { BTreeMap::default() };
    let mut size = 0;
    for name in files.keys() {
        let file = folder.join(name);
        size += file.metadata().map_err(Error::internal)?.len();
        if size > LIMIT {
            return Err(Error::bad_parameters(format!(
                "The deployment's folder is larger than {LIMIT} bytes: fetch it from the file server instead"
            )));
        }
        archive.start_file(name.as_str(), SimpleFileOptions::default()).map_err(Error::internal)?;
        archive.write_all(&std::fs::read(&file).map_err(Error::internal)?).map_err(Error::internal)?;
    }
    Ok(archive.finish().map_err(Error::internal)?.into_inner())
}
