"""Prints what was found, and puts it on top of the earlier runs in docs/benchmarks.md."""

import datetime
from dataclasses import dataclass
from pathlib import Path

import machine
from bench import Topic
from figure import header, table


@dataclass(frozen=True)
class Run:
    """One run of a command; a topic that failed is a text instead."""

    command: str
    database: str
    machine: str
    topics: list[Topic | str]


def render(run: Run) -> str:
    today = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    facts = [f"Command: `{run.command}`", f"Commit: {machine.commit()}", f"Database: {run.database}"]
    facts += [f"Machine: {run.machine}", f"Goals: {summary(run)}"]
    parts = [f"## {today}, {run.database}", "\n".join(f"- {fact}" for fact in facts)]
    for topic in run.topics:
        if isinstance(topic, str):
            parts.append(topic)
        else:
            rows = [figure.cells() for figure in topic.figures]
            parts += [f"### {topic.title}", table(header(topic.reference), rows)]
            parts += [topic.text] if topic.text else []
    return "\n\n".join(parts) + "\n"


def summary(run: Run) -> str:
    figures = [figure for topic in run.topics if isinstance(topic, Topic) for figure in topic.figures]
    verdicts = [figure.verdict for figure in figures if figure.verdict]
    failed = sum(isinstance(topic, str) for topic in run.topics)
    text = f"{verdicts.count('met')} of {len(verdicts)} met"
    return f"{text}, {failed} topics not measured" if failed else text


def insert(document: Path, section: str) -> None:
    """The newest section comes first; the introduction above all sections stays as it is."""
    text = document.read_text()
    introduction, mark, earlier = text.partition("\n## ")
    rest = f"\n## {earlier}" if mark else ""
    document.write_text(f"{introduction.rstrip()}\n\n{section}{rest}")
