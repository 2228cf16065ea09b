"""How many requests a second are answered, and how soon, with thousands of tasks known, beside the least that
libmicrohttpd can do; and whether the first page of tasks takes longer where there are more.

Who asks has one core and who answers the other, since with one connection it else is the scheduler's choice that is
measured: a switch within a core is three times as fast as waking the other one. Each figure has one of libmicrohttpd's
taken just before it: machines are busy with other things.
"""

import json
import os
import pathlib
import subprocess

from logs import print_load
from startup import Tasks

PORT = 15001
HELLO_PORT = 15999
KNOWN, QUICK_KNOWN = 10_000, 100
REQUESTS, QUICK_REQUESTS = 20_000, 500
ROUNDS, QUICK_ROUNDS = 5, 1
CONNECTIONS = (1, 32, 256)
LISTED, QUICK_LISTED = (100, 10_000, 100_000), (100, 200)


BARE = 'hello of libmicrohttpd'
RATE_SHARE = 0.6
LATE_FACTOR, LATE_CONNECTIONS = 2, 32  # 99 % of the answers, with so many connections


def cpu_usec(pid):
    return int(pathlib.Path(f'/proc/{pid}/schedstat').read_text('ascii').split()[0]) / 1000


def pin(pid):
    """To the first core, where there are several."""
    if os.cpu_count() > 1:
        subprocess.run(['taskset', '--all-tasks', '--pid', '--cpu-list', '0', str(pid)], check=True,
                       stdout=subprocess.DEVNULL)


def ask(service, port, connections, requests, path):
    cores = ['taskset', '--cpu-list', f'1-{os.cpu_count() - 1}'] if os.cpu_count() > 1 else []
    argv = [*cores, service.programs / 'requests', port, connections, requests, path]
    found = json.loads(subprocess.run([str(a) for a in argv], stdout=subprocess.PIPE, check=True).stdout)
    if found['failed']:
        raise RuntimeError(f'{path}: {found}')
    return found


def measured(service, tables, name, pid, connections, *arguments):
    began = cpu_usec(pid)
    found = ask(service, arguments[0], connections, *arguments[1:])
    titles = {'requests a second': found['rate'], 'answered within, 99 %, ms': found['percentile_99'],
              'processor time of a request, us': (cpu_usec(pid) - began) / arguments[1]}
    for title, value in titles.items():
        tables.add(f'{connections} connections: {title}', name, value)
    return found


def compare(service, tables, hello, requests, paths):
    pid = service.main_pid()
    pin(pid)
    for connections in CONNECTIONS:
        for name, path in paths.items():
            bare = measured(service, tables, BARE, hello.pid, connections, HELLO_PORT, requests, '/')
            ours = measured(service, tables, name, pid, connections, PORT, requests, path)
            tables.reach(f'{name}, {connections} connections: requests a second', BARE, ours['rate'] / bare['rate'],
                         at_least=RATE_SHARE)
            if connections == LATE_CONNECTIONS:
                tables.reach(f'{name}, {connections} connections: 99 % within', BARE,
                             ours['percentile_99'] / bare['percentile_99'], at_most=LATE_FACTOR)


def answers(service, tables, quick):
    before = service.api.create(['sleep', 'infinity'])
    service.restart()
    since = service.api.create(['sleep', 'infinity'])
    paths = {'health': '/api/health', 'check-alive': f'/api/task/{since}/check-alive',
             'task-status': f'/api/task-status/{since}', 'task-status, since before a restart':
             f'/api/task-status/{before}'}
    with subprocess.Popen([str(service.programs / 'hello'), str(HELLO_PORT)], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as hello:
        hello.stdout.readline()
        pin(hello.pid)
        for _ in range(QUICK_ROUNDS if quick else ROUNDS):
            compare(service, tables, hello, QUICK_REQUESTS if quick else REQUESTS, paths)
        hello.stdin.close()
    for task_id in before, since:
        service.api.cancel(task_id)
        service.api.wait(task_id)


def lists(service, tables, tasks, quick):
    first = None
    for number in QUICK_LISTED if quick else LISTED:
        service.stop()
        tasks.finish(number)
        service.start()
        medians = [ask(service, PORT, 1, 50, '/api/tasks?limit=100')['median']
                   for _ in range(QUICK_ROUNDS if quick else ROUNDS)]
        for median in medians:
            tables.add('the first 100 tasks, median, ms', f'of {number:,}', median)
            if first:
                tables.reach(f'the first 100 tasks of {number:,}', 'of a hundred', median / first, at_most=1.5)
            tables.add('the running tasks, of which there are none, median, ms', f'of {number:,}',
                       ask(service, PORT, 1, 50, '/api/tasks?status=running')['median'])
        first = first or sorted(medians)[len(medians) // 2]


def measure(service, tables, quick):
    service.listen()
    tasks = Tasks(service)
    service.stop()
    tasks.finish(QUICK_KNOWN if quick else KNOWN)
    service.start()
    answers(service, tables, quick)
    lists(service, tables, tasks, quick)
    print_load()
