"""Requests that mean harm: each is answered as hostile.py says, has no effect, and costs nobody else anything; nor do
two thousand connections of a stranger, slow clients, and more of everything than there may be."""

import concurrent.futures
import contextlib
import os
import pathlib
import subprocess
import sys
import time

from case import check, note, same, seconds, table, until
from client import open_socket
from hostile import EFFECT, GROUPS
from test_access import user
from test_bad_input import traces
from test_flood import status_kib

LISTENING = '0A'  # in /proc/net/tcp

# As a user of this machine: opens so many connections to the port, sends what stdin says on each, tells when they are
# there, and holds them until stdin ends. Prints how many were answered at once, and how.
CROWD = '''
import collections, selectors, socket, sys
n, data = int(sys.argv[1]), bytes.fromhex(sys.argv[2])
sockets = []
for _ in range(n):
    s = socket.create_connection(("127.0.0.1", 15001), 60)
    s.sendall(data)
    sockets.append(s)
print("up", flush=True)
found = collections.Counter()
while sys.stdin.readline():
    waiting = []
    for s in sockets:
        s.setblocking(False)
        try:
            found[s.recv(100).split(b"\\r\\n")[0].decode() or "closed"] += 1
        except BlockingIOError:
            waiting.append(s)
        except OSError as e:
            found[type(e).__name__] += 1
    held, sockets = globals().get("held", []) + sockets, waiting
    print({**found, **({"nothing": len(waiting)} if waiting else {})}, flush=True)
'''


class Crowd:
    """Connections of that user, until the end of the block."""

    def __init__(self, who, n, data=b''):
        self.process = subprocess.Popen(
            ['setpriv', '--reuid', str(who.pw_uid), '--regid', str(who.pw_gid), '--clear-groups', 'prlimit',
                    '--nofile=8192',
             sys.executable, '-c', CROWD, str(n), data.hex()],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd='/')

    def __enter__(self):
        same(self.process.stdout.readline(), 'up\n')
        return self

    def look(self):
        """{first line of an answer, or "nothing": how many}"""
        self.process.stdin.write('\n')
        self.process.stdin.flush()
        return eval(self.process.stdout.readline())  # pylint: disable=eval-used

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()


def statuses(data):
    """Those of the answers in what came over one connection; None behind them for what is no answer."""
    found, head_only = [], False
    while data:
        head, end, rest = data.partition(b'\r\n\r\n')
        words = head.split(b'\r\n')[0].split()
        if not end or len(words) < 2 or not words[0].startswith(b'HTTP/1.') or not words[1].isdigit():
            return found + [None]
        fields = {name.lower(): value.strip() for name, _,
                value in (f.partition(b':') for f in head.split(b'\r\n')[1:])}
        size = int(fields.get(b'content-length', 0))
        if fields.get(b'transfer-encoding') == b'chunked':
            size = rest.rindex(b'0\r\n\r\n') + 5 if b'0\r\n\r\n' in rest else len(rest)
        if int(words[1]) == 100:
            size = 0
        else:
            found.append(int(words[1]))
        # The answer to HEAD; and libmicrohttpd 0.9.75 sends the header of some of its own refusals twice.
        head_only = size and rest[:5] == b'HTTP/'
        if head_only and int(words[1]) >= 400:
            found.pop()
        data = rest if head_only else rest[size:]
    return found


def ask(s, data):
    """The statuses, or what went wrong."""
    received = b''
    try:
        with open_socket(s.api.address, 30) as sock:
            with contextlib.suppress(ConnectionError):  # it may have hung up already
                sock.sendall(data)
            while piece := sock.recv(65536):
                received += piece
    except TimeoutError:
        return 'no end'
    except ConnectionError:
        pass  # the rest of what was sent is not wanted any more
    return statuses(received)


def descriptors(pid):
    return len(os.listdir(f'/proc/{pid}/fd'))


def sockets(pid):
    """Inodes."""
    found = set()
    for path in pathlib.Path(f'/proc/{pid}/fd').iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.add(os.readlink(path).removeprefix('socket:[').removesuffix(']'))
    return found


class Watched:
    """Nothing is created and nobody else is worse off: what is so before and must be so afterwards."""

    def __init__(self, s):
        self.s = s
        s.start()
        self.done = s.api.run(['true'])['task_id']
        for _ in range(3):
            s.api.get('/api/health')
        self.pid = s.main_pid()
        self.traces = traces(s)
        until(lambda: not self.connections(), 'it has no connection')
        self.descriptors = descriptors(self.pid)
        self.weigh()

    def connections(self):
        """How many it has, also of those that the client has closed and it has not yet."""
        rows = [line.split() for line in pathlib.Path('/proc/net/tcp').read_text(encoding='ascii').splitlines()[1:]]
        inodes = {row[9] for row in rows if row[3] != LISTENING}
        return len(sockets(self.pid) & inodes)

    def weigh(self):
        self.kib = status_kib(self.pid, 'RssAnon')[0]

    def check(self, most_kib):
        s = self.s
        same(traces(s), self.traces, 'what there is of tasks')
        check(not pathlib.Path(EFFECT).exists(), 'nothing was run')
        same(s.main_pid(), self.pid, 'the same process')
        until(lambda: descriptors(self.pid) <= self.descriptors, 'the descriptors are closed again', 90)
        kib = status_kib(self.pid, 'RssAnon')[0]
        note(f'memory {self.kib} KiB before, {kib} KiB after')
        check(kib - self.kib < most_kib, f'memory grows by less than {most_kib} KiB', self.kib, kib)
        self.check_healthy()

    def check_healthy(self):
        s = self.s
        same(s.api.get('/api/health').status, 200)
        same(s.api.get('/api/health').json['status'], 'ok')
        same(s.api.task(self.done)['status'], 'completed')
        same([e.kind for e in s.api.events(self.done)][-1], 'final')


def took(function):
    began = time.monotonic()
    function()
    return time.monotonic() - began


def wrong(s, w, data, expected):
    found = ask(s, data.replace(b'{id}', w.done.encode()))
    return None if found == expected else f'answered {found}, should be {expected}'


def send_all(s, w, rows):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        return dict(zip(rows, pool.map(lambda row: wrong(s, w, *row), rows.values())))


@seconds(400)
def test_hostile_requests_are_refused_and_have_no_effect(s):
    """Several times: what one round takes of memory, which depends on what comes at once, a later one uses again."""
    s.configure(connection={'request_timeout': 2})
    w = Watched(s)
    rows = {f'{group}: {name}': row for group, members in GROUPS.items() for name, row in members.items()}
    check(len(rows) >= 200, 'as many as there should be', len(rows))
    note(f'{len(rows)} requests')
    for _ in range(5):
        before = w.kib
        table(send_all(s, w, rows))
        w.check(48 * 1024)
        w.weigh()
        if w.kib - before < 1024:
            break
    check(w.kib - before < 1024, 'a round takes no more than the one before', before, w.kib)


def answer_times(s, n=40):
    """Seconds that a normal client waits for each of its answers, the longest last."""
    return sorted(took(lambda: same(s.api.get('/api/tasks?limit=5').status, 200)) for _ in range(n))


def describe(times):
    return f'{times[len(times) // 2] * 1000:.1f} ms, at most {times[-1] * 1000:.0f} ms'


def many_refused(found):
    return found if found.get('HTTP/1.1 429 Too Many Requests', 0) >= 200 else None


@seconds(300)
def test_two_thousand_connections_of_a_stranger_cost_nobody_else_anything(s):
    w = Watched(s)
    before = answer_times(s)
    viewed = s.api.create('echo up; exec sleep 1000')
    with s.api.follow(viewed) as stream, Crowd(user('stranger'), 2000) as crowd:
        stream.until_line('up')
        until(lambda: w.connections() > 2000, 'they are there, and the viewer')
        during = answer_times(s)
        kib = status_kib(w.pid, 'RssAnon')[0]
        ran = s.api.run(['true'])
        same(ran['status'], 'completed')
        with Crowd(user('stranger'), 300) as more:
            found = until(lambda: many_refused(more.look()), 'who has enough is told so')
        same(crowd.look(), {'nothing': 2000})
    note(f'a normal client waits {describe(before)} without them, {describe(during)} beside them; they take '
         f'{(kib - w.kib) / 2000:.1f} KiB each; of 300 more {found}')
    check(kib - w.kib < 2000 * 24, 'they take less than 24 KiB each', kib - w.kib)
    s.api.cancel(viewed)
    s.api.wait(viewed)
    for task_id in (viewed, ran['task_id']):
        same(s.api.delete(f'/api/task/{task_id}').status, 200)
    w.check(16384)


def refused(found):
    return found if all(f.get('nothing', 0) < 30 for f in found) else None


def test_who_has_many_connections_is_told_and_others_are_served(s):
    """With few places: a stranger and the tasks' user may fill three quarters of them, never the last one."""
    s.configure(connection={'max_connections': 40})
    w = Watched(s)
    with Crowd(user('stranger'), 30) as first, Crowd(user('another'), 30) as second:
        found = until(lambda: refused([first.look(), second.look()]), 'neither has all that it wants')
        times = answer_times(s, 10)
    note(f'two strangers with 30 connections each: {found}; a normal client waits {describe(times)}')
    w.check(4096)


def test_slow_clients_are_cut_and_others_are_served(s):
    """One byte now and then, in the header or in the body: no such request lasts longer than it may."""
    s.configure(connection={'request_timeout': 2})
    w = Watched(s)
    heads = [b'GET /api/tasks HTTP/1.1\r\nHost: localhost\r\nX: ',
             b'POST /api/create-task HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'
             b'Content-Length: 1000\r\n\r\n']
    sockets = [open_socket(s.api.address) for _ in range(200)]
    for n, sock in enumerate(sockets):
        sock.sendall(heads[n % 2])
    began, open_ones, answers, slowest = time.monotonic(), dict(enumerate(sockets)), {}, 0
    while open_ones and time.monotonic() - began < 60:
        for n, sock in list(open_ones.items()):
            sock.setblocking(False)
            with contextlib.suppress(BlockingIOError, ConnectionError):
                sock.sendall(b'x')
            try:
                answers[n] = answers.get(n, b'') + (piece := sock.recv(4096))
            except BlockingIOError:
                continue
            except ConnectionError:
                piece = b''
            if not piece:
                open_ones.pop(n).close()
        slowest = max(slowest, took(w.check_healthy))
    same(open_ones, {}, 'all are cut')
    note(f'200 slow clients are cut within {time.monotonic() - began:.1f} s; meanwhile the longest look takes '
         f'{slowest:.2f} s')
    check(time.monotonic() - began < 30, 'soon')
    same({answers.get(n, b'')[:12] for n in range(200)}, {b'HTTP/1.1 408'})
    w.check(8192)


def until_states(s, ids, states):
    """A task's first line may come before systemd has told the service that its unit is active."""
    until(lambda: [s.api.task(i)['state'] for i in ids] == states, ', '.join(states))


def test_tasks_beyond_what_may_run_wait_and_then_are_refused(s):
    s.configure(task_execution={'max_running_tasks': 2, 'max_queued_tasks': 3})
    s.start()
    ids = [s.api.create('echo up; exec sleep 1000') for _ in range(5)]
    until_states(s, ids, ['running'] * 2 + ['queued'] * 3)
    same(len(s.task_units()), 2)
    reply = s.api.post('/api/create-task', {'command': ['true']})
    same((reply.status, reply.headers.get('retry-after')), (503, '5'))
    s.api.cancel(ids[0])
    until_states(s, ids[1:], ['running'] * 2 + ['queued'] * 2)
    s.restart()
    until_states(s, ids[1:], ['running'] * 2 + ['queued'] * 2)
    same(len(s.task_units()), 2)
    for task_id in ids[1:]:
        s.api.cancel(task_id)
    for task_id in ids:
        same(s.api.wait(task_id)['status'], 'cancelled')


def test_streams_beyond_what_there_may_be_are_refused(s):
    s.configure(connection={'max_streams': 4})
    s.start()
    task_id = s.api.create('echo up; exec sleep 1000')
    with s.api.follow(task_id) as first, s.api.follow(task_id) as second:
        for stream in (first, second):
            stream.until_line('up')
        with s.api.follow(task_id) as third:
            same((third.status, third.headers.get('retry-after')), (429, '5'))
        same(s.api.get(f'/api/task/{task_id}/logs').status, 200)
        until_states(s, [task_id], ['running'])
    until(lambda: s.api.follow(task_id).status == 200, 'the places are free again')
