"""Blueprints of N nodes, made by `examples/many/generate` and packed as an archive."""

import functools
import io
import subprocess
import tarfile
import tempfile
from pathlib import Path

GENERATE = Path(__file__).resolve().parent.parent / "examples/many/generate"


@functools.cache
def archive(shape: str, nodes: int) -> bytes:
    """A .tar.gz with one folder, as the command line sends it; `shape` is flat, shell or tree."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([GENERATE, shape, str(nodes), folder], check=True)
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as file:
            file.add(folder, arcname="many")
    return packed.getvalue()
