"""Runs operations and workflows in forks of an interpreter that has imported the dispatcher already.

One JSON object a line comes in, {"id", "dir", "env", "log"}, and for each go out {"id", "pid"}, after
which its process begins, and {"id", "status"} with what waitpid said. Whatever an operation does, it
does to its own process. With a folder as its argument it runs the one that is in there, and no fork.
Words of Python 3.6 only.
"""
import gc
import importlib
import json
import os
import select
import signal
import sys
import threading
import time
import traceback
from importlib.machinery import ModuleSpec, PathFinder

# Without work for so long, it ends; the next operation starts another one.
IDLE = 600


# Under which names scripts and plugins of the heirs know the packages, and names within them.
ALIASES = {
    'dell': 'cloudify',
    'nativeedge': 'cloudify',
    'nativeedge_rest_client': 'cloudify_rest_client',
}
RENAMED = {
    'cloudify.mocks': ('MockNativeEdgeContext', 'MockCloudifyContext'),
    'cloudify_rest_client.exceptions': ('NativeEdgeClientError', 'CloudifyClientError'),
}


class Aliases(object):
    """Finds the modules of a package under another name too, unless a package of that name is installed."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        top, _, rest = name.partition('.')
        own = ALIASES.get(top)
        if own is None:
            return None
        if rest:
            # Before others find the file a second time, as another module.
            is_alias = sys.modules.get(top) is sys.modules.get(own)
        else:
            is_alias = PathFinder.find_spec(name) is None
        return ModuleSpec(name, Alias(own + name[len(top):])) if is_alias else None


class Alias(object):
    def __init__(self, name):
        self.name = name

    def create_module(self, spec):
        module = importlib.import_module(self.name)
        self.spec = module.__spec__
        name, own = RENAMED.get(self.name, (None, None))
        if name and not hasattr(module, name):
            setattr(module, name, getattr(module, own))
        return module

    def exec_module(self, module):
        # It has been executed; whoever imports an alias has written over where it comes from.
        module.__spec__ = self.spec


def find_broker():
    """Tells the package where messages go: it knows the usual ports only, and has read the rest already."""
    port = os.environ.get('NEPHELE_BROKER_PORT')
    if port:
        import cloudify
        cloudify.BROKER_PORT_NO_SSL = int(port)
        cloudify.broker_config.load_broker_config()


def run(dispatch, job):
    """Is the process of one operation, from the fork to its exit code."""
    os.setsid()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = os.open(job['log'], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    os.environ.clear()
    os.environ.update(job['env'])
    time.tzset()
    sys.argv = [dispatch.__file__, job['dir']]
    gc.enable()
    code = 0
    try:
        find_broker()
        dispatch.main()
    except SystemExit as error:
        code = error.code
        if code is None:
            code = 0
        elif not isinstance(code, int):
            print(code, file=sys.stderr)
            code = 1
    except BaseException:
        traceback.print_exc()
        code = 1
    for thread in threading.enumerate():
        # As an interpreter that comes to its end does.
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            code = code or 120
    return code & 0xff


class Host(object):
    def __init__(self, requests, answers, dispatch):
        self.requests = requests
        self.answers = answers
        self.dispatch = dispatch
        self.running = {}
        # That a child has ended can be read here.
        self.wakes, waking = os.pipe()
        os.set_blocking(self.wakes, False)
        os.set_blocking(waking, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(waking)
        self.own = [requests, answers, self.wakes, waking]

    def tell(self, **answer):
        line = json.dumps(answer).encode() + b'\n'
        while line:
            line = line[os.write(self.answers, line):]

    def start(self, job):
        # The process waits until its number is known, so that nobody runs whom nobody knows.
        ready, go = os.pipe()
        pid = os.fork()
        if not pid:
            code = 1
            try:
                os.close(go)
                known = os.read(ready, 1)
                for end in self.own + [ready]:
                    os.close(end)
                code = run(self.dispatch, job) if known else 1
            finally:
                os._exit(code)
        os.close(ready)
        self.running[pid] = job['id']
        self.tell(id=job['id'], pid=pid)
        os.write(go, b'.')
        os.close(go)

    def reap(self):
        while self.running:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            job = self.running.pop(pid, None)
            if job is not None:
                self.tell(id=job, status=status)

    def serve(self):
        rest = b''
        while True:
            readable, _, _ = select.select([self.requests, self.wakes], [], [], IDLE)
            if not readable and not self.running:
                return
            if self.wakes in readable:
                os.read(self.wakes, 4096)
                self.reap()
            if self.requests in readable:
                read = os.read(self.requests, 1 << 16)
                if not read:
                    return
                *lines, rest = (rest + read).split(b'\n')
                for line in lines:
                    self.start(json.loads(line.decode()))

    def end(self):
        # Nobody is left who could take an answer; the operations run again elsewhere.
        for pid in self.running:
            try:
                os.killpg(pid, signal.SIGKILL)
            except OSError:
                os.kill(pid, signal.SIGKILL)


def main():
    # Where `python -m` looks first.
    sys.path[0] = os.getcwd()
    sys.meta_path.insert(0, Aliases)
    if sys.argv[1:]:
        from cloudify import dispatch
        find_broker()
        dispatch.main()
        return
    requests, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    from cloudify import context, dispatch  # noqa: F401
    gc.collect()
    # Pages that the collector does not touch stay shared with the forks.
    gc.disable()
    if hasattr(gc, 'freeze'):
        gc.freeze()
    host = Host(requests, answers, dispatch)
    # With other threads beside it, a fork may find a lock taken for ever.
    host.tell(threads=threading.active_count())
    try:
        host.serve()
    finally:
        host.end()


main()
