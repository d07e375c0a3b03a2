"""Blueprints for the parser alone, each a folder with `blueprint.yaml`; they bring small types of their own.

Invariant: the same shape and size always give the same text, so that two parsers read the same.
"""

from pathlib import Path

HEAD = """tosca_definitions_version: cloudify_dsl_1_4
inputs: {port: {type: integer, default: 8080}}
plugins: {p: {executor: central_deployment_agent, package_name: p}}
"""
TYPES = """node_types:
  cloudify.nodes.Compute: {interfaces: {cloudify.interfaces.lifecycle: &operations {create: p.a.b, configure: p.a.b, \
start: p.a.b, stop: p.a.b, delete: p.a.b}}}
  component: {properties: {port: {type: integer, default: 1}}, interfaces: {cloudify.interfaces.lifecycle: *operations}}
relationships:
  cloudify.relationships.depends_on: {properties: {connection_type: {default: all_to_all}}}
  cloudify.relationships.contained_in: {derived_from: cloudify.relationships.depends_on}
  cloudify.relationships.connected_to:
    derived_from: cloudify.relationships.depends_on
    source_interfaces: {cloudify.interfaces.relationship_lifecycle: {establish: p.a.b}}
"""


def tree(folder: Path, nodes: int) -> Path:
    """Blocks of a host and nine components contained in it, each connected to the one before."""
    lines = [HEAD + TYPES, "node_templates:"]
    for number in range(nodes):
        host = number - number % 10
        if number == host:
            lines.append(f"  node_{number}: {{type: cloudify.nodes.Compute}}")
            continue
        lines += [
            f"  node_{number}:",
            "    type: component",
            "    properties: {port: {get_input: port}}",
            "    interfaces:",
            "      cloudify.interfaces.lifecycle:",
            "        start: {implementation: p.a.b, inputs: {port: {get_property: [SELF, port]}}}",
            "    relationships:",
            f"      - {{type: cloudify.relationships.contained_in, target: node_{host}}}",
        ]
        if number > host + 1:
            lines.append(f"      - {{type: cloudify.relationships.connected_to, target: node_{number - 1}}}")
    return write(folder, "blueprint.yaml", lines)


def imports(folder: Path, files: int) -> Path:
    """Files that each bring an input, a type, a node and an output; every tenth imports the nine after it."""
    for number in range(files):
        lines = ["tosca_definitions_version: cloudify_dsl_1_4"]
        if number % 10 == 0:
            following = range(number + 1, min(number + 10, files))
            lines.append(f"imports: [{', '.join(f'part_{other}.yaml' for other in following)}]")
        lines += [
            f"inputs: {{input_{number}: {{type: integer, default: {number}}}}}",
            f"node_types: {{type_{number}: {{derived_from: component, properties: {{own: {{default: {{get_input: "
            f"input_{number}}}}}}}}}}}",
            f"node_templates: {{node_{number}: {{type: type_{number}}}}}",
            f"outputs: {{output_{number}: {{value: {{get_property: [node_{number}, own]}}}}}}",
        ]
        write(folder, f"part_{number}.yaml", lines)
    parts = [f"  - part_{number}.yaml" for number in range(0, files, 10)]
    return write(folder, "blueprint.yaml", [HEAD + TYPES, "imports:", *parts])


def types(folder: Path, chains: int, depth: int) -> Path:
    """Chains of types, each with a property and an operation more than the one it derives from; a node at every end."""
    chain = []
    for number in range(chains):
        for level in range(depth):
            parent = f"type_{number}_{level - 1}" if level else "component"
            chain.append(
                f"  type_{number}_{level}: {{derived_from: {parent}, properties: {{property_{level}: {{default: {level}}}}}, "
                f"interfaces: {{own: {{operation_{level}: p.a.b}}}}}}"
            )
    nodes = [f"  node_{number}: {{type: type_{number}_{depth - 1}}}" for number in range(chains)]
    own, related = TYPES.split("relationships:", 1)
    return write(folder, "blueprint.yaml", [HEAD + own, *chain, "relationships:" + related, "node_templates:", *nodes])


def write(folder: Path, name: str, lines: list[str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text("\n".join(lines) + "\n")
    return file
