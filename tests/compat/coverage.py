"""Which methods of the client there are, and which of them were called."""
import functools
import inspect

PACKAGE = "cloudify_rest_client"

# Methods that no request can be driven through, each with its reason.
EXCUSED = {
    "inter_deployment_dependencies.legacy_restore": "asks for a path that the original has not had since version 6",
    "deployment_updates.restore": "records are written by executions alone, also for the original",
}


def methods(client):
    """Every public method of every part of the client, by its name."""
    todo = [(name, part) for name, part in vars(client).items() if not name.startswith("_")]
    while todo:
        name, part = todo.pop()
        if not type(part).__module__.startswith(PACKAGE):
            continue
        for method, _ in inspect.getmembers(type(part), inspect.isroutine):
            if not method.startswith("_"):
                yield f"{name}.{method}", part, method
        inner = {key: value for key, value in vars(part).items() if key != "api" and not key.startswith("_")}
        todo.extend((f"{name}.{key}", value) for key, value in inner.items())


def watch(client):
    """Notes each method that is called; gives the set of what was not called yet."""
    missing = set()
    for name, part, method in methods(client):
        missing.add(name)
        setattr(part, method, watched(missing, name, getattr(part, method)))
    return missing


def watched(missing, name, method):
    @functools.wraps(method)
    def call(*args, **kwargs):
        missing.discard(name)
        return method(*args, **kwargs)

    return call
