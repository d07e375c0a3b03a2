"""One measured figure: the median of its runs, its goal, and what is said of Cloudify Manager.

Invariant: a table says above each figure of the reference whether it was quoted from outside or measured beside.
"""

import statistics
from dataclasses import dataclass

# In these units more is better; in all others less is.
RATES = {"requests/s", "events/s", "runs/minute"}


@dataclass(frozen=True)
class Figure:
    """`runs` holds every value in `unit`: s, MB, KB, requests/s, or times (a plain ratio)."""

    name: str
    unit: str
    runs: list[float]
    goal: float | None = None
    reference: float | None = None

    @property
    def value(self) -> float:
        return statistics.median(self.runs)

    @property
    def verdict(self) -> str:
        if self.goal is None:
            return ""
        met = self.value >= self.goal if self.unit in RATES else self.value < self.goal
        return "met" if met else "MISSED"

    def cells(self) -> list[str]:
        """The figure as a row under `header`."""
        sign = "≥" if self.unit in RATES else "<"
        spread = f"{show(min(self.runs), self.unit)} – {show(max(self.runs), self.unit)}"
        return [
            self.name,
            show(self.value, self.unit),
            f"{len(self.runs)} ({spread})" if len(self.runs) > 1 else "1",
            f"{sign} {show(self.goal, self.unit)}" if self.goal is not None else "",
            self.verdict,
            show(self.reference, self.unit) if self.reference is not None else "",
            self.ratio(),
        ]

    def ratio(self) -> str:
        """How many times better than the figure of the reference."""
        if self.reference is None or not self.value:
            return ""
        better = self.value / self.reference if self.unit in RATES else self.reference / self.value
        return f"{better:,.0f}×" if better >= 10 else f"{better:.1f}×"


def header(reference: str) -> list[str]:
    """The line above figures; `reference` says where those of the reference are from."""
    return ["", "median", "runs (range)", "goal", "verdict", reference, "ratio"]


def show(value: float, unit: str) -> str:
    """A value with its unit, in at most three or four telling digits."""
    if unit == "s":
        if value < 1:
            milliseconds = value * 1000
            return f"{milliseconds:.1f} ms" if milliseconds < 100 else f"{milliseconds:.0f} ms"
        return f"{value:.2f} s" if value < 10 else f"{value:.0f} s"
    if unit == "times":
        return f"{value:.2f}"
    if unit in ("MB", "KB"):
        return f"{value:.0f} {unit}"
    return f"{value:,.0f} {unit}"


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table with aligned columns, so that it reads well on a terminal too."""
    lines = [header, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    # The first column is a text, the others are values.
    rule = [":" + "-" * (widths[0] - 1), *["-" * (width - 1) + ":" for width in widths[1:]]]

    def row(cells: list[str]) -> str:
        padded = [cells[0].ljust(widths[0])]
        padded += [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:])]
        return "| " + " | ".join(padded) + " |"

    return "\n".join([row(header), "| " + " | ".join(rule) + " |", *map(row, rows)])
