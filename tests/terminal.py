"""Runs our command line in terminals of several widths, and looks at what a person sees.

    python tests/terminal.py BINARY MANAGER PASSWORD DEPLOYMENT

DEPLOYMENT has been made and is not installed; its scripts wait a moment, so that there is something to see.
"""
import fcntl
import os
import pty
import re
import signal
import struct
import sys
import termios
import time


def run(arguments, columns, environment, interrupt_at=None):
    """The exit code and everything that came to the terminal."""
    child, terminal = pty.fork()
    if child == 0:
        os.execve(arguments[0], arguments, environment)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
    said, is_sent = b"", False
    while True:
        try:
            chunk = os.read(terminal, 65536)
        except OSError:
            break
        if not chunk:
            break
        said += chunk
        if interrupt_at and not is_sent and interrupt_at in said.decode(errors="replace"):
            time.sleep(0.3)
            os.kill(child, signal.SIGINT)
            is_sent = True
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), said.decode(errors="replace")


def progress_lines(said):
    """The lines that are wiped again."""
    return [line for line in re.findall(r"\x1b\[2m(.*?)\x1b\[0m", said)]


def main(binary, manager, password, deployment):
    environment = dict(os.environ, NEPHELE_MANAGER=manager, NEPHELE_PASSWORD=password, TERM="xterm")
    environment.pop("NO_COLOR", None)
    environment.pop("COLUMNS", None)
    start = [binary, "executions", "start", "install", "-d", deployment]

    code, said = run(start, 60, environment, interrupt_at="operations,")
    assert code == 130, (code, said)
    assert "goes on" in said, said
    seen = progress_lines(said)
    assert any("install [" in line and "operations" in line for line in seen), said
    assert all(len(line) < 60 for line in seen), seen

    listed = [binary, "executions", "list", "-d", deployment, "--query", "[?workflow_id=='install'].id | [0]"]
    _, found = run(listed, 200, environment)
    code, said = run([binary, "executions", "follow", found.strip()], 40, dict(environment, NO_COLOR="1"))
    assert code == 0, (code, said)
    assert "\x1b[2m" not in said, said
    bars = re.findall(r"install \[[^\r\n]*", said)
    assert bars and all(len(bar) < 40 for bar in bars), said

    code, said = run([binary, "deployments", "list"], 70, environment)
    assert code == 0 and deployment[:5] in said, said
    assert all(len(line) <= 70 for line in said.splitlines()), said

    print("the terminal shows what it should")


if __name__ == "__main__":
    main(*sys.argv[1:])
