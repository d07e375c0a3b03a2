//! Images: built of the blueprint's files, or pulled.

use std::fs::{self, File, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nephele_model::operation::Failure;
use serde_json::Value;

use super::{Engine, arguments};
use crate::native::task::unwritable;

/// What programs begin with.
const PROGRAMS: [&[u8]; 2] = [b"#!", b"\x7fELF"];

impl Engine<'_> {
    /// Builds an image from the text, file or address of a Dockerfile, with other files of the blueprint.
    pub(super) async fn build_image(&self) -> Result<Value, Failure> {
        if self.flag("pull_image") {
            return self.pull_image().await;
        }
        let Some(content) = self.text("image_content") else { return Ok(Value::Null) };
        let tag = self.tag()?;
        let is_place = content.contains("://") || !content.contains(['\n', ' ']);
        let content =
            if is_place { self.task.fetch(&content).await? } else { content.replace("\\n", "\n").into_bytes() };
        let folder = self.task.operation.dir.path().join("image");
        let files = arguments::list("context_files", self.config.get("context_files"))?;
        self.task.place_files(&files, &folder).await?;
        for file in files.iter().map(|file| folder.join(file)) {
            make_runnable(&file).map_err(|error| unwritable(&file, &error))?;
        }
        let file = self.task.operation.dir.path().join("Dockerfile");
        fs::create_dir_all(&folder)
            .and_then(|()| fs::write(&file, content))
            .map_err(|error| unwritable(&file, &error))?;
        let mut words = self.arguments(["build", "-t", &tag, "-f"]);
        words.extend([file.into(), folder.into()]);
        let exit = self.program.must(&words).await?;
        let result = self.task.operation.logs.redact(&exit.stdout).into_owned();
        self.task
            .session
            .change(|properties| drop(properties.insert("build_result".to_owned(), result.into())))
            .await?;
        self.note_image(&tag).await
    }

    /// Pulls an image, unless it is there.
    pub(super) async fn pull_image(&self) -> Result<Value, Failure> {
        let tag = self.tag()?;
        if self.flag("all_tags") {
            self.program.must(&self.arguments(["pull", "-a", &tag])).await?;
        } else if self.program.capture(&self.arguments(["image", "inspect", &tag])).await?.0.code != 0 {
            self.program.must(&self.arguments(["pull", &tag])).await?;
        }
        self.note_image(&tag).await
    }

    /// Removes an image that was built here; others may need one that was pulled.
    pub(super) async fn remove_image(&self) -> Result<Value, Failure> {
        if self.task.session.runtime_properties().await?.contains_key("build_result") {
            let tag = self.tag()?;
            if self.program.capture(&self.arguments(["image", "inspect", &tag])).await?.0.code == 0 {
                self.program.must(&self.arguments(["rmi", "-f", &tag])).await?;
            }
        }
        self.task.forget(&["build_result", "image"]).await
    }

    async fn note_image(&self, tag: &str) -> Result<Value, Failure> {
        let id = self.program.read(&self.arguments(["image", "inspect", "--format={{.Id}}", tag])).await?;
        let id = id.split_whitespace().next().unwrap_or(tag).to_owned();
        self.task.session.change(|properties| drop(properties.insert("image".to_owned(), id.into()))).await?;
        Ok(Value::Null)
    }

    fn tag(&self) -> Result<String, Failure> {
        self.text("tag").ok_or_else(|| Failure::fatal("There is no name for the image: set `resource_config.tag`"))
    }
}

/// Gives a program of the blueprint back the right to be run, which is lost on the way from there.
fn make_runnable(file: &Path) -> io::Result<()> {
    let mut begins = Vec::new();
    File::open(file)?.take(4).read_to_end(&mut begins)?;
    let is_program = PROGRAMS.iter().any(|program| begins.starts_with(program));
    fs::set_permissions(file, Permissions::from_mode(if is_program { 0o755 } else { 0o644 }))
}
