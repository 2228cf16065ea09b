"""What the measurements of logs share: tasks that write numbered lines, viewers that count them (viewers.c), those that
are compared with, and what processes use.
"""

import contextlib
import json
import os
import pathlib
import subprocess
import time

from case import until

GATEWAYD = pathlib.Path('/usr/lib/systemd/systemd-journal-gatewayd')
GATEWAYD_PORT = '19531'
TICKS = os.sysconf('SC_CLK_TCK')
PATIENCE = 120  # seconds for what a measurement waits for


class Written:
    """A task that writes lines of some bytes, so many a second, once begin() was called; 0: as fast as it can."""

    def __init__(self, service, lines, per_second, size=90):
        self.fifo = service.fifo()
        self.lines = lines
        self.service = service
        command = [service.programs / 'writer', lines, per_second, size, self.fifo]
        self.id = service.api.create([str(part) for part in command])
        until(lambda: service.api.task(self.id)['state'] == 'running', 'the task runs', PATIENCE)

    def is_there(self):
        try:
            os.close(os.open(self.fifo, os.O_WRONLY | os.O_NONBLOCK))
        except OSError:  # nobody reads yet
            return False
        return True

    def begin(self):
        until(self.is_there, 'the writer begins', PATIENCE)

    @property
    def unit(self):
        return self.service.unit(self.id)

    @property
    def stream(self):
        return f'/api/task-logs/{self.id}/stream'

    @property
    def logs(self):
        return f'/api/task/{self.id}/logs'

    def wait(self):
        self.service.api.wait(self.id, PATIENCE)


class Viewers:
    """viewers.c at work; figures() waits for its end."""

    def __init__(self, service, *arguments, source=None):
        command = [service.programs / 'viewers', *arguments]
        self.process = subprocess.Popen([str(part) for part in command], stdin=source or subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, text=True)
        self.pid = self.process.pid

    def until_answered(self):
        if self.process.stdout.readline() != 'answered\n':
            raise RuntimeError('the viewers were not answered')

    def figures(self):
        out, _ = self.process.communicate(timeout=PATIENCE * 5)
        if self.process.returncode:
            raise RuntimeError('viewers failed')
        return json.loads(out.splitlines()[-1])


@contextlib.contextmanager
def running(*command, **keywords):
    """A process for as long as it is needed."""
    with subprocess.Popen([str(part) for part in command], **keywords) as process:
        try:
            yield process
        finally:
            process.terminate()


@contextlib.contextmanager
def gatewayd():
    """Gives its process, when it answers; None where it is not installed."""
    if not GATEWAYD.exists():
        print('systemd-journal-gatewayd is not there (package systemd-journal-remote)', flush=True)
        yield None
        return
    with running(GATEWAYD, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        probe = ['curl', '--silent', '--output', '/dev/null', f'http://127.0.0.1:{GATEWAYD_PORT}/machine']
        until(lambda: subprocess.run(probe, check=False).returncode == 0, 'gatewayd answers', PATIENCE)
        yield process


def gatewayd_path(unit, follow=True):
    return f'/entries?{"follow&" if follow else ""}_SYSTEMD_UNIT={unit}'


def cpu_seconds(pid):
    """Of all its threads, those that have ended too; in steps of a hundredth of a second."""
    fields = pathlib.Path(f'/proc/{pid}/stat').read_text('utf-8').rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_kib(pid):
    """What it has for itself."""
    rollup = pathlib.Path(f'/proc/{pid}/smaps_rollup').read_text('utf-8')
    return int(next(line for line in rollup.splitlines() if line.startswith('Anonymous:')).split()[1])


def journald_pid(service):
    return int(service.show('systemd-journald.service', 'MainPID'))


class Cores:
    """Shares of a core that processes use from now on, in percent."""

    def __init__(self, **pids):
        self.pids = pids
        self.began = time.monotonic()
        self.used = {name: cpu_seconds(pid) for name, pid in pids.items()}

    def shares(self):
        seconds = time.monotonic() - self.began
        return {name: 100 * (cpu_seconds(pid) - self.used[name]) / seconds for name, pid in self.pids.items()}


def print_load():
    """Beside every figure, since the machine may be busy with something else."""
    print(f'load average {os.getloadavg()[0]:.2f}, {os.cpu_count()} cores', flush=True)


def fresh(service):
    """The service as it is when it has just started, so that no measurement sees what the last one left."""
    service.restart()
    service.api.get('/api/health')
    return service.main_pid()
