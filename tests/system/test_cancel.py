"""Ending tasks and forgetting them: nothing of a cancelled task is left alive, and the wish survives the service."""

import os
import pathlib
import random
import time

from case import check, contains, same, until

# Shrugs TERM off, and leaves children that have sessions of their own and shrug it off too.
STUBBORN = '''trap "" TERM
setsid sh -c 'trap "" TERM; exec sleep {n}' &
setsid setsid -f sh -c 'trap "" TERM; exec sleep {n}'
(trap "" TERM INT HUP; sleep {n}) &
echo up
while :; do sleep {n}; done'''


def stubborn(s, **fields):
    """A task that does not end when asked, and the mark by which its processes are known."""
    mark = str(random.randrange(10**8, 10**9))
    task_id = s.api.create(STUBBORN.format(n=mark), **fields)
    s.api.wait_line(task_id, 'up')
    until(lambda: len(processes(mark)) >= 4, 'all children are there')
    return task_id, mark


def processes(mark):
    """Processes that have the mark among their arguments."""
    found = []
    for path in pathlib.Path('/proc').glob('[0-9]*/cmdline'):
        try:
            if mark.encode() in path.read_bytes() and int(path.parent.name) != os.getpid():
                found.append(path.parent.name)
        except OSError:
            pass
    return found


def test_cancel_ends_everything_within_the_grace(s):
    s.configure(task_execution={'cancel_grace': 1})
    task_id, mark = stubborn(s)
    begun = time.monotonic()
    reply = s.api.cancel(task_id)
    same((reply.status, reply.json), (200, {'task_id': task_id, 'status': 'stopping'}))
    check(time.monotonic() - begun < 0.5, 'the reply does not wait')
    task = s.api.wait(task_id)
    took = time.monotonic() - begun
    same((task['status'], task['reason'], task['signal']), ('cancelled', 'cancelled', 'SIGKILL'))
    check(0.9 < took < 2.5, 'about the grace', took)
    same(processes(mark), [])
    same(s.task_units(), set())


def test_a_task_that_obeys_ends_at_once_and_may_tidy_up(s):
    program = ('import signal, sys\n'
               'signal.signal(signal.SIGTERM, lambda *_: sys.exit(print("tidied")))\n'
               'print("up", flush=True)\n'
               'signal.pause()')
    task_id = s.api.create(['python3', '-c', program])
    s.api.wait_line(task_id, 'up')
    begun = time.monotonic()
    s.api.cancel(task_id)
    same(s.api.wait(task_id)['status'], 'cancelled')
    check(time.monotonic() - begun < 3, 'it ends soon', time.monotonic() - begun)
    same(s.api.lines(task_id), ['up', 'tidied'])


def test_a_grace_of_nothing_kills_at_once(s):
    s.configure(task_execution={'cancel_grace': 0})
    task_id, mark = stubborn(s)
    begun = time.monotonic()
    s.api.cancel(task_id)
    same(s.api.wait(task_id)['status'], 'cancelled')
    check(time.monotonic() - begun < 1.5, 'at once', time.monotonic() - begun)
    same(processes(mark), [])


def test_a_longer_grace_is_the_units_own(s):
    s.configure(task_execution={'cancel_grace': 25})
    task_id = s.api.create('echo up; read x; exec sleep 1000')
    s.api.wait_line(task_id, 'up')
    same(s.show(s.unit(task_id), 'TimeoutStopUSec'), '25s')


def test_cancelling_twice_is_cancelling_once_and_the_end_is_a_conflict(s):
    task_id, _ = stubborn(s)
    same([s.api.cancel(task_id).status for _ in range(3)], [200, 200, 200])
    same(s.api.task(task_id)['status'], 'stopping')
    same(s.api.task(task_id)['cancel_requested'], True)
    s.systemctl('kill', '--signal=KILL', s.unit(task_id))
    same(s.api.wait(task_id)['status'], 'cancelled')
    reply = s.api.cancel(task_id)
    same(reply.status, 409)
    contains(reply.json['error'], 'cancelled')


def test_a_task_can_be_cancelled_in_its_first_moment(s):
    ids = []
    for _ in range(20):
        ids.append(s.api.create(['sleep', '1000']))
        same(s.api.cancel(ids[-1]).status, 200)
    for task_id in ids:
        same(s.api.wait(task_id)['status'], 'cancelled')
    until(lambda: not s.task_units(), 'no unit is left')
    same([p for p in processes('1000') if pathlib.Path(f'/proc/{p}/comm').read_text() == 'sleep\n'], [])


def test_the_wish_to_cancel_survives_the_service(s):
    s.configure(task_execution={'cancel_grace': 3})
    task_id, mark = stubborn(s)
    begun = time.monotonic()
    same(s.api.cancel(task_id).status, 200)
    s.kill()
    task = s.api.wait(task_id)
    took = time.monotonic() - begun
    same(task['status'], 'cancelled')
    check(2.5 < took < 6, 'the grace counts from the request', took)
    same(processes(mark), [])


test_the_wish_to_cancel_survives_the_service.accepts_failures = True


def test_a_wish_that_nobody_was_left_to_carry_out_is_carried_out_at_the_start(s):
    """The document says so, systemd was never asked: the service died in between."""
    task_id, mark = stubborn(s)
    s.stop_all()
    path = s.state / f'{task_id}.json'
    text = path.read_text()
    check('"cancel_requested":false' in text, 'the document', text)
    path.write_text(text.replace('"cancel_requested":false', '"cancel_requested":true'))
    s.configure(task_execution={'cancel_grace': 1})
    s.listen()
    same(s.api.wait(task_id)['status'], 'cancelled')
    same(processes(mark), [])


def test_a_frozen_task_is_cancelled_too(s):
    task_id = s.api.create('echo up; exec sleep 1000')
    s.api.wait_line(task_id, 'up')
    s.systemctl('freeze', s.unit(task_id))
    same(s.api.cancel(task_id).status, 200)
    same(s.api.wait(task_id)['status'], 'cancelled')
    same(s.task_units(), set())


def test_a_running_task_is_not_forgotten(s):
    task_id = s.api.create('echo up; read x; exec sleep 1000')
    s.api.wait_line(task_id, 'up')
    reply = s.api.delete(f'/api/task/{task_id}')
    same(reply.status, 409)
    contains(reply.json['error'], 'cancel')
    same(s.api.alive(task_id)['is_alive'], True)


def test_a_finished_task_is_forgotten_with_its_files(s):
    task_id = s.api.run('echo x; exit 3')['task_id']
    check({n for n in s.task_files() if task_id in n}, 'it has files')
    same(s.api.delete(f'/api/task/{task_id}').status, 200)
    same({n for n in s.task_files() if task_id in n}, set())
    same([s.api.get(f'/api/{path}').status for path in
          (f'task-status/{task_id}', f'task/{task_id}/check-alive', f'task-logs/{task_id}/stream')], [404] * 3)
    same([t for t in s.api.tasks() if t['task_id'] == task_id], [])
    same(s.api.delete(f'/api/task/{task_id}').status, 404)
    s.restart()
    same(s.api.get(f'/api/task-status/{task_id}').status, 404)
