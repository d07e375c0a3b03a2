"""Runs every command of `commands.txt` by one of two command lines, the unmodified `cfy` and ours, and compares them.

    python tests/compat/both.py cfy|ours HOST PORT PASSWORD FOLDER BINARY RECORD

The first word says who acts. Commands that only read are run by both, whoever acts: their exit codes, their JSON and
the columns of their tables have to be the same. RECORD takes what `cfy` read on the way; when it is there already, it was
written while the other one acted, and what was brought about has to be the same.

Where they may differ stands in `differences.txt`, with the reason; a difference that is no more fails the run as well.
"""
import json
import os
import re
import shlex
import subprocess
import sys
import time
import warnings
from pathlib import Path

import commands

HERE = Path(__file__).parent
READING = {
    "list", "get", "summary", "status", "inputs", "outputs", "capabilities", "details", "check", "show-current", "status-list",
    "history", "list_updates", "get-update", "count", "validate",
}
# What is made up anew each time.
CHANGING = [
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UUID"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)? ?", "TIME"),
    (r"\b(app|host|node|second|first)_[a-z0-9]{6}\b", r"\1_INSTANCE"),
    (r"ctok-\w+-\w+", "TOKEN"),
    (r"\b127\.0\.0\.1:\d+\b", "ADDRESS"),
    (r"\b[a-z]+(-[a-z]+)*-\d\d-\d\d-\d{4}-\d\d-\d\d-\d\d\b", "UPDATED"),
]
# Keys whose values depend on the moment.
MOMENTARY = {"last_login_at", "last_used", "last_seen", "_storage_id", "ref_id", "rest_port", "manager_password"}


def plain(value, momentary=MOMENTARY):
    """A value without what changes from run to run."""
    if isinstance(value, dict):
        return {plain(key): "MOMENT" if key in momentary else plain(inner, momentary) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner, momentary) for inner in value]
    if isinstance(value, str):
        for pattern, name in CHANGING:
            value = re.sub(pattern, name, value)
    return value


def is_place(value):
    """Whether a setting says where a manager is."""
    return isinstance(value, str) and "/" in value or isinstance(value, int) and value > 10000


def read(text):
    """The JSON values in a text; None if there is anything else."""
    text = text.strip()
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        return [json.loads(line) for line in text.splitlines()]
    except ValueError:
        return None


def columns(text):
    """The headings of the tables in a text."""
    lines = text.splitlines()
    heads = [line for before, line in zip(lines, lines[1:]) if before.startswith("+-") and line.startswith("|")]
    found = []
    for index, line in enumerate(heads):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        found.append(cells)
    return found[:1]


class Ours:
    """Our binary, called by the original's name."""

    def __init__(self, binary, folder):
        self.link = Path(folder, "bin", "cfy")
        self.link.parent.mkdir(parents=True, exist_ok=True)
        self.link.unlink(missing_ok=True)
        self.link.symlink_to(binary)
        self.environment = dict(os.environ, NEPHELE_CFY_STRICT_COMPAT="1")

    def run(self, arguments):
        done = subprocess.run([self.link, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=self.environment)
        return done.returncode, done.stdout.decode(errors="replace")


def name_of(known, arguments):
    """The words of the command that these arguments call."""
    text = " ".join(arguments) + " "
    return max((name for name in known if text.startswith(name + " ")), key=len, default="")


class Comparison:
    def __init__(self, run_cfy, ours):
        self.run_cfy, self.ours = run_cfy, ours
        self.found = {}

    def note(self, command, what, detail):
        self.found.setdefault((command, what), detail)

    def compare(self, command, arguments):
        """Both read; gives what `cfy` read, and what each of them said to people."""
        plainly = (code, said), (our_code, we_said) = self.run_cfy(arguments), self.ours.run(arguments)
        return self.compare_data(command, arguments, plainly), plainly

    def compare_data(self, command, arguments, plainly):
        (code, said), (our_code, we_said) = plainly
        shown = " ".join(arguments)
        if code != our_code:
            self.note(command, "exit code", f"{shown}: {code}, ours {our_code}\n{said[-600:]}\n--- ours\n{we_said[-600:]}")
        if code == our_code == 0 and columns(said) != columns(we_said):
            self.note(command, "columns", f"{shown}: {columns(said)}, ours {columns(we_said)}")
        # What is under way may end between the two readings.
        for _ in range(20):
            (code, said), (our_code, we_said) = self.run_cfy([*arguments, "--json"]), self.ours.run([*arguments, "--json"])
            if code != 0 or read(said) == read(we_said) and '"updating"' not in said:
                break
            time.sleep(0.2)
        if code == 2:
            return None  # It takes no --json.
        if code != our_code:
            self.note(command, "exit code with --json", f"{shown}: {code}, ours {our_code}\n{we_said[-600:]}")
            return None
        theirs, mine = read(said), read(we_said)
        if code == 0 and theirs is not None and theirs != mine:
            self.note(command, "JSON", f"{shown}:\n{said[-1500:]}\n--- ours\n{we_said[-1500:]}")
        if command == "config list":
            theirs = [dict(row, value="PLACE") if is_place(row["value"]) else row for row in theirs]
        if command == "auditlog list":
            return None  # How often each of the two asks stands in there as well.
        return plain(theirs, MOMENTARY | {"id"} if command.startswith("tokens") else MOMENTARY)


def undeclared(root, ours):
    """Options of the original that our help does not name."""
    import click

    def walk(command, path):
        context = click.Context(command, info_name="cfy")
        if hasattr(command, "list_commands"):
            for name in command.list_commands(context):
                inner = command.get_command(context, name)
                if inner is not None:
                    yield from walk(inner, [*path, name])
            return
        _, text = ours.run([*path, "--help"])
        known = set(re.findall(r"(?<![\w-])--?[A-Za-z][\w-]*", text))
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                missing = [name for name in [*parameter.opts, *parameter.secondary_opts] if name not in known]
                yield from (f"{' '.join(path)} has no {name}" for name in missing)

    return list(walk(root, []))


def expected():
    """What may differ: command and kind, with a reason."""
    found = {}
    for line in (HERE / "differences.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            command, what, reason = line.split(" | ")
            found[command, what] = reason
    return found


def main(who, host, port, password, folder, binary, record):
    os.environ.update(CFY_WORKDIR=folder, LC_ALL="C.UTF-8", COLUMNS="200")
    ours = Ours(binary, folder)
    use = ["profiles", "use", host, "-u", "admin", "-p", password, "-t", "default_tenant", "--rest-port", port]
    if who == "cfy":
        subprocess.run([Path(sys.executable).with_name("cfy"), *use], check=True, stdout=subprocess.DEVNULL)
    else:
        code, said = ours.run(use)
        assert code == 0, said
    warnings.simplefilter("ignore")
    from cloudify_cli import main as cli  # Which commands there are depends on the profile.
    root = cli._cfy
    run_cfy = lambda arguments: commands.run(root, arguments)
    act = run_cfy if who == "cfy" else ours.run
    known = commands.all_commands(root)
    comparison = Comparison(run_cfy, ours)
    names, failed, reads, slow = commands.files(folder), [], [], 0.0
    for line in (HERE / "commands.txt").read_text().splitlines():
        if not line or line.startswith(("#", "- ")):
            continue
        parts = commands.LINE.match(line)
        try:
            arguments = [word.format(**names) for word in shlex.split(parts["command"])]
        except KeyError as unknown:
            failed.append(f"{parts['command']}: {unknown} was not found before")
            continue
        command = name_of(known, arguments)
        if command.split(" ")[-1] in READING and not command.startswith("certificates"):
            seen, (theirs, mine) = comparison.compare(command, arguments)
            reads.append([line, seen])
            code, said = theirs if who == "cfy" else mine
        else:
            code, said = act(arguments)
        if code != int(parts["code"] or 0):
            comparison.note(command, "exit code", f"{' '.join(arguments)}: {code}\n{said[-1500:]}")
        if parts["name"]:
            found = re.findall(parts["found"], said)
            if who == "ours":
                # What is said is in other words; lists tell the same.
                told = run_cfy(LOOK[parts["name"]])[1] if parts["name"] in LOOK else said
                found = re.findall(parts["found"], told) or re.findall(r"[0-9a-f]{8}-[0-9a-f-]{27}", told)
            if found:
                names[parts["name"]] = found[-1]
            else:
                failed.append(f"{' '.join(arguments)}: no {parts['found']} in\n{said[-1500:]}")
    if Path(record).exists():
        for (line, theirs), (_, mine) in zip(json.loads(Path(record).read_text()), reads):
            if theirs != mine:
                comparison.note(name_of(known, shlex.split(commands.LINE.match(line)["command"])), "effect",
                                f"{line}: after cfy {json.dumps(theirs)[:1500]}\n--- after ours {json.dumps(mine)[:1500]}")
    else:
        Path(record).write_text(json.dumps(reads))
    if who == "ours":
        failed += undeclared(root, ours)
    allowed = expected()
    failed += [f"{command} | {what} | {detail}" for (command, what), detail in comparison.found.items() if (command, what) not in allowed]
    Path(record + ".differences").open("a").writelines(f"{command} | {what}\n" for command, what in comparison.found)
    if who == "ours":
        seen = {tuple(line.rstrip("\n").split(" | ")) for line in Path(record + ".differences").open()}
        failed += [f"{command} | {what} is listed in differences.txt, but there is no such difference" for command, what in allowed if (command, what) not in seen]
    print("\n".join(failed))
    return bool(failed)


# How something is found that only the original says on the way.
LOOK = {"plugin": ["plugins", "list"], "group": ["executions", "groups", "list"]}


if __name__ == "__main__":
    began = time.monotonic()
    code = main(*sys.argv[1:])
    print(f"{time.monotonic() - began:.0f} s")
    sys.exit(code)
