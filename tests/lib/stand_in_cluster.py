"""A stand-in for a Kubernetes cluster with DevPod, for tests only: what stand-in-kubectl and stand-in-devpod talk to.

A pod is a directory, which is the home of the processes in it. These are real ones and children of this process, not
of a connection: as in a cluster, one that breaks closes their standard streams and ends none of them. What a caller
says is checked as kubectl and devpod would check it, and kept in `calls`.

How connections go wrong is planned by kind of script (`plan`), one row for each connection, in order:
    after=N, exit=S      breaks behind N bytes of output; kubectl ends with S
    stale=True           with after: the far side does not hear of it, and its output is read and thrown away
    silent=True          with after: the connection stays, nothing comes any more
    refuse=TEXT          is not made at all; kubectl says that and ends with 1
    stdin=N              standard input breaks off behind N bytes
    held=Event           is served when that is set
"""

import contextlib
import json
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import threading

KINDS = {'attach': 'mode=$3', 'upload': 'input.$$', 'stop': 'echo 137', 'commit': 'operation.$number',
         'workspace': 'helper=', 'review': 'facts)'}
UNREACHABLE = 'Unable to connect to the server: dial tcp 10.0.0.1:6443: connect: connection refused'
UNEXPECTED = 'error: error reading from error stream: next reader: unexpected EOF'
LIMIT = 60
# All that a pod's image is assumed to have, and git.
ASSUMED = ['sh', 'cat', 'dd', 'tail', 'wc', 'mkdir', 'mv', 'rm', 'sleep', 'git']


class Refused(Exception):
    """What kubectl or devpod says, before it ends with 1."""


class Pod:
    def __init__(self, directory, namespace, name, workspace):
        self.namespace, self.name, self.workspace, self.phase = namespace, name, workspace, 'Running'
        self.home, self.programs = directory / 'home', directory / 'bin'
        self.is_deleted = False
        for path in (self.home, self.programs):
            path.mkdir(parents=True)
        self.path = f'{self.programs}:{os.environ["PATH"]}'
        self.processes = []

    def shell(self, *argv):
        """What `sh` is there."""
        program = self.programs / 'sh'
        program.unlink(missing_ok=True)
        program.write_text('#!/bin/bash\nexec -a sh ' + ' '.join(argv) + ' "$@"\n')
        program.chmod(0o755)

    def bare(self):
        """Nothing is there but what is assumed."""
        for name in ASSUMED:
            (self.programs / name).symlink_to(shutil.which(name))
        self.path = str(self.programs)

    def json(self):
        metadata = {'name': self.name, 'namespace': self.namespace, 'labels': {'devpod.sh/workspace': self.workspace}}
        if self.is_deleted:
            metadata['deletionTimestamp'] = '2026-01-01T00:00:00Z'
        return {'apiVersion': 'v1', 'kind': 'Pod', 'metadata': metadata, 'status': {'phase': self.phase}}


class Connection:
    """One call of kubectl or devpod."""

    def __init__(self, cluster, channel):
        self.cluster, self.channel = cluster, channel
        self.reader = channel.makefile('rb')
        self.lock = threading.Lock()
        self.sent, self.row, self.is_broken = 0, {}, False
        self.process = None
        self.kind = None

    def send(self, kind, data):
        with self.lock, contextlib.suppress(OSError):
            self.channel.sendall(struct.pack('>cI', kind, len(data)) + data)
            return True
        return False

    def end(self, status, text=''):
        if text:
            self.send(b'e', text.encode() + b'\n')
        self.send(b'x', str(status).encode())
        with contextlib.suppress(OSError):
            self.channel.shutdown(socket.SHUT_RDWR)

    def serve(self):
        try:
            line = self.reader.readline()
            if not line:
                return
            request = json.loads(line)
            self.argv = request['argv']
            handler = {'kubectl': self.cluster.kubectl, 'devpod': self.cluster.devpod}[request['program']]
            with self.cluster.changed:
                self.cluster.calls.append([request['program'], *self.argv])
                self.cluster.changed.notify_all()
            handler(self, self.argv)
        except Refused as why:
            self.end(1, str(why))
        finally:
            self.reader.close()
            self.channel.close()

    # --- kubectl exec ---

    def exec(self, pod, argv):
        if held := self.row.get('held'):
            held.wait(LIMIT)
        if 'refuse' in self.row:
            raise Refused(self.row['refuse'])
        environment = {'PATH': pod.path, 'HOME': str(pod.home)}
        try:
            self.process = subprocess.Popen(argv, env=environment, cwd='/', start_new_session=True,
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        except FileNotFoundError:
            raise Refused(f'error: Internal error occurred: exec: "{argv[0]}": executable file not found in $PATH')
        pod.processes.append(self.process)
        threads = [threading.Thread(target=f, daemon=True) for f in (self.pump_errors, self.pump_input)]
        for thread in threads:
            thread.start()
        self.pump_output(*threads)

    def pump_input(self):
        left = self.row.get('stdin', 1 << 62)
        with contextlib.suppress(OSError, ValueError):
            while left > 0 and (data := self.reader.read1(min(left, 65536))):
                left -= len(data)
                with contextlib.suppress(OSError):  # it reads no more, which the other side does not hear
                    self.process.stdin.write(data)
                    self.process.stdin.flush()
        if not (self.row.get('stale') and self.is_broken):
            with contextlib.suppress(OSError):
                self.process.stdin.close()

    def pump_errors(self):
        while data := self.process.stderr.read1(65536):
            if not self.is_broken:
                self.send(b'e', data)

    def pump_output(self, errors, inputs):
        left = self.row.get('after', 1 << 62)
        while data := self.process.stdout.read1(65536):
            piece, left = data[:left], left - len(data[:left])
            if piece and not self.send(b'o', piece):
                break
            if left == 0:
                self.break_off()
                break
        else:
            status = self.process.wait()
            errors.join()
            status = status if status >= 0 else 128 - status
            self.end(status, f'command terminated with exit code {status}' if status else '')
            return
        if self.row.get('stale') or self.row.get('silent'):
            while self.process.stdout.read1(65536):
                pass
        if self.row.get('silent'):
            inputs.join()  # until the other side is tired of it
        self.process.stdout.close()
        self.process.wait()

    def break_off(self):
        """The client hears of the end; the far side of its standard streams being closed, if at all."""
        self.is_broken = True
        if self.row.get('silent'):
            return
        status = self.row.get('exit', 0)
        self.end(status, UNEXPECTED if status else '')


class Cluster:
    def __init__(self, top):
        self.top = pathlib.Path(top)
        self.top.mkdir(parents=True, exist_ok=True)
        self.path = self.top / 'cluster.sock'
        self.pods, self.workspaces, self.calls, self.plans = [], set(), [], {}
        self.changed = threading.Condition()
        self.up_failure = self.get_failure = self.pod_made = None
        self.exec_failures = {}  # {pod's name: what kubectl says to each exec}
        self.finds_no_pod, self.n_pods = False, 0
        self.served = {kind: 0 for kind in KINDS}
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.path.chmod(0o666)
        self.listener.listen(64)
        self.acceptor = threading.Thread(target=self.accept, daemon=True)
        self.acceptor.start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                channel, _ = self.listener.accept()
                threading.Thread(target=Connection(self, channel).serve, daemon=True).start()

    def close(self):
        # Waited for: the next one's listener may have the same descriptor, which must not be accepted from here.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.acceptor.join()
        self.listener.close()
        for pod in self.pods:
            self.kill(pod)

    def kill(self, pod):
        """As the end of its container does; each round finds what the one before could not see yet."""
        while pids := self.pids(f'HOME={pod.home}'):
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, 9)
            for process in pod.processes:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0.01)

    @staticmethod
    def pids(*variables):
        """Of the processes that have these in their environment; zombies have none."""
        found = []
        for path in pathlib.Path('/proc').glob('[0-9]*'):
            with contextlib.suppress(OSError):
                words = (path / 'environ').read_bytes().split(b'\0')
                if all(v.encode() in words for v in variables):
                    found.append(int(path.name))
        return found

    def work(self, task, variable='REMOTE_DEVELOPER_POD_TASK'):
        """What runs in pods for a task."""
        return [pid for pod in self.pods for pid in self.pids(f'{variable}={pod.home}/.remote-developer/{task}')]

    def add_pod(self, name='pod-0', namespace='work', workspace=''):
        pod = Pod(self.top / 'pods' / namespace / name, namespace, name, workspace)
        self.n_pods += 1
        self.pods.append(pod)
        if self.pod_made:
            self.pod_made(pod)
        return pod

    def plan(self, kind, *rows):
        self.plans.setdefault(kind, []).extend(rows)

    def wait(self, holds, what):
        with self.changed:
            if not self.changed.wait_for(holds, LIMIT):
                raise AssertionError(f'never came: {what}: {self.calls}')

    def wait_served(self, kind, count=1):
        self.wait(lambda: self.served[kind] >= count, f'{count} of {kind}')

    # --- kubectl ---

    def kubectl(self, connection, argv):
        if argv[:1] == ['version']:
            connection.send(b'o', b'Client Version: v1.31.0\nServer Version: v1.31.0\n')
            connection.end(0)
        elif argv[:1] == ['get']:
            self.get(connection, argv[1:])
        elif argv[:1] == ['exec']:
            self.exec(connection, argv[1:])
        else:
            raise Refused(f'error: unknown command {argv}')

    @staticmethod
    def options(words, **known):
        """Options with a value, then the rest: {name: value}, [word]."""
        found, rest = {}, []
        words = list(words)
        while words:
            word = words.pop(0)
            name, _, value = word.removeprefix('--').partition('=')
            if not word.startswith('-'):
                rest.append(word)
            elif not word.startswith('--') or name not in known:
                raise Refused(f'error: unknown flag: {word}')
            else:
                found[name] = value if '=' in word or not known[name] else words.pop(0)
        return found, rest

    def get(self, connection, argv):
        given, rest = self.options(argv, namespace=True, selector=True, output=True, **{'request-timeout': True})
        if self.get_failure:
            raise Refused(self.get_failure)
        assert given['output'] == 'json', argv
        pods = [p for p in self.pods if p.namespace == given['namespace']]
        if rest == ['pods']:
            key, _, value = given['selector'].partition('=')
            assert key == 'devpod.sh/workspace', argv
            answer = {'kind': 'List', 'items': [p.json() for p in pods if p.workspace == value]}
        else:
            assert rest[0] == 'pod' and len(rest) == 2, argv
            answer = next((p.json() for p in pods if p.name == rest[1]), None)
            if not answer:
                raise Refused(f'Error from server (NotFound): pods "{rest[1]}" not found')
        connection.send(b'o', json.dumps(answer).encode())
        connection.end(0)

    def exec(self, connection, argv):
        at = argv.index('--')
        given, rest = self.options(argv[:at], stdin=False, namespace=True)
        assert 'stdin' in given and len(rest) == 1, argv
        kind = next((k for k, text in KINDS.items() if argv[at + 1:at + 3] == ['sh', '-c'] and text in argv[at + 3]),
                    None)
        assert kind, argv
        with self.changed:
            self.served[kind] += 1
            if self.plans.get(kind):
                connection.row = self.plans[kind].pop(0)
            self.changed.notify_all()
        connection.kind = kind
        pod = next((p for p in self.pods if (p.namespace, p.name) == (given['namespace'], rest[0])), None)
        if rest[0] in self.exec_failures:
            raise Refused(self.exec_failures[rest[0]])
        if not pod:
            raise Refused(f'Error from server (NotFound): pods "{rest[0]}" not found')
        if pod.phase != 'Running':
            raise Refused(f'error: cannot exec into a container in a completed pod; current phase is {pod.phase}')
        connection.exec(pod, argv[at + 1:])

    # --- devpod ---

    def devpod(self, connection, argv):
        if argv[:1] == ['list']:
            if argv != ['list'] and argv != ['list', '--output', 'json']:
                raise Refused(f'fatal unknown arguments {argv}')
            rows = [{'id': name, 'provider': {'name': 'kubernetes'}} for name in sorted(self.workspaces)]
            connection.send(b'o', json.dumps(rows).encode())
            return connection.end(0)
        given, rest = self.options(argv[1:], ide=True, provider=True, source=True)
        if argv[:1] != ['up'] or len(rest) != 1 or given.get('ide') != 'none':
            raise Refused(f'fatal unknown arguments {argv}')
        if self.up_failure:
            raise Refused(self.up_failure)
        if rest[0] not in self.workspaces:
            source = given.get('source', '')
            if given.get('provider') != 'kubernetes' or not source.startswith('local:/'):
                raise Refused(f'fatal {rest[0]} is not a workspace, a directory or a repository')
            assert pathlib.Path(source.removeprefix('local:')).is_dir(), source
            self.workspaces.add(rest[0])
        if not self.finds_no_pod and not any(p.workspace == rest[0] for p in self.pods):
            self.add_pod(f'devpod-default-{rest[0]}-{self.n_pods}', 'devpod', rest[0])
        connection.send(b'e', b'info Workspace is ready\n')
        return connection.end(0)
