//! Files that clients bring: raw bodies, forms with a time of change, archives to unpack.

use std::path::{Path, PathBuf};

use axum::RequestExt;
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{StatusCode, header};
use nephele_manager::files::Tree;
use nephele_model::{Code, Error};
use serde_json::Value;

use super::read::{blocking, temporary};
use crate::App;
use crate::declared::{Content, Describe, Reads};
use crate::error::{Answer, json_response};
use crate::query::{FromQuery, Pairs};
use crate::upload;

/// Whether an archive is to be unpacked where the path says.
pub(crate) struct Extract(pub(crate) bool);

impl FromQuery for Extract {
    fn read(query: &Pairs) -> Result<Self, Error> {
        Ok(Self(query.present("extract")))
    }
}

/// A file as the body, or in a form.
pub(crate) struct File(pub(crate) Request);

impl<S: Send + Sync> FromRequest<S> for File {
    type Rejection = std::convert::Infallible;

    async fn from_request(request: Request, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(request))
    }
}

impl Describe for File {
    fn describe(reads: &mut Reads) {
        reads.bodies.extend([Content::Bytes, Content::Files]);
    }
}

pub(super) async fn put(app: &App, path: &str, extract: bool, request: Request) -> Answer {
    let place = app.manager.files.place(path)?;
    let sent = temporary(app)?;
    let modified = receive(app, request, &sent).await?;
    let tree = app.manager.files.clone();
    blocking(move || {
        if extract {
            return tree.extract(&sent, &place);
        }
        if place.is_dir() {
            return Err(Error::bad_parameters("The path names a folder; name the file in it"));
        }
        publish(&sent, place.clone())?;
        modified.map_or(Ok(()), |time| Tree::set_modified(&place, &time))
    })
    .await?;
    Ok(json_response(StatusCode::OK, &Value::Null))
}

fn publish(sent: &Path, place: PathBuf) -> Result<(), Error> {
    if let Some(parent) = place.parent() {
        std::fs::create_dir_all(parent).map_err(Error::internal)?;
    }
    std::fs::copy(sent, place).map(drop).map_err(Error::internal)
}

/// Writes the sent file to `target`; gives the form's `mtime`, if there is one.
async fn receive(app: &App, request: Request, target: &Path) -> Result<Option<String>, Error> {
    let limit = app.manager.settings.archive_limit;
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("multipart/form-data") {
        upload::save(request.into_body().into_data_stream(), target, limit).await?;
        return Ok(None);
    }
    let mut form: Multipart =
        request.extract().await.map_err(|error| Error::bad_parameters(format!("The form cannot be read: {error}")))?;
    let (mut modified, mut files) = (None, 0);
    while let Some(field) = upload::next_field(&mut form).await? {
        if field.file_name().is_some() {
            files += 1;
            upload::save(field, target, limit).await?;
        } else if field.name() == Some("mtime") {
            modified = Some(upload::text(field).await?);
        }
    }
    match files {
        1 => Ok(modified),
        0 => Err(Error::new(Code::UploadMissingFile, "The form holds no file")),
        _ => Err(Error::bad_parameters("The form holds more than one file")),
    }
}

pub(super) async fn delete(app: &App, path: &str) -> Answer {
    let place = app.manager.files.place(path)?;
    let name = path.to_owned();
    blocking(move || {
        if place.is_dir() {
            return Err(Error::bad_parameters(format!("{name} is a folder; only files can be deleted")));
        }
        std::fs::remove_file(&place).map_err(|_| Error::new(Code::NotFound, format!("There is no file {name}")))
    })
    .await?;
    Ok(json_response(StatusCode::OK, &Value::Null))
}
