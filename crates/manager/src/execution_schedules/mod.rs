//! Schedules: workflows that are started at given times; `rule.rs` says when, `scheduler.rs` starts them.
//!
//! Invariant: a schedule's row holds the next time it is due, reckoned whenever the rule changes and
//! whenever it was due; nothing is due that the row does not say. Source: spec rest-api.md section 2.4.

mod default;
#[cfg(test)]
mod reference;
mod rule;
mod scheduler;
mod words;

use nephele_model::page::{ListQuery, Page};
use nephele_model::{Error, Permission, Result, Timestamp, id};
use nephele_store::deployments::Deployment;
use nephele_store::execution_schedules::{
    self as rows, ExecutionSchedule, ExecutionScheduleChanges, NewExecutionSchedule,
};
use nephele_store::{Error as Failure, Json, Record};
use serde_json::{Map, Value, json};

use crate::executions::place::{Wish, declared};
use crate::executions::{WAIT_AFTER_FAIL, demand_execution_inside};
use crate::rows::failed;
use crate::{Ctx, Manager};

pub(crate) use rule::Rule;
pub use rule::RuleWords;

/// How many coming instants a record shows.
const SHOWN: usize = 1000;
const FIELD: &str = "all_next_occurrences";

/// What a new schedule is made of.
#[derive(Debug, Default)]
pub struct NewSchedule {
    /// Its id.
    pub id: String,
    /// The deployment.
    pub deployment_id: String,
    /// The workflow.
    pub workflow_id: String,
    /// The workflow's parameters.
    pub parameters: Option<Map<String, Value>>,
    /// How it is to be run.
    pub execution_arguments: Map<String, Value>,
    /// The first time at the earliest; now when absent.
    pub since: Option<Timestamp>,
    /// The last time at the latest.
    pub until: Option<Timestamp>,
    /// How it recurs.
    pub rule: RuleWords,
    /// Minutes by which a start may be late.
    pub slip: i64,
    /// Whether a failure ends the schedule.
    pub stop_on_fail: bool,
    /// Whether it starts anything.
    pub enabled: bool,
    /// Who made it, if that is somebody else.
    pub created_by: Option<String>,
    /// When it was made, if that was earlier.
    pub created_at: Option<Timestamp>,
}

/// What of a schedule is to change; what is `None` stays.
#[derive(Debug, Default)]
pub struct ScheduleUpdate {
    /// The workflow.
    pub workflow_id: Option<String>,
    /// The first time at the earliest.
    pub since: Option<Timestamp>,
    /// The last time at the latest.
    pub until: Option<Timestamp>,
    /// How it recurs.
    pub rule: RuleWords,
    /// Minutes by which a start may be late.
    pub slip: Option<i64>,
    /// Whether a failure ends the schedule.
    pub stop_on_fail: Option<bool>,
    /// Whether it starts anything.
    pub enabled: Option<bool>,
}

impl Manager {
    /// One page of schedules.
    pub async fn list_schedules(&self, ctx: &Ctx, query: &ListQuery) -> Result<Page<Value>> {
        let page = self.list(ctx, &rows::RESOURCE, query).await?;
        let now = self.clock.now();
        let work = move || page.map(|record| with_instants(&record, now));
        let page = tokio::task::spawn_blocking(work).await.map_err(Error::internal)?;
        let mut items = Vec::with_capacity(page.items.len());
        let (total, size, offset, filtered) = (page.total, page.size, page.offset, page.filtered);
        for item in page.items {
            items.push(item?);
        }
        Ok(Page { items, total, size, offset, filtered })
    }

    /// One schedule of a deployment.
    pub async fn get_schedule(
        &self,
        ctx: &Ctx,
        id: &str,
        deployment: &str,
        include: Option<&[String]>,
    ) -> Result<Value> {
        let query = ListQuery {
            include: include.map(<[String]>::to_vec),
            filters: vec![
                ("id".to_owned(), vec![id.to_owned()]),
                ("deployment_id".to_owned(), vec![deployment.to_owned()]),
            ],
            ..ListQuery::default()
        };
        let found = self.list_schedules(ctx, &query).await?.items.into_iter().next();
        found.ok_or_else(|| missing(id, deployment))
    }

    /// Makes a schedule.
    pub async fn create_schedule(&self, ctx: &Ctx, new: NewSchedule) -> Result<Value> {
        id::check("schedule_id", &new.id, true)?;
        if new.created_at.is_some() {
            ctx.demand(Permission::SetTimestamp)?;
        }
        let creator_id = self.new_owner(ctx, new.created_by.clone()).await?.unwrap_or(ctx.user_id);
        let deployment = self.find_deployment(ctx, &new.deployment_id).await?;
        demand_execution_inside(ctx, deployment.tenant_id, &new.deployment_id)?;
        demand_workflow(&deployment, &new.workflow_id)?;
        let rule = Rule::read(new.rule, None)?;
        let now = self.clock.now();
        let since = new.since.unwrap_or(now);
        let row = NewExecutionSchedule {
            id: new.id.clone(),
            visibility: deployment.visibility,
            tenant_id: deployment.tenant_id,
            creator_id,
            created_at: new.created_at.unwrap_or(now),
            next_occurrence: next(&rule, since, new.until, now).await?,
            since: Some(since),
            until: new.until,
            rule: Json::of(&rule),
            slip: new.slip,
            workflow_id: new.workflow_id,
            parameters: new.parameters.map(|parameters| Json::of(&parameters)),
            execution_arguments: Json::of(&new.execution_arguments),
            stop_on_fail: new.stop_on_fail,
            enabled: new.enabled,
            deployment_fk: deployment.storage_id,
        };
        rows::insert(&*self.store, row).await.map_err(|error| match error {
            Failure::Unique { .. } => Error::conflict(format!(
                "Instance with ID {} cannot be added on <Tenant name=`{}`> or with global visibility",
                new.id, deployment.tenant_name
            )),
            other => failed(other),
        })?;
        self.schedules_changed.notify_one();
        self.get_schedule(ctx, &new.id, &new.deployment_id, None).await
    }

    /// Makes a schedule that is due once.
    pub(crate) async fn schedule_once(
        &self,
        ctx: &Ctx,
        deployment: &Deployment,
        wish: Wish,
        time: Timestamp,
    ) -> Result<()> {
        let arguments = json!({
            "allow_custom_parameters": wish.allow_custom_parameters,
            "force": wish.force,
            "is_dry_run": wish.dry_run,
            "wait_after_fail": wish.wait_after_fail,
        });
        let row = NewExecutionSchedule {
            id: format!("{}_{}", wish.workflow, uuid::Uuid::new_v4().simple()),
            visibility: deployment.visibility,
            tenant_id: deployment.tenant_id,
            creator_id: ctx.user_id,
            created_at: self.clock.now(),
            next_occurrence: next(&Rule::ONCE, time, None, self.clock.now()).await?,
            since: Some(time),
            until: None,
            rule: Json::of(&json!({"count": 1})),
            slip: 0,
            workflow_id: wish.workflow,
            parameters: Some(Json::of(&wish.parameters)),
            execution_arguments: Json::of(&arguments),
            stop_on_fail: false,
            enabled: true,
            deployment_fk: deployment.storage_id,
        };
        rows::insert(&*self.store, row).await.map_err(failed)?;
        self.schedules_changed.notify_one();
        Ok(())
    }

    /// Changes a schedule.
    pub async fn update_schedule(
        &self,
        ctx: &Ctx,
        id: &str,
        deployment: &str,
        update: ScheduleUpdate,
    ) -> Result<Value> {
        let schedule = self.own_schedule(ctx, id, deployment).await?;
        if let Some(workflow) = &update.workflow_id {
            demand_workflow(&self.find_deployment(ctx, deployment).await?, workflow)?;
        }
        let present: Rule = schedule.rule.parse().map_err(failed)?;
        let rule = Rule::read(update.rule, Some(&present))?;
        let now = self.clock.now();
        let since = update.since.or(schedule.since).unwrap_or(now);
        let until = update.until.or(schedule.until);
        let changes = ExecutionScheduleChanges {
            next_occurrence: Some(next(&rule, since, until, now).await?),
            since: update.since,
            until: update.until,
            rule: Some(Json::of(&rule)),
            slip: update.slip,
            workflow_id: update.workflow_id,
            stop_on_fail: update.stop_on_fail,
            enabled: update.enabled,
            ..ExecutionScheduleChanges::default()
        };
        rows::update(&*self.store, schedule.storage_id, changes).await.map_err(failed)?;
        self.schedules_changed.notify_one();
        self.get_schedule(ctx, id, deployment, None).await
    }

    /// Deletes a schedule; what it started goes on.
    pub async fn delete_schedule(&self, ctx: &Ctx, id: &str, deployment: &str) -> Result<()> {
        let schedule = self.own_schedule(ctx, id, deployment).await?;
        rows::delete(&*self.store, schedule.storage_id).await.map(drop).map_err(failed)
    }

    async fn own_schedule(&self, ctx: &Ctx, id: &str, deployment: &str) -> Result<ExecutionSchedule> {
        let scope = self.scope(ctx, false).await?;
        let found = rows::find(&*self.store, &scope, id, deployment).await.map_err(failed)?;
        let schedule = found.ok_or_else(|| missing(id, deployment))?;
        demand_execution_inside(ctx, schedule.tenant_id, deployment)?;
        Ok(schedule)
    }
}

/// The arguments that a schedule keeps for its executions, as clients read them.
pub fn arguments(custom: bool, force: bool, dry_run: bool, wait_after_fail: Option<f64>) -> Map<String, Value> {
    // 600 and not 600.0: clients compare.
    #[expect(clippy::cast_possible_truncation, reason = "a whole number of seconds")]
    let whole = |seconds: f64| if seconds.fract() == 0.0 { json!(seconds as i64) } else { json!(seconds) };
    Map::from_iter([
        ("allow_custom_parameters".to_owned(), custom.into()),
        ("force".to_owned(), force.into()),
        ("is_dry_run".to_owned(), dry_run.into()),
        ("wait_after_fail".to_owned(), whole(wait_after_fail.unwrap_or(WAIT_AFTER_FAIL))),
    ])
}

fn missing(id: &str, deployment: &str) -> Error {
    Error::new(
        nephele_model::Code::NotFound,
        format!(
            "Requested `ExecutionSchedule` with ID `None` was not found (filters: {{'id': '{id}', 'deployment_id': '{deployment}'}})"
        ),
    )
}

fn demand_workflow(deployment: &Deployment, workflow: &str) -> Result<()> {
    declared(deployment, workflow).map(drop).map_err(|error| {
        Error::new(error.code(), format!("Workflow {workflow} does not exist in deployment {}", deployment.id))
    })
}

/// The first time after `now`.
pub(crate) async fn next(
    rule: &Rule,
    since: Timestamp,
    until: Option<Timestamp>,
    now: Timestamp,
) -> Result<Option<Timestamp>> {
    let rule = rule.clone();
    let work = move || rule.instants(since, until, now.plus_micros(1)).next();
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)
}

/// The record with its coming instants, if it shows them.
fn with_instants(record: &Record, now: Timestamp) -> Result<Value> {
    let mut item = record.value().map_err(failed)?;
    if item.get(FIELD).is_none() || item.get("next_occurrence").is_some_and(Value::is_null) {
        return Ok(item);
    }
    let time = |name: &str| item.get(name).and_then(Value::as_str).and_then(Timestamp::parse);
    let rule: Option<Rule> = item.get("rule").and_then(|rule| serde_json::from_value(rule.clone()).ok());
    if let (Some(rule), Some(since)) = (rule, time("since")) {
        let shown = |instant: Timestamp| instant.to_string()[..19].replace('T', " ");
        let instants: Value = rule.instants(since, time("until"), now).take(SHOWN).map(shown).collect();
        item[FIELD] = instants;
    }
    Ok(item)
}
