"""What the service costs that has nothing to do: its memory, with nothing known and with much that is over; and how often
it wakes up, with nobody there, with a viewer of a silent task, and with one of a task that talks, beside journalctl -f.

A wake-up is a switch that it made by itself (voluntary_ctxt_switches): it waited for something, and that came.
"""

import pathlib
import subprocess
import time

from case import until
from logs import Viewers, Written, cpu_seconds, fresh, memory_kib, print_load
from startup import Tasks

KNOWN, QUICK_KNOWN = (0, 1_000, 10_000), (0, 100)
LINES, QUICK_LINES = (1_000, 30_000, 1_000_000), (1_000, 10_000)
SECONDS, QUICK_SECONDS = 40, 5
ROUNDS, QUICK_ROUNDS = 5, 1
PER_SECOND = 10
MEMORY = 'memory for itself, MiB'
WAKE_UPS = 'wake-ups a minute'
SHARE = 'share of a core, %'
AT_REST_MIB = 6
LAUNCHER = 'remote-developer-launcher.service'
AT_REST_WAKE_UPS = 3  # the watchdog's two, and one for the rounding
QUIET = 8  # seconds after which nobody expects the next line within milliseconds


def wake_ups(pid):
    lines = pathlib.Path(f'/proc/{pid}/status').read_text('utf-8').splitlines()
    return int(next(line for line in lines if line.startswith('voluntary_ctxt_switches')).split()[1])


def watch(tables, pids, seconds):
    """Both figures of processes by the names of their rows, over so long; the wake-ups of the first. CPU time cannot be
    had finer than a hundredth of a second."""
    before = {row: (wake_ups(pid), cpu_seconds(pid)) for row, pid in pids.items()}
    began = time.monotonic()
    time.sleep(seconds)
    took = time.monotonic() - began
    found = []
    for row, pid in pids.items():
        woken, used = before[row]
        found.append((wake_ups(pid) - woken) * 60 / took)
        tables.add(WAKE_UPS, row, found[-1])
        tables.add(SHARE, row, (cpu_seconds(pid) - used) * 100 / took)
    return found[0]


def memory(service, tables, tasks, quick):
    """Each behind a start anew but for the last, which is what stays of a log that was watched from its begin."""
    for known in QUICK_KNOWN if quick else KNOWN:
        service.stop()
        tasks.finish(known)
        pid = fresh(service)
        tables.add(MEMORY, f'at rest, {known:,} tasks known', memory_kib(pid) / 1024)
        if not known:
            tables.reach('memory at rest, MiB', '', memory_kib(pid) / 1024, at_most=AT_REST_MIB)
    service.stop()
    tasks.finish(0)
    pid = fresh(service)
    for lines in QUICK_LINES if quick else LINES:
        task = Written(service, lines, 0)
        viewers = Viewers(service, '--lines', lines, '--seconds', 120, task.stream)
        viewers.until_answered()
        task.begin()
        task.wait()
        if viewers.figures()['lost']:
            raise RuntimeError('lines are lost')
        service.forget_tasks()
        tables.add(MEMORY, f'after a log of {lines:,} lines', memory_kib(pid) / 1024)


def journalctl(task):
    return subprocess.Popen(['journalctl', '--follow', '--lines=0', f'--unit={task.unit}'], stdout=subprocess.DEVNULL)


def watched(service, tables, seconds, name, per_second):
    """A task that is watched by a viewer of the service, and by journalctl in the same seconds."""
    pid = fresh(service)
    task = Written(service, max(per_second * (seconds + 10), 1), per_second)
    follower = journalctl(task)
    viewers = Viewers(service, '--seconds', seconds + 60, task.stream)
    viewers.until_answered()
    if per_second:
        task.begin()
    else:
        time.sleep(QUIET)
    watch(tables, {f'the service, {name}': pid, f'journalctl -f, {name}': follower.pid}, seconds)
    follower.terminate()
    follower.wait()
    service.api.cancel(task.id)
    task.wait()
    viewers.figures()


def launcher_left(service):
    return service.show(LAUNCHER, 'ActiveState') == 'inactive'


def activity(service, tables, seconds):
    pid = fresh(service)
    if seconds >= SECONDS:
        until(lambda: launcher_left(service), 'the launcher has nothing to do and leaves, of which the service hears', 120)
    time.sleep(2)  # what follows a start is over
    found = watch(tables, {'the service, at rest': pid}, seconds)
    if seconds >= SECONDS:  # of fewer one tick would be too many
        tables.reach('wake-ups a minute at rest', '', found, at_most=AT_REST_WAKE_UPS)
    watched(service, tables, seconds, 'a silent task', 0)
    watched(service, tables, seconds, f'{PER_SECOND} lines a second', PER_SECOND)


def measure(service, tables, quick):
    service.listen()
    tasks = Tasks(service)
    for _ in range(QUICK_ROUNDS if quick else ROUNDS):
        memory(service, tables, tasks, quick)
        activity(service, tables, QUICK_SECONDS if quick else SECONDS)
    print_load()
