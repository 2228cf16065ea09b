"""The whole: two hundred tasks of five seconds, twenty at a time, each with a viewer, from the first request until the
last viewer has the last line; beside task-spooler with `tsp -c`, and systemd-run with `journalctl -f`. How it grows is
told of twenty and sixty tasks.

What each does for it differs: the service and systemd-run start units whose lines go to the journal, task-spooler a
child whose output is a file.
"""

import concurrent.futures
import os
import shutil
import subprocess
import time

from logs import Viewers, fresh, print_load

TASKS, QUICK_TASKS = (20, 60, 200), (10,)
AT_ONCE, QUICK_AT_ONCE = 20, 5
LINES, QUICK_LINES = 5, 1  # one a second
ROUNDS, QUICK_ROUNDS = 5, 1
TITLE = 'until every viewer has every line, s'


class Work:
    """What is to be done, whoever does it."""

    def __init__(self, service, tasks, quick):
        self.service = service
        self.tasks = tasks
        self.at_once = QUICK_AT_ONCE if quick else AT_ONCE
        self.lines = QUICK_LINES if quick else LINES
        self.command = [str(service.programs / 'writer'), str(self.lines), '1', '90']

    def check(self, outputs):
        lost = sum(self.lines - text.count('@@') for text in outputs)
        if lost:
            raise RuntimeError(f'{lost} lines are lost')


def by_the_service(work):
    service = work.service
    service.configure(task_execution={'max_running_tasks': work.at_once})
    fresh(service)
    began = time.monotonic()
    tasks = [service.api.create(work.command) for _ in range(work.tasks)]
    viewers = Viewers(service, '--viewers', work.tasks, '--lines', work.lines, '--seconds', 600,
                      *(f'/api/task-logs/{task}/stream' for task in tasks))
    found = viewers.figures()
    took = time.monotonic() - began
    if found['lost'] or found['refused']:
        raise RuntimeError(f'the service: {found}')
    service.forget_tasks()
    service.configure()
    return took


def by_task_spooler(work):
    """`tsp -c` shows the output of a job, and follows it to its end."""
    environment = {**os.environ, 'TS_SOCKET': '/tmp/bench-tsp', 'TS_SLOTS': str(work.at_once),
                   'TS_MAXFINISHED': str(work.tasks + 1), 'TS_MAXCONN': '1000'}
    tsp = lambda *arguments: subprocess.run(['tsp', *arguments], env=environment, check=True, text=True,
                                            stdout=subprocess.PIPE).stdout
    tsp('-S', str(work.at_once))
    began = time.monotonic()
    jobs = [tsp(*work.command).strip() for _ in range(work.tasks)]

    def watch(job):
        tsp('-w', job) if tsp('-s', job).strip() == 'queued' else None
        return tsp('-c', job)

    with concurrent.futures.ThreadPoolExecutor(work.tasks) as pool:
        work.check(pool.map(watch, jobs))
    took = time.monotonic() - began
    tsp('-K')
    return took


def by_systemd_run(work):
    """As many at once as there may be, each with its journalctl, as by hand."""
    def run(number):
        unit = f'bench-whole-{time.monotonic_ns()}-{number}.service'
        follower = subprocess.Popen(['journalctl', '--follow', '--lines=all', '--output=cat', f'--unit={unit}'],
                                    stdout=subprocess.PIPE, text=True)
        subprocess.run(['systemd-run', '--quiet', '--wait', '--collect', '--uid=remote-developer', f'--unit={unit}',
                        *work.command], check=True)
        lines = []
        while sum('@@' in line for line in lines) < work.lines:
            lines.append(follower.stdout.readline())
        follower.terminate()
        follower.wait()
        return ''.join(lines)

    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(work.at_once) as pool:
        work.check(pool.map(run, range(work.tasks)))
    return time.monotonic() - began


def measure(service, tables, quick):
    service.listen()
    ways = {'systemd-run and journalctl -f': by_systemd_run, 'the service': by_the_service}
    if shutil.which('tsp'):
        ways['task-spooler'] = by_task_spooler
    else:
        print('task-spooler is not there', flush=True)
    counts = QUICK_TASKS if quick else TASKS
    for _ in range(QUICK_ROUNDS if quick else ROUNDS):
        for tasks in counts:
            work = Work(service, tasks, quick)
            took = {name: way(work) for name, way in ways.items()}
            for name, seconds in took.items():
                tables.add(TITLE, f'{name}, {tasks} tasks', seconds)
                if name != 'the service' and tasks == counts[-1]:
                    tables.reach(f'the whole: {tasks} tasks, {work.at_once} at a time', name,
                                 took['the service'] / seconds, at_most=1)
    print_load()
