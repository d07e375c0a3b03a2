//! A blueprint's icon: a picture among its files, and in its archive.

use nephele_model::{Error, Result};
use nephele_store::Record;
use tempfile::TempPath;

use crate::archive::Kind;
use crate::files::Tree;
use crate::{Ctx, Manager};

/// The file that the console shows.
const ICON: &str = "icon.png";

impl Manager {
    /// Sets a blueprint's icon, or removes it when there is no picture. The archive is packed anew.
    pub async fn set_blueprint_icon(&self, ctx: &Ctx, id: &str, picture: Option<TempPath>) -> Result<Record> {
        let blueprint = self.writable_blueprint(ctx, id).await?;
        let folder = self.files.blueprint(&blueprint.tenant_name, &blueprint.id);
        if !folder.is_dir() {
            return Err(Error::conflict(format!("Blueprint `{id}` has no files: it is not uploaded")));
        }
        let archive = tempfile::NamedTempFile::new_in(self.files.uploading()).map_err(Error::internal)?;
        let archive = archive.into_temp_path();
        let packed = archive.to_path_buf();
        let work = move || {
            let icon = folder.join(ICON);
            match picture {
                Some(picture) => picture.persist(&icon).map_err(Error::internal)?,
                None if icon.exists() => std::fs::remove_file(&icon).map_err(Error::internal)?,
                None => {}
            }
            Tree::pack_blueprint(&folder, &packed)
        };
        tokio::task::spawn_blocking(work).await.map_err(Error::internal)??;
        self.place_archive(&blueprint.tenant_name, &blueprint.id, archive, Kind::TarGz).await?;
        self.get_blueprint(ctx, id, None).await
    }
}
