//! Sites: places that deployments belong to.

use nephele_model::{Error, Result, id};
use nephele_store::{Record, sites};

use crate::rows::{demand_free, failed};
use crate::{Ctx, Manager, overrides, visibility};

/// What a new site is made of.
#[derive(Debug, Default)]
pub struct NewSite {
    /// Its name.
    pub name: String,
    /// `latitude,longitude`.
    pub location: Option<String>,
    /// Who sees it.
    pub visibility: Option<String>,
    /// Who made it, if that was somebody else.
    pub created_by: Option<String>,
    /// When it was made, if that was earlier.
    pub created_at: Option<String>,
}

impl Manager {
    /// Makes a site.
    pub async fn create_site(&self, ctx: &Ctx, new: NewSite) -> Result<Record> {
        id::check("name", &new.name, true)?;
        let scope = self.scope(ctx, false).await?;
        let visibility = visibility::choose(ctx, new.visibility.as_deref(), None)?;
        let place = new.location.as_deref().map(location).transpose()?.flatten();
        let created_at = overrides::instant(ctx, new.created_at.as_deref())?;
        let creator_id = self.new_owner(ctx, new.created_by).await?;
        demand_free(&*self.store, &sites::RESOURCE, "sites", &new.name, &scope, visibility).await?;
        let row = sites::NewSite {
            id: new.name.clone(),
            name: new.name.clone(),
            visibility,
            tenant_id: scope.tenant_id,
            creator_id: creator_id.unwrap_or(ctx.user_id),
            created_at: created_at.unwrap_or_else(|| self.clock.now()),
            latitude: place.map(|(latitude, _)| latitude),
            longitude: place.map(|(_, longitude)| longitude),
        };
        sites::insert(&*self.store, row).await.map_err(failed)?;
        self.get(ctx, &sites::RESOURCE, &new.name, None).await
    }

    /// Changes a site; what is `None` stays, an empty location is no place any more.
    pub async fn update_site(
        &self,
        ctx: &Ctx,
        name: &str,
        new_name: Option<String>,
        place: Option<&str>,
        wanted: Option<&str>,
    ) -> Result<Record> {
        let site = self.find_site(ctx, name).await?;
        visibility::demand_inside(ctx, site.visibility, site.tenant_id, name)?;
        let scope = self.scope(ctx, false).await?;
        let visibility = wanted.map(|wanted| visibility::widen(ctx, name, site.visibility, wanted)).transpose()?;
        if let Some(new_name) = new_name.as_deref().filter(|new_name| *new_name != name) {
            id::check("new_name", new_name, true)?;
            let visibility = visibility.unwrap_or(site.visibility);
            demand_free(&*self.store, &sites::RESOURCE, "sites", new_name, &scope, visibility).await?;
        }
        let place = place.map(location).transpose()?;
        let changes = sites::SiteChanges {
            id: new_name.clone(),
            name: new_name.clone(),
            visibility,
            latitude: place.map(|place| place.map(|(latitude, _)| latitude)),
            longitude: place.map(|place| place.map(|(_, longitude)| longitude)),
        };
        sites::update(&*self.store, site.storage_id, changes).await.map_err(failed)?;
        self.get(ctx, &sites::RESOURCE, new_name.as_deref().unwrap_or(name), None).await
    }

    /// Deletes a site.
    pub async fn delete_site(&self, ctx: &Ctx, name: &str) -> Result<()> {
        let site = self.find_site(ctx, name).await?;
        visibility::demand_inside(ctx, site.visibility, site.tenant_id, name)?;
        sites::delete(&*self.store, site.storage_id).await.map(drop).map_err(failed)
    }

    /// The site's row. Error: `not_found_error`.
    pub(crate) async fn find_site(&self, ctx: &Ctx, name: &str) -> Result<sites::Site> {
        let scope = self.scope(ctx, false).await?;
        let site = sites::find(&*self.store, &scope, name).await.map_err(failed)?;
        site.ok_or_else(|| Error::not_found("Site", name))
    }
}

/// Reads `latitude,longitude`; empty text is no place.
fn location(text: &str) -> Result<Option<(f64, f64)>> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let parsed = text.split_once(',').and_then(|(latitude, longitude)| {
        Some((latitude.trim().parse::<f64>().ok()?, longitude.trim().parse::<f64>().ok()?))
    });
    let Some((latitude, longitude)) = parsed else {
        return Err(Error::bad_parameters(format!(
            "Invalid location `{text}`, the format is expected to be \"latitude,longitude\" such as \"32.071072,34.787274\""
        )));
    };
    if !(latitude.abs() <= 90.0 && longitude.abs() <= 180.0) {
        return Err(Error::bad_parameters(format!(
            "Invalid location `{text}`. The latitude must be a number between -90 and 90 and the longitude between -180 and 180"
        )));
    }
    Ok(Some((latitude, longitude)))
}

#[cfg(test)]
mod tests {
    use super::location;

    #[test]
    fn locations_lie_on_the_globe() {
        assert_eq!(location("32.07, 34.78").unwrap(), Some((32.07, 34.78)));
        assert_eq!(location("").unwrap(), None);
        for bad in ["abc", "91,181", "1", "nan,1"] {
            assert!(location(bad).is_err(), "{bad}");
        }
    }
}
