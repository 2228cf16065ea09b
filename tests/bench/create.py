"""What it costs to create a task: until the reply, and until its first instruction, beside the bare call of systemd with
the same properties and systemd-run.

The service replies when the task is on disk, and then asks systemd; the bare call's reply is systemd's. So how many tasks
a second there can be is taken until the last of them has ended, in both ways.
"""

import json
import os
import shutil
import statistics
import subprocess
import time

from logs import fresh, print_load
from startup import Tasks

COUNT, QUICK_COUNT = 200, 20
ROUNDS, QUICK_ROUNDS = 5, 1
CLIENTS, QUICK_CLIENTS = (1, 8, 32), (1, 32)
FIRSTS, QUICK_FIRSTS = 20, 3
KNOWN, QUICK_KNOWN = (1_000, 10_000), (100,)  # finished tasks besides, with which the first instruction may grow
BARE, OURS = 'bare StartTransientUnit', 'the service'
FIGURES = (('median', 'until the reply, median, ms'), ('percentile_99', 'until the reply, 99 %, ms'),
           ('whole', 'tasks a second, until the last has ended'))


def figures(*argv):
    return json.loads(subprocess.run([str(a) for a in argv], stdout=subprocess.PIPE, check=True).stdout)


def settle(service):
    """The units that one way of starting leaves are not the next one's load."""
    while service.systemctl('list-units', '--no-legend', 'remote-developer-task-*.service', 'run-*.service').strip():
        time.sleep(0.05)


def run_idle(service):
    """The newest, which is the last to begin, is waited for by its stream: asking again and again is work for who is
    measured, of which the bare call has none."""
    for task in service.api.tasks('?limit=1'):
        service.api.wait(task['task_id'])
    while service.api.get('/api/tasks?status=running&limit=1').json:
        time.sleep(0.05)
    settle(service)


def make_ready(service):
    """Its launcher, too, is there, and it knows all of the tasks of before, which else it surveys behind its start. Who
    is measured beside it is alone: the service would take up the units of others."""
    service.listen()
    fresh(service)
    service.api.get('/api/repository-stats')
    service.api.wait(service.api.create(['true']))
    run_idle(service)


def start_with_systemd_run(count):
    times = []
    began = time.monotonic()
    for _ in range(count):
        asked = time.monotonic()
        subprocess.run(['systemd-run', '--quiet', '--collect', '--property=Type=exec', '--uid=remote-developer', 'true'],
                       check=True)
        times.append((time.monotonic() - asked) * 1000)
    times.sort()
    return {'median': times[count // 2], 'percentile_99': times[count * 99 // 100],
            'rate': count / (time.monotonic() - began)}


def measure_way(service, name, way, count):
    wait = run_idle if name == OURS else settle
    if name == OURS:
        make_ready(service)
    else:
        service.stop_all()
        settle(service)
    began = time.monotonic()
    found = way()
    wait(service)
    found['whole'] = count / (time.monotonic() - began)
    return found


def replies(service, tables, count, clients):
    ways = {
        BARE: lambda: figures(service.programs / 'starts', count, clients, 'remote-developer', 'true'),
        OURS: lambda: figures(service.programs / 'requests', 15001, clients, count, '/api/create-task',
                              '{"command": ["true"]}'),
    }
    if clients == 1:
        ways['systemd-run'] = lambda: start_with_systemd_run(count)
    found = {}
    for name, way in ways.items():
        found[name] = measure_way(service, name, way, count)
        if found[name].get('failed'):
            raise RuntimeError(f'{name}: {found[name]}')
        for key, title in FIGURES:
            tables.add(f'{clients} at a time: {title}', name, found[name][key])
    what = f'create-task, {clients} at a time'
    ours = found[OURS]
    tables.reach(f'{what}: median reply', BARE, ours['median'] / found[BARE]['median'], at_most=1.5)
    tables.reach(f'{what}: tasks a second', BARE, ours['whole'] / found[BARE]['whole'], at_least=0.9)
    if clients == 1:
        tables.reach(f'{what}: sooner by', 'systemd-run', found['systemd-run']['median'] / ours['median'], at_least=5)


def until_stamp(service, fifo, way):
    asked = time.monotonic_ns()
    process = way()
    with fifo.open(encoding='ascii') as stamps:
        took = (int(stamps.readline()) - asked) / 1e6
    if isinstance(process, subprocess.Popen):
        process.wait()
    settle(service)
    return took


def tell_first(service, tables, fifo, name, way, count):
    """From just before the request, or the program that asks, until the task's own clock; the median of a round."""
    took = statistics.median(until_stamp(service, fifo, way) for _ in range(count))
    tables.add(f'until its first instruction, median of {count}, ms', name, took)
    return took


def first_instructions(service, tables, tasks, known, count):
    fifo = service.fifo()
    argv = [str(service.programs / 'stamp'), str(fifo)]
    ways = {
        BARE: lambda: subprocess.Popen(
            [str(service.programs / 'starts'), '1', '1', 'remote-developer', *argv], stdout=subprocess.DEVNULL),
        OURS: lambda: service.api.create(argv),
        'systemd-run': lambda: subprocess.Popen(['systemd-run', '--quiet', '--collect', '--uid=remote-developer', *argv]),
    }
    if shutil.which('tsp'):
        ways['task-spooler'] = lambda: subprocess.Popen(['tsp', *argv], stdout=subprocess.DEVNULL,
                                                        env={**os.environ, 'TS_SOCKET': '/tmp/bench-first-tsp'})
    took = {}
    for name, way in ways.items():
        make_ready(service) if name == OURS else service.stop_all()
        took[name] = tell_first(service, tables, fifo, name, way, count)
    tables.reach('from the request to the first instruction', BARE, took[OURS] / took[BARE], at_most=1.3)
    for number in (*known, 0):
        service.stop()
        tasks.finish(number)
        if number:
            make_ready(service)
            tell_first(service, tables, fifo, f'{OURS}, {number:,} more tasks known', ways[OURS], count)


def measure(service, tables, quick):
    service.listen()
    tasks = Tasks(service)
    for _ in range(QUICK_ROUNDS if quick else ROUNDS):
        for clients in QUICK_CLIENTS if quick else CLIENTS:
            replies(service, tables, QUICK_COUNT if quick else COUNT, clients)
        first_instructions(service, tables, tasks, QUICK_KNOWN if quick else KNOWN, QUICK_FIRSTS if quick else FIRSTS)
    print_load()
