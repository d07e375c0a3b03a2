//! Texts and where they came from.
//!
//! Every node of a blueprint knows the number of its source; [`Sources`] turns it into a name.

/// A text with the location that relative imports start from.
#[derive(Clone, Debug)]
pub struct Source {
    /// Such as `file:blueprint.yaml` or `https://example.org/b.yaml`; relative imports replace what
    /// follows the last `/`. Absent for a text without a home.
    pub location: Option<String>,
    /// The YAML text.
    pub text: String,
}

impl Source {
    /// A text at a location.
    pub fn new(location: impl Into<String>, text: impl Into<String>) -> Self {
        Self { location: Some(location.into()), text: text.into() }
    }

    /// A text without a location.
    pub fn unnamed(text: impl Into<String>) -> Self {
        Self { location: None, text: text.into() }
    }
}

/// The locations of everything read so far, by number.
#[derive(Debug, Default)]
pub(crate) struct Sources(Vec<Option<String>>);

impl Sources {
    pub(crate) fn add(&mut self, location: Option<String>) -> u32 {
        self.0.push(location);
        u32::try_from(self.0.len() - 1).unwrap_or(u32::MAX)
    }

    pub(crate) fn name(&self, number: u32) -> Option<&str> {
        self.0.get(number as usize)?.as_deref()
    }
}
