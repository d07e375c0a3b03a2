//! Executions: runs of workflows.

use nephele_model::execution::CancelAction;
use nephele_model::task::TaskAction;
use reqwest::Method;
use serde_json::{Value, json};

use crate::Result;

super::resource!(
    /// Runs of workflows.
    Executions,
    executions
);
super::listed!(Executions, "executions", get);

impl Executions<'_> {
    /// Starts a workflow. `options` are further keys of the body, such as `force` or `queue`.
    pub async fn start(&self, deployment: &str, workflow: &str, parameters: &Value, options: &Value) -> Result<Value> {
        let mut body = json!({"deployment_id": deployment, "workflow_id": workflow, "parameters": parameters});
        if let (Some(body), Some(options)) = (body.as_object_mut(), options.as_object()) {
            body.extend(options.clone());
        }
        self.0.submit(Method::POST, &["executions"], &body).await
    }

    /// What a run waits for now, or how it ended.
    pub async fn why(&self, id: &str) -> Result<Value> {
        self.0.get(&["executions", id, "why"], &[]).await
    }

    /// The tasks of a run; with `since`, those that changed after that version.
    pub async fn tasks(&self, id: &str, since: Option<i64>) -> Result<Value> {
        let since = since.map(|since| since.to_string());
        let query: Vec<(&str, &str)> = since.iter().map(|since| ("since", since.as_str())).collect();
        self.0.get(&["executions", id, "tasks"], &query).await
    }

    /// What a workflow would do in a deployment if it began now. `options` are further keys of the body.
    pub async fn plan(&self, deployment: &str, workflow: &str, parameters: &Value, options: &Value) -> Result<Value> {
        let mut body = json!({"workflow_id": workflow, "parameters": parameters});
        if let (Some(body), Some(options)) = (body.as_object_mut(), options.as_object()) {
            body.extend(options.clone());
        }
        self.0.submit(Method::POST, &["deployments", deployment, "plan"], &body).await
    }

    /// Asks a run to stop.
    pub async fn cancel(&self, id: &str, action: CancelAction) -> Result<Value> {
        let action = match action {
            CancelAction::Cancel => "cancel",
            CancelAction::Force => "force-cancel",
            CancelAction::Kill => "kill",
        };
        self.act(id, action).await
    }

    /// Goes on with a run that failed or was cancelled; `force` also re-runs operations that do
    /// not say that they may be.
    pub async fn resume(&self, id: &str, force: bool) -> Result<Value> {
        self.act(id, if force { "force-resume" } else { "resume" }).await
    }

    /// The same with other parameters: those that are given take the place of those that the run has.
    pub async fn resume_with(&self, id: &str, force: bool, parameters: &Value) -> Result<Value> {
        let action = if force { "force-resume" } else { "resume" };
        let body = json!({"action": action, "parameters": parameters});
        self.0.submit(Method::POST, &["executions", id], &body).await
    }

    /// Starts the same workflow with the same parameters anew. Gives the new execution.
    pub async fn rerun(&self, id: &str) -> Result<Value> {
        self.act(id, "rerun").await
    }

    /// Has a task of a run tried again (`retry`) or left out (`skip`), for a reason. Gives the task.
    pub async fn decide(&self, id: &str, task: &str, action: TaskAction, reason: &str) -> Result<Value> {
        let body = json!({"action": action.as_str(), "reason": reason});
        self.0.submit(Method::POST, &["executions", id, "tasks", task], &body).await
    }

    async fn act(&self, id: &str, action: &str) -> Result<Value> {
        self.0.submit(Method::POST, &["executions", id], &json!({"action": action})).await
    }
}
