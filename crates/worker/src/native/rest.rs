//! Calls of other systems' REST APIs, as `cloudify-utilities-plugin` makes them: templates of calls, what of
//! the answers goes to runtime properties.
//!
//! A template is YAML with `rest_calls`, a list. Its texts are Jinja templates over the parameters; what one
//! call saves, the next ones see. From a template to calls: [`template`]; a call on its way: [`call`]; what
//! becomes of its answer: [`answer`].

use nephele_model::operation::Failure;
use nephele_model::python_text;
use serde_json::{Map, Value, json};

use super::task::{Task, mapping};
use super::unknown;

mod answer;
mod call;
mod template;
mod upload;
mod xml;

/// One template with what it is given.
struct Job {
    template_file: String,
    params: Map<String, Value>,
    prerender: bool,
    save_path: Option<String>,
    remove_calls: bool,
}

pub(super) async fn run(task: &Task) -> Result<Value, Failure> {
    let jobs = match task.name() {
        "cloudify_rest.tasks.execute" => single(task).await?,
        "cloudify_rest.tasks.bunch_execute" => several(task).await?,
        _ => return Err(unknown(task, &["cloudify_rest.tasks.execute", "cloudify_rest.tasks.bunch_execute"])),
    };
    let mut connection = task.properties.clone();
    // Those are for templates; a call's own ones stand in its address.
    connection.shift_remove("params");
    connection.extend(task.mapping("auth")?);
    for job in jobs {
        perform(task, job, &connection).await?;
    }
    Ok(Value::Null)
}

async fn single(task: &Task) -> Result<Vec<Job>, Failure> {
    let Some(template_file) = task.text("template_file") else {
        task.operation.logs.info("There is no `template_file`, so nothing is called");
        return Ok(Vec::new());
    };
    let mut params = task.session.runtime_properties().await?;
    params.extend(mapping("params", task.input("params"))?);
    Ok(vec![Job {
        template_file,
        params,
        prerender: task.flag("prerender"),
        save_path: task.input("save_path").filter(|path| python_text::is_truthy(*path)).map(python_text::str),
        remove_calls: task.flag("remove_calls"),
    }])
}

async fn several(task: &Task) -> Result<Vec<Job>, Failure> {
    let templates = match task.input("templates") {
        Some(Value::Array(templates)) => templates.as_slice(),
        None => &[],
        Some(other) if !python_text::is_truthy(other) => &[],
        Some(other) => {
            return Err(Failure::fatal(format!(
                "`templates` must be a list, and is {}",
                python_text::type_name(other)
            )));
        }
    };
    let runtime = Value::Object(task.session.runtime_properties().await?);
    let mut jobs = Vec::new();
    for template in templates {
        let truth = |name: &str| python_text::is_truthy(&template[name]);
        let text =
            |name: &str| Some(&template[name]).filter(|text| python_text::is_truthy(*text)).map(python_text::str);
        let mut params = mapping("params", Some(&template["params"]))?;
        for (name, path) in mapping("params_attributes", Some(&template["params_attributes"]))? {
            params.insert(name, answer::at(&runtime, &path).cloned().unwrap_or_default());
        }
        jobs.push(Job {
            template_file: text("template_file").unwrap_or_default(),
            params,
            prerender: truth("prerender"),
            save_path: text("save_to"),
            remove_calls: truth("remove_calls"),
        });
    }
    Ok(jobs)
}

/// Makes the calls of one template, one after the other, and notes what they gave.
async fn perform(task: &Task, job: Job, connection: &Map<String, Value>) -> Result<(), Failure> {
    let text = String::from_utf8(task.fetch(&job.template_file).await?)
        .map_err(|_| Failure::fatal(format!("the template {} is not UTF-8 text", job.template_file)))?;
    let mut params = mapping("params", task.properties.get("params"))?;
    params.extend(job.params);
    // Templates see the operation's own.
    params.remove("ctx");
    let template = template::Template { name: &job.template_file, session: &task.session };
    let mut saved = Map::new();
    let mut made = Vec::new();
    for call in template.calls(text, &params, job.prerender).await? {
        params.extend(saved.clone());
        let call = if job.prerender { call } else { template.fill(call, &params).await? };
        made.push(task.redacted(&call));
        let mut whole = connection.clone();
        whole.extend(mapping("rest_calls", Some(&call))?);
        let answer = call::make(task, &whole).await?;
        answer::save(&answer, &whole, &mut saved)?;
    }
    let result =
        if job.remove_calls { Value::Object(saved) } else { json!({"result_properties": saved, "calls": made}) };
    task.session
        .change(|properties| match (job.save_path, result) {
            (Some(path), result) => drop(properties.insert(path, result)),
            (None, Value::Object(result)) => properties.extend(result),
            (None, _) => {}
        })
        .await?;
    Ok(())
}
