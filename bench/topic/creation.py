"""Upload of a blueprint and creation of a deployment, each until it is done."""

import blueprint
from bench import Bench, Topic, timed
from figure import Figure

# Nodes, runs, goal for both steps together, and what is quoted of Cloudify for each step, in seconds.
SIZES = [(1, 15, 0.05, (0.8, 1.1)), (1000, 5, 0.5, (18, 6))]


def measure(bench: Bench) -> Topic:
    figures = []
    with bench.home().start() as manager:
        manager.log_in()
        for nodes, runs, goal, reference in SIZES:
            archive = blueprint.archive("flat", nodes)
            uploads, creations = [], []

            def both() -> float:
                name = bench.name("created")
                uploads.append(timed(manager.rest.upload, name, archive))
                creations.append(timed(manager.rest.create_deployment, name, name))
                found = manager.rest.count(f"/node-instances?deployment_id={name}&_size=1")
                if found != nodes:
                    raise RuntimeError(f"{name} has {found} node instances instead of {nodes}")
                return uploads[-1] + creations[-1]

            both()
            uploads.clear(), creations.clear()
            together = bench.repeat(runs, both)
            label = "1 node" if nodes == 1 else f"{nodes:,} nodes"
            figures += [
                Figure(f"upload, {label}", "s", uploads, reference=reference[0]),
                Figure(f"deployment creation, {label}", "s", creations, reference=reference[1]),
                Figure(f"together, {label}", "s", together, goal, sum(reference)),
            ]
    return Topic("Upload and deployment creation", figures)
