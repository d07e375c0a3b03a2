//! Requests as they are: any method, any path, JSON in and out; and files in both directions.
//!
//! For callers whose commands are data, such as the command line, a typed method each would say nothing.

use std::path::Path;

use reqwest::multipart::{Form, Part};
use reqwest::{Body, Method, RequestBuilder};
use serde_json::Value;
use tokio::io::AsyncWriteExt;

use crate::Client;
use crate::error::{Error, Result};

/// A request to the REST API, before it is sent.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The verb.
    pub method: Method,
    /// The path below `/api/v3.1`, in its segments; each is escaped as needed.
    pub path: &'a [&'a str],
    /// The query.
    pub query: &'a [(String, String)],
    /// The JSON body.
    pub body: Option<&'a Value>,
}

impl<'a> Request<'a> {
    /// A request for what is there.
    pub const fn get(path: &'a [&'a str]) -> Self {
        Self { method: Method::GET, path, query: &[], body: None }
    }
}

impl Client {
    fn raw(&self, request: &Request<'_>) -> RequestBuilder {
        let built = self.api(request.method.clone(), request.path).query(request.query);
        match request.body {
            Some(body) => built.json(body),
            None => built,
        }
    }

    /// Sends it and reads the JSON answer; an empty one is null.
    pub async fn ask(&self, request: &Request<'_>) -> Result<Value> {
        self.json(self.raw(request)).await
    }

    /// Sends a file as the body.
    pub async fn send_file(&self, request: &Request<'_>, file: &Path) -> Result<Value> {
        self.json(self.raw(request).body(body_of(file).await?)).await
    }

    /// Sends a form: `params` as JSON text, and perhaps a file.
    pub async fn send_form(&self, request: &Request<'_>, params: &Value, file: Option<(&str, &Path)>) -> Result<Value> {
        let mut form = Form::new().text("params", params.to_string());
        if let Some((name, path)) = file {
            let length = tokio::fs::metadata(path).await.map_err(|error| unreadable(path, &error))?.len();
            form = form
                .part(name.to_owned(), Part::stream_with_length(body_of(path).await?, length).file_name("filename"));
        }
        self.json(self.raw(request).multipart(form)).await
    }

    /// Writes the answer to a file as it comes.
    pub async fn save(&self, request: &Request<'_>, target: &Path) -> Result<()> {
        let mut response = self.send(self.raw(request)).await?;
        let url = response.url().to_string();
        let failed =
            |error: std::io::Error| Error::Settings(format!("{} cannot be written: {error}", target.display()));
        let mut file = tokio::fs::File::create(target).await.map_err(failed)?;
        while let Some(chunk) = response.chunk().await.map_err(|error| Error::from_transport(&url, &error))? {
            file.write_all(&chunk).await.map_err(failed)?;
        }
        file.flush().await.map_err(failed)
    }

    /// Hands over the answer's lines as they come, until there are no more or `take` has had enough.
    pub async fn lines(&self, request: &Request<'_>, mut take: impl FnMut(&str) -> bool) -> Result<()> {
        let mut response = self.send(self.raw(request)).await?;
        let url = response.url().to_string();
        let mut rest = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| Error::from_transport(&url, &error))? {
            rest.extend_from_slice(&chunk);
            while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = rest.drain(..=end).collect();
                if !take(String::from_utf8_lossy(&line).trim_end()) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

async fn body_of(path: &Path) -> Result<Body> {
    tokio::fs::File::open(path).await.map(Body::from).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    Error::Settings(format!("{} cannot be read: {error}", path.display()))
}
