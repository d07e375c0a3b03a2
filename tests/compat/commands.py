"""Runs every command of the unmodified `cfy` against a manager, and then commands that belong together.

    python tests/compat/commands.py HOST PORT PASSWORD FOLDER

`commands.txt` says which; a command that is neither there nor left out with a reason fails the run. `journeys.txt` has
the longer ways. Each command runs in a process of its own that is forked from this one, so that hundreds take seconds.
"""
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import story
from chapters import journeys

# For what is to come about by itself, in seconds.
PATIENCE = 30
LINE = re.compile(r"(?:!(?P<code>\d+) )?(?P<command>.*?)(?: => (?P<said>.*)| \? (?P<name>\w+)=(?P<found>.*))?$")


def files(folder):
    """The files that commands name."""
    told = story.Story(None, folder)
    zipped = told.plugin("1.0")
    import zipfile
    with zipfile.ZipFile(zipped) as archive:
        archive.extractall(folder)
    return {
        "folder": folder, "blueprint": told.blueprint_file(), "plain": told.file("plain/blueprint.yaml", story.PLAIN), "wagon": f"{folder}/greeter-1.0-py311-none-any.wgn",
        "plugin_yaml": f"{folder}/plugin.yaml", "icon": told.file("icon.png", b"\x89PNG\r\n\x1a\n" + bytes(64)),
        "license": told.file("license.yaml", "license:\n  customer_id: customer\nsignature: none\n"),
        "networks": told.file("networks.yaml", "default: 10.0.0.3\n"),
        "works": journeys.blueprint_file(told, "works"), "more": journeys.blueprint_file(told, "more", journeys.MORE),
        "whole": told.file("whole/blueprint.yaml", journeys.WHOLE),
    }


def all_commands(root):
    import click

    def walk(command, path):
        context = click.Context(command, info_name="cfy")
        if not hasattr(command, "list_commands"):
            yield " ".join(path)
            return
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None:
                yield from walk(inner, [*path, name])

    return sorted(walk(root, []))


def begin(root, arguments, said):
    """A process that runs a command and prints to `said`."""
    child = os.fork()
    if child == 0:
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
        code = 1
        try:
            root(args=arguments)
            code = 0
        except SystemExit as exit:
            code = exit.code if isinstance(exit.code, int) else int(exit.code is not None)
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    return child


def run(root, arguments):
    """The exit code of a command and what it printed."""
    with tempfile.TemporaryFile() as said:
        _, status = os.waitpid(begin(root, arguments, said), 0)
        said.seek(0)
        return os.waitstatus_to_exitcode(status), said.read().decode(errors="replace")


class Lines:
    """Runs the lines of a file, one after the other, with the same names for all files."""

    def __init__(self, root, names):
        self.root, self.names, self.failed, self.ran, self.children = root, names, [], [], []

    def tell(self, file):
        lines = (Path(__file__).parent / file).read_text().splitlines()
        for line in filter(lambda line: line and not line.startswith(("#", "- ")), lines):
            word, _, rest = line.partition(" ")
            try:
                getattr(self, f"do_{word}", lambda _: self.once(line))(rest)
            except KeyError as unknown:
                self.failed.append(f"{line}: {unknown} was not found before")
        for child in self.children:
            os.waitpid(child, 0)

    def do_make(self, name):
        Path(name.format(**self.names)).touch()

    def do_drop(self, name):
        Path(name.format(**self.names)).unlink()

    def do_begin(self, line):
        """Runs a command beside those that follow."""
        with open(os.devnull, "w") as nowhere:
            self.children.append(begin(self.root, self.words(line), nowhere))

    def do_until(self, line):
        """Runs a command again and again until it is as it should be."""
        end = time.monotonic() + PATIENCE
        while self.problem(line) and time.monotonic() < end:
            time.sleep(0.2)
        self.once(line)

    def once(self, line):
        began = time.monotonic()
        problem = self.problem(line)
        if problem:
            self.failed.append(problem)
        if time.monotonic() - began > 5:
            print(f"slow: cfy {line}: {time.monotonic() - began:.1f} s")

    def words(self, command):
        return [word.format(**self.names) for word in shlex.split(command)]

    def problem(self, line):
        """Runs a command, and gives what is not as the line says."""
        parts = LINE.match(line)
        arguments = self.words(parts["command"])
        code, said = run(self.root, arguments)
        self.ran.append(" ".join(arguments) + " ")
        shown = f"cfy {' '.join(arguments)}"
        if code != int(parts["code"] or 0):
            return f"{shown}: exit code {code}\n{said[-1500:]}"
        wanted = (parts["said"] or "").format(**self.names)
        if wanted and not re.search(wanted, said, re.IGNORECASE):
            return f"{shown}: `{wanted}` is not in\n{said[-1500:]}"
        if parts["name"]:
            found = re.findall(parts["found"], said)
            if not found:
                return f"{shown}: no {parts['found']} in\n{said[-1500:]}"
            self.names[parts["name"]] = found[-1]
        return None


def left_out():
    """The commands that are left out, each with its reason in the file."""
    lines = (Path(__file__).parent / "commands.txt").read_text().splitlines()
    return {line[2:].split(":")[0] for line in lines if line.startswith("- ")}


def main(host, port, password, folder):
    os.environ.update(CFY_WORKDIR=folder, LC_ALL="C.UTF-8", COLUMNS="200")
    use = ["profiles", "use", host, "-u", "admin", "-p", password, "-t", "default_tenant", "--rest-port", port]
    subprocess.run([Path(sys.executable).with_name("cfy"), *use], check=True, stdout=subprocess.DEVNULL)
    warnings.simplefilter("ignore")
    from cloudify_cli import main as cli  # Which commands there are depends on the profile.
    root = cli._cfy
    lines = Lines(root, files(folder))
    lines.tell("commands.txt")
    known = {name for name in all_commands(root) if any(ran.startswith(name + " ") for ran in lines.ran)}
    missing = set(all_commands(root)) - left_out() - known
    lines.tell("journeys.txt")
    failed = lines.failed + [f"cfy {name} was never run" for name in sorted(missing)]
    print("\n".join(failed))
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
