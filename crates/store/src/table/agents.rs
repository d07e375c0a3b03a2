//! Host agents.

use crate::field::{CREATED_BY, PRIVATE_RESOURCE, RESOURCE_AVAILABILITY, Resource, TENANT_NAME, text, time};

const NODE: &str = "(SELECT n.id FROM node_instances i JOIN nodes n ON n.storage_id = i.node_fk \
                    WHERE i.storage_id = r.node_instance_fk)";
const DEPLOYMENT: &str = "(SELECT d.id FROM node_instances i JOIN deployments d ON d.storage_id = i.deployment_fk \
                          WHERE i.storage_id = r.node_instance_fk)";

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
            text("node_instance_id").of("node_instance_fk", "node_instances", "id"),
            text("host_id").of("node_instance_fk", "node_instances", "id"),
            text("node_id").sql(NODE),
            text("deployment_id").sql(DEPLOYMENT),
            text("node").sql(NODE),
            text("deployment").sql(DEPLOYMENT),
            text("node_ids").sql(NODE),
            text("node_instance_ids").of("node_instance_fk", "node_instances", "id"),
            text("install_methods").sql("r.install_method"),
            TENANT_NAME,
            CREATED_BY,
            RESOURCE_AVAILABILITY,
            PRIVATE_RESOURCE,
        ],
    )
};
