"""What every topic is given: fresh homes, how often to repeat, and how a result looks."""

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from figure import Figure
from manager import Home


Found = TypeVar("Found")


@dataclass(frozen=True)
class Topic:
    """What a topic found; `text` follows the table of figures, whose last but one column is `reference`."""

    title: str
    figures: list[Figure]
    text: str = ""
    reference: str = "Cloudify, quoted"


@dataclass
class Bench:
    """`quick` tries the scripts: one run of each figure, short loads, no large blueprints."""

    binary: Path
    folder: Path
    new_database: Callable[[], str | None]
    quick: bool = False
    numbers: itertools.count = field(default_factory=itertools.count)

    def home(self) -> Home:
        """A fresh, empty home."""
        return Home(self.binary, self.folder / f"home-{next(self.numbers)}", self.new_database())

    def repeat(self, times: int, measure: Callable[[], Found]) -> list[Found]:
        return [measure() for _ in range(1 if self.quick else times)]

    def name(self, prefix: str) -> str:
        """An id that no earlier blueprint or deployment has."""
        return f"{prefix}-{next(self.numbers)}"


def timed(action: Callable, *arguments) -> float:
    """Seconds that the action takes."""
    begin = time.perf_counter()
    action(*arguments)
    return time.perf_counter() - begin
