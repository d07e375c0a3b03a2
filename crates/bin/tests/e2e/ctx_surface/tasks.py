"""Operations that use all of `ctx`, and leave what they saw and which requests that took.

Each can be run again by hand: it leaves its input and its environment, and puts back what it changed.
"""
import json
import os
import shutil
import sys
import time

import requests

from cloudify import ctx, manager
from cloudify.decorators import operation

CALLS = []
# Where they are written and what the function returned, when it has; the dispatcher goes on for a while after that.
LEFT = {}


def leave():
    if LEFT:
        with open(os.path.join(LEFT['place'], 'calls.json'), 'w') as file:
            json.dump({'result': LEFT['result'], 'calls': CALLS}, file, default=str)


def recorded(send):
    def send_and_note(self, request, **kwargs):
        response = send(self, request, **kwargs)
        body = request.body
        if hasattr(body, 'read') or isinstance(body, bytes) and not body.startswith(b'{'):
            body = '<file>'
        kept = ('Execution-Token', 'Tenant', 'Authorization', 'Authentication-Token')
        CALLS.append({
            'method': request.method, 'path': request.path_url, 'body': json.loads(body) if body and body != '<file>' else body,
            'headers': {name: value for name, value in request.headers.items() if name in kept},
            'status': response.status_code,
            'answer': response.text if response.status_code < 400 and '/api/' in request.path_url else None})
        leave()
        return response
    return send_and_note


requests.sessions.Session.send = recorded(requests.sessions.Session.send)


def leaving(name):
    """Has an operation leave its input, its environment, what it returned and its requests."""
    def decorator(function):
        def perform(folder, **kwargs):
            place = os.path.join(folder, name + os.environ.get('BY_HAND', ''))
            os.makedirs(place, exist_ok=True)
            shutil.copy(os.path.join(sys.argv[1], 'input.json'), place)
            with open(os.path.join(place, 'environment.json'), 'w') as file:
                json.dump(dict(os.environ), file)
            result = function(**kwargs)
            LEFT.update(place=place, result=result)
            leave()
            return result
        return operation(perform)
    return decorator


def plain(names, of):
    return {name: getattr(of, name) for name in names.split()}


@leaving('surface')
def surface(evaluated, **_):
    seen = {
        'evaluated': evaluated,
        'context': plain(
            'execution_id workflow_id task_id task_name task_target task_queue type timeout timeout_recoverable '
            'execution_env rest_host rest_port rest_token bypass_maintenance tenant_name resume '
            'execution_creator_username workflow_parameters', ctx),
        'deployment': plain('id tenant_name display_name creator resource_tags runtime_only_evaluation', ctx.deployment),
        'blueprint': ctx.blueprint.id,
        'operation': plain('name retry_number max_retries relationship', ctx.operation),
        'plugin': plain('name package_name package_version source properties prefix workdir', ctx.plugin),
        'node': plain('id name type type_hierarchy number_of_instances', ctx.node),
        'properties': dict(ctx.node.properties),
        'instance': plain('id index host_ip scaling_groups', ctx.instance),
        'before': dict(ctx.instance.runtime_properties),
        'relationships': [
            [one.type, one.type_hierarchy, one.target.node.id, one.target.instance.id,
             dict(one.target.instance.runtime_properties)] for one in ctx.instance.relationships],
        'tenant': sorted(ctx.tenant),
        'execution': sorted(ctx.get_execution()),
        'stored': sorted(ctx.get_operation()),
        'config': [one['name'] for one in ctx.get_config(scope='workflow')],
        'managers': len(ctx.get_managers()),
        'brokers': len(ctx.get_brokers()),
        'provider': ctx.provider_context,
        'bootstrap': ctx.bootstrap_context._bootstrap_context,
        'capabilities': ctx.capabilities.get_all(),
    }
    ctx.logger.info('it is %s', 'seen')
    ctx.logger.debug('in detail')
    ctx.logger.error('this is no error')
    ctx.send_event('something was seen')

    properties = ctx.instance.runtime_properties
    properties['plain'] = {'deep': [1, 2.5, None, True, 'ö']}
    ctx.instance.update()
    properties = ctx.instance.runtime_properties
    properties['later'] = 'yes'
    ctx.instance.update(on_conflict=lambda previous, latest: dict(latest, later='merged'))
    ctx.instance.refresh()
    seen['after'] = dict(ctx.instance.runtime_properties)
    for name in list(seen['after']):
        del ctx.instance.runtime_properties[name]

    seen['secret'] = manager.get_rest_client().secrets.get('key').value
    seen['resource'] = ctx.get_resource('files/a.txt').decode()
    seen['rendered'] = ctx.get_resource_and_render('files/b.txt', {'word': 'hello'}).decode()
    seen['downloaded'] = open(ctx.download_resource('files/a.txt')).read()
    seen['written'] = open(ctx.download_resource_and_render(
        'files/b.txt', os.path.join(sys.argv[1], 'b.txt'), {'word': 'bye'})).read()
    # Of one file: the original takes several in no order.
    folder = ctx.download_directory('more')
    seen['directory'] = sorted(os.listdir(folder))
    try:
        ctx.get_resource('files/none.txt')
    except Exception as error:
        seen['missing'] = [type(error).__name__, getattr(error, 'code', None)]
    with open(os.path.join(sys.argv[1], 'c.txt'), 'w') as file:
        file.write('kept')
    ctx.upload_deployment_file('kept/c.txt', os.path.join(sys.argv[1], 'c.txt'))
    seen['uploaded'] = ctx.get_resource('kept/c.txt').decode()
    ctx.delete_deployment_file('kept/c.txt')
    with open(os.path.join(ctx.plugin.workdir, 'note'), 'w') as file:
        file.write('x')
    seen['note'] = os.listdir(ctx.plugin.workdir)
    return seen


@leaving('link')
def link(**_):
    seen = {
        'type': ctx.type,
        'relationship': ctx.operation.relationship,
        # There is none before an instance is configured.
        'drift': ctx.source.instance.drift,
        'source': [ctx.source.node.id, ctx.source.node.properties['text'], ctx.source.instance.id],
        'target': [ctx.target.node.id, ctx.target.node.properties['text'], ctx.target.instance.id],
    }
    for side in (ctx.source, ctx.target):
        side.instance.runtime_properties['linked'] = True
        side.instance.update()
        del side.instance.runtime_properties['linked']
    return seen


@leaving('recorded')
def as_recorded(**_):
    """What the recording of the original's requests was made of."""
    ctx.logger.info('hello %d', 1)
    ctx.instance.runtime_properties['seen'] = ctx.node.properties['text']
    ctx.instance.update()
    del ctx.instance.runtime_properties['seen']
    ctx.send_event('it went on')
    manager.get_rest_client().secrets.get('key')
    ctx.get_resource('files/a.txt')
    ctx.download_resource('files/a.txt')


@operation
def wait(folder, **_):
    """Keeps the execution, and with it its token."""
    open(os.path.join(folder, 'waiting'), 'w').close()
    while not os.path.exists(os.path.join(folder, 'go')):
        time.sleep(0.05)
