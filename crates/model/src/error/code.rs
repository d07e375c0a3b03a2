//! The closed list of error codes on the wire (spec rest-api.md section 1.7), each with what it means and
//! what to do about it. `docs/errors.md` is made from this table.

macro_rules! codes {
    ($(#[doc = $meaning:literal] $variant:ident = $name:literal, $status:literal, $remedy:literal;)*) => {
        /// An error code.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $(#[doc = $meaning] $variant,)* }

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

            /// What it means, a sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning.trim_ascii(),)* }
            }

            /// What to do about it, a sentence.
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$variant => $remedy,)* }
            }
        }
    };
}

codes! {
    /// Something failed inside the manager.
    InternalServer = "internal_server_error", 500, "Look for the request id in the manager's log.";
    /// An action that does not exist.
    UnknownAction = "unknown_action", 400, "Use one of the actions that the message names.";
    /// The manager has too little memory for a list.
    InsufficientMemory = "insufficient_memory_error", 503, "Ask for less at once, or try again later.";
    /// A snapshot is being restored.
    InSnapshotRestore = "in_snapshot_restore_error", 503, "Try again when the restore has ended.";
    /// Files could not be brought to the other managers.
    FileSyncService = "file_sync_service_error", 503, "Look at the connection between the managers.";
    /// A feature that the installation does not have.
    MissingPremiumPackage = "missing_premium_package_error", 404, "Do without; Nephele itself has no such features.";
    /// A feature of another edition.
    CommunityOnly = "community_only_error", 404, "Do without; Nephele itself has no editions.";
    /// It exists already, or its present state forbids the request.
    Conflict = "conflict_error", 409, "Choose another name, or wait for the state that the message asks for.";
    /// A name that several entities have.
    AmbiguousName = "ambiguous_name", 409, "Use the id.";
    /// The database refused a change.
    Storage = "storage_error", 409, "Try again; the manager's log has the cause.";
    /// Nothing visible has this id.
    NotFound = "not_found_error", 404, "Look at the id and the tenant.";
    /// A parameter is the address of nothing.
    ParamUrlNotFound = "param_url_not_found_error", 400, "Correct the address.";
    /// Something else depends on it, or still runs.
    DependentExists = "dependent_exists_error", 400, "Delete what depends on it first, or use force.";
    /// A deployment is to belong to one that does not exist.
    DeploymentParentNotFound = "deployment_parent_not_found_error", 404, "Correct the label `csys-obj-parent`.";
    /// The deployment has no such workflow.
    NonexistentWorkflow = "nonexistent_workflow_error", 400, "Use one of the workflows of the deployment.";
    /// The workflow's rules forbid it now.
    UnavailableWorkflow = "unavailable_workflow_error", 400, "Bring the deployment into the state that the rules ask for.";
    /// A workflow has a rule that cannot be applied.
    InvalidWorkflowAvailabilityRule = "invalid_workflow_availability_rule_error", 400, "Correct `availability_rules` in the blueprint.";
    /// The manager has no security set up.
    ApplicationNotSecured = "application_not_secured_error", 401, "Nothing: it is never answered.";
    /// The manager makes no tokens.
    NoTokenGenerator = "no_token_generator_error", 401, "Nothing: it is never answered.";
    /// A stored secret cannot be deciphered.
    InvalidFernetTokenFormat = "invalid_fernet_token_format_error", 500, "Restore the manager's encryption key, or create the secret anew.";
    /// It is not known who asks.
    Unauthorized = "unauthorized_error", 401, "Give user and password, or a token that has not run out.";
    /// Whoever asks lacks a right.
    Forbidden = "forbidden_error", 403, "Ask for the role, or work in a tenant where you have it.";
    /// Nothing can be created while its execution is being cancelled.
    ForbiddenWhileCancelling = "forbidden_while_cancelling", 403, "Let the execution end.";
    /// Only the update of a deployment may do that.
    OnlyDeploymentUpdate = "only_deployment_update", 403, "Use `deployments update`.";
    /// The body is no JSON.
    UnsupportedContentType = "unsupported_content_type_error", 415, "Send `Content-Type: application/json`.";
    /// The body is larger than what is taken at once.
    TooLarge = "too_large_error", 413, "Send less at once; the message names the limit.";
    /// A parameter is missing or has a value that cannot be taken.
    BadParameters = "bad_parameters_error", 400, "Correct the parameter that the message names.";
    /// The blueprint is not in order, or not ready.
    InvalidBlueprint = "invalid_blueprint_error", 400, "`nephele blueprints validate` shows all that is wrong.";
    /// The plugin's archive is not in order.
    InvalidPlugin = "invalid_plugin_error", 400, "Upload a wagon, or a zip of a wagon and its `plugin.yaml`.";
    /// Another execution of the deployment runs.
    ExistingRunningExecution = "existing_running_execution_error", 400, "Wait, or use queue or force.";
    /// More executions would run than are allowed.
    GlobalParallelRunningExecutionsLimitReached = "global_parallel_running_executions_limit_reached_error", 400, "Wait, or use queue.";
    /// An execution cannot go from its status into the one that is asked for.
    InvalidExceptionStatusUpdate = "invalid_exception_status_update", 400, "Look at the execution's status first.";
    /// The update changes something that updates cannot change.
    UnsupportedChangeInDeploymentUpdate = "unsupported_change_in_deployment_update", 400, "Take that change out of the update.";
    /// The update of plugins failed.
    PluginsUpdateFailed = "plugins_update_failed", 400, "Look at the execution of the update.";
    /// Another modification of the deployment has begun.
    ExistingStartedDeploymentModification = "existing_started_deployment_modification_error", 400, "Finish it or roll it back first.";
    /// The modification has ended.
    DeploymentModificationAlreadyEnded = "deployment_modification_already_ended_error", 400, "Nothing remains to be done with it.";
    /// The state forbids the action.
    IllegalAction = "illegal_action_error", 400, "Look at the state that the message names.";
    /// Parameters of the execution are missing, unknown or of the wrong type.
    IllegalExecutionParameters = "illegal_execution_parameters_error", 400, "Give the parameters that the workflow declares.";
    /// `_include` names a field that does not exist.
    NoSuchIncludeField = "no_such_include_field_error", 400, "Remove the field.";
    /// The deployment cannot be made.
    DeploymentCreation = "deployment_creation_error", 400, "Correct what the message names, often an input.";
    /// The deployment is being made.
    DeploymentEnvironmentCreationInProgress = "deployment_environment_creation_in_progress_error", 400, "Try again in a moment.";
    /// The deployment waits to be made.
    DeploymentEnvironmentCreationPending = "deployment_environment_creation_pending_error", 400, "Try again in a moment.";
    /// Inputs are missing.
    MissingRequiredDeploymentInput = "missing_required_deployment_input_error", 400, "Give the inputs that the message names.";
    /// Inputs that the blueprint does not declare.
    UnknownDeploymentInput = "unknown_deployment_input_error", 400, "Correct or remove them; the message lists those that exist.";
    /// An input's value does not fit where it is used.
    DeploymentInputEvaluation = "deployment_input_evaluation_error", 400, "Give a value of the type and shape that is used.";
    /// A value violates a constraint.
    Constraint = "constraint_error", 400, "Choose a value that satisfies the constraint.";
    /// Secrets are missing.
    UnknownDeploymentSecret = "unknown_deployment_secret_error", 400, "Create the secrets first.";
    /// The deployment's outputs cannot be evaluated.
    DeploymentOutputsEvaluation = "deployment_outputs_evaluation_error", 400, "Correct the function that the message names.";
    /// The deployment's capabilities cannot be evaluated.
    DeploymentCapabilitiesEvaluation = "deployment_capabilities_evaluation_error", 400, "Correct the function that the message names.";
    /// A function cannot be evaluated.
    FunctionsEvaluation = "functions_evaluation_error", 400, "Correct the function that the message names.";
    /// A stage of modifications that does not exist.
    UnknownModificationStage = "unknown_modification_stage_error", 400, "Correct the stage.";
    /// The import resolver cannot be made.
    ResolverInstantiation = "resolver_instantiation_error", 400, "Correct the resolver in the manager's configuration.";
    /// The address does not take this method.
    MethodNotAllowed = "method_not_allowed_error", 405, "Use another method.";
    /// The snapshot's state forbids it.
    SnapshotAction = "snapshot_action_error", 400, "Look at the snapshot's status.";
    /// The log bundle's state forbids it.
    LogBundleAction = "log_bundle_action_error", 400, "Look at the log bundle's status.";
    /// Blueprints or deployments use the plugin.
    PluginInUse = "plugin_in_use", 405, "Delete what uses it first, or use force.";
    /// Deployments or other blueprints use the blueprint.
    BlueprintInUse = "blueprint_in_use", 405, "Delete what uses it first, or use force.";
    /// The plugin could not be installed.
    PluginInstallation = "plugin_installation_error", 400, "Look at the events of the installation.";
    /// The plugin was not installed in time.
    PluginInstallationTimeout = "plugin_installation_timeout", 400, "Look at the worker, and try again.";
    /// An upload without a file.
    UploadMissingFile = "upload_missing_file", 400, "Send the file.";
    /// The blueprint imports another one that is not there.
    ImportedBlueprintNotFound = "imported_blueprint_not_found", 404, "Upload the imported blueprint first.";
    /// The deployment needs a plugin that is not there.
    DeploymentPluginNotFound = "deployment_plugin_not_found", 400, "Upload the plugin first.";
    /// The members of a cluster do not fit together.
    IncompatibleClusterArchitecture = "incompatible_cluster_architecture", 400, "Nothing: it is never answered.";
    /// The licence cannot be verified.
    UnverifiedCloudifyLicense = "unverified_cloudify_license", 400, "Upload the licence as it was given.";
    /// A text is no YAML.
    InvalidYamlFormat = "invalid_yaml_format", 400, "Correct the text at the place that the message names.";
    /// There is no licence.
    MissingCloudifyLicense = "missing_cloudify_license", 400, "Upload one; Nephele itself needs none.";
    /// The licence has run out.
    ExpiredCloudifyLicense = "expired_cloudify_license", 400, "Upload a newer one; Nephele itself needs none.";
    /// A filter's rule cannot be applied.
    InvalidFilterRule = "invalid_filter_rule", 400, "Correct the rule that `err_filter_rule` shows; `err_reason` says why.";
    /// Something outside that the request needs does not answer.
    FailedDependency = "failed_dependency", 400, "Look at the service that the message names.";
    /// The LDAP server does not answer.
    NotRunningLdapServer = "not_running_ldap_server", 500, "Start the server, or correct its address.";
    /// A kind of file server that does not exist.
    UnsupportedFileServerType = "unsupported_file_server_type", 500, "Correct the setting.";
    /// The file server failed.
    FileServerException = "file_server_exception", 500, "The manager's log has the cause.";
    /// Several files could not be stored.
    MultipleFilesUploadException = "multiple_files_upload_exception", 500, "The manager's log has the cause.";
    /// The manager is in maintenance mode.
    MaintenanceModeActive = "maintenance_mode_active", 503, "Wait until it has ended.";
    /// The manager is about to enter maintenance mode.
    EnteringMaintenanceMode = "entering_maintenance_mode", 503, "Wait until it has ended.";
    /// Plain HTTP where HTTPS is wanted.
    SslRequired = "SSL_REQUIRED", 400, "Use `https://`.";
    /// Which tasks the workflow has is known only while it runs.
    UnplannableWorkflow = "unplannable_workflow_error", 400, "Start it as a dry run to see what it would do.";
    /// There is nothing to change; the answer has no body.
    NotModified = "not_modified", 304, "Nothing.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_explained() {
        let names: std::collections::HashSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        for code in Code::ALL {
            assert!(code.meaning().ends_with('.') && code.remedy().ends_with('.'), "{code:?}");
        }
    }
}
