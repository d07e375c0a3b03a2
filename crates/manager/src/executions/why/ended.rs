//! What stopped an execution that failed, and what a person can do about it.

use nephele_model::Result;
use nephele_model::id::TaskId;
use nephele_model::task::{TaskKind, TaskState};
use nephele_model::wait::WaitKind;
use nephele_store::operations::{self, Progress};
use serde_json::json;

use super::tasks::of_task;
use super::{Look, Wait, quoted};
use crate::operations::about::About;
use crate::rows::failed;

impl Look<'_> {
    /// The tasks that failed for good, or what the execution itself says.
    pub(super) async fn failure(&self) -> Result<Vec<Wait>> {
        let execution = self.execution;
        let tasks = operations::awaited(&*self.manager.store, execution.storage_id).await.map_err(failed)?;
        let tasks: Vec<(About, Progress)> = tasks.into_iter().map(|task| (About::of(&task), task)).collect();
        let retried: Vec<&str> = tasks.iter().filter_map(|(about, _)| about.retried_task.as_deref()).collect();
        let ended = |task: &Progress| task.state == TaskState::Failed && task.kind == TaskKind::Operation;
        let mut stopped: Vec<&(About, Progress)> =
            tasks.iter().filter(|(about, task)| ended(task) && about.failed_for_good()).collect();
        if stopped.is_empty() {
            // Workflows in Python do not say which failures were for good.
            let is_last = |id: &TaskId| !retried.contains(&id.as_str());
            stopped =
                tasks.iter().filter(|(_, task)| ended(task) && task.error.is_some() && is_last(&task.id)).collect();
        }
        if stopped.is_empty() {
            let error = execution.error.as_deref().filter(|error| !error.is_empty()).unwrap_or("its events say why");
            let reason = format!("{}. {}", quoted(error).trim_end_matches('.'), self.remedy());
            return Ok(vec![self.in_need(Wait::new(WaitKind::Person, reason), error).since(execution.ended_at)]);
        }
        Ok(stopped.into_iter().map(|(about, task)| self.stopped_by(about, task)).collect())
    }

    fn stopped_by(&self, about: &About, task: &Progress) -> Wait {
        let error = task.error.as_deref().or(self.execution.error.as_deref()).unwrap_or("its events say why");
        let attempts = match about.attempt(task) {
            (1, _) => String::new(),
            (count, _) => format!(" after {count} attempts"),
        };
        let reason = format!(
            "{} failed{attempts}: {}. {}",
            about.called(task),
            quoted(error).trim_end_matches('.'),
            self.remedy()
        );
        let (count, most) = about.attempt(task);
        self.in_need(of_task(WaitKind::Person, reason, about, task), error)
            .since(task.ended_at)
            .with("attempt", count)
            .with("max_attempts", most)
    }

    fn in_need(&self, wait: Wait, error: &str) -> Wait {
        let actions = if self.may_resume() { json!(["resume"]) } else { json!([]) };
        wait.with("error", error).with("actions", actions)
    }

    /// What can be done, in words.
    fn remedy(&self) -> &'static str {
        match self.execution.workflow_id.as_str() {
            "upload_blueprint" => "Correct the blueprint and upload it again",
            "create_deployment_environment" => "Delete the deployment, and create it again once the cause is gone",
            "delete_deployment_environment" => "Delete the deployment again once the cause is gone",
            _ if self.may_resume() => "Once the cause is gone, `resume` goes on from there",
            _ => "Start it again once the cause is gone",
        }
    }
}
