"""Parses and prepares one blueprint by the reference, and prints seconds and the peak of memory as JSON.

Run by the Python that `make cfy` installs, in a process of its own; what `time_blueprint` is for ours.
"""

import json
import re
import sys
import time

from dsl_parser import parser, tasks


def main() -> None:
    before = peak()
    begin = time.perf_counter()
    plan = parser.parse_from_path(sys.argv[1])
    parsed = time.perf_counter()
    deployment = tasks.prepare_deployment_plan(plan)
    prepared = time.perf_counter()
    print(json.dumps({
        "instances": len(deployment["node_instances"]),
        "parse": parsed - begin,
        "prepare": prepared - parsed,
        "bytes": peak() - before,
    }))


def peak() -> int:
    """The most memory that this process ever held, in bytes."""
    with open("/proc/self/status") as status:
        return int(re.search(r"VmHWM:\s*(\d+)", status.read()).group(1)) * 1024


if __name__ == "__main__":
    main()
