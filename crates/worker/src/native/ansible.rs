//! Ansible playbooks, as `cloudify-ansible-plugin` runs them, by the `ansible-playbook` that is on the machine.
//!
//! Playbook, inventory and variables lie in the task's folder while it runs. Facts that a playbook gathers or
//! sets (`cacheable: true`) come to the runtime property `facts`, by host. What goes into the command:
//! [`command`].

use std::path::{Path, PathBuf};

use nephele_model::operation::{Failure, Severity};
use nephele_model::python_text;
use serde_json::{Map, Value};

use super::program::{self, Program};
use super::task::{Task, inside, unwritable};
use super::{Native, unknown};
use command::Command;

mod command;
mod tags;

/// What `ansible-playbook` ends with when it cannot reach hosts.
const UNREACHABLE: [i32; 2] = [3, 4];

pub(super) async fn run(native: &Native, task: &Task) -> Result<Value, Failure> {
    match task.name() {
        "cloudify_ansible.tasks.run" => {}
        "cloudify_ansible.tasks.ansible_requires_host" => return add_host(task).await,
        "cloudify_ansible.tasks.ansible_remove_host" => return remove_host(task).await,
        _ => {
            let known = ["run", "ansible_requires_host", "ansible_remove_host"];
            return Err(unknown(
                task,
                &known.map(|name| format!("cloudify_ansible.tasks.{name}")).each_ref().map(String::as_str),
            ));
        }
    }
    let path = program_of(native, task)?;
    let folder = task.operation.dir.path().join("playbook");
    let facts = folder.join(".facts");
    std::fs::create_dir_all(&facts).map_err(|error| unwritable(&facts, &error))?;
    let playbook = fetch(task, &folder).await?;
    let command = Command { task, folder: &folder, playbook: &playbook };
    let arguments = command.arguments().await?;
    let mut variables = program::variables(&task.mapping("ansible_env_vars")?);
    variables.extend(command::surroundings(&folder, &facts));
    let log = task.setting("log_stdout").is_none_or(python_text::is_truthy);
    let program = Program { native, task, path, folder: folder.clone(), variables, log };
    for tag in tags::wanted(task, &program, &arguments).await? {
        let mut arguments = arguments.clone();
        arguments.extend(tag.as_ref().map(|tag| format!("--tags={tag}").into()));
        let exit = program.run(&arguments).await?;
        if exit.code != 0 {
            return Err(failed(task, exit.code, &exit.stdout, &exit.stderr));
        }
        if let Some(tag) = tag {
            tags::note(task, &tag).await?;
        }
    }
    if task.flag("store_facts") {
        let facts = read_facts(&facts);
        task.session.change(move |properties| drop(properties.insert("facts".to_owned(), facts))).await?;
    }
    Ok(Value::Null)
}

fn program_of(native: &Native, task: &Task) -> Result<PathBuf, Failure> {
    let given = task.text("ansible_playbook_executable_path");
    let given = given.or_else(|| Some(format!("{}/bin/ansible-playbook", task.text("ansible_external_venv")?)));
    let name = given.as_deref().unwrap_or("ansible-playbook");
    program::find(native, &[name]).ok_or_else(|| {
        let place = if given.is_some() { "" } else { " in the PATH of the manager" };
        Failure::fatal(format!(
            "There is no program {name}{place}. Install Ansible there (`pip install ansible-core`), or set \
             `ansible_playbook_executable_path` of the node to where it is, and resume the execution."
        ))
    })
}

/// Fetches the playbook and what belongs to it, and gives its path below the folder.
async fn fetch(task: &Task, folder: &Path) -> Result<PathBuf, Failure> {
    let path = task.text("playbook_path").or_else(|| task.text("site_yaml_path"));
    let path = path.ok_or_else(|| Failure::fatal("There is no playbook: set `playbook_path` of the node"))?;
    match task.text("playbook_source_path") {
        Some(archive) => task.place(&archive, folder).await?,
        None => task.place_files(std::slice::from_ref(&path), folder).await?,
    }
    task.place_files(&task.list("additional_playbook_files")?, folder).await?;
    inside(&path)
}

/// What a run comes to that did not end well.
fn failed(task: &Task, code: i32, stdout: &str, stderr: &str) -> Failure {
    let is_told = |line: &&str| ["fatal:", "failed:", "ERROR", "[ERROR]"].iter().any(|word| line.starts_with(word));
    let errors: Vec<&str> = stdout.lines().chain(stderr.lines()).filter(is_told).collect();
    let last = |text: &str| text.trim().lines().last().unwrap_or_default().to_owned();
    let end = if errors.is_empty() { last(stderr) } else { errors.join("\n") };
    let tries = task.setting("number_of_attempts").and_then(Value::as_u64).unwrap_or(1);
    let attempt = u64::from(task.operation.request.context.operation.retry_number) + 1;
    if UNREACHABLE.contains(&code) && attempt < tries {
        let message = format!("One or more hosts are unreachable, attempt {attempt} of {tries}.\n{end}");
        return Failure::new(Severity::Retry { retry_after: None }, "OperationRetry", message);
    }
    let what = if UNREACHABLE.contains(&code) { "are unreachable" } else { "failed" };
    Failure::fatal(format!("One or more hosts {what}; ansible-playbook ended with exit code {code}.\n{end}"))
}

/// The facts by host, as Ansible's cache of JSON files has them.
fn read_facts(folder: &Path) -> Value {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let facts = files.filter_map(|file| {
        let name = file.file_name().to_str()?.to_owned();
        let facts: Value = serde_json::from_str(&std::fs::read_to_string(file.path()).ok()?).ok()?;
        // Newer versions wrap the facts, and say so in the name.
        let facts = match facts["__payload__"].as_str() {
            Some(payload) => serde_json::from_str(payload).ok()?,
            None => facts,
        };
        Some((name.strip_prefix("s1_").unwrap_or(&name).to_owned(), facts))
    });
    Value::Object(facts.collect())
}

/// Adds the target of a relationship to the hosts of its source.
async fn add_host(task: &Task) -> Result<Value, Failure> {
    let (group, name) = host_of(task)?;
    let mut settings = task.mapping("host_config")?;
    if !settings.contains_key("ansible_host") {
        let target = task.session.target_runtime_properties().await?;
        let address = ["public_ip_address", "ip"].iter().find_map(|name| target.get(*name)).filter(|ip| !ip.is_null());
        if let Some(address) = address {
            settings.insert("ansible_host".to_owned(), address.clone());
        }
    }
    task.session
        .change(move |properties| {
            let path = ["sources", "all", "children", &group, "hosts"];
            change_hosts(properties, &path, |hosts| drop(hosts.insert(name, Value::Object(settings))));
        })
        .await?;
    Ok(Value::Null)
}

async fn remove_host(task: &Task) -> Result<Value, Failure> {
    let (group, name) = host_of(task)?;
    task.session
        .change(move |properties| {
            let path = ["sources", "all", "children", &group, "hosts"];
            change_hosts(properties, &path, |hosts| drop(hosts.shift_remove(&name)));
        })
        .await?;
    Ok(Value::Null)
}

/// Changes the hosts of a group in the inventory that relationships note; what is missing there is made.
fn change_hosts(value: &mut Map<String, Value>, path: &[&str], change: impl FnOnce(&mut Map<String, Value>)) {
    let Some((first, rest)) = path.split_first() else { return change(value) };
    let mut inner = match value.shift_remove(*first) {
        Some(Value::Object(inner)) => inner,
        _ => Map::new(),
    };
    change_hosts(&mut inner, rest, change);
    value.insert((*first).to_owned(), Value::Object(inner));
}

/// Group and name of the target of a relationship: given, or its node's and instance's.
fn host_of(task: &Task) -> Result<(String, String), Failure> {
    let context = &task.operation.request.context;
    let related = context.related.as_ref().ok_or_else(|| Failure::fatal("this operation belongs to a relationship"))?;
    let group = task.text("group_name").unwrap_or_else(|| related.node_name.clone());
    Ok((group, task.text("hostname").unwrap_or_else(|| related.node_id.clone())))
}
