//! What every list takes and gives: selection of fields, filters, order and pages.
//!
//! Source: spec rest-api.md sections 1.9 and 1.10. The HTTP layer fills a [`ListQuery`] from the
//! query string, the store checks its field names against the resource's field table.

use crate::filter::Rule;

/// One sort key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sort {
    /// The response field to sort by.
    pub field: String,
    /// Largest first.
    pub descending: bool,
}

/// The list parameters that every resource understands.
#[derive(Clone, Debug, Default)]
pub struct ListQuery {
    /// Response fields to return; `None` means all.
    pub include: Option<Vec<String>>,
    /// Sort keys in order of weight.
    pub sort: Vec<Sort>,
    /// Rows in the page; `None` means the configured default (1000).
    pub size: Option<u64>,
    /// Rows to skip.
    pub offset: u64,
    /// `field → values`: values of one field are alternatives, fields add up.
    pub filters: Vec<(String, Vec<String>)>,
    /// Case-insensitive substring of the resource's search field.
    pub search: Option<String>,
    /// Look beyond the request's tenant.
    pub all_tenants: bool,
    /// Ignore size and offset.
    pub get_all: bool,
    /// Rules that rows must satisfy besides the filters.
    pub rules: Vec<Rule>,
}

/// Rows in a page when the client does not say.
pub const DEFAULT_PAGE_SIZE: u64 = 1000;

/// One page of a list.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The rows of this page.
    pub items: Vec<T>,
    /// Rows that match, in all pages.
    pub total: u64,
    /// The page size that was asked for.
    pub size: u64,
    /// Rows skipped.
    pub offset: u64,
    /// Rows hidden by filter rules; `None` when there were none.
    pub filtered: Option<u64>,
}

impl<T> Page<T> {
    /// The same page with each item changed.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(change).collect(),
            total: self.total,
            size: self.size,
            offset: self.offset,
            filtered: self.filtered,
        }
    }
}
