"""The workflows and the operation of a plugin."""
import json
import os
import time

from cloudify import ctx as operation_ctx
from cloudify.decorators import operation, workflow
from cloudify.exceptions import NonRecoverableError, RecoverableError
from cloudify.workflows import api
from cloudify.workflows.tasks_graph import make_or_get_graph
from cloudify_rest_client import client

CALLS = os.path.join(os.path.dirname(__file__), 'calls')


def write(file, text):
    with open(file, 'a') as opened:
        opened.write(text + '\n')


def recorded(perform):
    """Has every request of this process written down."""
    def perform_and_write(self, requests_method, request_url, body, *args, **kwargs):
        said = json.loads(body) if body else None
        write(CALLS, json.dumps([os.getpid(), requests_method.__name__.upper(), request_url, said]))
        return perform(self, requests_method, request_url, body, *args, **kwargs)
    return perform_and_write


client.HTTPClient._do_request = recorded(client.HTTPClient._do_request)


@operation(resumable=True)
def greet(word, folder, **_):
    instance = operation_ctx.instance
    write(os.path.join(folder, 'begun'), instance.id)
    while os.path.exists(os.path.join(folder, 'gate-' + operation_ctx.node.name)):
        time.sleep(0.05)
    if os.path.exists(os.path.join(folder, 'closed')):
        raise NonRecoverableError('nobody is at home')
    if word == 'mumble' and operation_ctx.operation.retry_number < 2:
        raise RecoverableError('louder', retry_after=0.1)
    instance.runtime_properties['word'] = word
    write(os.path.join(folder, 'ended'), instance.id)
    return '%s, %s' % (word, instance.id)


@make_or_get_graph
def greetings(ctx, word, folder):
    graph = ctx.graph_mode()
    for instance in ctx.node_instances:
        sequence = graph.sequence()
        sequence.add(
            instance.set_state('greeting'),
            instance.send_event('Greeting begins'),
            instance.execute_operation('greetings.greet', kwargs={'word': word, 'folder': folder}),
            instance.set_state('greeted'))
    return graph


@workflow(resumable=True)
def everywhere(ctx, word, folder, **_):
    greetings(ctx, word, folder, name='everywhere').execute()


@workflow
def converse(ctx, word, folder, times, **_):
    """Asks one after the other, and tells what it hears."""
    heard = []
    for instance in sorted(ctx.node_instances, key=lambda one: one.id):
        for _ in range(times):
            result = instance.execute_operation('greetings.greet', kwargs={'word': word, 'folder': folder})
            heard.append(result.get())
    local = ctx.local_task(lambda: len(heard)).get()
    ctx.logger.info('heard %d', local)
    ctx.send_event('heard: %s' % '; '.join(heard))
    ctx.update_execution_status('started')
    node = ctx.get_node('first')
    write(os.path.join(folder, 'said'), json.dumps({
        'deployment': ctx.deployment.id, 'blueprint': ctx.blueprint.id, 'tenant': ctx.tenant_name,
        'creator': ctx.execution_creator_username, 'type': node.type, 'operations': sorted(node.operations),
        'workflow': ctx.workflow_id, 'resume': bool(ctx._context['resume'])}))
    return heard


@workflow
def fail(ctx, how, **_):
    if how == 'die':
        print('last words', flush=True)
        os._exit(3)
    if how == 'operation':
        list(ctx.node_instances)[0].execute_operation('greetings.refuse').get()
    raise NonRecoverableError('nothing to be done')


@operation
def refuse(**_):
    raise NonRecoverableError('I would rather not')


@workflow
def heedless(ctx, folder, **_):
    """Is told to stop, and ends as if nobody had told."""
    write(os.path.join(folder, 'waiting'), str(os.getpid()))
    while not api.has_cancel_request():
        time.sleep(0.1)


@workflow
def wait(ctx, folder, patient, **_):
    """Waits until it is told to stop, and if it is patient for ever."""
    write(os.path.join(folder, 'waiting'), str(os.getpid()))
    while patient or not api.has_cancel_request():
        time.sleep(0.1)
    write(os.path.join(folder, 'stopped'), 'in order')
    raise api.ExecutionCancelled()
