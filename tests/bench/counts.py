"""What it costs to write down how far the logs are counted: one task that floods, and many that talk at once.

Each figure is taken with status_save_interval at its default and, in the same round, at its highest value, with which
next to nothing is saved: the difference is the price of saving.
"""

import contextlib
import ctypes
import os
import struct
import subprocess
import threading
import time

from case import until
from client import TCP

INTERVALS = (10, 1_000_000)
ROUNDS, QUICK_ROUNDS = 3, 1
LINES, QUICK_LINES = 300_000, 20_000
FLOOD = 'import sys\nfor n in range({}): sys.stdout.write(f"{{n}} 0123456789" * 6 + "\\n")'
TALKERS, QUICK_TALKERS = 100, 10
TALK_SECONDS, QUICK_TALK_SECONDS = 10, 2
TALK = 'import time\nwhile True:\n    print("a line as an agent may write it", flush=True)\n    time.sleep(0.01)'
PAUSE = 0.005  # between two of the other requests

IN_MOVED_TO = 0x80
EVENT = struct.Struct('iIII')


class Saves:
    """Counts the documents that are put into the state directory: each is renamed into its place."""

    def __init__(self, directory):
        self.count = 0
        self.fd = ctypes.CDLL(None).inotify_init1(os.O_NONBLOCK)
        if ctypes.CDLL(None).inotify_add_watch(self.fd, os.fsencode(directory), IN_MOVED_TO) < 0:
            raise RuntimeError('no inotify')

    def look(self):
        with contextlib.suppress(BlockingIOError):
            while True:
                data = os.read(self.fd, 65536)
                while data:
                    size = EVENT.unpack_from(data)[3]
                    self.count += data[EVENT.size:].startswith(b'task-')
                    data = data[EVENT.size + size:]


class Others(threading.Thread):
    """Other requests all the while, one after the other; each is timed."""

    def __init__(self, service):
        super().__init__()
        self.service, self.done, self.times = service, threading.Event(), []
        self.saves = Saves(service.state)

    def run(self):
        while not self.done.wait(PAUSE):
            began = time.monotonic()
            self.service.api.get('/api/health')
            self.times.append((time.monotonic() - began) * 1000)
            self.saves.look()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.join()
        self.saves.look()
        os.close(self.saves.fd)

    def tell(self, tables, what, row):
        self.times.sort()
        tables.add(f'{what}: documents saved', row, self.saves.count)
        tables.add(f'{what}: slowest of the other requests, ms', row, self.times[-1])
        tables.add(f'{what}: 99 % of them within, ms', row, self.times[len(self.times) * 99 // 100])


def clear_journal():
    """Each flood meets the same journal, and none the limit of its size."""
    subprocess.run(['journalctl', '--quiet', '--rotate', '--vacuum-time=1us'], check=True)


def flood(service, tables, row, lines):
    with Others(service) as others:
        began = time.monotonic()
        task_id = service.api.create(['python3', '-c', FLOOD.format(lines)])
        url = f'http://{TCP[0]}:{TCP[1]}/api/task-logs/{task_id}/stream'
        subprocess.run(['curl', '-sN', '-o', '/dev/null', url], check=True)
        took = time.monotonic() - began
    counted = service.api.task(task_id)['log_lines']
    if counted != lines:
        raise RuntimeError(f'{counted} of {lines} lines are counted')
    what = f'a flood of {lines:,} lines'
    tables.add(f'{what}: until a viewer has them, s', row, took)
    others.tell(tables, what, row)
    service.api.delete(f'/api/task/{task_id}')


def cpu_seconds(pid):
    with open(f'/proc/{pid}/stat', encoding='ascii') as file:
        return sum(map(int, file.read().rsplit(')', 1)[1].split()[11:13])) / os.sysconf('SC_CLK_TCK')


def talk(service, tables, row, talkers, seconds):
    tasks = [service.api.create(['python3', '-c', TALK]) for _ in range(talkers)]
    until(lambda: all(service.api.task(t)['log_lines'] > 0 for t in tasks), 'all talk', 120)
    before, cpu = counted_lines(service, tasks), cpu_seconds(service.main_pid())
    with Others(service) as others:
        time.sleep(seconds)
    lines, cpu = counted_lines(service, tasks) - before, cpu_seconds(service.main_pid()) - cpu
    what = f'{talkers} talking tasks'
    tables.add(f'{what}: lines counted a second', row, lines / seconds)
    tables.add(f'{what}: of one core, %', row, cpu / seconds * 100)
    others.tell(tables, what, row)
    until(service.kill_tasks, 'none talks', 60)


def counted_lines(service, tasks):
    return sum(service.api.task(t)['log_lines'] for t in tasks)


def measure(service, tables, quick):
    service.listen()
    for _ in range(QUICK_ROUNDS if quick else ROUNDS):
        for interval in INTERVALS:
            service.configure(task_execution={'status_save_interval': interval})
            clear_journal()
            row = f'saved every {interval:,} lines'
            flood(service, tables, row, QUICK_LINES if quick else LINES)
            talk(service, tables, row, QUICK_TALKERS if quick else TALKERS,
                 QUICK_TALK_SECONDS if quick else TALK_SECONDS)
    service.configure()
