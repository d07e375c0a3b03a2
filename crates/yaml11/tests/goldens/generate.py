#!/usr/bin/env python3
"""Makes the expected lines of the goldens again, from PyYAML and the original's blueprint loader.

    make cfy
    target/cfy/bin/python crates/yaml11/tests/goldens/generate.py [FILE...]

Each *.golden file beside this script holds texts of one topic. A line `text "..."` is a text, as a JSON
string; what follows up to the next empty line is what the original makes of it (oracle.py says how to
read it). To add a case, write such a line and run this; lines that begin with `#` stay.
"""

import json
import pathlib
import sys

import oracle


def made_again(content):
    for line in content.splitlines():
        if line.startswith('#'):
            yield line
        elif line.startswith('text '):
            yield ''
            yield line
            yield from oracle.describe(json.loads(line[len('text '):]))


def main():
    oracle.check_version()
    folder = pathlib.Path(__file__).parent
    for path in map(pathlib.Path, sys.argv[1:]) if sys.argv[1:] else sorted(folder.glob('*.golden')):
        path.write_text('\n'.join(made_again(path.read_text())) + '\n')


if __name__ == '__main__':
    main()
