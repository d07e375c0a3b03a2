//! What the shell of a host is told: POSIX shell and nothing else, `base64` for what is no text.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use nephele_model::python_text;
use serde_json::{Map, Value};

/// Runs a command that ends with the connection: standard input stays open for as long as somebody is there,
/// and when it ends the command's processes do. All of it is read before any of it runs, for the watcher reads
/// from where the shell does.
const FOLLOWED: &str = r#"exec 3<&0
run() {
$(command -v setsid) /bin/sh -c @COMMAND@ < /dev/null 3<&- &
job=$!
{ while read -r _ <&3; do :; done; kill -TERM "-$job" || kill -TERM "$job"; } > /dev/null 2>&1 &
watcher=$!
wait "$job"
code=$?
kill -KILL "$watcher" > /dev/null 2>&1
exit "$code"
}
run
"#;

/// Puts the command `ctx` before all others.
const CTX: &str = r#"mkdir "$NEPHELE_FOLDER/bin" || exit
cat > "$NEPHELE_FOLDER/bin/ctx" << 'END_OF_FILE' || exit
#!/bin/sh
python=$(command -v python3) || { echo "ctx needs python3 on this host" >&2; exit 1; }
exec "$python" "$NEPHELE_FOLDER/bin/ctx.py" "$@"
END_OF_FILE
chmod 700 "$NEPHELE_FOLDER/bin/ctx" || exit
export PATH="$NEPHELE_FOLDER/bin:$PATH"
"#;
const CTX_PROGRAM: &str = include_str!("ctx.py");

/// A shell of root whose standard input begins with a line for `sudo`, which that reads if it asks: by `-k` it
/// does whatever it remembers. Where it never asks, the line must not come to the shell.
pub(super) const WITH_PASSWORD: &str = r#"exec /bin/sh -c 'if sudo -k -n true < /dev/null > /dev/null 2>&1; then IFS= read -r line; exec sudo -n -- /bin/sh -s; fi; exec sudo -k -S -p "" -- /bin/sh -s'"#;

/// A text as one word of a shell.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Runs `command` with this environment after what `before` does.
pub(super) fn followed(environment: &Map<String, Value>, before: &str, command: &str) -> String {
    let mut text = String::new();
    for (name, value) in environment {
        let value = match value {
            Value::Bool(_) | Value::Array(_) | Value::Object(_) => python_text::dumps(value),
            other => python_text::str(other),
        };
        let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if is_name && !name.is_empty() {
            // Text is all that can be written here.
            let _ = writeln!(text, "export {name}={}", quoted(&value));
        }
    }
    format!("{text}{before}{}", FOLLOWED.replace("@COMMAND@", &quoted(command)))
}

/// Writes a file, whole or not at all.
pub(super) fn put(target: &str, content: &[u8], mode: &str) -> String {
    let (target, mode) = (quoted(target), quoted(mode));
    format!(
        "set -e\numask 077\nfolder=$(dirname -- {target})\nmkdir -p -- \"$folder\"\n\
         new=$(mktemp \"$folder/.new.XXXXXX\")\ntrap 'rm -f -- \"$new\"' EXIT\n{}chmod -- {mode} \"$new\"\n\
         mv -- \"$new\" {target}\nexit\n",
        decoded(content, "\"$new\"")
    )
}

/// Removes a file, if it is there.
pub(super) fn remove(target: &str) -> String {
    format!("rm -f -- {}\nexit\n", quoted(target))
}

/// A script that is brought to a host, run, and taken away.
pub(super) struct Script<'a> {
    pub(super) name: &'a str,
    pub(super) content: &'a [u8],
    pub(super) base_dir: Option<String>,
    pub(super) cwd: Option<String>,
    pub(super) prefix: Option<String>,
    pub(super) words: Vec<String>,
}

impl Script<'_> {
    /// The text that does it; `ctx` of the script reaches this address.
    pub(super) fn text(&self, environment: &Map<String, Value>, ctx: &str) -> String {
        let base = self.base_dir.as_deref().map_or_else(|| "\"${TMPDIR:-/tmp}\"".to_owned(), quoted);
        let cwd = self.cwd.as_deref().map_or_else(|| "\"$NEPHELE_FOLDER\"".to_owned(), quoted);
        let script = format!("\"$NEPHELE_FOLDER\"/{}", quoted(self.name));
        let before = format!(
            "umask 077\nmkdir -p -- {base} || exit\nNEPHELE_FOLDER=$(mktemp -d {base}/cloudify-ctx-XXXXXX) || exit\nexport NEPHELE_FOLDER\n\
             trap 'rm -rf -- \"$NEPHELE_FOLDER\"' EXIT\n{}chmod 700 {script} || exit\n{CTX}cat > \"$NEPHELE_FOLDER/bin/ctx.py\" \
             << 'END_OF_FILE' || exit\n{CTX_PROGRAM}\nEND_OF_FILE\nexport CTX_SOCKET_URL={}\ncd -- {cwd} || exit\n",
            decoded(self.content, &script),
            quoted(ctx),
        );
        let prefix = self.prefix.as_ref().map(|prefix| format!("{prefix} ")).unwrap_or_default();
        // Words are the shell's, as those of local scripts are.
        followed(environment, &before, &format!("{prefix}{script} {}", self.words.join(" ")))
    }
}

/// Writes bytes to a file.
fn decoded(content: &[u8], target: &str) -> String {
    let text = STANDARD.encode(content);
    let lines: Vec<&str> = text.as_bytes().chunks(76).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    format!("base64 -d > {target} << 'END_OF_FILE' || exit\n{}\nEND_OF_FILE\n", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use serde_json::json;

    use super::*;

    fn run(text: &str) -> (i32, String) {
        use std::io::Write;

        let mut child = Command::new("/bin/sh")
            .arg("-s")
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(text.as_bytes()).unwrap();
        // The other end is there until the command has ended.
        let output = child.wait_with_output().unwrap();
        drop(stdin);
        (output.status.code().unwrap(), String::from_utf8_lossy(&output.stdout).into_owned())
    }

    #[test]
    fn commands_have_their_environment_and_their_exit_code() {
        let environment = json!({"greeting": "it's \"fine\"", "list": [1, "a"], "no name": "x"});
        let environment = environment.as_object().unwrap();
        let command = "echo \"$greeting $list\"; exit 7";
        assert_eq!(run(&followed(environment, "", command)), (7, "it's \"fine\" [1, \"a\"]\n".to_owned()));
    }

    #[test]
    fn files_arrive_whole_and_scripts_leave_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("deep/er/it's");
        let content: Vec<u8> = (0..=255).cycle().take(1000).collect();
        assert_eq!(run(&put(target.to_str().unwrap(), &content, "0640")).0, 0);
        assert_eq!(std::fs::read(&target).unwrap(), content);
        let script = Script {
            name: "say it.sh",
            content: b"#!/bin/sh\necho \"$1 $who from $(dirname -- \"$0\")\"\n",
            base_dir: Some(folder.path().join("base").to_str().unwrap().to_owned()),
            cwd: None,
            prefix: None,
            words: vec!["hello".to_owned()],
        };
        let (code, said) = run(&script.text(json!({"who": "Ada"}).as_object().unwrap(), "http://nowhere"));
        assert!(code == 0 && said.starts_with("hello Ada from "), "{code}: {said}");
        assert_eq!(std::fs::read_dir(folder.path().join("base")).unwrap().count(), 0);
    }
}
