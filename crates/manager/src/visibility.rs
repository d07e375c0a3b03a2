//! Choosing and widening who sees a resource (spec rest-api.md section 1.5).

use std::fmt::Display;

use nephele_model::{Code, Error, Permission, Result, Visibility};

use crate::Ctx;

/// The visibility of a new resource from `visibility` and the older `private_resource`.
pub(crate) fn choose(ctx: &Ctx, visibility: Option<&str>, private_resource: Option<bool>) -> Result<Visibility> {
    if visibility.is_some() && private_resource.is_some() {
        return Err(Error::bad_parameters(
            "The `private_resource` and `visibility` parameters cannot be used together",
        ));
    }
    let chosen = match visibility {
        Some(name) => Visibility::parse(name).ok_or_else(|| invalid(name, "['private', 'tenant', 'global']"))?,
        None if private_resource == Some(true) => Visibility::Private,
        None => Visibility::Tenant,
    };
    demand_global(ctx, chosen)?;
    Ok(chosen)
}

/// The visibility that a resource is to be widened to.
pub(crate) fn widen(ctx: &Ctx, id: &str, present: Visibility, wanted: &str) -> Result<Visibility> {
    if Visibility::parse(wanted).is_none_or(|wanted| wanted == Visibility::Private) {
        return Err(invalid(wanted, "['tenant', 'global']"));
    }
    keep_or_widen(ctx, id, present, wanted)
}

/// The visibility that a resource is to have, which may be the present one.
pub(crate) fn keep_or_widen(ctx: &Ctx, id: &str, present: Visibility, wanted: &str) -> Result<Visibility> {
    let wanted = Visibility::parse(wanted).ok_or_else(|| invalid(wanted, "['private', 'tenant', 'global']"))?;
    if wanted < present {
        return Err(Error::new(
            Code::IllegalAction,
            format!(
                "Can't set the visibility of `{id}` to {} because it already has wider visibility",
                wanted.as_str()
            ),
        ));
    }
    demand_global(ctx, wanted)?;
    Ok(wanted)
}

/// Refuses to change something global from outside its tenant. What is seen there otherwise is in the
/// caller's own tenant.
pub(crate) fn demand_inside(ctx: &Ctx, visibility: Visibility, tenant_id: i64, id: impl Display) -> Result<()> {
    if visibility == Visibility::Global && Some(tenant_id) != ctx.tenant_id {
        return Err(Error::new(
            Code::IllegalAction,
            format!("Can't modify the global resource `{id}` from outside its tenant"),
        ));
    }
    Ok(())
}

fn demand_global(ctx: &Ctx, visibility: Visibility) -> Result<()> {
    if visibility == Visibility::Global && !ctx.may(Permission::CreateGlobalResource) {
        return Err(Error::forbidden(format!(
            "User `{}` is not permitted to set or create a global resource",
            ctx.username
        )));
    }
    Ok(())
}

fn invalid(name: &str, valid: &str) -> Error {
    Error::bad_parameters(format!("Invalid visibility: `{name}`. Valid visibility's values are: {valid}"))
}
