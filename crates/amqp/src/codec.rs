//! Frames on the wire.
//!
//! Invariant: the size of a frame is judged before anything of it is kept, and how deep its tables may be
//! nested before it is read: the parser calls itself for each level. Only bodies may be as long as was agreed.

use std::io;

use amq_protocol::frame::{AMQPFrame, WriteContext, gen_frame, parse_frame};
use bytes::{Buf, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

/// The largest frame, with its header and end.
pub(crate) const FRAME_MAX: u32 = 128 << 10;
/// What a frame has beside its payload: kind, channel, length and end.
pub(crate) const FRAME: usize = 8;
/// The largest payload of anything but a body.
const SMALL: usize = 4096;
/// Tables and arrays in one frame; clients send two or three.
const MOST_TABLES: usize = 32;
/// The kind of frame that a body comes in.
const BODY: u8 = 3;
/// The first byte of the protocol's header, which is no frame.
const HEADER: u8 = b'A';
const HEADER_LENGTH: usize = 8;

/// Reads and writes frames.
pub(crate) struct Codec;

fn broken(what: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_string())
}

/// The places in a frame where a table or an array can begin: at least as many as there are.
fn tables(frame: &[u8]) -> usize {
    let fits = |place: &&[u8]| matches!(place, [b'A' | b'F', a, b, c, d] if u32::from_be_bytes([*a, *b, *c, *d]) as usize <= frame.len());
    frame.windows(5).filter(fits).count()
}

impl Decoder for Codec {
    type Item = AMQPFrame;
    type Error = io::Error;

    fn decode(&mut self, read: &mut BytesMut) -> io::Result<Option<AMQPFrame>> {
        let Some(&[kind, _, _, a, b, c, d]) = read.first_chunk() else { return Ok(None) };
        let length = if kind == HEADER {
            HEADER_LENGTH
        } else {
            let payload = u32::from_be_bytes([a, b, c, d]) as usize;
            let most = if kind == BODY { FRAME_MAX as usize - FRAME } else { SMALL };
            if payload > most {
                return Err(broken(format!("a frame of {payload} bytes is longer than {most}")));
            }
            payload + FRAME
        };
        if read.len() < length {
            read.reserve(length - read.len());
            return Ok(None);
        }
        if kind != BODY && tables(&read[..length]) > MOST_TABLES {
            return Err(broken("a frame with too many tables in it"));
        }
        let parsed = parse_frame(&read[..length]);
        let (rest, frame) = parsed.map_err(|_| broken("a frame that cannot be read"))?;
        if !rest.is_empty() {
            return Err(broken("a frame that is longer than it says"));
        }
        read.advance(length);
        Ok(Some(frame))
    }
}

impl Encoder<AMQPFrame> for Codec {
    type Error = io::Error;

    fn encode(&mut self, frame: AMQPFrame, into: &mut BytesMut) -> io::Result<()> {
        let written = gen_frame(&frame)(WriteContext::from(Vec::new())).map_err(broken)?;
        into.extend_from_slice(&written.into_inner().0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &[u8]) -> io::Result<Option<AMQPFrame>> {
        Codec.decode(&mut BytesMut::from(bytes))
    }

    /// A `start-ok` whose table holds arrays in each other.
    fn nested(depth: usize) -> Vec<u8> {
        let mut value = vec![b'V'];
        for _ in 0..depth {
            let mut outer = vec![b'A'];
            outer.extend(u32::try_from(value.len()).unwrap().to_be_bytes());
            outer.extend(&value);
            value = outer;
        }
        let mut payload = vec![0, 10, 0, 11];
        payload.extend(u32::try_from(value.len() + 2).unwrap().to_be_bytes());
        payload.extend([1, b'x']);
        payload.extend(value);
        payload.extend([5, b'P', b'L', b'A', b'I', b'N', 0, 0, 0, 0, 0]);
        let mut frame = vec![1, 0, 0];
        frame.extend(u32::try_from(payload.len()).unwrap().to_be_bytes());
        frame.extend(payload);
        frame.push(0xce);
        frame
    }

    #[test]
    fn deep_tables_and_long_frames_do_no_harm() {
        assert!(decode(&nested(20)).unwrap().is_some());
        assert!(decode(&nested(800)).is_err(), "deeper than the parser can go");
        assert!(decode(&[1, 0, 0, 0, 0, 0x10, 1]).is_err(), "a method of 4097 bytes");
        assert!(decode(&[3, 0, 1, 0, 2, 0, 0]).is_err(), "a body of 128 KiB");
        assert!(decode(&[3, 0, 1, 0, 1, 0xff, 0xf8]).unwrap().is_none(), "the longest body, not there yet");
        assert!(decode(b"AMQ").unwrap().is_none());
        assert!(decode(b"GET / HTTP/1.1").is_err());
        assert!(decode(&[8, 0, 0, 0, 0, 0, 0, 0]).is_err(), "no end");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(kind in 0_u8..9, payload: Vec<u8>) {
            let mut frame = vec![kind, 0, 1];
            frame.extend(u32::try_from(payload.len()).unwrap().to_be_bytes());
            frame.extend(&payload);
            frame.push(0xce);
            let mut read = BytesMut::from(&frame[..]);
            if let Ok(Some(frame)) = Codec.decode(&mut read) {
                let mut written = BytesMut::new();
                Codec.encode(frame, &mut written).unwrap();
            }
        }
    }
}
