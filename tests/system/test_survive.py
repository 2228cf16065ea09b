"""Tasks go on while the service is away, and it finds everything again: tasks, logs, verdicts."""

import contextlib
import json
import os
import signal
import subprocess
import threading
import time

from case import accepts_failures, check, contains, note, same, until
from service import SERVICE
from test_stream import talker

ACTIVE = {'task_id', 'unit', 'thread_name', 'invocation_id', 'started_at', 'is_alive'}


@contextlib.contextmanager
def away(s, how):
    """The service is down within the block; nothing but the end of the block starts it again."""
    if how == 'kill':
        os.kill(s.main_pid(), signal.SIGKILL)
    s.stop_all()
    check(not s.is_active(), 'the service is down')
    yield
    s.systemctl('reset-failed', SERVICE, check=False)
    s.listen()


def goes_on(s, how):
    """A task writes before, while and after the service is away; a viewer comes back by its last id."""
    task_id, fifo = talker(s)
    s.api.wait_line(task_id, 'up')
    pid = s.api.alive(task_id)['thread_info']['main_pid']
    with s.api.follow(task_id) as stream:
        for n in range(20):
            fifo.write_text(f'{n}\n')
        last = stream.until_line('15').id
    with away(s, how):
        fifo.write_text(''.join(f'{n}\n' for n in range(20, 40)))
        until(lambda: '39' in [e['MESSAGE'] for e in s.journal('--lines=60', '_TRANSPORT=stdout')], 'it writes on')
    alive = s.api.alive(task_id)
    same((alive['is_alive'], alive['thread_info']['main_pid'], alive['task_status']), (True, pid, 'executing_task'))
    with s.api.follow(task_id, last) as stream:
        stream.until_line('39')
        fifo.write_text('40\n')
        stream.until_line('40')
    fifo.write_text('end\n')
    same(s.api.wait(task_id)['status'], 'completed')
    same(s.api.lines(task_id, last), [str(n) for n in range(16, 41)], 'after the last id')
    same(s.api.lines(task_id), ['up', *map(str, range(41))], 'the whole log')
    same(s.api.task(task_id)['log_lines'], 42)


def test_a_task_goes_on_while_the_service_is_stopped(s):
    goes_on(s, 'stop')


@accepts_failures
def test_a_task_goes_on_when_the_service_is_killed(s):
    goes_on(s, 'kill')


def test_a_stream_is_let_go_at_a_restart_and_goes_on_behind_its_last_line(s):
    task_id, fifo = talker(s)
    with s.api.follow(task_id) as stream:
        last = stream.until_line('up').id
        s.restart()
        # That it was started, systemd may say behind what it wrote.
        rest = [e for e in stream if e.kind != 'status' and not e.json.get('system', '').startswith('Started ')]
    same([e.kind for e in rest], [], 'no final event: the task has not ended')
    fifo.write_text('a\nend\n')
    same(s.api.lines(task_id, last), ['a'])


@accepts_failures
def test_a_stream_across_many_deaths_of_the_service_loses_and_doubles_nothing(s):
    """A viewer as clients are: it comes back with its last id whenever it is cut off."""
    fifo = s.fifo()
    script = f'echo up; read x < {fifo}; i=0; while [ $i -lt 3000 ]; do echo $i; i=$((i+1)); ' \
             '[ $((i % 100)) -ne 0 ] || sleep 0.05; done'
    task_id = s.api.create(script)
    s.api.wait_line(task_id, 'up')
    seen, last, over, cuts = [], None, False, 0
    killer = threading.Thread(target=lambda: [s.kill() for _ in range(4)])
    fifo.write_text('go\n')
    killer.start()
    while not over:
        cuts += 1
        with contextlib.suppress(ConnectionError, TimeoutError), s.api.follow(task_id, last) as stream:
            over = stream.status == 204
            for event in stream if stream.status == 200 else ():
                over = over or event.kind == 'final'
                if event.kind == 'log':
                    seen.append(event.json['log'])
                    last = event.id
    killer.join()
    note(f'the stream was opened {cuts} times')
    check(cuts > 3, 'it was cut several times', cuts)
    same(seen, ['up', *map(str, range(3000))])


ENDINGS = {  # what the program does: the verdict
    'exit 0': ('completed', 'exit-code', 0, None),
    'exit 3': ('failed', 'exit-code', 3, None),
    'kill -KILL $$': ('failed', 'signal', None, 'SIGKILL'),
    'kill -TERM $$': ('failed', 'signal', None, 'SIGTERM'),
    'exec sleep 1000': ('timed_out', 'runtime-limit', None, 'SIGTERM'),
}


def verdict(task):
    return task['status'], task['reason'], task['exit_code'], task['signal']


def end_unseen(s, how, before=lambda: None):
    fifos = {program: s.fifo() for program in ENDINGS}
    ids = {program: s.api.create(f'echo up; read x < {fifo}; echo last; {program}',
                                 timeout=2 if 'sleep' in program else 1000) for program, fifo in fifos.items()}
    for task_id in ids.values():
        s.api.wait_line(task_id, 'up')
    before()
    with away(s, how):
        for fifo in fifos.values():
            fifo.write_text('go\n')
        until(lambda: not s.command('pgrep', '-f', 'echo up; read x', check=False) and not any(
            s.show(s.unit(i), 'ActiveState') in ('active', 'deactivating') for i in ids.values()), 'all have ended')
        ended = time.time()
    for program, task_id in ids.items():
        same(verdict(s.api.wait(task_id)), ENDINGS[program], program)
        same(s.api.lines(task_id), ['up', 'last'])
        finished = os.stat(s.state / f'{task_id}.result').st_mtime
        check(finished < ended, 'the recorder wrote while nobody watched')
    until(lambda: not s.task_units(), 'what failed is released')
    until(lambda: s.active_tasks() == [], 'none is listed')


def test_tasks_that_ended_while_the_service_was_stopped_have_their_true_verdict(s):
    end_unseen(s, 'stop')


@accepts_failures
def test_tasks_that_ended_after_the_service_was_killed_have_their_true_verdict(s):
    end_unseen(s, 'kill')


def test_a_task_that_was_stopped_by_hand_meanwhile_was_stopped_by_hand(s):
    task_id, _ = talker(s)
    s.api.wait_line(task_id, 'up')
    with away(s, 'stop'):
        s.systemctl('stop', s.unit(task_id))
    task = s.api.wait(task_id)
    same((task['status'], task['reason']), ('cancelled', 'stopped'))


def test_the_end_is_dated_when_it_was_and_not_when_it_was_found(s):
    fifo = s.fifo()
    task_id = s.api.create(f'echo up; read x < {fifo}')
    s.api.wait_line(task_id, 'up')
    with away(s, 'stop'):
        fifo.write_text('go\n')
        path = s.state / f'{task_id}.result'
        until(path.exists, 'the recorder writes')
        when = path.stat().st_mtime
        time.sleep(1.5)  # the time that must not be in the verdict
    finished = s.api.wait(task_id)['finished_at']
    stamp = subprocess.run(['date', '-d', finished, '+%s.%N'], capture_output=True, text=True, check=True).stdout
    check(abs(float(stamp) - when) < 1, 'dated by its end', finished, when)


def test_active_tasks_tells_what_runs_also_while_the_service_is_down(s):
    first, fifo = talker(s)
    second, _ = talker(s)
    for task_id in first, second:
        s.api.wait_line(task_id, 'up')
    until(lambda: {t['task_id'] for t in s.active_tasks() if t['is_alive']} == {first, second}, 'both are listed')
    for row in s.active_tasks():
        same(set(row), ACTIVE)
        same((row['unit'], row['thread_name']), (s.unit(row['task_id']),) * 2)
        until(lambda: s.active_tasks()[0]['started_at'], 'its start is there')
    with away(s, 'stop'):
        same({t['task_id'] for t in s.active_tasks()}, {first, second}, 'while the service is down')
        fifo.write_text('end\n')
        until((s.state / f'{first}.result').exists, 'it ends')
    same(s.api.wait(first)['status'], 'completed')
    until(lambda: [t['task_id'] for t in s.active_tasks()] == [second], 'only the other is listed')


def test_many_running_tasks_are_found_again(s):
    tasks = [talker(s) for _ in range(30)]
    for task_id, _ in tasks:
        s.api.wait_line(task_id, 'up')
    s.restart()
    same({t['task_id'] for t in s.api.running()}, {task_id for task_id, _ in tasks})
    for task_id, fifo in tasks:
        same(s.api.alive(task_id)['is_alive'], True)
        fifo.write_text('end\n')
    for task_id, _ in tasks:
        same(s.api.wait(task_id)['status'], 'completed')


def write_document(s, task_id, document):
    path = s.state / f'{task_id}.json'
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    os.chown(path, s.owner.pw_uid, s.owner.pw_gid)


def queued_copy(s, command):
    """A document as the service leaves it when it dies before systemd hears of the task."""
    task_id = s.api.run(['true'])['task_id']
    document = s.document(task_id)
    new_id = task_id[:-6] + ('%06x' % (int(task_id[-6:], 16) ^ 1))
    document |= {'task_id': new_id, 'state': 'queued', 'result': None, 'reason': None, 'exit_code': -1,
                 'started_at': None, 'finished_at': None, 'invocation_id': None, 'command': command,
                 'log_lines': 0, 'log_bytes': 0, 'log_cursor': None, 'last_output_at': None}
    return new_id, document


def test_a_task_that_was_acknowledged_but_never_started_is_started(s):
    task_id, document = queued_copy(s, ['/bin/sh', '-c', 'echo late; exit 4'])
    with away(s, 'stop'):
        write_document(s, task_id, document)
    same(verdict(s.api.wait(task_id)), ('failed', 'exit-code', 4, None))
    same(s.api.lines(task_id), ['late'])


def test_broken_documents_are_set_aside_and_the_others_live(s):
    good = s.api.run('echo good')['task_id']
    new_id, document = queued_copy(s, ['true'])
    ids = [f'task-17000000{n:02}-abcdef' for n in range(5)]
    texts = ['', '{"task_id": ', '[1, 2]', json.dumps(document | {'task_id': new_id}), 'x' * 100]
    with away(s, 'stop'):
        cursor = s.journal_cursor()
        for task_id, text in zip(ids, texts):
            write_document(s, task_id, text)
    same(s.api.lines(good), ['good'])
    names = s.task_files()
    words = 'broken', 'broken', 'foreign', 'duplicate', 'broken'
    for task_id, text, word in zip(ids, texts, words):
        same(s.api.get(f'/api/task-status/{task_id}').status, 404, task_id)
        aside = [n for n in names if n.startswith(f'{task_id}.json.{word}-')]
        same([(s.state / n).read_text() for n in aside], [text])
    health = s.api.get('/api/health')
    same((health.status, health.json['broken_files'], len(health.json['files_set_aside'])), (200, 5, 5))
    told = ' '.join(filter(None, s.own_messages(cursor)))
    contains(told, *ids)
    for name in health.json['files_set_aside']:
        (s.state / name).unlink()
    until(lambda: s.api.get('/api/health').json['broken_files'] == 0, 'health says so')


def test_a_document_of_a_later_version_is_left_as_it_is(s):
    task_id, document = queued_copy(s, ['true'])
    document |= {'version': 99}
    with away(s, 'stop'):
        write_document(s, task_id, document)
    health = s.api.get('/api/health')
    same((health.status, health.json['files_refused']), (200, [f'{task_id}.json']))
    same(s.document(task_id)['version'], 99)
    (s.state / f'{task_id}.json').unlink()


def test_what_a_crash_left_of_a_write_does_no_harm(s):
    task_id = s.api.run('echo x')['task_id']
    with away(s, 'stop'):
        (s.state / '.tmp-left').write_text('{"task_')
        (s.state / f'{task_id}.result').write_text('nonsense\n')
    same(s.api.task(task_id)['status'], 'completed')
    same(s.api.lines(task_id), ['x'])
    same((s.state / '.tmp-left').exists(), False)


def orphan(s, script, **fields):
    """A task that runs while its document is lost."""
    task_id = s.api.create(script, **fields)
    s.api.wait_line(task_id, 'up')
    until(lambda: s.api.alive(task_id)['is_alive'], 'it runs')
    before = s.api.task(task_id)
    s.stop_all()
    (s.state / f'{task_id}.json').unlink()
    return task_id, before


ADOPTED = ('command', 'working_directory', 'timeout', 'environment', 'invocation_id', 'attempt')


def adopted(s, reload):
    gate = s.scratch() / 'gate'
    script = f'echo up; echo "$HOME $$" %n \\\\; while [ ! -e {gate} ]; do sleep 0.05; done; exit 6'
    task_id, before = orphan(s, script, working_directory=str(gate.parent), timeout=600, environment={'A': 'b c'})
    if reload:
        s.systemctl('daemon-reload')
    s.start()
    s.listen()
    until(lambda: s.api.get(f'/api/task-status/{task_id}').status == 200, 'it is adopted')
    until(lambda: s.api.task(task_id)['log_lines'] == 2, 'its log is read')
    until(lambda: s.api.task(task_id)['invocation_id'], 'its unit is read')
    after = s.api.task(task_id)
    same({key: after[key] for key in ADOPTED}, {key: before[key] for key in ADOPTED})
    check(after['started_at'], 'it has begun', after)
    gate.touch()
    task = s.api.wait(task_id)
    same((task['status'], task['exit_code']), ('failed', 6))
    until(lambda: not s.task_units(), 'the unit is released')


def test_a_unit_without_a_document_is_adopted(s):
    adopted(s, reload=False)


def test_a_unit_without_a_document_is_adopted_after_a_reload(s):
    adopted(s, reload=True)


def test_a_failed_unit_without_a_document_gets_its_verdict(s):
    gate = s.scratch() / 'gate'
    task_id, _ = orphan(s, f'echo up; while [ ! -e {gate} ]; do sleep 0.05; done; kill -USR1 $$')
    gate.touch()
    until(lambda: s.show(s.unit(task_id), 'ActiveState') == 'failed', 'it has ended')
    s.start()
    s.listen()
    until(lambda: s.api.get(f'/api/task-status/{task_id}').status == 200, 'it is adopted')
    task = s.api.wait(task_id)
    same((task['status'], task['signal']), ('failed', 'SIGUSR1'))


def test_a_running_task_whose_document_is_broken_goes_on(s):
    task_id = s.api.create('echo up; exec sleep 1000')
    s.api.wait_line(task_id, 'up')
    s.stop_all()
    (s.state / f'{task_id}.json').write_text('{"task_id": "task-')
    s.start()
    s.listen()
    until(lambda: s.api.get(f'/api/task-status/{task_id}').status == 200, 'it is adopted')
    aside = [name for name in s.task_files() if name.startswith(f'{task_id}.json.')]
    same(len(aside), 1, 'the broken one is set aside')
    (s.state / aside[0]).unlink()
    same(s.api.cancel(task_id).status, 200)
    same(s.api.wait(task_id)['status'], 'cancelled')
