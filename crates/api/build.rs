//! Puts the built console (`console/dist`) into the library, if it was built. Each file is there twice, as Brotli and
//! as gzip made them; `index.html` is kept as text, since it gets a nonce each time.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let variable = |name: &str| env::var_os(name).map(PathBuf::from).ok_or_else(|| io::Error::other(name.to_owned()));
    let dist = variable("CARGO_MANIFEST_DIR")?.join("../../console/dist");
    println!("cargo::rerun-if-changed={}", dist.display());
    let index = dist.join("index.html");
    let mut table = String::new();
    let shown = if index.exists() {
        format!("Some(include_str!(\"{}\"))", index.canonicalize()?.display())
    } else {
        "None".to_owned()
    };
    let _ = writeln!(table, "const INDEX: Option<&str> = {shown};");
    let mut assets = Vec::new();
    if index.exists() {
        collect(&dist, &dist, &mut assets)?;
    }
    assets.sort();
    let _ = writeln!(table, "static ASSETS: &[Asset] = &[");
    for (name, file) in assets {
        let packed = |ending: &str| format!("include_bytes!(\"{}.{ending}\")", file.display());
        let _ = writeln!(table, "    Asset {{ name: {name:?}, brotli: {}, gzip: {} }},", packed("br"), packed("gz"));
    }
    table.push_str("];\n");
    fs::write(variable("OUT_DIR")?.join("console_assets.rs"), table)
}

/// Files that exist in both packed forms, by their name below `dist`.
fn collect(dist: &Path, folder: &Path, found: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(dist, &path, found)?;
        } else if let (Some(text), Ok(name)) = (path.to_str(), path.strip_prefix(dist))
            && Path::new(&format!("{text}.br")).exists()
            && Path::new(&format!("{text}.gz")).exists()
        {
            found.push((name.to_string_lossy().replace('\\', "/"), path.canonicalize()?));
        }
    }
    Ok(())
}
