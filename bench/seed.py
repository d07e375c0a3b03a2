#!/usr/bin/env python3
"""Fills a database as years of use would: `bench/seed.py BINARY FOLDER [--database postgres://…]`.

A manager makes one deployment of one node with ten instances and installs it; SQL then repeats its rows,
so that every row is as the manager writes it. Afterwards: `BINARY up --data-dir FOLDER/data`.
"""

import argparse
import io
import sqlite3
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

from manager import PASSWORD, Home

TEMPLATE = "volume"
INSTANCES = 10
BLUEPRINT = f"""
tosca_definitions_version: cloudify_dsl_1_4
imports:
  - cloudify/types/types.yaml
node_templates:
  node:
    type: cloudify.nodes.Root
    capabilities:
      scalable:
        properties:
          default_instances: {INSTANCES}
"""
# Copies' rows have keys above these, far from all others.
BASE = 1_000_000
# The install of the first copy gets the events of so many copies.
LONG = 2000


@dataclass(frozen=True)
class Volume:
    """How much there is. Every deployment has a node with ten instances, two executions and two labels."""

    deployments: int = 100_000
    events_each: int = 50

    @property
    def instances(self) -> int:
        return self.deployments * INSTANCES

    @property
    def events(self) -> int:
        return self.deployments * self.events_each

    @property
    def long(self) -> int:
        """Events of the longest execution."""
        return min(LONG, self.deployments) * self.events_each


def seed(home: Home, volume: Volume) -> None:
    """Fills the database of a home whose manager has not run yet."""
    with home.start() as manager:
        manager.log_in()
        manager.rest.upload(TEMPLATE, archive())
        manager.rest.create_deployment(TEMPLATE, TEMPLATE)
        manager.rest.run(TEMPLATE, "install")
    database = Postgres(home.database_url) if home.database_url else Lite(home.folder / "data")
    database.run(statements(database, volume))


def archive() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as file:
        entry = tarfile.TarInfo("volume/blueprint.yaml")
        entry.size = len(BLUEPRINT)
        file.addfile(entry, io.BytesIO(BLUEPRINT.encode()))
    return packed.getvalue()


class Lite:
    def __init__(self, folder: Path):
        self.file = next(folder.glob("**/*.db"))

    def columns(self, table: str) -> list[str]:
        with sqlite3.connect(self.file) as connection:
            return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]

    def run(self, statements: list[str]) -> None:
        with sqlite3.connect(self.file) as connection:
            # The copies are nobody's changes: the audit log takes no notice.
            triggers = list(connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"))
            dropped = [f'DROP TRIGGER "{name}"' for name, _ in triggers]
            for statement in [*dropped, *statements, *(made for _, made in triggers)]:
                connection.execute(statement)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()


class Postgres:
    def __init__(self, url: str):
        self.url = url

    def psql(self, text: str) -> str:
        command = ["psql", "--quiet", "--no-psqlrc", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", self.url]
        return subprocess.run(command, input=text, check=True, capture_output=True, text=True).stdout

    def columns(self, table: str) -> list[str]:
        query = f"SELECT column_name FROM information_schema.columns WHERE table_name = '{table}' ORDER BY ordinal_position"
        return self.psql(query).split()

    def run(self, statements: list[str]) -> None:
        # The copies point at rows that are there: looking for each would take most of the time.
        self.psql(";\n".join(["BEGIN", "SET LOCAL session_replication_role = replica", *statements, "COMMIT"]) + ";")
        self.psql("VACUUM ANALYZE;")


def statements(database: Lite | Postgres, volume: Volume) -> list[str]:
    own = f"FROM deployments d WHERE d.id = '{TEMPLATE}'"
    deployment = f"(SELECT d.storage_id {own})"

    def numbered(table: str, condition: str, most: int, times: int = 1) -> str:
        """The template's rows, repeated, with their place `k` among them, from 0."""
        return (
            "(SELECT * FROM (SELECT x.*, row_number() OVER (ORDER BY n.n, x.storage_id) - 1 AS k "
            f"FROM {numbers(times)} CROSS JOIN {table} x WHERE {condition}) numbered WHERE k < {most}) t"
        )

    def copy(table: str, source: str, changed: dict[str, str]) -> str:
        columns = database.columns(table)
        values = [changed.get(column, f't."{column}"') for column in columns]
        quoted = ", ".join(f'"{column}"' for column in columns)
        # In the order of the copies, as they would have come.
        return (
            f"INSERT INTO {table} ({quoted}) SELECT {', '.join(values)} "
            f"FROM {numbers(volume.deployments)} CROSS JOIN {source} ORDER BY n.n, t.k"
        )

    earlier = f"- ({volume.deployments} - n.n) * 1000"
    of_template = f"x.deployment_fk = {deployment}"
    name = f"'{TEMPLATE}-' || n.n"
    execution = f"{BASE} + n.n * 2 + t.k"
    install = f"{BASE} + n.n * 2 + 1"
    node = f"{BASE} + n.n"
    installed = f"x.execution_fk = (SELECT d.latest_execution_fk {own})"
    labels = [
        f"INSERT INTO deployments_labels (key, value, created_at, creator_id, labeled_fk) "
        f"SELECT {key}, {value}, t.created_at, t.creator_id, {BASE} + n.n "
        f"FROM {numbers(volume.deployments)} CROSS JOIN deployments t WHERE t.id = '{TEMPLATE}'"
        for key, value in [
            ("'stage'", "CASE WHEN n.n % 2 = 0 THEN 'production' ELSE 'testing' END"),
            ("'rack'", "'rack-' || (n.n / 100)"),
        ]
    ]
    return [
        copy("deployments", numbered("deployments", f"x.id = '{TEMPLATE}'", 1), {
            "storage_id": f"{BASE} + n.n", "id": name, "display_name": name,
            "created_at": f"t.created_at {earlier}", "create_execution_fk": f"{BASE} + n.n * 2",
            "latest_execution_fk": install,
        }),
        copy("executions", numbered("executions", of_template, 2), {
            "storage_id": execution, "id": f"{name} || '-' || t.k", "token": "NULL",
            "created_at": f"t.created_at {earlier}", "deployment_fk": f"{BASE} + n.n",
        }),
        copy("nodes", numbered("nodes", of_template, 1), {
            "storage_id": node, "deployment_fk": f"{BASE} + n.n",
        }),
        copy("node_instances", numbered("node_instances", of_template, INSTANCES), {
            "storage_id": f"{BASE} + n.n * {INSTANCES} + t.k", "id": "t.id || '_' || n.n", "node_fk": node, "deployment_fk": f"{BASE} + n.n",
        }),
        *labels,
        copy("events", numbered("events", installed, volume.events_each, volume.events_each), {
            "storage_id": f"{BASE} + n.n * {volume.events_each} + t.k",
            "timestamp": f't."timestamp" {earlier}', "reported_timestamp": f"t.reported_timestamp {earlier}",
            "execution_fk": f"CASE WHEN n.n <= {LONG} THEN {BASE} + 3 ELSE {install} END",
        }),
        *(database_keys() if isinstance(database, Postgres) else []),
    ]


def numbers(most: int) -> str:
    return (
        f"(WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < {most}) "
        "SELECT n FROM counted) n"
    )


def database_keys() -> list[str]:
    """PostgreSQL's sequences do not see keys that are given."""
    tables = ["deployments", "executions", "nodes", "node_instances", "events"]
    return [
        f"SELECT setval(pg_get_serial_sequence('{table}', 'storage_id'), (SELECT max(storage_id) FROM {table}))"
        for table in tables
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="Fills a fresh database of Nephele with many rows.")
    parser.add_argument("binary", type=Path)
    parser.add_argument("folder", type=Path, help="a new folder")
    parser.add_argument("--database", metavar="URL", help="postgres://…: an empty database")
    parser.add_argument("--deployments", type=int, default=Volume.deployments)
    options = parser.parse_args()
    volume = Volume(options.deployments)
    seed(Home(options.binary.resolve(), options.folder, options.database), volume)
    print(f"{volume.deployments:,} deployments, {volume.instances:,} node instances, {volume.events:,} events")
    print(f"NEPHELE_ADMIN_PASSWORD={PASSWORD} {options.binary} up --data-dir {options.folder}/data")


if __name__ == "__main__":
    main()
