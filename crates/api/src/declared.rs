//! What handlers read from requests, told by the very code that reads it.
//!
//! A body or a query string is read by one function per handler ([`FromBody`](crate::body::FromBody),
//! [`FromQuery`](crate::query::FromQuery)), key by key. The same function is also run over nothing, with every
//! key it asks for written down: that is what `document` shows as parameters and bodies, so the document
//! cannot name a key that nobody reads, or forget one. Invariant: reading comes before judging, since only the
//! keys read before the first refusal are seen. Builds with debug assertions refuse a key that was not seen.

/// One key that a handler reads.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Declared {
    pub(crate) key: String,
    pub(crate) shape: Shape,
    pub(crate) required: bool,
}

/// What a value must look like.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shape {
    Any,
    Text,
    /// `true` or `false`, in bodies also as text.
    Flag,
    /// A flag of a query that may also be `1` or `0`.
    Switch,
    /// True for any text.
    Present,
    Integer,
    /// A whole number from 0.
    Count,
    Number,
    Time,
    Object,
    List,
    Texts,
    /// One of these words.
    Words(&'static [&'static str]),
    /// A repeated key of a query, each value one of these words.
    WordList(&'static [&'static str]),
    /// Texts in a query, separated by commas or as repeated keys.
    Fields,
    /// Fields to sort by, each with its sign.
    Sort,
    /// A repeated key of a query.
    Repeated,
    /// An object of its own.
    Part(Vec<Declared>),
    /// A list of objects.
    Parts(Vec<Declared>),
}

/// A body of JSON.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Keys {
    pub(crate) keys: Vec<Declared>,
    /// Whether other keys are refused.
    pub(crate) closed: bool,
}

/// What a request's body may be.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Content {
    /// A JSON object.
    Json(Keys),
    /// A JSON array.
    List,
    Text,
    /// Bytes as they are.
    Bytes,
    /// A form with a JSON object in the field `params`, and a file.
    Form(Keys, &'static str),
    /// A form with files.
    Files,
}

/// All that a handler reads.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Reads {
    pub(crate) query: Vec<Declared>,
    /// Whether other keys of the query are fields to filter by.
    pub(crate) filters: bool,
    /// The kinds of body; the client chooses one.
    pub(crate) bodies: Vec<Content>,
    pub(crate) body_required: bool,
}

/// What takes part in a request: the arguments of handlers.
pub(crate) trait Describe {
    /// Adds what it reads.
    fn describe(_: &mut Reads) {}
}

impl Describe for axum::extract::State<crate::App> {}
impl Describe for crate::auth::Caller {}
impl<T> Describe for axum::extract::Path<T> {}
impl Describe for axum::http::HeaderMap {}
impl Describe for (axum::extract::OriginalUri, axum::http::Method, axum::http::HeaderMap) {}

/// A handler that takes the whole request reads its body as bytes.
impl Describe for axum::extract::Request {
    fn describe(reads: &mut Reads) {
        reads.bodies.push(Content::Bytes);
    }
}

/// All arguments of a handler.
pub(crate) trait Arguments {
    /// Adds what they read.
    fn describe(reads: &mut Reads);
}

macro_rules! handlers {
    ($($argument:ident)*) => {
        /// The arguments of a handler, behind the marker that axum keeps first.
        impl<M, $($argument: Describe),*> Arguments for (M, $($argument,)*) {
            fn describe(_reads: &mut Reads) {
                $($argument::describe(_reads);)*
            }
        }
    };
}

handlers!();
handlers!(A);
handlers!(A B);
handlers!(A B C);
handlers!(A B C D);
handlers!(A B C D E);

/// Notes a key once; whoever asks again for something more special is heard.
pub(crate) fn note(keys: &mut Vec<Declared>, key: &str, shape: Shape, required: bool) {
    match keys.iter_mut().find(|known| known.key == key) {
        Some(known) => {
            known.required |= required;
            if known.shape == Shape::Any || (known.shape == Shape::Repeated && shape != Shape::Any) {
                known.shape = shape;
            }
        }
        None => keys.push(Declared { key: key.to_owned(), shape, required }),
    }
}
