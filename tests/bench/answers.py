"""How many requests a second are answered, and how soon, with thousands of tasks known, beside the least that
libmicrohttpd can do; and whether the first page of tasks takes longer where there are more.
"""

import json
import subprocess

from logs import print_load
from startup import Tasks

PORT = 15001
HELLO_PORT = 15999
HELLO = 'hello of libmicrohttpd'
KNOWN, QUICK_KNOWN = 10_000, 100
REQUESTS, QUICK_REQUESTS = 20_000, 500
ROUNDS, QUICK_ROUNDS = 5, 1
CONNECTIONS = (1, 32, 256)
LISTED, QUICK_LISTED = (100, 10_000, 100_000), (10, 100)


def ask(service, port, connections, requests, path):
    argv = [service.programs / 'requests', port, connections, requests, path]
    found = json.loads(subprocess.run([str(a) for a in argv], stdout=subprocess.PIPE, check=True).stdout)
    if found['failed']:
        raise RuntimeError(f'{path}: {found}')
    return found


def compare(service, tables, requests, paths):
    for connections in CONNECTIONS:
        found = {name: ask(service, port, connections, requests, path) for name, (port, path) in paths.items()}
        for name, figures in found.items():
            tables.add(f'{connections} connections: requests a second', name, figures['rate'])
            tables.add(f'{connections} connections: answered within, 99 %, ms', name, figures['percentile_99'])
            if name == HELLO:
                continue
            tables.reach(f'{name}, {connections} connections: requests a second', HELLO,
                         figures['rate'] / found[HELLO]['rate'], at_least=0.6)
            if connections == 32:
                tables.reach(f'{name}, {connections} connections: within, 99 %', HELLO,
                             figures['percentile_99'] / found[HELLO]['percentile_99'], at_most=2)


def answers(service, tables, quick):
    running = service.api.create(['sleep', 'infinity'])
    paths = {HELLO: (HELLO_PORT, '/'), 'health': (PORT, '/api/health'),
             'task-status': (PORT, f'/api/task-status/{running}'),
             'check-alive': (PORT, f'/api/task/{running}/check-alive')}
    with subprocess.Popen([str(service.programs / 'hello'), str(HELLO_PORT)], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as hello:
        hello.stdout.readline()
        for _ in range(QUICK_ROUNDS if quick else ROUNDS):
            compare(service, tables, QUICK_REQUESTS if quick else REQUESTS, paths)
        hello.stdin.close()
    service.api.cancel(running)
    service.api.wait(running)


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
