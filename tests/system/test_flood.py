"""300,000 lines as fast as a task can write them: all come, in order, once, and the service stays small meanwhile."""

import functools
import pathlib
import subprocess
import threading
import time

from case import check, note, same, seconds

LINES = 300_000
LIMIT_KIB = 32 * 1024
WRITER = f'''import sys
text = " 0123456789" * 7
out = sys.stdout
for n in range({LINES}):
    out.write(f"{{n}}{{text}}\\n")'''


def status_kib(pid, *names):
    lines = dict(line.split(':', 1) for line in pathlib.Path(f'/proc/{pid}/status').read_text().splitlines())
    return [int(lines[name].split()[0]) for name in names]


class Scales(threading.Thread):
    """Weighs the service every few milliseconds."""

    def __init__(self, pid):
        super().__init__()
        self.pid, self.done = pid, threading.Event()
        self.most = {'VmRSS': 0, 'RssAnon': 0, 'RssFile': 0}
        self.count = 0

    def run(self):
        while not self.done.wait(0.01):
            for name, kib in zip(self.most, status_kib(self.pid, *self.most)):
                self.most[name] = max(self.most[name], kib)
            self.count += 1

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.join()


def count_lines(s, task_id):
    """Reads the stream to its end; every line must be the next one."""
    expected, final = 0, None
    with s.api.follow(task_id) as stream:
        while event := stream.next(60):
            if event.data.startswith(b'{"log": "'):
                n = int(event.data[9:].split(b' ', 1)[0])
                if n != expected:
                    same(n, expected, 'the next line')
                expected += 1
            elif b'"final"' in event.data:
                final = event.json['status']
    same(expected, LINES, 'lines')
    return final


def report(what, began, scales, pid):
    took = time.monotonic() - began
    high, = status_kib(pid, 'VmHWM')
    note(f'{what}: {LINES} lines in {took:.1f} s, {LINES / took:.0f} a second; the service at most VmRSS '
         f'{scales.most["VmRSS"]} KiB (anonymous {scales.most["RssAnon"]}, mapped {scales.most["RssFile"]}), VmHWM '
         f'{high} KiB, weighed {scales.count} times')
    return high


def floods(limit):
    """Decorator: takes so many seconds. A rate limit that it reached would mute all other cases of a user's manager
    for half a minute; journald forgets it when it is restarted."""
    def wrap(function):
        @functools.wraps(function)
        def case(s):
            try:
                function(s)
            finally:
                subprocess.run(['systemctl', 'restart', 'systemd-journald.service'], check=True)
        return seconds(limit)(case)
    return wrap


@floods(180)
def test_a_flood_comes_back_whole_and_the_service_stays_small(s):
    s.restart()
    pid = s.main_pid()
    before, = status_kib(pid, 'VmRSS')
    task_id = s.api.create(['python3', '-c', WRITER])
    highest = {}
    for what in 'live', 'afterwards':
        began = time.monotonic()
        with Scales(pid) as scales:
            same(count_lines(s, task_id), 'completed')
        highest[what] = report(what, began, scales, pid)
    note(f'before: {before} KiB, at rest afterwards: {status_kib(pid, "VmRSS")[0]} KiB')
    same(s.api.task(task_id)['log_lines'], LINES)
    same(s.main_pid(), pid, 'the same process')
    check(max(highest.values()) < LIMIT_KIB, f'below {LIMIT_KIB} KiB throughout', highest)


@floods(180)
def test_a_viewer_who_is_slow_holds_up_nobody_and_costs_no_memory(s):
    s.restart()
    pid = s.main_pid()
    task_id = s.api.create(['python3', '-c', WRITER.replace(str(LINES), '50000')])
    with s.api.follow(task_id) as slow, Scales(pid) as scales:
        slow.until(lambda e: e.kind == 'log')
        same(len(s.api.lines(task_id)), 50000, 'the quick one')
        rest = [int(e.json['log'].split()[0]) for e in slow if e.kind == 'log']
    same(rest == list(range(1, 50000)), True, 'the slow one misses nothing')
    check(scales.most['VmRSS'] < LIMIT_KIB, 'memory', scales.most)


@floods(120)
def test_requests_are_answered_while_it_floods(s):
    task_id = s.api.create(['python3', '-c', WRITER])
    slowest, count = 0, 0
    with s.api.follow(task_id) as stream:
        drain = threading.Thread(target=lambda: [None for _ in iter(lambda: stream.next(60), None)])
        drain.start()
        while drain.is_alive():
            began = time.monotonic()
            same(s.api.get('/api/health').status, 200)
            same(s.api.alive(task_id)['task_id'], task_id)
            slowest, count = max(slowest, time.monotonic() - began), count + 2
        drain.join()
    note(f'{count} requests while it floods, the slowest pair took {slowest * 1000:.0f} ms')
    check(slowest < 1, 'within a second', slowest)
