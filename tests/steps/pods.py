"""What the tests of the pods' steps share: a step.Fixture with a stand-in cluster, and a task that has a pod in it."""

import functools
import os
import pathlib
import signal
import subprocess
import sys

from step import LIMIT, TASK, same

LIB = pathlib.Path(__file__).resolve().parent.parent / 'lib'
sys.path.insert(0, str(LIB))

from stand_in_cluster import Cluster  # noqa: E402  # pylint: disable=wrong-import-position

FIRST, SECOND = '1' * 32, '2' * 32  # invocations of the task's unit


class Pods:
    def __init__(self, f):
        self.f = f
        self.cluster = Cluster(f.top / 'cluster')
        programs = f.top / 'bin'
        programs.mkdir()
        for name in 'kubectl', 'devpod':
            (programs / name).symlink_to(LIB / f'stand-in-{name}')
        f.environment |= {'PATH': f'{programs}:{os.environ["PATH"]}', 'STAND_IN_CLUSTER': str(self.cluster.path),
                          'INVOCATION_ID': FIRST}
        self.pod = self.cluster.add_pod()

    def close(self):
        self.cluster.close()

    def take_pod(self, pod=None, task=TASK):
        pod = pod or self.pod
        return self.f.run('pod', '--namespace', pod.namespace, '--pod', pod.name, task=task)

    def far(self, task=TASK, pod=None):
        """The task's directory in its pod."""
        return (pod or self.pod).home / '.remote-developer' / task

    def runs(self, task=TASK):
        return sorted(p.name for p in (self.far(task) / 'run').glob('*'))

    def begin(self, *argv, input=b'', task=TASK, options=(), invocation=FIRST):
        """pod-run under way; its input has been read."""
        environment = {**self.f.environment, 'INVOCATION_ID': invocation}
        step = subprocess.Popen([*self.f.command('pod-run', *options, '--', task=task), *argv], env=environment,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        step.stdin.write(input)
        step.stdin.close()
        step.stdin = None
        return step

    @staticmethod
    def finish(step, status=0):
        """What it wrote to both."""
        out, err = step.communicate(timeout=LIMIT)
        same(step.returncode, status, f'{err.decode(errors="replace")[:2000]}: the status')
        return out, err

    def run(self, *argv, status=0, **options):
        return self.finish(self.begin(*argv, **options), status)

    def sh(self, script, *words, **options):
        """A shell's script as the work."""
        return self.run('sh', '-c', script, 'work', *words, **options)

    def begin_sh(self, script, *words, **options):
        return self.begin('sh', '-c', script, 'work', *words, **options)

    def cancel(self, step):
        """As systemd does; it ends by the signal, when the work has ended."""
        step.send_signal(signal.SIGTERM)
        return self.finish(step, -signal.SIGTERM)

    def review(self, task=TASK, status=0):
        self.f.run('pod-review', task=task, status=status)
        return self.f.report('review.json', task)

    def clone(self, url, task=TASK, status=0):
        return self.f.run('pod-workspace', '--repository', url, task=task, status=status)


def in_pod(function):
    """Decorator: the case is given Pods, and the task has a pod."""
    @functools.wraps(function)
    def case(f):
        pods = Pods(f)
        try:
            pods.take_pod()
            function(pods)
        finally:
            pods.close()
    return case
