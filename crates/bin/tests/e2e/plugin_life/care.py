"""Operations that are tried again, that look after what they made, and that change it."""
from cloudify import ctx
from cloudify.decorators import operation
from cloudify.exceptions import RecoverableError

VERSION = '@VERSION@'


def note(what):
    properties = ctx.instance.runtime_properties
    properties['done'] = properties.get('done', []) + [what]


@operation
def create(**_):
    note('create')
    ctx.instance.runtime_properties['version'] = VERSION
    ctx.instance.runtime_properties['region'] = ctx.plugin.properties['region']['value']


@operation
def configure(**_):
    if ctx.operation.retry_number == 0:
        raise RecoverableError('the other side is not there yet', retry_after=0.1)
    note('configure after %d' % ctx.operation.retry_number)


@operation
def start(**_):
    if ctx.operation.retry_number < 2:
        return ctx.operation.retry('it boots', retry_after=0.1)
    note('start after %d' % ctx.operation.retry_number)


@operation
def check_status(**_):
    if ctx.instance.runtime_properties.get('ill'):
        raise RuntimeError('it is ill')
    return 'it is well'


@operation
def heal(**_):
    ctx.instance.runtime_properties['ill'] = False
    note('heal')


@operation
def check_drift(**_):
    size = ctx.instance.runtime_properties.get('size')
    wanted = ctx.node.properties['size']
    return None if size in (None, wanted) else {'size': [size, wanted]}


@operation
def update(**_):
    ctx.instance.runtime_properties['size'] = ctx.node.properties['size']
    note('update to %d by %s' % (ctx.node.properties['size'], VERSION))


@operation
def fall_ill(**_):
    ctx.instance.runtime_properties['ill'] = True
    ctx.instance.runtime_properties['size'] = ctx.node.properties['size']


@operation
def delete(trace, **_):
    with open(trace, 'a') as file:
        file.write('%s %s\n' % (ctx.instance.id, VERSION))
