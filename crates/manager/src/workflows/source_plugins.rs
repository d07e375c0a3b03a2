//! Plugins that a blueprint brings: each folder below its `plugins` gets a zip of the same name beside
//! it, which workers install (spec rest-api.md section 2.2).

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// Zips the plugins of a blueprint that was unpacked into `blueprint`. Links are left out.
pub(super) fn pack(blueprint: &Path) -> io::Result<()> {
    let folder = blueprint.join("plugins");
    let entries = match fs::read_dir(&folder) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(()),
        entries => entries?.collect::<io::Result<Vec<_>>>()?,
    };
    for entry in entries {
        if entry.file_type()?.is_dir() {
            let mut name = entry.path().into_os_string();
            name.push(".zip");
            zip(&folder, &entry.path(), &PathBuf::from(name))?;
        }
    }
    Ok(())
}

/// Zips a folder, with names that begin after `above`.
fn zip(above: &Path, folder: &Path, target: &Path) -> io::Result<()> {
    let mut zip = ZipWriter::new(File::create(target)?);
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let (path, kind) = entry.and_then(|entry| Ok((entry.path(), entry.file_type()?)))?;
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() {
                let name = path.strip_prefix(above).unwrap_or(&path).to_string_lossy().into_owned();
                let large = fs::metadata(&path)?.len() > u64::from(u32::MAX);
                zip.start_file(name, SimpleFileOptions::default().large_file(large))?;
                io::copy(&mut File::open(&path)?, &mut zip)?;
            }
        }
    }
    zip.finish()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_plugin_is_zipped_with_its_folder() {
        let blueprint = tempfile::tempdir().unwrap();
        pack(blueprint.path()).unwrap();
        let plugins = blueprint.path().join("plugins");
        fs::create_dir_all(plugins.join("tiny/tiny")).unwrap();
        fs::write(plugins.join("tiny/setup.py"), "setup").unwrap();
        fs::write(plugins.join("tiny/tiny/tasks.py"), "tasks").unwrap();
        fs::write(plugins.join("plugin.yaml"), "").unwrap();
        std::os::unix::fs::symlink("/etc", plugins.join("tiny/etc")).unwrap();
        pack(blueprint.path()).unwrap();
        let zip = zip::ZipArchive::new(File::open(plugins.join("tiny.zip")).unwrap()).unwrap();
        let mut names: Vec<_> = zip.file_names().collect::<Result<_, _>>().unwrap();
        names.sort_unstable();
        assert_eq!(names, ["tiny/setup.py", "tiny/tiny/tasks.py"]);
        assert_eq!(fs::read_dir(plugins).unwrap().count(), 3);
    }
}
