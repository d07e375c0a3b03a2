//! Lists of any length: asked for page by page, and printed as the pages come.
//!
//! Invariant: one page is held at a time, however many rows there are. Up to a page is one request, as of the original.

use std::process::ExitCode;

use nephele_client::{List, Method, Request};
use serde_json::{Value, json};

use crate::call::{Call, owned};
use crate::table::{Listing, Outcome};
use crate::{fields, rules};

/// So many rows are asked for at once, which is what the original asks for by default.
pub(crate) const PAGE: u64 = 1000;

/// What the beginning and the length of a page are called.
type Names = [&'static str; 2];

const NAMES: Names = ["_offset", "_size"];

/// A list that is asked for.
pub(crate) struct Asked {
    path: Vec<String>,
    query: Vec<(String, String)>,
    rules: Vec<Value>,
    names: Names,
}

impl Asked {
    /// The list of a row of the table, with what the options say.
    pub(crate) fn of(listing: &Listing, call: &Call) -> anyhow::Result<Self> {
        let mut query = fields::query(call, listing.query)?;
        query.extend(call.paging());
        if let Some(filter) = call.text("filter-id") {
            query.push(("_filter_id".to_owned(), filter.to_owned()));
        }
        Ok(Self { path: fields::path(call, listing.path), query, rules: rules::of(call)?, names: NAMES })
    }

    /// A list whose pages have names of their own.
    pub(crate) fn under(path: &str, query: Vec<(String, String)>, names: Names) -> Self {
        Self { path: vec![path.to_owned()], query, rules: Vec::new(), names }
    }

    /// The same with more conditions.
    pub(crate) fn with(mut self, query: impl IntoIterator<Item = (String, String)>) -> Self {
        self.query.extend(query);
        self
    }

    /// The same with one more rule.
    pub(crate) fn with_rule(mut self, rule: Value) -> Self {
        self.rules.push(rule);
        self
    }

    /// The same with only these fields of each row.
    fn with_only(mut self, keys: &[&str]) -> Self {
        self.query.push(("_include".to_owned(), keys.join(",")));
        self
    }

    fn cut(&mut self, offset: u64, size: u64) {
        for (key, value) in self.names.into_iter().zip([offset, size]) {
            self.query.retain(|(known, _)| known != key);
            self.query.push((key.to_owned(), value.to_string()));
        }
    }

    /// Rules of filters make it a search.
    async fn ask(&self, call: &Call) -> anyhow::Result<List> {
        let mut path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        let body = json!({"filter_rules": self.rules});
        let request = if self.rules.is_empty() {
            Request { query: &self.query, ..Request::get(&path) }
        } else {
            path.insert(0, "searches");
            Request { method: Method::POST, path: &path, query: &self.query, body: Some(&body) }
        };
        Ok(serde_json::from_value(call.client()?.ask(&request).await?)?)
    }
}

/// All rows of a list, for work that needs the whole.
pub(crate) async fn all(call: &Call, path: &str, query: &[(&str, &str)]) -> anyhow::Result<Vec<Value>> {
    let mut asked = Asked::under(path, owned(query), NAMES);
    let mut found = Vec::new();
    loop {
        asked.cut(u64::try_from(found.len())?, PAGE);
        let page = asked.ask(call).await?;
        let is_over = u64::try_from(page.items.len())? < PAGE;
        found.extend(page.items);
        if is_over {
            return Ok(found);
        }
    }
}

/// How many rows are wanted if that is more than a page. Called by our own name, all there are unless a number is given.
pub(crate) fn wanted(call: &Call) -> Option<u64> {
    let Some(given) = call.integer("pagination-size") else {
        return (!call.settings.is_cfy).then_some(u64::MAX);
    };
    // The manager says what is wrong with such a number.
    if call.integer("pagination-offset").is_some_and(|offset| offset < 0) {
        return None;
    }
    if call.is_default("pagination-size") && !call.settings.is_cfy {
        return Some(u64::MAX);
    }
    u64::try_from(given).ok().filter(|size| *size > PAGE)
}

/// Shows a list with the columns of its row of the table.
pub(crate) async fn show(listing: &Listing, call: &Call) -> Outcome {
    let keys = call.print.keys(&listing.columns);
    show_as(listing, call, &keys, |mut row| {
        (listing.shape)(call, &mut row);
        Some(row)
    })
    .await
}

/// The same with other columns, and with what `shape` makes of a row; none where it is not to be seen.
pub(crate) async fn show_as(
    listing: &Listing,
    call: &Call,
    keys: &[&str],
    shape: impl FnMut(Value) -> Option<Value>,
) -> Outcome {
    let asked = Asked::of(listing, call)?;
    let asked = if listing.asks_for_columns { asked.with_only(keys) } else { asked };
    show_asked(asked, listing, call, keys, shape).await
}

/// The same with a request that was made ready.
pub(crate) async fn show_asked(
    mut asked: Asked,
    listing: &Listing,
    call: &Call,
    keys: &[&str],
    mut shape: impl FnMut(Value) -> Option<Value>,
) -> Outcome {
    let wanted = wanted(call);
    let mut printed = call.print.begin(keys, listing.columns.labels);
    let begin = call.integer("pagination-offset").and_then(|offset| u64::try_from(offset).ok()).unwrap_or_default();
    let mut seen = 0;
    loop {
        if let Some(wanted) = wanted {
            asked.cut(begin + seen, PAGE.min(wanted - seen));
        }
        let page = asked.ask(call).await?;
        let (came, total) = (u64::try_from(page.items.len())?, page.total());
        let hidden = page.filtered().filter(|hidden| *hidden > 0);
        printed.add(&page.items.into_iter().filter_map(&mut shape).collect::<Vec<_>>())?;
        seen += came;
        let is_over = wanted.is_none_or(|wanted| came < PAGE || seen >= wanted || begin + seen >= total);
        if is_over {
            let shown = printed.number;
            printed.end()?;
            if listing.noun.is_empty() {
                return Ok(ExitCode::SUCCESS);
            }
            let hidden = hidden.map(|hidden| format!(" ({hidden} hidden by filter)")).unwrap_or_default();
            call.print.say(format!("Showing {shown} of {total} {}{hidden}", listing.noun))?;
            return Ok(ExitCode::SUCCESS);
        }
    }
}
