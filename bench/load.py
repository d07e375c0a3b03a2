"""Load on a manager by wrk, over 8 connections from the same machine."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from manager import Manager
from rest import API

CONNECTIONS = 8
SCRIPT = Path(__file__).with_name("load.lua")


@dataclass(frozen=True)
class Load:
    """What one run of wrk found; `p95` in seconds."""

    requests: float
    p95: float


def load(manager: Manager, path: str, seconds: int, *, method: str = "GET", rows: int = 0, body: str = "") -> Load:
    """Sends one request again and again; OFFSET in the path becomes a random number below `rows`."""
    command = ["wrk", "--threads", "1", "--connections", str(CONNECTIONS), "--duration", f"{seconds}s"]
    for name, value in {**manager.rest.headers(), "Content-Type": "application/json"}.items():
        command += ["--header", f"{name}: {value}"]
    command += ["--script", str(SCRIPT), f"http://{manager.address}{API}{path}", "--", method, str(rows), body]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = next((line.split() for line in output.splitlines() if line.startswith("result ")), None)
    if not found or found[3] != "0":
        raise RuntimeError(f"{path} failed under load:\n{output}")
    return Load(float(found[1]), float(found[2]))
