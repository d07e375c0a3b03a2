//! The plan of an execution as text: phases, their tasks with what they wait for, and what it comes to.

use serde_json::Value;

use crate::output;

/// The lines of a plan.
pub(crate) fn lines(plan: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    for phase in list(&plan["phases"]) {
        lines.push(format!("{} {}{}", output::text(&phase["type"]), output::text(&phase["name"]), takes(phase)));
        let tasks = list(&phase["tasks"]);
        lines.extend(tasks.iter().map(|one| task(one, tasks)));
    }
    lines.extend(update(&plan["update"]));
    for fate in ["created", "changed", "deleted"] {
        let ids: Vec<String> = list(&plan["node_instances"][fate]).iter().map(output::text).collect();
        if !ids.is_empty() {
            lines.push(format!("{fate}: {}", ids.join(", ")));
        }
    }
    let operations = format!("{} operations", output::text(&plan["operations"]));
    lines.push(match (plan["expected_seconds"].as_f64(), plan["at_least_seconds"].as_f64()) {
        (Some(seconds), _) => format!("{operations}, about {seconds:.1} s"),
        (None, seconds) => format!(
            "{operations}, at least {:.1} s; {} of them never ran before",
            seconds.unwrap_or_default(),
            output::text(&plan["operations_without_history"])
        ),
    });
    if let Some(error) = plan["error"].as_str() {
        lines.push(format!("It would fail: {error}"));
    }
    for obstacle in list(&plan["obstacles"]) {
        lines.push(format!("It cannot begin now: {}", output::text(&obstacle["message"])));
    }
    lines
}

/// One task, below the subgraphs that it is part of.
fn task(task: &Value, tasks: &[Value]) -> String {
    let mut depth = 1;
    let mut outer = task["subgraph"].as_u64();
    while let Some(index) = outer {
        depth += 1;
        outer =
            usize::try_from(index).ok().and_then(|index| tasks.get(index)).and_then(|task| task["subgraph"].as_u64());
    }
    let text = |key: &str| output::text(&task[key]);
    let what = match (task["operation"].as_str(), task["state"].as_str(), task["text"].as_str()) {
        (Some(operation), _, _) => {
            let related = task["related_node_instance_id"].as_str().map(|id| format!(" with {id}")).unwrap_or_default();
            format!("{operation} on {}{related}", text("node_instance_id"))
        }
        (None, Some(state), _) => format!("{} becomes {state}", text("node_instance_id")),
        (None, None, Some(said)) => format!("says {said:?}"),
        _ => format!("[{}]", text("name")),
    };
    let earlier: Vec<String> = list(&task["dependencies"]).iter().map(output::text).collect();
    let after = if earlier.is_empty() { String::new() } else { format!(" after {}", earlier.join(", ")) };
    format!("{:indent$}{} {what}{after}{}", "", text("id"), takes(task), indent = depth * 2)
}

/// How long it takes, if that is known.
fn takes(one: &Value) -> String {
    one["expected_seconds"].as_f64().map(|seconds| format!(" ({seconds:.1} s)")).unwrap_or_default()
}

/// What an update changes.
fn update(update: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    let blueprint = &update["blueprint_id"];
    if blueprint["before"] != blueprint["after"] {
        lines.push(format!(
            "blueprint {} -> {}",
            output::text(&blueprint["before"]),
            output::text(&blueprint["after"])
        ));
    }
    for (name, change) in update["inputs"].as_object().into_iter().flatten() {
        lines.push(format!("input {name}: {} -> {}", change["before"], change["after"]));
    }
    for step in list(&update["steps"]) {
        let path: Vec<String> = list(&step["entity_id"]).iter().map(output::text).collect();
        lines.push(format!(
            "{} {} {}",
            output::text(&step["action"]),
            output::text(&step["entity_type"]),
            path.join("/")
        ));
    }
    lines
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn tasks_stand_below_their_subgraphs() {
        let task = |id: u64, subgraph: Option<u64>, operation: Option<&str>, after: &[u64]| {
            json!({
                "id": id, "name": "web", "subgraph": subgraph, "operation": operation, "dependencies": after,
                "node_instance_id": "web_1", "related_node_instance_id": null, "state": null, "text": null,
                "expected_seconds": operation.map(|_| 1.5),
            })
        };
        let plan = json!({
            "phases": [{"name": "install", "type": "graph", "expected_seconds": 3.0, "tasks": [
                task(0, None, None, &[]), task(1, Some(0), Some("create"), &[]), task(2, Some(0), Some("start"), &[1]),
            ]}],
            "update": null, "node_instances": {"created": ["web_1"], "changed": [], "deleted": []}, "operations": 2,
            "expected_seconds": null, "at_least_seconds": 3.0, "operations_without_history": 1, "error": null,
            "obstacles": [{"error_code": "c", "message": "wait"}],
        });
        let expected = [
            "graph install (3.0 s)",
            "  0 [web]",
            "    1 create on web_1 (1.5 s)",
            "    2 start on web_1 after 1 (1.5 s)",
            "created: web_1",
            "2 operations, at least 3.0 s; 1 of them never ran before",
            "It cannot begin now: wait",
        ];
        assert_eq!(super::lines(&plan), expected);
    }
}
