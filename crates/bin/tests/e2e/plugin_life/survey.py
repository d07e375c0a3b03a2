"""A workflow of a plugin, which has operations of other plugins run."""
from cloudify.decorators import workflow
from cloudify.workflows.tasks_graph import make_or_get_graph


@make_or_get_graph
def questions(ctx, text):
    graph = ctx.graph_mode()
    for instance in ctx.node_instances:
        sequence = graph.sequence()
        sequence.add(instance.send_event('It is asked'))
        if instance.node.has_operation('survey.ask'):
            sequence.add(instance.execute_operation('survey.ask', kwargs={'text': text}))
    return graph


@workflow(resumable=True)
def survey(ctx, text, **_):
    questions(ctx, text, name='questions').execute()
