//! One error type for everything that a client may hear of.
//!
//! A failure travels as [`Error`]: a [`Code`] from the closed list that clients know, a message for
//! a person, and optionally a cause that is logged and never sent. The HTTP layer turns it into an
//! answer as its very last step; nothing below knows of HTTP beyond the status that belongs to a
//! code. Source of codes and statuses: spec rest-api.md section 1.7.

use std::error::Error as StdError;
use std::fmt;

use serde_json::Value;

/// The result of anything that may be refused.
pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! codes {
    ($($variant:ident = $name:literal, $status:literal;)*) => {
        /// The closed list of error codes on the wire.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "each variant says what its wire name says")]
        pub enum Code { $($variant,)* }

        impl Code {
            /// Every code, in the order of the specification.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name used on the wire (`error_code`).
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The HTTP status that belongs to the code.
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }
        }
    };
}

codes! {
    InternalServer = "internal_server_error", 500;
    UnknownAction = "unknown_action", 400;
    InsufficientMemory = "insufficient_memory_error", 503;
    InSnapshotRestore = "in_snapshot_restore_error", 503;
    FileSyncService = "file_sync_service_error", 503;
    MissingPremiumPackage = "missing_premium_package_error", 404;
    CommunityOnly = "community_only_error", 404;
    Conflict = "conflict_error", 409;
    AmbiguousName = "ambiguous_name", 409;
    Storage = "storage_error", 409;
    NotFound = "not_found_error", 404;
    ParamUrlNotFound = "param_url_not_found_error", 400;
    DependentExists = "dependent_exists_error", 400;
    DeploymentParentNotFound = "deployment_parent_not_found_error", 404;
    NonexistentWorkflow = "nonexistent_workflow_error", 400;
    UnavailableWorkflow = "unavailable_workflow_error", 400;
    InvalidWorkflowAvailabilityRule = "invalid_workflow_availability_rule_error", 400;
    ApplicationNotSecured = "application_not_secured_error", 401;
    NoTokenGenerator = "no_token_generator_error", 401;
    InvalidFernetTokenFormat = "invalid_fernet_token_format_error", 500;
    Unauthorized = "unauthorized_error", 401;
    Forbidden = "forbidden_error", 403;
    ForbiddenWhileCancelling = "forbidden_while_cancelling", 403;
    OnlyDeploymentUpdate = "only_deployment_update", 403;
    UnsupportedContentType = "unsupported_content_type_error", 415;
    BadParameters = "bad_parameters_error", 400;
    InvalidBlueprint = "invalid_blueprint_error", 400;
    InvalidPlugin = "invalid_plugin_error", 400;
    ExistingRunningExecution = "existing_running_execution_error", 400;
    GlobalParallelRunningExecutionsLimitReached = "global_parallel_running_executions_limit_reached_error", 400;
    InvalidExceptionStatusUpdate = "invalid_exception_status_update", 400;
    UnsupportedChangeInDeploymentUpdate = "unsupported_change_in_deployment_update", 400;
    PluginsUpdateFailed = "plugins_update_failed", 400;
    ExistingStartedDeploymentModification = "existing_started_deployment_modification_error", 400;
    DeploymentModificationAlreadyEnded = "deployment_modification_already_ended_error", 400;
    IllegalAction = "illegal_action_error", 400;
    IllegalExecutionParameters = "illegal_execution_parameters_error", 400;
    NoSuchIncludeField = "no_such_include_field_error", 400;
    DeploymentCreation = "deployment_creation_error", 400;
    DeploymentEnvironmentCreationInProgress = "deployment_environment_creation_in_progress_error", 400;
    DeploymentEnvironmentCreationPending = "deployment_environment_creation_pending_error", 400;
    MissingRequiredDeploymentInput = "missing_required_deployment_input_error", 400;
    UnknownDeploymentInput = "unknown_deployment_input_error", 400;
    DeploymentInputEvaluation = "deployment_input_evaluation_error", 400;
    Constraint = "constraint_error", 400;
    UnknownDeploymentSecret = "unknown_deployment_secret_error", 400;
    DeploymentOutputsEvaluation = "deployment_outputs_evaluation_error", 400;
    DeploymentCapabilitiesEvaluation = "deployment_capabilities_evaluation_error", 400;
    FunctionsEvaluation = "functions_evaluation_error", 400;
    UnknownModificationStage = "unknown_modification_stage_error", 400;
    ResolverInstantiation = "resolver_instantiation_error", 400;
    MethodNotAllowed = "method_not_allowed_error", 405;
    SnapshotAction = "snapshot_action_error", 400;
    LogBundleAction = "log_bundle_action_error", 400;
    PluginInUse = "plugin_in_use", 405;
    BlueprintInUse = "blueprint_in_use", 405;
    PluginInstallation = "plugin_installation_error", 400;
    PluginInstallationTimeout = "plugin_installation_timeout", 400;
    UploadMissingFile = "upload_missing_file", 400;
    ImportedBlueprintNotFound = "imported_blueprint_not_found", 404;
    DeploymentPluginNotFound = "deployment_plugin_not_found", 400;
    IncompatibleClusterArchitecture = "incompatible_cluster_architecture", 400;
    UnverifiedCloudifyLicense = "unverified_cloudify_license", 400;
    InvalidYamlFormat = "invalid_yaml_format", 400;
    MissingCloudifyLicense = "missing_cloudify_license", 400;
    ExpiredCloudifyLicense = "expired_cloudify_license", 400;
    InvalidFilterRule = "invalid_filter_rule", 400;
    FailedDependency = "failed_dependency", 400;
    NotRunningLdapServer = "not_running_ldap_server", 500;
    UnsupportedFileServerType = "unsupported_file_server_type", 500;
    FileServerException = "file_server_exception", 500;
    MultipleFilesUploadException = "multiple_files_upload_exception", 500;
    MaintenanceModeActive = "maintenance_mode_active", 503;
    EnteringMaintenanceMode = "entering_maintenance_mode", 503;
    SslRequired = "SSL_REQUIRED", 400;
    NotModified = "not_modified", 304;
}

/// A refusal or a failure, ready to be shown to a person and to a program.
pub struct Error {
    code: Code,
    message: String,
    details: Option<Value>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error with this code and message. Prefer the constructors by meaning below.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: None, source: None }
    }

    /// Something inside failed that the caller cannot mend. The cause is logged, not sent.
    pub fn internal(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let mut error = Self::new(
            Code::InternalServer,
            "Internal error occurred in manager REST server; the manager's log has the cause under this request id",
        );
        error.source = Some(cause.into());
        error
    }

    /// The entity `kind` (a model's name such as `Blueprint`) with this id is not visible to the caller.
    pub fn not_found(kind: &str, id: impl fmt::Display) -> Self {
        Self::new(Code::NotFound, format!("Requested `{kind}` with ID `{id}` was not found"))
    }

    /// The request contradicts the present state or another one.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(Code::Conflict, message)
    }

    /// A parameter has a value that cannot be taken.
    pub fn bad_parameters(message: impl Into<String>) -> Self {
        Self::new(Code::BadParameters, message)
    }

    /// The caller could not be identified. The prefix is part of the wire format.
    pub fn unauthorized(detail: impl fmt::Display) -> Self {
        Self::new(Code::Unauthorized, format!("User unauthorized: {detail}"))
    }

    /// The caller is known and lacks a right.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(Code::Forbidden, message)
    }

    /// Adds a cause for the log.
    #[must_use]
    pub fn with_source(mut self, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(cause.into());
        self
    }

    /// Adds keys that go beside `message` in the body, such as `err_filter_rule`. Must be an object.
    #[must_use]
    pub fn with_details(mut self, details: Value) -> Self {
        self.details = Some(details);
        self
    }

    /// The code on the wire.
    pub const fn code(&self) -> Code {
        self.code
    }

    /// The text for a person.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Further keys of the body, if any.
    pub const fn details(&self) -> Option<&Value> {
        self.details.as_ref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.code.as_str(), self.message)?;
        let mut cause = self.source();
        while let Some(inner) = cause {
            write!(formatter, ": {inner}")?;
            cause = inner.source();
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|cause| cause as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_the_cause_and_display_does_not() {
        let error = Error::internal("disk full");
        assert!(format!("{error:?}").ends_with("disk full"));
        assert!(!error.to_string().contains("disk full"));
    }

    #[test]
    fn codes_are_unique() {
        let names: std::collections::HashSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(names.len(), Code::ALL.len());
    }
}
