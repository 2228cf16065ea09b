"""A state directory that is full or read-only: clear errors to new tasks, true verdicts of running ones, and all right
again by itself. Each case has a small disk of its own mounted over the state directory."""

import contextlib
import subprocess

from case import check, contains, lacks, same, seconds, until
from service import ROOT, SERVICE

SIZE = 32 * 1024 * 1024
SCRIPT = 'echo up; read line < {}; exit {}'


def mount(s, *arguments):
    s.command('mount', *arguments, user=ROOT)


def remount(s, how):
    """Refused while somebody is just writing."""
    def try_it():
        return subprocess.run(['mount', '-o', f'remount,{how}', s.state], stderr=subprocess.DEVNULL,
                              check=False).returncode == 0
    until(try_it, f'the disk is {how}')


@contextlib.contextmanager
def small_disk(s):
    s.stop_all()
    s.state.mkdir(parents=True, exist_ok=True)
    owner = f'uid={s.server.pw_uid},gid={s.server.pw_gid}'
    mount(s, '-t', 'tmpfs', '-o', f'size={SIZE},mode=0750,{owner}', 'tmpfs', str(s.state))
    try:
        s.listen()
        yield
        same(s.task_units(), set(), 'no unit is left')
        same(spilled(s), [], 'nothing is left of what was recorded elsewhere')
        lacks(' '.join(s.task_files()), '.tmp-')
    finally:
        s.stop_all()
        s.command('umount', '--lazy', str(s.state), user=ROOT)
        s.listen()


def fill(s):
    """To the last byte."""
    with contextlib.suppress(OSError), (s.state / 'ballast').open('wb', buffering=0) as ballast:
        while True:
            ballast.write(bytes(4096))


def make_room(s):
    (s.state / 'ballast').unlink()


def spilled(s):
    directory = s.runtime / 'remote-developer/endings'
    return sorted(p.name for p in directory.iterdir()) if directory.exists() else []


def start_tasks(s):
    """Tasks that wait for a word each: what they end with, and how to say the word."""
    tasks = {}
    for code in 0, 3:
        fifo = s.fifo()
        task_id = s.api.create(SCRIPT.format(fifo, code))
        s.api.wait_line(task_id, 'up')
        tasks[task_id] = fifo, code
    until(lambda: all(s.document(t)['state'] == 'running' for t in tasks), 'all are known to run')
    return tasks


def end_tasks(s, tasks):
    for fifo, _ in tasks.values():
        fifo.write_text('end\n', encoding='ascii')
    until(lambda: spilled(s) == sorted(f'{task_id}.result' for task_id in tasks), 'their ends are recorded elsewhere')


def check_verdicts(s, tasks):
    for task_id, (_, code) in tasks.items():
        s.api.wait(task_id, timeout=70)
        task = s.api.task(task_id)
        same((task['status'], task['exit_code']), ('failed' if code else 'completed', code))
        same(s.document(task_id)['state'], 'finished')


def check_refused(s, status, *parts):
    reply = s.api.post('/api/create-task', {'command': ['true']})
    same(reply.status, status, reply.body)
    contains(reply.json['error'], str(s.state), *parts)
    health = s.api.get('/api/health')
    same((health.status, health.json['status'], health.json['state_writable']), (503, 'degraded', False))
    contains(health.json['error'], str(s.state))


def check_works_again(s):
    until(lambda: s.api.get('/api/health').status == 200, 'it is well again', timeout=70)
    same(s.api.run(['true'])['status'], 'completed')


@seconds(120)
def test_a_full_disk(s):
    with small_disk(s):
        cursor, tasks = s.journal_cursor(), start_tasks(s)
        before = s.task_files()
        fill(s)
        check_refused(s, 507, 'No space left on device', 'make room')
        end_tasks(s, tasks)
        same(s.task_files() - {'ballast'}, before, 'nothing is written, nothing is left')
        same([s.document(t)['state'] for t in tasks], ['running'] * len(tasks))
        make_room(s)
        check_verdicts(s, tasks)
        check_works_again(s)
        told = [m for m in s.own_messages(cursor) if m]
        same(len([m for m in told if 'cannot be written' in m]), 1)
        same(len([m for m in told if 'can be written again' in m]), 1)


@seconds(120)
def test_a_full_disk_while_the_service_is_away(s):
    with small_disk(s):
        tasks = start_tasks(s)
        fill(s)
        s.stop_all()
        end_tasks(s, tasks)
        s.listen()
        same(sorted(t['task_id'] for t in s.api.tasks()), sorted(tasks), 'it serves what is there')
        s.stop()
        same(len(spilled(s)), len(tasks), 'a stop of the service leaves the records')
        make_room(s)
        check_verdicts(s, tasks)
        check_works_again(s)


@seconds(120)
def test_a_disk_that_becomes_read_only(s):
    with small_disk(s):
        cursor, tasks = s.journal_cursor(), start_tasks(s)
        remount(s, 'ro')
        check_refused(s, 503, 'Read-only file system', 'mounted read-write')
        until(lambda: 'read-only' in (s.api.get('/api/health').json['error'] or ''), 'health says so')
        same(s.api.cancel(next(iter(tasks))).status, 503)
        end_tasks(s, tasks)
        same(len(s.api.tasks()), len(tasks))
        remount(s, 'rw')
        check_verdicts(s, tasks)
        check_works_again(s)
        told = [m for m in s.own_messages(cursor) if m]
        same(len([m for m in told if 'cannot be written' in m]), 1)
        same(len([m for m in told if 'can be written again' in m]), 1)


@seconds(120)
def test_a_disk_that_is_read_only_from_the_start(s):
    with small_disk(s):
        ended = s.api.run('echo x; exit 5')['task_id']
        tasks = start_tasks(s)
        s.stop_all()
        broken = s.state / 'task-1700000000-abcdef.json'
        broken.write_text('{"task_', encoding='ascii')
        (s.state / 'remote-developerd.lock').unlink()
        remount(s, 'ro')
        end_tasks(s, tasks)
        s.listen()
        same((s.api.task(ended)['exit_code'], s.api.lines(ended)), (5, ['x']))
        check_refused(s, 503, 'Read-only file system')
        health = s.api.get('/api/health').json
        same((health['files_refused'], health['files_set_aside']), ([broken.name], []))
        pid = s.main_pid()
        remount(s, 'rw')
        if not s.is_user:
            # Its sandbox has a view of the mounts of its own, which was made when this one was read-only.
            s.restart()
            pid = s.main_pid()
        check_verdicts(s, tasks)
        check_works_again(s)
        same(s.main_pid(), pid, 'without a new start')
        health = until(lambda: (h := s.api.get('/api/health').json)['files_set_aside'] and h, 'it is set aside now')
        same((health['status'], health['broken_files'], health['files_refused']), ('ok', 1, []))
        check(health['files_set_aside'][0].startswith(f'{broken.name}.broken-'), 'it is set aside now', health)
        same((s.state / 'remote-developerd.lock').read_text().strip(), str(pid), 'the lock is taken')
        check_second_is_refused(s, pid)


def check_second_is_refused(s, pid):
    program = s.show(SERVICE, 'ExecStart').split('path=')[1].split(' ')[0]
    argv = s.as_user(s.owner, program, f'--{s.mode}', '--listen=127.0.0.1:15002', f'--state-directory={s.state}')
    done = subprocess.run(argv, stderr=subprocess.PIPE, text=True, timeout=20, check=False)
    same(done.returncode, 1)
    contains(done.stderr + '\n'.join(filter(None, s.own_messages())), str(s.state), str(pid))
