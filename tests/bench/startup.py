"""How long the service takes from its start until it is ready and until it has answered a first request, and with what.

Finished tasks are copies of the document of a real one, under other ids and with a description as people write them;
running ones are real units, started through the API, which have written a log.
"""

import json
import os
import pathlib
import time

from case import until
from service import SERVICE

CASES = ((0, 0), (1_000, 0), (10_000, 0), (9_000, 1_000))  # finished, running
QUICK_CASES = ((0, 0), (100, 0), (90, 10))
ROUNDS, QUICK_ROUNDS = 5, 2
REQUESTS = 200
READY = 'start until ready, ms'
DESCRIPTION = ('Find out why the nightly build fails on the machine in the corner, mend it, and write down what it '
               'was, so that the next one who meets it need not search for as long. ' * 7)[:1024]
LINES = 100  # that each running task has written
PROGRAM = f'for i in $(seq {LINES}); do echo "line $i of a log as it may be"; done; exec sleep infinity'
FIRST_SECOND = 1_600_000_000  # of made up ids; long ago, so that they come before all real ones


class Tasks:
    """What the service has to take up when it starts."""

    def __init__(self, service):
        self.service = service
        self.running = []
        self.finished = 0
        task_id = service.api.create(['true'])
        service.api.wait(task_id)
        self.template = service.document(task_id)
        self.template.update(task_description=DESCRIPTION, labels={'project': 'nightly', 'owner': 'somebody'})
        service.api.delete(f'/api/task/{task_id}')

    def finish(self, number):
        """That many documents of finished tasks, while the service is stopped."""
        for i in range(min(number, self.finished), max(number, self.finished)):
            task_id = f'task-{FIRST_SECOND + i}-{i:06x}'
            path = self.service.state / f'{task_id}.json'
            if number < self.finished:
                path.unlink()
            else:
                path.write_text(json.dumps({**self.template, 'task_id': task_id}), encoding='utf-8')
        self.finished = number

    def run(self, number):
        """So many running units."""
        while len(self.running) < number:
            self.running.append(self.service.api.create(PROGRAM))
        until(self.all_run, f'{number} tasks run, and their logs are counted', 300)

    def all_run(self):
        found = self.service.api.tasks(f'?limit={len(self.running)}') if self.running else []
        return len(found) == len(self.running) and all(
            task['state'] == 'running' and task['log_lines'] == LINES for task in found)


def process_figures(pid):
    status = dict(line.split(':', 1) for line in pathlib.Path(f'/proc/{pid}/status').read_text('utf-8').splitlines())
    return int(status['VmHWM'].split()[0]) / 1024, len(os.listdir(f'/proc/{pid}/fd'))


def timed(function, *arguments):
    """Milliseconds and the result."""
    began = time.monotonic()
    result = function(*arguments)
    return (time.monotonic() - began) * 1000, result


def start_once(service, tasks):
    """The first request starts the service, as it does after an upgrade; systemd notes its times. Yields figures."""
    start = time.monotonic()
    answered, reply = timed(service.api.get, '/api/health')
    memory, descriptors = process_figures(service.main_pid())
    path = f'/api/task-status/{tasks.running[-1]}' if tasks.running else '/api/health'
    slowest = max(timed(service.api.get, path)[0] for _ in range(REQUESTS))
    began, ready = (int(service.show(SERVICE, f'{t}TimestampMonotonic')) for t in ('InactiveExit', 'ActiveEnter'))
    if reply.status != 200:
        raise RuntimeError(f'the service is not well: {reply.body}')
    until(tasks.all_run, 'all tasks run, and their logs are counted', 60)
    counted = (time.monotonic() - start) * 1000
    yield READY, (ready - began) / 1000
    yield 'start until a request is answered, ms', answered
    if tasks.running:
        yield 'start until every log is counted again, ms', counted
    yield 'peak memory when ready, MiB', memory
    yield 'open files when ready', descriptors
    yield f'slowest of the next {REQUESTS} requests, ms', slowest


def row_name(finished, running):
    total = f'{finished + running:,} tasks'
    return f'{total}, {running:,} running' if running else total


def measure(service, tables, quick):
    service.listen()
    service.configure(task_execution={'max_running_tasks': max(running for _, running in CASES)})
    tasks = Tasks(service)
    for finished, running in QUICK_CASES if quick else CASES:
        tasks.run(running)
        service.stop()
        tasks.finish(finished)
        for _ in range(QUICK_ROUNDS if quick else ROUNDS):
            for title, value in start_once(service, tasks):
                tables.add(title, row_name(finished, running), value)
                if title == READY:
                    tables.reach(f'start until ready, s, {row_name(finished, running)}', '', value / 1000, at_most=1)
            service.stop()
        service.start()
