//! Host agents.

use crate::field::{CREATED_BY, Hop, PRIVATE_RESOURCE, RESOURCE_AVAILABILITY, Resource, TENANT_NAME, text, time};

const INSTANCE: &[Hop] = &[("node_instance_fk", "node_instances")];
const NODE: &[Hop] = &[("node_instance_fk", "node_instances"), ("node_fk", "nodes")];
const DEPLOYMENT: &[Hop] = &[("node_instance_fk", "node_instances"), ("deployment_fk", "deployments")];

/// The records of `GET /agents`. The password is as it is stored.
pub static RESOURCE: Resource = Resource {
    key: "r.name",
    search: Some("r.name"),
    ..Resource::new(
        "Agent",
        "agents",
        &[
            time("created_at"),
            text("id"),
            text("visibility"),
            text("ip"),
            text("name"),
            text("install_method"),
            text("system"),
            text("version"),
            text("state"),
            text("rabbitmq_username"),
            text("rabbitmq_password"),
            text("rabbitmq_exchange"),
            time("updated_at"),
            text("node_instance_id").of(INSTANCE, "id"),
            text("host_id").of(INSTANCE, "id"),
            text("node_id").of(NODE, "id"),
            text("deployment_id").of(DEPLOYMENT, "id"),
            text("node").of(NODE, "id"),
            text("deployment").of(DEPLOYMENT, "id"),
            text("node_ids").of(NODE, "id"),
            text("node_instance_ids").of(INSTANCE, "id"),
            text("install_methods").sql("r.install_method"),
            TENANT_NAME,
            CREATED_BY,
            RESOURCE_AVAILABILITY,
            PRIVATE_RESOURCE,
        ],
    )
};
