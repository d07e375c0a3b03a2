"""Sends a manager requests that are made up from docs/openapi.json, and judges every answer.

    python tests/hostile URL PASSWORD FOLDER PHASES EXAMPLES

Fails on an answer of 500 and above, on a status, a media type or a shape that the document does not name, and when
too few operations were ever answered well. FOLDER takes what is noted meanwhile. PHASES are those of schemathesis: `coverage`
tries the boundaries of each parameter, `fuzzing` makes up EXAMPLES requests for each operation.
"""
import collections
import json
import os
import subprocess
import sys
from pathlib import Path

from world import World

HERE = Path(__file__).parent
DOCUMENT = HERE.parents[1] / "docs/openapi.json"
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,shape"
# Left out: a request to them would decide about all that come after it.
EXCLUDED = {
    "/audit/stream": "It does not end.",
    "/maintenance/{action}": "In maintenance all other requests are refused.",
    "/ldap": "It would ask made-up hosts at each login from then on.",
}
# Of made-up requests many make no sense. If all of them to so many operations did, the world would no longer fit.
MOST_REFUSED = 0.5


def main(url, password, folder, phases, examples):
    folder = Path(folder)
    world = World(url, password)
    kept, doomed = world.fill()
    answers = folder / "answers"
    program = Path(sys.executable).with_name("schemathesis")
    command = [
        program, "run", DOCUMENT, "--url", f"{url}/api/v3.1", "--auth", f"admin:{password}", "--checks", CHECKS,
        "--max-examples", examples, "--phases", phases, "--seed", "1", "--workers", "1",
        "--continue-on-failure", "--suppress-health-check", "all", "--warnings", "off", "--no-color",
        *(word for path in EXCLUDED for word in ("--exclude-path", path)),
    ]
    environment = os.environ | {
        "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(HERE), "PYTHONDONTWRITEBYTECODE": "1",
        "HOSTILE_WORLD": json.dumps([kept, doomed]), "HOSTILE_ANSWERS": str(answers),
    }
    ran = subprocess.run(command, cwd=folder, env=environment, check=False)
    told = collections.defaultdict(set)
    for line in answers.read_text().splitlines():
        status, operation = line.split(" ", 1)
        told[operation].add(int(status))
    refused = sorted(operation for operation, statuses in told.items() if min(statuses) >= 300)
    print(f"{len(told) - len(refused)} of {len(told)} operations were answered well; not so:", *refused, sep="\n    ")
    world.ask("GET", "/status")
    return ran.returncode or len(refused) > MOST_REFUSED * len(told)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
