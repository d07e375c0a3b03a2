//! Block collections: indentation, `-`, `?` and `:`.

use super::Scanner;
use crate::error::Error;
use crate::token::Kind;

impl Scanner<'_> {
    /// Ends the block collections that stand further right than a column. Flow collections may be
    /// indented at will.
    pub(super) fn unwind(&mut self, column: i64) {
        if self.flow_level > 0 {
            return;
        }
        while self.indent > column {
            self.indent = self.indents.pop().unwrap_or(-1);
            let here = self.cursor.point();
            self.push(Kind::BlockEnd, here);
        }
    }

    /// Begins a block collection at a column, unless one is there already.
    pub(super) fn indent_to(&mut self, column: i64) -> bool {
        let deeper = self.indent < column;
        if deeper {
            self.indents.push(self.indent);
            self.indent = column;
        }
        deeper
    }

    /// Begins a block collection here if that is allowed and none is there already.
    fn open_block(&mut self, kind: Kind<'static>, refusal: &str) -> Result<(), Error> {
        if self.flow_level > 0 {
            return Ok(());
        }
        if !self.key_allowed {
            return Err(self.refuse(refusal));
        }
        if self.indent_to(i64::from(self.cursor.column())) {
            let here = self.cursor.point();
            self.push(kind, here);
        }
        Ok(())
    }

    /// `-`. Within a flow collection it is left to the parser to refuse it.
    pub(super) fn block_entry(&mut self) -> Result<(), Error> {
        self.open_block(Kind::BlockSequenceStart, "sequence entries are not allowed here")?;
        self.key_allowed = true;
        self.drop_key()?;
        self.push_indicator(Kind::BlockEntry, 1);
        Ok(())
    }

    /// `?`.
    pub(super) fn key(&mut self) -> Result<(), Error> {
        self.open_block(Kind::BlockMappingStart, "mapping keys are not allowed here")?;
        self.key_allowed = self.flow_level == 0;
        self.drop_key()?;
        self.push_indicator(Kind::Key, 1);
        Ok(())
    }

    /// `:`, behind a simple key or after `?`.
    pub(super) fn value(&mut self) -> Result<(), Error> {
        if self.confirm_key() {
            self.key_allowed = false;
        } else {
            self.open_block(Kind::BlockMappingStart, "mapping values are not allowed here")?;
            self.key_allowed = self.flow_level == 0;
        }
        self.push_indicator(Kind::Value, 1);
        Ok(())
    }
}
