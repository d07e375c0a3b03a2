"""Runs every command of the unmodified `cfy` against a manager.

    python tests/compat/commands.py HOST PORT PASSWORD FOLDER

`commands.txt` says which; a command that is neither there nor left out with a reason fails the run. Each one runs in
a process of its own that is forked from this one, so that hundreds take seconds.
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


def run(root, arguments):
    """The exit code of a command and what it printed."""
    with tempfile.TemporaryFile() as said:
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
        _, status = os.waitpid(child, 0)
        said.seek(0)
        return os.waitstatus_to_exitcode(status), said.read().decode(errors="replace")


def main(host, port, password, folder):
    os.environ.update(CFY_WORKDIR=folder, LC_ALL="C.UTF-8", COLUMNS="200")
    use = ["profiles", "use", host, "-u", "admin", "-p", password, "-t", "default_tenant", "--rest-port", port]
    subprocess.run([Path(sys.executable).with_name("cfy"), *use], check=True, stdout=subprocess.DEVNULL)
    warnings.simplefilter("ignore")
    from cloudify_cli import main as cli  # Which commands there are depends on the profile.
    root = cli._cfy
    names, failed, missing = files(folder), [], set(all_commands(root))
    lines = (Path(__file__).parent / "commands.txt").read_text().splitlines()
    for line in filter(lambda line: line and not line.startswith("#"), lines):
        if line.startswith("- "):
            missing.discard(line[2:].split(":")[0])
            continue
        parts = LINE.match(line)
        try:
            arguments = [word.format(**names) for word in shlex.split(parts["command"])]
        except KeyError as unknown:
            failed.append(f"cfy {parts['command']}: {unknown} was not found before")
            continue
        began = time.monotonic()
        code, said = run(root, arguments)
        known = called(missing, arguments)
        missing.difference_update(known)
        if code != int(parts["code"] or 0):
            failed.append(f"cfy {' '.join(arguments)}: exit code {code}\n{said[-1500:]}")
        wanted = (parts["said"] or "").format(**names) if parts["said"] else None
        if wanted and not re.search(wanted, said, re.IGNORECASE):
            failed.append(f"cfy {' '.join(arguments)}: `{wanted}` is not in\n{said[-1500:]}")
        if parts["name"]:
            found = re.findall(parts["found"], said)
            if found:
                names[parts["name"]] = found[-1]
            else:
                failed.append(f"cfy {' '.join(arguments)}: no {parts['found']} in\n{said[-1500:]}")
        if time.monotonic() - began > 5:
            print(f"slow: cfy {' '.join(arguments)}: {time.monotonic() - began:.1f} s")
    failed += [f"cfy {name} was never run" for name in sorted(missing)]
    print("\n".join(failed))
    return bool(failed)


def called(names, arguments):
    """The commands that these arguments call."""
    text = " ".join(arguments) + " "
    return [name for name in names if text.startswith(name + " ")]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
