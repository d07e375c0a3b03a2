//! The settings that clients read at `GET /config`, with their first values. Scope `rest` is read
//! by the CLI before uploads, `workflow` and `agent` by the Python side of operations.

pub(crate) struct Default {
    pub(crate) scope: &'static str,
    pub(crate) name: &'static str,
    /// JSON.
    pub(crate) value: &'static str,
    /// JSON schema.
    pub(crate) schema: Option<&'static str>,
    pub(crate) is_editable: bool,
    /// Whether only administrators see and change it.
    pub(crate) admin_only: bool,
}

const POSITIVE: Option<&str> = Some(r#"{"type":"integer","minimum":1}"#);
const COUNT: Option<&str> = Some(r#"{"type":"integer","minimum":0}"#);
const WHOLE: Option<&str> = Some(r#"{"type":"integer"}"#);
const SWITCH: Option<&str> = Some(r#"{"type":"boolean"}"#);
const TEXT: Option<&str> = Some(r#"{"type":"string"}"#);
const RETRIES: Option<&str> = Some(r#"{"type":"integer","minimum":-1}"#);
const LOG_LEVEL: Option<&str> = Some(r#"{"type":"string","enum":["debug","info","warning","error","critical"]}"#);

const fn setting(
    scope: &'static str,
    name: &'static str,
    value: &'static str,
    schema: Option<&'static str>,
) -> Default {
    Default { scope, name, value, schema, is_editable: true, admin_only: false }
}

const fn fixed(scope: &'static str, name: &'static str, value: &'static str) -> Default {
    Default { scope, name, value, schema: None, is_editable: false, admin_only: false }
}

/// A setting of the service that users log in through; null as long as there is none.
const fn login(name: &'static str) -> Default {
    Default { scope: "rest", name, value: "null", schema: None, is_editable: true, admin_only: false }
}

/// One that only administrators see.
const fn hidden(name: &'static str) -> Default {
    Default { admin_only: true, ..login(name) }
}

pub(crate) const DEFAULTS: &[Default] = &[
    setting("agent", "broker_port", "5671", POSITIVE),
    setting("agent", "heartbeat", "30", COUNT),
    setting("agent", "log_level", "\"info\"", LOG_LEVEL),
    setting("agent", "max_workers", "5", POSITIVE),
    setting("agent", "min_workers", "2", POSITIVE),
    setting("mgmtworker", "log_level", "\"info\"", LOG_LEVEL),
    setting("mgmtworker", "max_workers", "100", POSITIVE),
    setting("mgmtworker", "min_workers", "2", POSITIVE),
    setting("mgmtworker", "prefetch_count", "1", POSITIVE),
    setting("rest", "account_lock_period", "-1", WHOLE),
    setting("rest", "default_page_size", "1000", POSITIVE),
    setting("rest", "failed_logins_before_account_lock", "4", POSITIVE),
    fixed("rest", "file_server_root", "null"),
    fixed("rest", "file_server_type", "\"local\""),
    setting("rest", "insecure_endpoints_disabled", "true", SWITCH),
    login("ldap_attribute_email"),
    login("ldap_attribute_first_name"),
    login("ldap_attribute_group_membership"),
    login("ldap_attribute_last_name"),
    login("ldap_attribute_uid"),
    login("ldap_base_dn"),
    login("ldap_bind_format"),
    login("ldap_dn_extra"),
    login("ldap_domain"),
    login("ldap_group_dn"),
    login("ldap_group_member_filter"),
    setting("rest", "ldap_is_active_directory", "false", SWITCH),
    setting("rest", "ldap_nested_levels", "1", COUNT),
    hidden("ldap_password"),
    login("ldap_server"),
    setting("rest", "ldap_timeout", "5", POSITIVE),
    login("ldap_user_filter"),
    hidden("ldap_username"),
    login("oidc_audience"),
    login("oidc_groups_claim"),
    login("oidc_issuer"),
    login("oidc_username_claim"),
    setting("rest", "log_level", "\"info\"", LOG_LEVEL),
    setting("rest", "marketplace_api_url", "\"\"", TEXT),
    setting("rest", "max_concurrent_workflows", "1000", POSITIVE),
    setting("rest", "min_available_memory_mb", "100", COUNT),
    setting("rest", "snapshot_keep", "7", POSITIVE),
    setting("rest", "snapshot_schedule", "\"\"", TEXT),
    setting("workflow", "max_retries", "60", RETRIES),
    setting("workflow", "subgraph_retries", "0", RETRIES),
    setting("workflow", "task_retries", "60", RETRIES),
    setting("workflow", "task_retry_interval", "15", COUNT),
];
