"""A thousand viewers: of one task at 100 lines a second, of a hundred at as many in all and at as many each; with some
that stop reading, and with some that break their connections again and again. And as many of systemd-journal-gatewayd.

The memory of a viewer is what the service has more for itself with all of them than without, before the first line and
at the last ones; under load that is compared with the same tasks writing as much to nobody. That the lines come in time
is a matter of two cores here, which service, viewers, tasks and journald share.
"""

import time

from logs import (GATEWAYD_PORT, Cores, Viewers, Written, fresh, gatewayd, gatewayd_path, journald_pid,
                  memory_kib, print_load)

PER_SECOND = 100
STALLING = {'sse_timeout': 3, 'sse_heartbeat_interval': 2}  # seconds; short, so that all of it lies within a run
FIGURES = (('lost', 'lines lost'),
           ('doubled', 'lines doubled'),
           ('refused', 'viewers that got no answer'),
           ('median', 'from the write to the viewer, median, ms'),
           ('percentile_99', 'from the write to the viewer, 99 %, ms'),
           ('longest', 'from the write to the viewer, longest, ms'),
           ('timely_share', 'share of lines within 100 ms'))


class Case:
    def __init__(self, name, tasks, viewers, *options, per_second=PER_SECOND, gateway=False):
        self.name = name
        self.tasks = tasks
        self.viewers = viewers
        self.options = options
        self.per_second = per_second  # of each task
        self.gateway = gateway

    def write(self, service, seconds):
        return [Written(service, seconds * self.per_second, self.per_second) for _ in range(self.tasks)]


CASES = (
    Case('1 viewer of 1 task', 1, 1),
    Case('100 viewers of 1 task', 1, 100),
    Case('1,000 viewers of 1 task', 1, 1000),
    Case('1,000 viewers of 100 tasks, a line a second each', 100, 1000, per_second=1),
    Case('1,000 viewers of 100 tasks', 100, 1000),
    Case('1,000 viewers of 1 task, 100 stop reading', 1, 1000, '--stall', 100, '--stall-after', 50),
    Case('1,000 viewers of 1 task, cut each 100 kB', 1, 1000, '--cut-every', 100_000),
    Case('gatewayd: 100 viewers of 1 task', 1, 100, gateway=True),
    Case('gatewayd: 1,000 viewers of 1 task', 1, 1000, gateway=True),
)
QUICK_CASES = (Case('20 viewers of 1 task', 1, 20), Case('20 viewers of 4 tasks', 4, 20),
               Case('20 viewers of 1 task, 5 stop reading', 1, 20, '--stall', 5, '--stall-after', 10),
               Case('20 viewers of 1 task, cut each 10 kB', 1, 20, '--cut-every', 10_000),
               Case('gatewayd: 20 viewers of 1 task', 1, 20, gateway=True))
SECONDS, QUICK_SECONDS = 15, 3
ROUNDS, QUICK_ROUNDS = 5, 1


def viewers_of(service, case, tasks, lines):
    paths = [task.stream for task in tasks]
    options = []
    if case.gateway:
        paths = [gatewayd_path(task.unit) for task in tasks]
        options = ['--endless', '--address', GATEWAYD_PORT]
    elif '--stall' in case.options:
        options = ['--address', service.socket]  # only there a peer sees that it was dropped before it reads on
    return Viewers(service, '--viewers', case.viewers, '--lines', lines, '--seconds', lines // case.per_second + 30,
                   *options, *case.options, *paths)


def tell_memory(tables, case, title, before, now):
    kib = max(now - before, 0) / case.viewers
    tables.add(title, case.name, kib)
    if not case.options and not case.gateway and case.viewers >= 100:  # what one viewer alone costs is the log's
        tables.reach(f'{case.name}: {title}', '', kib, at_most=24)


def memory_unwatched(service, case, seconds):
    """What the service has for itself when the tasks have written that long and nobody watches."""
    pid = fresh(service)
    tasks = case.write(service, seconds)
    for task in tasks:
        task.begin()
    time.sleep(seconds * 0.8)
    memory = memory_kib(pid)
    for task in tasks:
        task.wait()
    return memory


def run(service, tables, case, server_pid, tasks, seconds, unwatched):
    before = memory_kib(server_pid)
    viewers = viewers_of(service, case, tasks, seconds * case.per_second)
    viewers.until_answered()
    tell_memory(tables, case, 'memory of a viewer at rest, KiB', before, memory_kib(server_pid))
    cores = Cores(server=server_pid, viewers=viewers.pid, journald=journald_pid(service))
    began = time.monotonic()
    for task in tasks:
        task.begin()
    time.sleep(max(0.0, began + seconds * 0.8 - time.monotonic()))
    if unwatched:
        tell_memory(tables, case, 'memory of a viewer under load, KiB', unwatched, memory_kib(server_pid))
    for task in tasks:
        task.wait()
    for name, share in cores.shares().items():
        tables.add(f'share of a core, {name}, %', case.name, share)
    return viewers.figures()


def measure_case(service, tables, case, seconds):
    service.configure(connection=STALLING if '--stall' in case.options else {})
    unwatched = None if case.gateway else memory_unwatched(service, case, seconds)
    pid = fresh(service)
    tasks = case.write(service, seconds)
    if case.gateway:
        with gatewayd() as process:
            if process:
                found = run(service, tables, case, process.pid, tasks, seconds, None)
    else:
        found = run(service, tables, case, pid, tasks, seconds, unwatched)
    for key, title in FIGURES:
        tables.add(title, case.name, found[key])
    if not case.gateway and not case.options:
        tables.reach(f'{case.name}: lines lost', '', found['lost'], at_most=0)
        tables.reach(f'{case.name}: share within 100 ms', '', found['timely_share'], at_least=0.99)
    if found['dropped']:
        tables.add('viewers that stopped reading and were dropped', case.name, found['dropped'])
        tables.add('dropped after, s, at the earliest', case.name, found['dropped_min'] / 1000)
        tables.add('dropped after, s, at the latest', case.name, found['dropped_max'] / 1000)
    if found['resumed']:
        tables.add('resumptions', case.name, found['resumed'])


def measure(service, tables, quick):
    service.listen()
    for _ in range(QUICK_ROUNDS if quick else ROUNDS):
        for case in QUICK_CASES if quick else CASES:
            measure_case(service, tables, case, QUICK_SECONDS if quick else SECONDS)
            print(case.name)
            print_load()
            service.forget_tasks()
