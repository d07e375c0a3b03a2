//! API tokens: made, listed and deleted by their user, or by whoever manages those of others.
//!
//! Invariant: the secret part leaves the manager once, in the answer that makes the token.

use nephele_model::page::{ListQuery, Page};
use nephele_model::{Code, Error, Permission, Result, Timestamp};
use nephele_store::{Record, Resource, tokens};
use serde_json::{Value, json};

use crate::rows::failed;
use crate::{Ctx, Manager, crypto};

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

impl Manager {
    /// The caller's tokens; everyone's for whoever manages them.
    pub async fn list_tokens(&self, ctx: &Ctx, query: &ListQuery) -> Result<Page<Record>> {
        self.list_shared(ctx, resource(ctx), query).await
    }

    /// One of these tokens.
    pub async fn get_token(&self, ctx: &Ctx, id: &str) -> Result<Record> {
        let record = self.get_shared(ctx, resource(ctx), id, None).await?;
        record.ok_or_else(|| absent(id))
    }

    /// Makes a token for the caller. `expiration` is an instant or a time from now such as `+10h`.
    pub async fn create_token(
        &self,
        ctx: &Ctx,
        description: Option<String>,
        expiration: Option<&str>,
    ) -> Result<Value> {
        self.make_token(ctx, description, expiration, None).await
    }

    /// The same for work of this process, with which it ends at the latest.
    pub(crate) async fn create_token_here(&self, ctx: &Ctx, description: String, expiration: &str) -> Result<Value> {
        self.make_token(ctx, Some(description), Some(expiration), Some(self.process())).await
    }

    async fn make_token(
        &self,
        ctx: &Ctx,
        description: Option<String>,
        expiration: Option<&str>,
        process: Option<i64>,
    ) -> Result<Value> {
        let now = self.clock.now();
        let expiration_date = expiration.map(|text| expires(text, now)).transpose()?;
        let (id, secret) = (crypto::random_text(10), crypto::random_text(40));
        let token = tokens::NewToken {
            id: id.clone(),
            secret_hash: crypto::digest(&secret),
            description: description.clone(),
            created_at: now,
            expiration_date,
            user_id: ctx.user_id,
            process,
        };
        tokens::delete_expired(&*self.store, ctx.user_id).await.map_err(failed)?;
        tokens::insert(&*self.store, token).await.map_err(failed)?;
        Ok(json!({
            "id": id,
            "username": ctx.username,
            "value": format!("ctok-{id}-{secret}"),
            "role": ctx.system_role.as_str(),
            "expiration_date": expiration_date,
            "last_used": null,
            "description": description,
        }))
    }

    /// Deletes one of these tokens.
    pub async fn delete_token(&self, ctx: &Ctx, id: &str) -> Result<()> {
        let of = (!ctx.may(Permission::ManageOthersTokens)).then_some(ctx.user_id);
        let deleted = tokens::delete(&*self.store, of, id).await.map_err(failed)?;
        self.verified.forget_token(id);
        if deleted { Ok(()) } else { Err(absent(id)) }
    }
}

/// The tokens that the caller may see.
fn resource(ctx: &Ctx) -> &'static Resource {
    if ctx.may(Permission::ManageOthersTokens) { &tokens::EVERYONES } else { &tokens::RESOURCE }
}

fn absent(id: &str) -> Error {
    Error::new(Code::NotFound, format!("Could not find token {id}"))
}

/// `+<number> <unit>` from now, or an instant; it must lie ahead.
fn expires(text: &str, now: Timestamp) -> Result<Timestamp> {
    let unclear = || {
        Error::bad_parameters(format!(
            "`{text}` is not a legal expiration date: give an instant, or a time from now such as `+10 hours`"
        ))
    };
    let instant = match text.trim().strip_prefix('+') {
        None => Timestamp::parse(text.trim()).ok_or_else(unclear)?,
        Some(span) => {
            let span = span.trim();
            let digits = span.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(span.len());
            let count: i64 = span[..digits].parse().map_err(|_| unclear())?;
            let unit = match span[digits..].trim() {
                "s" | "sec" | "second" | "seconds" => SECOND,
                "m" | "min" | "minute" | "minutes" => 60 * SECOND,
                "h" | "hour" | "hours" => 3600 * SECOND,
                "d" | "day" | "days" => DAY,
                "w" | "week" | "weeks" => 7 * DAY,
                "mo" | "month" | "months" => 30 * DAY,
                "y" | "year" | "years" => 365 * DAY,
                _ => return Err(unclear()),
            };
            now.plus_micros(count.saturating_mul(unit))
        }
    };
    if instant <= now {
        return Err(Error::bad_parameters("Expiration date was in the past."));
    }
    Ok(instant)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expirations_are_instants_or_spans() {
        let now = Timestamp::from_micros(0);
        assert_eq!(expires("+10h", now).unwrap().micros(), 36_000 * SECOND);
        assert_eq!(expires("+1 hours", now).unwrap().micros(), 3600 * SECOND);
        assert_eq!(expires("1970-01-02", now).unwrap().micros(), DAY);
        for bad in ["+h", "+1 fortnight", "soon", "1969-01-01"] {
            assert!(expires(bad, now).is_err(), "{bad}");
        }
    }
}
