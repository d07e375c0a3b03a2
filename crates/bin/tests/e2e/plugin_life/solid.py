"""Operations that need a compiled dependency, which the wagon brings."""
import markupsafe
from markupsafe import _speedups

from cloudify import ctx
from cloudify.decorators import operation


@operation
def render(text, **_):
    ctx.instance.runtime_properties['text'] = str(markupsafe.escape(text))
    ctx.instance.runtime_properties['packages'] = [markupsafe.__version__, markupsafe.__file__, _speedups.__file__]
