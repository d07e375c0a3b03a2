//! From `container_args`, which have the names of the Python package for Docker, to a command line.
//!
//! Invariant: values of environment variables stand in no argument. What is not known here is refused.

use std::ffi::OsString;

use nephele_model::operation::Failure;
use nephele_model::python_text;
use serde_json::{Map, Value};

/// Settings that are on or off.
const FLAGS: [(&str, &str); 6] = [
    ("init", "--init"),
    ("privileged", "--privileged"),
    ("publish_all_ports", "--publish-all"),
    ("read_only", "--read-only"),
    ("stdin_open", "--interactive"),
    ("tty", "--tty"),
];
/// Settings with one value.
const TEXTS: [(&str, &str); 19] = [
    ("cpu_shares", "--cpu-shares"),
    ("cpuset_cpus", "--cpuset-cpus"),
    ("hostname", "--hostname"),
    ("ipc_mode", "--ipc"),
    ("mac_address", "--mac-address"),
    ("mem_limit", "--memory"),
    ("memswap_limit", "--memory-swap"),
    ("name", "--name"),
    ("network", "--network"),
    ("network_mode", "--network"),
    ("pid_mode", "--pid"),
    ("pids_limit", "--pids-limit"),
    ("platform", "--platform"),
    ("runtime", "--runtime"),
    ("shm_size", "--shm-size"),
    ("stop_signal", "--stop-signal"),
    ("user", "--user"),
    ("userns_mode", "--userns"),
    ("working_dir", "--workdir"),
];
/// Settings with several values.
const LISTS: [(&str, &str); 8] = [
    ("cap_add", "--cap-add"),
    ("cap_drop", "--cap-drop"),
    ("devices", "--device"),
    ("dns", "--dns"),
    ("dns_search", "--dns-search"),
    ("group_add", "--group-add"),
    ("security_opt", "--security-opt"),
    ("volumes_from", "--volumes-from"),
];
/// Settings that are mappings, or lists of them as they are written, with what is between name and value.
const PAIRS: [(&str, &str, &str); 4] = [
    ("extra_hosts", "--add-host", ":"),
    ("labels", "--label", "="),
    ("sysctls", "--sysctl", "="),
    ("tmpfs", "--tmpfs", ":"),
];

#[derive(Debug, Default)]
pub(super) struct Arguments {
    pub(super) options: Vec<OsString>,
    /// After the image.
    pub(super) command: Vec<OsString>,
    /// Lines of a file.
    pub(super) environment: String,
    /// Whether the container is left to itself once it runs.
    pub(super) is_detached: bool,
}

impl Arguments {
    pub(super) fn of(mut given: Map<String, Value>) -> Result<Self, Failure> {
        if let Some(Value::Object(host)) = given.shift_remove("host_config") {
            given.extend(host);
        }
        let mapped = given.shift_remove("volumes_mapping").unwrap_or_default();
        let mut made = Self::default();
        let (mut first, mut rest) = (None, Vec::new());
        for (name, value) in given.iter().filter(|(_, value)| !value.is_null()) {
            match name.as_str() {
                "detach" => made.is_detached = python_text::is_truthy(value),
                "command" => rest = command(name, value)?,
                "entrypoint" => first = Some(command(name, value)?),
                "environment" => made.environment = environment(value)?,
                "ports" => ports(value, &mut made)?,
                "volumes" => volumes(value, &mapped, &mut made)?,
                "restart_policy" => restart(value, &mut made),
                "ulimits" => ulimits(value, &mut made)?,
                _ => made.simple(name, value)?,
            }
        }
        // The program takes one word there; the others begin the command.
        if let Some(mut entry) = first.filter(|entry| !entry.is_empty()) {
            let program = entry.remove(0);
            made.option("--entrypoint", &program.to_string_lossy());
            entry.append(&mut rest);
            rest = entry;
        }
        made.command = rest;
        Ok(made)
    }

    fn option(&mut self, name: &str, value: &str) {
        self.options.push(format!("{name}={value}").into());
    }

    fn simple(&mut self, name: &str, value: &Value) -> Result<(), Failure> {
        if let Some((_, option)) = FLAGS.iter().find(|(known, _)| *known == name) {
            self.options.extend(python_text::is_truthy(value).then(|| (*option).into()));
        } else if let Some((_, option)) = TEXTS.iter().find(|(known, _)| *known == name) {
            self.option(option, &python_text::str(value));
        } else if let Some((_, option)) = LISTS.iter().find(|(known, _)| *known == name) {
            list(name, Some(value))?.iter().for_each(|item| self.option(option, item));
        } else if let Some((_, option, between)) = PAIRS.iter().find(|(known, _, _)| *known == name) {
            pairs(name, value, between)?.iter().for_each(|pair| self.option(option, pair));
        } else {
            return Err(Failure::fatal(format!(
                "`container_args.{name}` is not known to the built-in plugin. The plugin that runs as Python code can be \
                 uploaded and imported in its place."
            )));
        }
        Ok(())
    }
}

/// A command: a list of words, or a text that is split as a shell does.
pub(super) fn command(name: &str, value: &Value) -> Result<Vec<OsString>, Failure> {
    let words = match value {
        Value::Array(_) => list(name, Some(value))?,
        text => shlex::split(&python_text::str(text))
            .ok_or_else(|| Failure::fatal(format!("`{name}` has a quote without an end")))?,
    };
    Ok(words.into_iter().map(OsString::from).collect())
}

/// A list of texts, or one of them.
pub(super) fn list(name: &str, value: Option<&Value>) -> Result<Vec<String>, Failure> {
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => Ok(items.iter().map(python_text::str).collect()),
        Some(Value::Object(_)) => Err(wrong(name, "must be a list")),
        Some(text) => Ok(vec![python_text::str(text)]),
    }
}

fn pairs(name: &str, value: &Value, between: &str) -> Result<Vec<String>, Failure> {
    let Value::Object(fields) = value else { return list(name, Some(value)) };
    let pair = |(name, value): (&String, &Value)| match python_text::str(value) {
        value if value.is_empty() && between == ":" => name.clone(),
        value => format!("{name}{between}{value}"),
    };
    Ok(fields.iter().map(pair).collect())
}

/// A file with a variable a line, which is why a value has only one.
fn environment(value: &Value) -> Result<String, Failure> {
    let pairs = pairs("environment", value, "=")?;
    if let Some(pair) = pairs.iter().find(|pair| pair.contains('\n')) {
        let name = pair.split('=').next().unwrap_or_default();
        return Err(Failure::fatal(format!("`container_args.environment`: the value of {name} has several lines")));
    }
    Ok(pairs.iter().flat_map(|pair| [pair.as_str(), "\n"]).collect())
}

/// `{80/tcp: 8080}`; also an address and a port, several ports, or none, which takes any.
fn ports(value: &Value, made: &mut Arguments) -> Result<(), Failure> {
    let Value::Object(ports) = value else {
        list("ports", Some(value))?.iter().for_each(|port| made.option("--publish", port));
        return Ok(());
    };
    for (inner, outer) in ports {
        match outer {
            Value::Null => made.option("--publish", inner),
            Value::Array(items) => match items.as_slice() {
                [Value::String(address), port] if address.contains(['.', ':']) => {
                    made.option("--publish", &format!("{address}:{}:{inner}", python_text::str(port)));
                }
                items => {
                    for port in items {
                        made.option("--publish", &format!("{}:{inner}", python_text::str(port)));
                    }
                }
            },
            port => made.option("--publish", &format!("{}:{inner}", python_text::str(port))),
        }
    }
    Ok(())
}

/// Folders of the container, each with one of the host in `volumes_mapping`; or `{host: {bind, mode}}`.
fn volumes(value: &Value, mapped: &Value, made: &mut Arguments) -> Result<(), Failure> {
    if let Value::Object(volumes) = value {
        for (host, inner) in volumes {
            let bind = inner["bind"].as_str().ok_or_else(|| wrong("volumes", "must say `bind` for each folder"))?;
            made.option("--volume", &format!("{host}:{bind}:{}", inner["mode"].as_str().unwrap_or("rw")));
        }
        return Ok(());
    }
    let hosts = list("volumes_mapping", Some(mapped))?;
    for (index, inner) in list("volumes", Some(value))?.iter().enumerate() {
        let volume = hosts.get(index).map_or_else(|| inner.clone(), |host| format!("{host}:{inner}"));
        made.option("--volume", &volume);
    }
    Ok(())
}

fn restart(value: &Value, made: &mut Arguments) {
    let name = value["Name"].as_str().unwrap_or_default();
    match value["MaximumRetryCount"].as_u64() {
        _ if name.is_empty() => {}
        Some(count) if count > 0 => made.option("--restart", &format!("{name}:{count}")),
        _ => made.option("--restart", name),
    }
}

fn ulimits(value: &Value, made: &mut Arguments) -> Result<(), Failure> {
    for limit in value.as_array().into_iter().flatten() {
        let field =
            |name: &str| [name, &name.to_lowercase()].iter().map(|name| &limit[*name]).find(|field| !field.is_null());
        let (Some(name), Some(soft)) = (field("Name"), field("Soft").or_else(|| field("Hard"))) else {
            return Err(wrong("ulimits", "must have `Name`, `Soft` and `Hard` in each"));
        };
        let hard = field("Hard").unwrap_or(soft);
        made.option(
            "--ulimit",
            &format!("{}={}:{}", python_text::str(name), python_text::str(soft), python_text::str(hard)),
        );
    }
    Ok(())
}

fn wrong(name: &str, what: &str) -> Failure {
    Failure::fatal(format!("`container_args.{name}` {what}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn made(given: Value) -> Result<(Vec<String>, Vec<String>, String), String> {
        let Value::Object(given) = given else { return Err("no mapping".to_owned()) };
        let text = |words: Vec<OsString>| words.into_iter().map(|word| word.to_string_lossy().into_owned()).collect();
        let made = Arguments::of(given).map_err(|failure| failure.message)?;
        Ok((text(made.options), text(made.command), made.environment))
    }

    #[test]
    fn what_is_said_of_a_container_becomes_options() {
        let (options, command, environment) = made(json!({
            "name": "web", "tty": false, "privileged": true, "network_mode": "none", "cap_add": ["NET_ADMIN"],
            "labels": {"a": "b"}, "environment": {"WORD": "it's so", "EMPTY": ""}, "command": "run 'two words'",
            "entrypoint": ["/bin/sh", "-c"], "restart_policy": {"Name": "on-failure", "MaximumRetryCount": 3},
            "ports": {"80/tcp": 8080, "81": null, "82": ["127.0.0.1", 8082], "83": [8083, 8084]},
            "volumes": ["/data", "/own"], "volumes_mapping": ["/srv"], "detach": true,
            "host_config": {"ulimits": [{"Name": "nofile", "Soft": 10, "Hard": 20}], "mem_limit": "64m"},
        }))
        .unwrap();
        let expected = [
            "--name=web",
            "--privileged",
            "--network=none",
            "--cap-add=NET_ADMIN",
            "--label=a=b",
            "--restart=on-failure:3",
            "--publish=8080:80/tcp",
            "--publish=81",
            "--publish=127.0.0.1:8082:82",
            "--publish=8083:83",
            "--publish=8084:83",
            "--volume=/srv:/data",
            "--volume=/own",
            "--ulimit=nofile=10:20",
            "--memory=64m",
            "--entrypoint=/bin/sh",
        ];
        assert_eq!(options, expected);
        assert_eq!(command, ["-c", "run", "two words"]);
        assert_eq!(environment, "WORD=it's so\nEMPTY=\n");
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for (given, part) in [
            (json!({"auto_remove": true}), "`container_args.auto_remove` is not known"),
            (json!({"command": "it's"}), "quote without an end"),
            (json!({"environment": {"A": "1\n2"}}), "the value of A has several lines"),
            (json!({"volumes": {"/srv": {}}}), "must say `bind`"),
            (json!({"cap_add": {}}), "must be a list"),
        ] {
            let said = made(given).unwrap_err();
            assert!(said.contains(part), "{said}");
        }
    }
}
