"""Drives every method of the unmodified Python client against a manager.

    python tests/compat HOST PORT PASSWORD FOLDER

Fails when a method is missing from the chapters, when an answer is not as docs/openapi.json says, or when an
effect is not there. FOLDER takes the files that are uploaded and downloaded.
"""
import sys
import time
import traceback

from cloudify_rest_client import CloudifyClient

import contract
import coverage
import story
from chapters import CHAPTERS


def main(host, port, password, folder):
    session = contract.Session()
    client = CloudifyClient(
        host=host, port=int(port), protocol="http", username="admin", password=password, tenant="default_tenant",
        session=session)
    missing = coverage.watch(client)
    told = story.Story(client, folder)
    failed = []
    for chapter in CHAPTERS:
        began = time.monotonic()
        try:
            chapter(told)
            verdict = "ok"
        except Exception as error:  # A broken chapter must not hide what the next ones find.
            verdict = "FAILED"
            failed.append(f"{chapter.__name__}: {error}")
            traceback.print_exc()
        print(f"{chapter.__name__:24} {verdict:7} {time.monotonic() - began:5.1f} s", flush=True)
    unknown = set(coverage.EXCUSED) - {name for name, _, _ in coverage.methods(client)}
    failed += [f"{name} is excused, but there is no such method" for name in sorted(unknown)]
    failed += [f"{name} was never called" for name in sorted(missing - set(coverage.EXCUSED))]
    failed += list(dict.fromkeys(session.broken))
    print(f"{len(session.asked)} of {sum(map(len, contract.DOCUMENT['paths'].values()))} operations asked")
    print("\n".join(failed))
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
