//! What an operation's inputs say about its script: source, `process` options, environment.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use nephele_model::operation::{Failure, Request};
use nephele_model::python_text;
use serde_json::{Map, Value};

use crate::logged::{Stdout, Streams};
use crate::operation::Operation;
use crate::task_dir::MARKER;

/// Where the script comes from.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A path in the deployment or blueprint, or a URL.
    Path(String),
    /// The script itself.
    Text(String),
}

/// How the script reaches `ctx`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum CtxProxy {
    Http,
    None,
}

/// An operation's settings, checked.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) source: Source,
    /// PEM text of the authority to believe when the script comes from an `https` address.
    pub(super) authority: Option<String>,
    /// `process.eval_python`.
    eval_python: Option<bool>,
    pub(super) cwd: Option<PathBuf>,
    log_stdout: bool,
    log_stderr: bool,
    stderr_to_stdout: bool,
    pub(super) ctx_proxy: CtxProxy,
    command_prefix: Option<String>,
    args: Vec<String>,
    variables: Vec<(String, String)>,
}

impl Settings {
    pub(super) fn read(request: &Request) -> Result<Self, Failure> {
        let mut inputs = request.inputs.clone();
        let mut take = |name: &str| inputs.shift_remove(name).filter(|value| !value.is_null());
        let (path, text, process, authority) =
            (take("script_path"), take("script_source"), take("process"), take("ssl_cert_content"));
        take("ctx");
        let source = match (path, text) {
            (None, None) => return Err(Failure::fatal("Either script_path or script_source must be provided")),
            (Some(_), Some(_)) => {
                return Err(Failure::fatal("Only provide script_path or script_source, not both"));
            }
            (Some(path), None) => Source::Path(python_text::str(&path)),
            (None, Some(text)) => Source::Text(python_text::str(&text)),
        };
        let process = match process {
            None => Map::new(),
            Some(Value::Object(process)) => process,
            Some(other) => {
                return Err(Failure::fatal(format!("The input `process` must be a mapping, and is {other}")));
            }
        };
        let option = |name: &str| process.get(name).filter(|value| !value.is_null());
        let text = |name: &str| option(name).map(python_text::str);
        let flag = |name: &str, default: bool| option(name).map_or(default, python_text::is_truthy);
        Ok(Self {
            source,
            authority: authority.as_ref().map(python_text::str),
            eval_python: option("eval_python").and_then(Value::as_bool),
            cwd: text("cwd").map(PathBuf::from),
            log_stdout: flag("log_stdout", true),
            log_stderr: flag("log_stderr", true),
            stderr_to_stdout: flag("stderr_to_stdout", false),
            ctx_proxy: ctx_proxy(text("ctx_proxy_type").as_deref())?,
            command_prefix: text("command_prefix").filter(|prefix| !prefix.is_empty()),
            args: list(option("args"))?,
            variables: variables(inputs, option("env"))?,
        })
    }

    /// Whether the script is Python code that is to be evaluated. A text that brings its interpreter in
    /// its first line is a program like any other; without one it is Python if it imports something, for
    /// it can do nothing there without.
    pub(super) fn is_evaluated(&self) -> bool {
        match (&self.source, self.eval_python) {
            (_, Some(choice)) => choice,
            (Source::Path(path), None) => path.to_lowercase().ends_with(".py"),
            (Source::Text(text), None) => !text.starts_with("#!") && imports_modules(text),
        }
    }

    /// Where the script's output goes.
    pub(super) fn streams(&self) -> Streams {
        let stdout = if self.log_stdout { Stdout::Logged } else { Stdout::Ignored };
        Streams { stdin: None, stdout, log_stderr: self.log_stderr, stderr_to_stdout: self.stderr_to_stdout }
    }

    /// The shell command that runs the script.
    pub(super) fn command_line(&self, script: &Path) -> String {
        let script = script.display().to_string();
        let powershell = script.to_lowercase().ends_with(".ps1").then_some("powershell");
        let prefix = self.command_prefix.as_deref().or(powershell);
        let words = prefix.into_iter().chain([script.as_str()]).chain(self.args.iter().map(String::as_str));
        words.collect::<Vec<_>>().join(" ")
    }
}

fn imports_modules(text: &str) -> bool {
    let imports = |line: &str| line.starts_with("import ") || (line.starts_with("from ") && line.contains(" import "));
    text.lines().any(|line| imports(line.trim_start()))
}

fn ctx_proxy(kind: Option<&str>) -> Result<CtxProxy, Failure> {
    match kind {
        None | Some("" | "auto" | "http") => Ok(CtxProxy::Http),
        Some("none") => Ok(CtxProxy::None),
        Some(other) => Err(Failure::fatal(format!("Unsupported proxy type: {other}"))),
    }
}

fn list(value: Option<&Value>) -> Result<Vec<String>, Failure> {
    match value {
        None => Ok(Vec::new()),
        Some(Value::Array(items)) => Ok(items.iter().map(python_text::str).collect()),
        Some(other) => Err(Failure::fatal(format!("The option `process.args` must be a list, and is {other}"))),
    }
}

/// The inputs, overridden by `process.env`, as environment variables.
fn variables(mut inputs: Map<String, Value>, env: Option<&Value>) -> Result<Vec<(String, String)>, Failure> {
    match env {
        None => {}
        Some(Value::Object(env)) => inputs.extend(env.clone()),
        Some(other) => {
            return Err(Failure::fatal(format!("The option `process.env` must be a mapping, and is {other}")));
        }
    }
    let text = |value: &Value| match value {
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => python_text::dumps(value),
        other => python_text::str(other),
    };
    Ok(inputs.into_iter().map(|(name, value)| (name, text(&value))).collect())
}

/// What every script's environment begins with.
pub(super) struct Environment<'a> {
    pub(super) base: &'a [(OsString, OsString)],
    pub(super) path_dir: &'a Path,
}

impl Environment<'_> {
    /// The whole environment of a script; later entries replace earlier ones of the same name.
    pub(super) fn of(
        &self,
        operation: &Operation,
        settings: &Settings,
        ctx_url: Option<&str>,
    ) -> Vec<(OsString, OsString)> {
        let context = &operation.request.context;
        let mut all = vec![("TMPDIR".into(), std::env::temp_dir().into())];
        all.extend(self.base.iter().cloned());
        all.push(("CLOUDIFY_DISPATCH".into(), "true".into()));
        all.extend(context.execution_env.iter().map(|(name, value)| (name.into(), python_text::str(value).into())));
        if context.bypass_maintenance == Some(true) {
            all.push(("BYPASS_MAINTENANCE".into(), "True".into()));
        }
        all.extend(settings.variables.iter().map(|(name, value)| (name.into(), value.into())));
        all.push((MARKER.into(), (&operation.request.id).into()));
        all.push(("CTX_SOCKET_URL".into(), ctx_url.unwrap_or_default().into()));
        let path = all.iter().rev().find(|(name, _)| name == "PATH").map(|(_, path)| path.clone());
        all.push(("PATH".into(), self.search_path(path.as_deref())));
        all
    }

    /// Our folder comes first, so that another `ctx` on the machine does not stand in the way.
    fn search_path(&self, inherited: Option<&OsStr>) -> OsString {
        let mut path = self.path_dir.as_os_str().to_owned();
        path.push(":");
        path.push(inherited.unwrap_or(OsStr::new("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")));
        path
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "tests write the inputs in place")]
    fn read(inputs: Value) -> Result<Settings, String> {
        let inputs = inputs.as_object().cloned().unwrap_or_default();
        let request = Request { id: "t".into(), context: nephele_model::operation::Context::default(), inputs };
        Settings::read(&request).map_err(|failure| failure.message)
    }

    #[test]
    fn inputs_become_variables_in_the_references_spelling() {
        let settings = read(json!({
            "script_path": "a.sh", "port": 8080, "ratio": 1.0, "on": true, "nothing": null, "name": "x y",
            "list": [1, {"a": "é"}], "both": "input", "process": {"env": {"both": "process"}},
        }));
        let variables = settings.map(|settings| settings.variables).unwrap_or_default();
        let expected = [
            ("port", "8080"),
            ("ratio", "1.0"),
            ("on", "true"),
            ("nothing", "None"),
            ("name", "x y"),
            ("list", r#"[1, {"a": "\u00e9"}]"#),
            ("both", "process"),
        ];
        assert_eq!(variables, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn the_command_is_prefix_script_and_arguments() -> Result<(), String> {
        let settings =
            read(json!({"script_path": "a.sh", "process": {"command_prefix": "bash -x", "args": ["one two", 3]}}))?;
        assert_eq!(settings.command_line(Path::new("/t/a.sh")), "bash -x /t/a.sh one two 3");
        assert_eq!(read(json!({"script_path": "x"}))?.command_line(Path::new("/t/x.PS1")), "powershell /t/x.PS1");
        Ok(())
    }

    #[test]
    fn python_is_evaluated_unless_it_brings_its_interpreter() -> Result<(), String> {
        let evaluated = |inputs: Value| read(inputs).map(|settings| settings.is_evaluated());
        for (expected, inputs) in [
            (true, json!({"script_path": "scripts/a.PY"})),
            (true, json!({"script_path": "a.sh", "process": {"eval_python": true}})),
            (true, json!({"script_source": "  from cloudify import ctx\n  ctx.logger.info('x')"})),
            (false, json!({"script_path": "a.py", "process": {"eval_python": false}})),
            (false, json!({"script_source": "#!/usr/bin/env python3\nimport os"})),
            (false, json!({"script_source": "echo import"})),
            (false, json!({"script_path": "a.sh"})),
        ] {
            assert_eq!(evaluated(inputs.clone())?, expected, "{inputs}");
        }
        Ok(())
    }

    #[test]
    fn contradictions_are_refused() {
        let refused = |inputs: Value| read(inputs).err().unwrap_or_default();
        assert_eq!(refused(json!({})), "Either script_path or script_source must be provided");
        assert_eq!(
            refused(json!({"script_path": "a", "script_source": "b"})),
            "Only provide script_path or script_source, not both"
        );
        assert_eq!(
            refused(json!({"script_path": "a", "process": {"ctx_proxy_type": "zmq"}})),
            "Unsupported proxy type: zmq"
        );
        assert!(refused(json!({"script_path": "a", "process": []})).contains("must be a mapping"));
    }
}
