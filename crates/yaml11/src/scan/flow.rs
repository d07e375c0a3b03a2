//! Flow collections: brackets, braces and commas.

use super::Scanner;
use crate::error::Error;
use crate::token::Kind;

impl Scanner<'_> {
    /// `[` or `{`, which may also begin a key.
    pub(super) fn open_flow(&mut self, kind: Kind<'static>) -> Result<(), Error> {
        self.save_key()?;
        self.flow_level += 1;
        self.key_allowed = true;
        self.push_indicator(kind, 1);
        Ok(())
    }

    /// `]` or `}`. One too many is left to the parser to refuse: it reads no further.
    pub(super) fn close_flow(&mut self, kind: Kind<'static>) -> Result<(), Error> {
        self.drop_key()?;
        self.flow_level = self.flow_level.saturating_sub(1);
        self.key_allowed = false;
        self.push_indicator(kind, 1);
        Ok(())
    }

    /// `,`.
    pub(super) fn flow_entry(&mut self) -> Result<(), Error> {
        self.key_allowed = true;
        self.drop_key()?;
        self.push_indicator(Kind::FlowEntry, 1);
        Ok(())
    }
}
