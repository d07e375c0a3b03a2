//! What a process writes, as lines of the operation's log.

use std::io::{self, PipeReader, Read};
use std::os::fd::OwnedFd;

use tokio::net::unix::pipe::Receiver;

use crate::logs::Logs;

const CHUNK: usize = 64 * 1024;
/// A line that is longer is logged in pieces.
const LONGEST_LINE: usize = 64 * 1024;
/// How much of the output an error message may quote; its end says most.
const QUOTED: usize = 64 * 1024;

/// The reading end of a process's stdout or stderr.
pub(crate) struct Lines {
    pipe: Receiver,
    /// The same pipe, to ask the system itself whether there is more.
    direct: PipeReader,
    prefix: &'static str,
    partial: Vec<u8>,
    output: Vec<u8>,
    ended: bool,
}

impl Lines {
    /// A pipe: its reader, and the end for the process.
    pub(crate) fn pipe(prefix: &'static str) -> io::Result<(Self, OwnedFd)> {
        let (reader, writer) = io::pipe()?;
        // From here on the reading end, and only that, gives what there is instead of waiting.
        let pipe = Receiver::from_owned_fd(reader.try_clone()?.into())?;
        let lines = Self { pipe, direct: reader, prefix, partial: Vec::new(), output: Vec::new(), ended: false };
        Ok((lines, writer.into()))
    }

    /// Whether everybody who could write has closed their end.
    pub(crate) const fn has_ended(&self) -> bool {
        self.ended
    }

    /// Waits for output and logs it. Safe to cancel: what was read has been logged.
    pub(crate) async fn pump(&mut self, logs: &Logs) -> io::Result<()> {
        logs.room().await;
        self.pipe.readable().await?;
        let mut chunk = vec![0; CHUNK];
        match self.pipe.try_read(&mut chunk) {
            Ok(read) => self.take(&chunk[..read], logs),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Logs what has been written so far and waits for nothing. Somebody who was left running on
    /// purpose may hold the other end open for as long as it likes.
    pub(crate) async fn drain(&mut self, logs: &Logs) {
        let mut chunk = vec![0; CHUNK];
        while !self.ended {
            logs.room().await;
            match self.direct.read(&mut chunk) {
                Ok(read) => self.take(&chunk[..read], logs),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        if !self.partial.is_empty() {
            let rest = std::mem::take(&mut self.partial);
            self.log(&rest, logs);
        }
    }

    /// The end of what was written.
    pub(crate) fn output(&self) -> String {
        String::from_utf8_lossy(&self.output).into_owned()
    }

    /// Goes on reading into nothing, so that a service that was left running and still writes here
    /// is not killed by its next word.
    pub(crate) fn discard(self) {
        if self.ended {
            return;
        }
        tokio::spawn(async move {
            let mut chunk = vec![0; CHUNK];
            while self.pipe.readable().await.is_ok() {
                match self.pipe.try_read(&mut chunk) {
                    Ok(0) => break,
                    Err(error) if error.kind() != io::ErrorKind::WouldBlock => break,
                    _ => {}
                }
            }
        });
    }

    fn take(&mut self, chunk: &[u8], logs: &Logs) {
        self.ended = chunk.is_empty();
        self.output.extend_from_slice(chunk);
        if self.output.len() > 2 * QUOTED {
            self.output.drain(..self.output.len() - QUOTED);
        }
        let mut rest = chunk;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            self.partial.extend_from_slice(&rest[..end]);
            rest = &rest[end + 1..];
            let line = std::mem::take(&mut self.partial);
            self.log(&line, logs);
        }
        self.partial.extend_from_slice(rest);
        if self.partial.len() > LONGEST_LINE {
            let line = std::mem::take(&mut self.partial);
            self.log(&line, logs);
        }
    }

    fn log(&self, line: &[u8], logs: &Logs) {
        let text = String::from_utf8_lossy(line);
        logs.info(&format!("{}{}", self.prefix, text.trim_end_matches('\r')));
    }
}
