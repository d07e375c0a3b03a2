"""The machine and the source that were measured."""

import os
import platform
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def describe(folder: Path) -> str:
    """Processor, cores, memory, kernel, and the file system of `folder`."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    cores = len(os.sched_getaffinity(0))
    return (
        f"{processor()}, {cores} cores, {memory:.0f} GiB of memory, "
        f"{platform.system()} {platform.release()}, data on {file_system(folder)}"
    )


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


def file_system(folder: Path) -> str:
    """Kind of the file system that holds the folder: memory-backed ones flatter the database."""
    path, best = str(folder.resolve()), ("", "unknown")
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, mount, kind, *_ = line.split()
        inside = path == mount or path.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= len(best[0]):
            best = (mount, kind)
    return best[1]


def commit() -> str:
    """Short id of the commit, with a mark when product files differ from it."""
    head = git("rev-parse", "--short", "HEAD")
    changed = git("status", "--porcelain", "--untracked-files=no", "--", ":!docs/benchmarks.md", ":!bench")
    return f"{head} with uncommitted changes" if changed else head


def git(*arguments: str) -> str:
    command = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
