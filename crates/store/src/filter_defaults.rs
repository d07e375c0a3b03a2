//! The filters that every installation begins with: they belong to the manager and nobody changes them.
//!
//! Their ids and rules are known to the console and to scripts of users.

use nephele_model::Visibility;
use nephele_model::filter::{LabelOperator, Rule};

use crate::db::Db;
use crate::error::Result;
use crate::table::filters::{self, Filtered, NewFilter};
use crate::table::{tenants, users};

/// Filters by the kind of thing that a deployment is, which its label `obj-type` says.
const KINDS: [(&str, &str); 20] = [
    ("csys-k8s-filter", "k8s"),
    ("csys-terraform-filter", "terraform"),
    ("aws-deployments", "aws"),
    ("azure-deployments", "azure"),
    ("gcp-deployments", "gcp"),
    ("terragrunt-deployments", "terragrunt"),
    ("helm-deployments", "helm"),
    ("ansible-deployments", "ansible"),
    ("starlingx-deployments", "starlingx"),
    ("vsphere-deployments", "vsphere"),
    ("docker-deployments", "docker"),
    ("netconf-deployments", "netconf"),
    ("fabric-deployments", "fabric"),
    ("libvirt-deployments", "libvirt"),
    ("utilities-deployments", "utilities"),
    ("host-pool-deployments", "host-pool"),
    ("diamond-deployments", "diamond"),
    ("openstack-deployments", "openstack"),
    ("openstack-v3-deployments", "openstack-v3"),
    ("vcloud-deployments", "vcloud"),
];

/// Makes those that are not there.
pub(crate) async fn ensure(db: &dyn Db) -> Result<()> {
    let rule = |key: &str, operator, value: &str| Rule::label(key, operator, vec![value.to_owned()]);
    let top = || Rule::label("csys-obj-parent", LabelOperator::IsNull, Vec::new());
    let environments = vec![rule("csys-obj-type", LabelOperator::AnyOf, "environment"), top()];
    let services = vec![rule("csys-obj-type", LabelOperator::IsNot, "environment"), top()];
    let fixed = [("csys-environment-filter", environments), ("csys-service-filter", services)];
    let kinds = KINDS.map(|(id, kind)| (id, vec![rule("obj-type", LabelOperator::AnyOf, kind)]));
    for (id, rules) in fixed.into_iter().chain(kinds) {
        let filter = NewFilter {
            id: id.to_owned(),
            visibility: Visibility::Global,
            tenant_id: tenants::DEFAULT_TENANT_ID,
            creator_id: users::ADMIN_ID,
            created_at: db.now(),
            rules,
            is_system_filter: true,
        };
        filters::ensure(db, Filtered::Deployment, filter).await?;
    }
    Ok(())
}
