//! Licences: kept for those who bring one, asked of nobody.
//!
//! Invariant: every edition is complete and free, so a licence is valid whatever it says, and so is none.

use nephele_model::page::{ListQuery, Page};
use nephele_model::{Code, Error, Result, Timestamp};
use nephele_store::licenses::{self, NewLicense};
use nephele_store::{Json, Record};
use nephele_yaml11::Value as Yaml;

use crate::rows::failed;
use crate::{Ctx, Manager};

impl Manager {
    /// The licence, if one was brought along.
    pub async fn list_licenses(&self, ctx: &Ctx, query: &ListQuery) -> Result<Page<Record>> {
        self.list_shared(ctx, &licenses::RESOURCE, query).await
    }

    /// Stores a licence file in place of an earlier one. Error: `invalid_yaml_format`.
    pub async fn upload_license(&self, ctx: &Ctx, text: &str) -> Result<Record> {
        let license = read(text)?;
        self.store_license(ctx, license).await
    }

    /// Stores a customer's id. Error: `conflict_error` when there is one.
    pub async fn register_customer(&self, ctx: &Ctx, customer_id: String) -> Result<Record> {
        if let Some(present) =
            licenses::get(&*self.store).await.map_err(failed)?.and_then(|license| license.customer_id)
        {
            return Err(Error::conflict(format!("A Customer ID already exists for this manager: {present}")));
        }
        self.store_license(ctx, NewLicense { customer_id: Some(customer_id), ..empty() }).await
    }

    /// Forgets the licence.
    pub async fn remove_license(&self) -> Result<()> {
        licenses::delete(&*self.store).await.map_err(failed)
    }

    async fn store_license(&self, ctx: &Ctx, license: NewLicense) -> Result<Record> {
        let tx = self.begin_write().await?;
        tx.lock("license").await.map_err(failed)?;
        licenses::replace(&tx, license).await.map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        let page = self.list_shared(ctx, &licenses::RESOURCE, &ListQuery::default()).await?;
        page.items.into_iter().next().ok_or_else(|| Error::not_found("License", ""))
    }
}

const fn empty() -> NewLicense {
    NewLicense {
        customer_id: None,
        expiration_date: None,
        license_edition: None,
        trial: false,
        cloudify_version: None,
        capabilities: None,
    }
}

/// Reads `license: {customer_id, expiration_date, ...}`; the signature beside it is nobody's business.
fn read(text: &str) -> Result<NewLicense> {
    let refuse = |problem: String| Error::new(Code::InvalidYamlFormat, format!("The license is not valid: {problem}"));
    let file = nephele_yaml11::load(text).map_err(|error| refuse(error.to_string()))?;
    let fields = file.as_ref().and_then(|file| file.entry("license")).map(|entry| &entry.value);
    let Some(fields) = fields.filter(|fields| fields.entries().is_some()) else {
        return Err(refuse("it has no mapping `license`".to_owned()));
    };
    let field = |key: &str| fields.entry(key).map(|entry| &entry.value.value);
    let text = |key: &str| field(key).and_then(shown);
    let expiration_date = match text("expiration_date") {
        None => None,
        Some(date) => Some(day(&date).ok_or_else(|| refuse(format!("`{date}` is not a date")))?),
    };
    let Some(customer_id) = text("customer_id") else {
        return Err(refuse("it has no `customer_id`".to_owned()));
    };
    let capabilities = match field("capabilities") {
        Some(Yaml::Sequence(items)) => Some(items.iter().filter_map(|item| shown(&item.value)).collect::<Vec<_>>()),
        _ => None,
    };
    Ok(NewLicense {
        customer_id: Some(customer_id),
        expiration_date,
        license_edition: text("license_edition"),
        trial: matches!(field("trial"), Some(Yaml::Bool(true))),
        cloudify_version: text("cloudify_version"),
        capabilities: capabilities.map(|names| Json::of(&names)),
    })
}

/// A plain value as text.
fn shown(value: &Yaml) -> Option<String> {
    match value {
        Yaml::String(text) => Some(text.to_string()),
        Yaml::Timestamp(text) | Yaml::BigInt(text) => Some(text.to_string()),
        Yaml::Int(number) => Some(number.to_string()),
        Yaml::Float(number) => Some(number.to_string()),
        _ => None,
    }
}

/// `MM/DD/YYYY`, as licences have it, or a date that others understand.
fn day(text: &str) -> Option<Timestamp> {
    let parts: Vec<&str> = text.split('/').collect();
    match parts.as_slice() {
        [month, day, year] => Timestamp::parse(&format!("{year}-{month:0>2}-{day:0>2}")),
        _ => Timestamp::parse(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licences_of_the_original_are_read() {
        let text = "license:\n  customer_id: ACME\n  expiration_date: 12/31/2021\n  license_edition: Spire\n  trial: true\n  \
                    capabilities: [HA]\nsignature: !!binary |\n  AAAA\n";
        let license = read(text).unwrap();
        assert_eq!(license.customer_id.as_deref(), Some("ACME"));
        assert_eq!(license.expiration_date, Timestamp::parse("2021-12-31"));
        assert!(license.trial);
        for bad in ["", "license: 1", "a: [", "license: {customer_id: x, expiration_date: never}"] {
            assert_eq!(read(bad).unwrap_err().code(), Code::InvalidYamlFormat, "{bad}");
        }
    }
}
