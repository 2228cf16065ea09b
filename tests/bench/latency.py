"""How long a line takes from the write in the task to the client, and what that costs: one line each 100 ms, one
viewer, and in the same seconds `journalctl -f` and systemd-journal-gatewayd that follow the same unit, and `tail -f` of a
file that is written to at the same pace, without a journal. How it grows is told of tasks that write ten and a hundred
times as much, without the others.
"""

import subprocess
import tempfile

from logs import (GATEWAYD_PORT, Cores, Viewers, Written, fresh, gatewayd, gatewayd_path, journald_pid, print_load,
                  running)

PER_SECOND = 10
SECONDS, QUICK_SECONDS = 30, 2
ROUNDS, QUICK_ROUNDS = 5, 1
MORE, MORE_SECONDS = (100, 1000), 10
FIGURES = (('median', 'from the write to the client, median, ms'),
           ('percentile_99', 'from the write to the client, 99 %, ms'),
           ('longest', 'from the write to the client, longest, ms'),
           ('lost', 'lines lost'))


def printed(service, common, *command):
    """What a program prints that never ends."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    viewers = Viewers(service, *common, '--endless', '-', source=process.stdout)
    process.stdout.close()
    return process.pid, viewers


def follow(service, task, path, gateway):
    """Who follows the task, or the file: names with processes to measure and viewers."""
    common = ('--lines', task.lines, '--seconds', task.lines // PER_SECOND + 10)
    yield 'the service', service.main_pid(), Viewers(service, *common, task.stream)
    yield 'journalctl -f', *printed(service, common, 'journalctl', '--follow', '--lines=0', f'--unit={task.unit}',
                                    '--output=cat')
    yield 'tail -f of a file', *printed(service, common, 'tail', '-f', path)
    if gateway:
        yield 'systemd-journal-gatewayd', gateway.pid, Viewers(
            service, *common, '--endless', '--address', GATEWAYD_PORT, gatewayd_path(task.unit))


def measure_once(service, tables, seconds):
    fresh(service)
    task = Written(service, seconds * PER_SECOND, PER_SECOND)
    with gatewayd() as gateway, tempfile.NamedTemporaryFile() as file:
        followers = list(follow(service, task, file.name, gateway))
        followers[0][2].until_answered()
        cores = Cores(**{name: pid for name, pid, _ in followers}, journald=journald_pid(service))
        task.begin()
        with running(service.programs / 'writer', task.lines, PER_SECOND, 90, stdout=file) as writer:
            task.wait()
            writer.wait()
        shares = cores.shares()
        medians = {}
        for name, _, viewers in followers:
            found = viewers.figures()
            medians[name] = found['median']
            for key, title in FIGURES:
                tables.add(title, name, found[key])
        tables.reach('a line to its viewer: sooner by', 'journalctl -f',
                     medians['journalctl -f'] / medians['the service'], at_least=25)
        for name, share in shares.items():
            tables.add('share of a core, %', name, share)


def more(service, tables, per_second):
    task = Written(service, MORE_SECONDS * per_second, per_second)
    viewers = Viewers(service, '--lines', task.lines, '--seconds', MORE_SECONDS + 20, task.stream)
    viewers.until_answered()
    task.begin()
    task.wait()
    found = viewers.figures()
    for key, title in FIGURES:
        tables.add(title, f'the service, {per_second:,} lines a second', found[key])


def measure(service, tables, quick):
    service.listen()
    for _ in range(QUICK_ROUNDS if quick else ROUNDS):
        measure_once(service, tables, QUICK_SECONDS if quick else SECONDS)
        for per_second in () if quick else MORE:
            more(service, tables, per_second)
    print_load()
