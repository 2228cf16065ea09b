"""How fast the log of a finished task is read, 300,000 lines of 90 bytes: from the service as server-sent events, as
JSON lines and as text, beside the barest loop over the journal, journalctl and systemd-journal-gatewayd.

A row says lines a second from the begin of what reads to its end. A program takes some milliseconds to begin, whatever
it reads: fewer lines than the quick ones would measure that. How it grows is told of three lengths of a log.
"""

import json
import subprocess
import time

from logs import GATEWAYD_PORT, Viewers, Written, cpu_seconds, fresh, gatewayd, gatewayd_path, print_load

LINES, QUICK_LINES = 300_000, 100_000
SHORTER = (30_000, 100_000)
ROUNDS, QUICK_ROUNDS = 5, 1
SECONDS = 100
TITLE = 'lines a second, of 90 bytes'
GROWTH = 'us a line, by the length of the log'
BARE = 'bare sd-journal loop'
FORMS = ('text/event-stream', 'text/plain')


def timed_lines(*command):
    began = time.monotonic()
    with subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE) as process:
        lines = sum(block.count(b'\n') for block in iter(lambda: process.stdout.read1(1 << 20), b''))
    return lines, time.monotonic() - began


def readers(service, task, gateway):
    """Names and calls that read it all once and return how many lines there were and in which time."""
    def bare():
        began = time.monotonic()
        found = json.loads(service.command(str(service.programs / 'journal-loop'), task.unit))
        return found['lines'], time.monotonic() - began

    def viewer(accept, path, *options):
        def read():
            began = time.monotonic()
            viewers = Viewers(service, '--accept', accept, '--lines', task.lines, '--seconds', SECONDS, *options, path)
            found = viewers.figures()
            seconds = time.monotonic() - began
            if found['lost'] or found['doubled']:
                raise RuntimeError(f'{path} as {accept}: {found["lost"]:.0f} lost, {found["doubled"]:.0f} doubled')
            return found['lines'], seconds
        return read

    def journalctl(output):
        return lambda: timed_lines('journalctl', f'--unit={task.unit}', f'--output={output}', '--no-pager', '--quiet')

    yield BARE, bare
    yield 'the service, text/event-stream', viewer('text/event-stream', task.stream)
    yield 'the service, application/x-ndjson', viewer('application/x-ndjson', task.logs)
    yield 'the service, text/plain', viewer('text/plain', task.logs)
    yield 'journalctl -o cat', journalctl('cat')
    yield 'journalctl -o json', journalctl('json')
    if gateway:
        for accept in ('text/plain', 'application/json', 'text/event-stream'):
            options = ('--address', GATEWAYD_PORT)
            yield f'gatewayd, {accept}', viewer(accept, gatewayd_path(task.unit, follow=False), *options)


def written(service, lines):
    task = Written(service, lines, 0)
    task.begin()
    task.wait()
    return task


def growth(service, tables, tasks):
    for task in tasks:
        for name, read in readers(service, task, None):
            if name == BARE or name.removeprefix('the service, ') in FORMS:
                lines, seconds = read()
                tables.add(GROWTH, f'{name}, {task.lines:,} lines', seconds * 1e6 / lines)


def measure(service, tables, quick):
    service.listen()
    task = written(service, QUICK_LINES if quick else LINES)
    shorter = [] if quick else [written(service, lines) for lines in SHORTER]
    fresh(service)
    with gatewayd() as gateway:
        for _ in range(QUICK_ROUNDS if quick else ROUNDS):
            rates = {}
            for name, read in readers(service, task, gateway):
                pid = service.main_pid()
                before = cpu_seconds(pid)
                lines, seconds = read()
                rates[name] = lines / seconds
                tables.add(TITLE, name, lines / seconds)
                if name.startswith('the service') and lines:
                    tables.add('CPU of the service, us a line', name, (cpu_seconds(pid) - before) * 1e6 / lines)
            for name in FORMS:
                tables.reach(f'replay, {name}: lines a second', BARE, rates[f'the service, {name}'] / rates[BARE],
                             at_least=0.5)
                tables.reach(f'replay, {name}: lines a second', 'journalctl -o json',
                             rates[f'the service, {name}'] / rates['journalctl -o json'], at_least=10)
            if shorter:
                growth(service, tables, [*shorter, task])
    print_load()
