"""What the original makes of a text: its events, then its value or its error, as lines.

The value is what the original's blueprint loader makes (dsl_parser.yaml_loader over PyYAML), with the
place of every node. Run as a program it reads texts from standard input, each a JSON string on a line of
its own, and prints a JSON string with the description for each. `describe.rs` writes the same lines for
our reader; the tests compare the two.
"""

import datetime
import json
import re
import struct
import sys

import yaml
from dsl_parser import holder, yaml_loader

VERSION = '6.0.3'
STYLES = {None: 'plain', "'": 'single', '"': 'double', '|': 'literal', '>': 'folded'}
SURROGATES = re.compile('[\ud800-\udfff]')


class Loader(yaml_loader.MarkedLoader):
    """The original's loader, which also remembers from which node each value came."""

    def construct_document(self, node):
        memory = self.constructed_objects
        value = super().construct_document(node)
        self.nodes = {id(made): node for node, made in memory.items()}
        return value


def quote(text):
    # Half of a surrogate pair cannot be in our texts.
    return json.dumps(SURROGATES.sub('\ufffd', text))


def place(start, end):
    return f'{start.line}:{start.column}-{end.line}:{end.column}'


def properties(event):
    anchor = f' &{event.anchor}' if event.anchor is not None else ''
    tag = f' <{quote(event.tag)}>' if event.tag is not None else ''
    return anchor + tag


def event_line(event):
    kind = type(event).__name__[:-len('Event')]
    if kind == 'Alias':
        kind += f' *{event.anchor}'
    elif kind in ('DocumentStart', 'DocumentEnd'):
        kind += ' explicit' if event.explicit else ''
    elif kind in ('SequenceStart', 'MappingStart'):
        kind += (' flow' if event.flow_style else ' block') + properties(event)
    elif kind == 'Scalar':
        kind += f' {STYLES[event.style]}{properties(event)} {quote(event.value)}'
    return f'{place(event.start_mark, event.end_mark)} {kind}'


def error_lines(error):
    yield f'error {type(error).__name__}'
    for line in str(error).split('\n'):
        yield f'| {quote(line)}'


def scalar_text(node):
    while isinstance(node, yaml.MappingNode):
        node = next(value for key, value in node.value if key.tag == 'tag:yaml.org,2002:value')
    return node.value


class Tree:
    """The lines of a value. A node that was seen before is named by its number."""

    def __init__(self, nodes):
        self.nodes = nodes
        self.seen = {}
        self.lines = []

    def add(self, made, depth=0):
        indent = '  ' * depth
        if id(made) in self.seen:
            self.lines.append(f'{indent}= {self.seen[id(made)]}')
            return
        self.seen[id(made)] = len(self.seen)
        node = self.nodes[id(made)]
        value = made.value
        span = f'{made.start_line}:{made.start_column}-{made.end_line}:{made.end_column}'
        self.lines.append(f'{indent}{span} {self.kind(value, node)}')
        if isinstance(value, dict):
            for key, item in value.items():
                self.add(key, depth + 1)
                self.add(item, depth + 1)
        elif isinstance(value, set):
            for item in sorted(value, key=lambda item: (item.start_line, item.start_column)):
                self.add(item, depth + 1)
        elif isinstance(value, list):
            for number, item in enumerate(value):
                if isinstance(item, tuple):
                    self.seen[id(item)] = len(self.seen)
                    pair = node.value[number]
                    self.lines.append(f'{indent}  {place(pair.start_mark, pair.end_mark)} seq')
                    for part in item:
                        self.add(part, depth + 2)
                else:
                    self.add(item, depth + 1)

    @staticmethod
    def kind(value, node):
        match value:
            case None:
                return 'null'
            case bool():
                return f'bool {str(value).lower()}'
            case int():
                return f'int {value}'
            case float():
                return 'float nan' if value != value else f'float {struct.pack(">d", value).hex()}'
            case str():
                return f'str {quote(value)}'
            case bytes():
                return f'binary {quote(scalar_text(node))}'
            case datetime.date():
                text = scalar_text(node)
                return f'timestamp {quote(text[:-1] if text.endswith(chr(10)) else text)}'
            case dict():
                return 'map'
            case set():
                return 'set'
            case list():
                return 'seq'
        raise TypeError(type(value))


def event_lines(text):
    try:
        loader = yaml_loader.MarkedLoader(text)
        while loader.check_event():
            yield event_line(loader.get_event())
    except Exception as error:
        yield from error_lines(error)


def value_lines(text):
    try:
        loader = Loader(text)
        made = loader.get_single_data()
    except Exception as error:
        return list(error_lines(error))
    if made is None:
        return ['nothing']
    tree = Tree(loader.nodes)
    tree.add(made)
    return tree.lines


def describe(text):
    """The lines for one text."""
    return [*event_lines(text), '=>', *value_lines(text)]


def check_version():
    if yaml.__version__ != VERSION:
        sys.exit(f'PyYAML {VERSION} is needed, found {yaml.__version__}: `make cfy` installs it')


if __name__ == '__main__':
    check_version()
    for line in sys.stdin:
        print(json.dumps('\n'.join(describe(json.loads(line)))))
