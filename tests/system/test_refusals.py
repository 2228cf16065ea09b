"""What systemd or the disk refuse: no bus, a bus that comes back, writes that fail."""

import contextlib

from case import check, contains, same, until
from strace import fault
from test_stream import talker
from test_survive import verdict


BUS = 'dbus.socket', 'dbus.service'


@contextlib.contextmanager
def without_bus(s):
    """systemctl itself does without, by systemd's private socket."""
    s.systemctl('stop', *BUS)
    try:
        yield
    finally:
        s.systemctl('start', 'dbus.socket', check=False)
        s.systemctl('start', 'dbus.service')


def health(s):
    return s.api.get('/api/health')


def test_without_the_bus_new_tasks_are_refused_and_leave_nothing(s):
    s.start()
    before = s.task_files(), s.task_units()
    with without_bus(s):
        until(lambda: health(s).status == 503, 'the loss is known')
        body = health(s).json
        same((body['status'], body['systemd_connected']), ('degraded', False))
        check(body['error'], 'the cause', body)
        reply = s.api.post('/api/create-task', {'command': ['true']})
        same(reply.status, 503)
        contains(reply.json['error'], 'systemd cannot be reached')
        same((s.task_files(), s.task_units()), before)
    until(lambda: health(s).status == 200, 'the bus is found again')
    same(s.api.run(['true'])['status'], 'completed')


def test_tasks_and_streams_go_on_without_the_bus_and_verdicts_come_with_it(s):
    task_id, fifo = talker(s)
    other, other_fifo = talker(s)
    s.api.wait_line(other, 'up')
    with s.api.follow(task_id) as stream:
        stream.until_line('up')
        with without_bus(s):
            until(lambda: health(s).status == 503, 'the loss is known')
            fifo.write_text('on\n')
            stream.until_line('on')
            other_fifo.write_text('end\n')
            until((s.state / f'{other}.result').exists, 'the other one ends')
            same({t['task_id'] for t in s.api.running()}, {task_id, other}, 'lists are still there')
        same(verdict(s.api.wait(other)), ('completed', 'exit-code', 0, None))
        fifo.write_text('end\n')
        stream.until(lambda e: e.kind == 'final')
    same(s.api.task(task_id)['status'], 'completed')


def test_a_cancellation_without_the_bus_is_carried_out_with_it(s):
    task_id, _ = talker(s)
    s.api.wait_line(task_id, 'up')
    with without_bus(s):
        until(lambda: health(s).status == 503, 'the loss is known')
        same(s.api.cancel(task_id).status, 200)
        same(s.document(task_id)['cancel_requested'], True)
    same(s.api.wait(task_id)['status'], 'cancelled')


def test_a_service_that_starts_without_the_bus_serves_and_says_so(s):
    task_id = s.api.run('echo x')['task_id']
    s.stop_all()
    s.systemctl('mask', '--runtime', *BUS)  # its own unit would start it
    try:
        with without_bus(s):
            s.listen()
            reply = s.api.get('/api/health', timeout=30)
            same(reply.status, 503)
            same(s.api.task(task_id)['status'], 'completed')
            s.systemctl('unmask', '--runtime', *BUS)
    finally:
        s.systemctl('unmask', '--runtime', *BUS)
    until(lambda: health(s).status == 200, 'the bus is found')


def test_what_systemd_refuses_to_start_is_the_tasks_error(s):
    s.start()
    s.systemctl('stop', 'remotedeveloper.slice')
    s.systemctl('mask', '--runtime', 'remotedeveloper.slice')
    try:
        task = s.api.run(['true'])
    finally:
        s.systemctl('unmask', '--runtime', 'remotedeveloper.slice')
    same((task['status'], task['reason'], task['started_at']), ('failed', 'start-failed', None))
    contains(task['error'], 'systemd', 'masked')
    until(lambda: not s.task_units(), 'no unit is left')
    same(s.api.run(['true'])['status'], 'completed')


def test_a_document_that_cannot_be_written_refuses_the_task(s):
    s.start()
    before = s.task_files(), s.task_units()
    for call, error, status in (('fsync', 'ENOSPC', 507), ('fsync', 'EIO', 500)):
        with fault(s.main_pid(), call, error):
            reply = s.api.post('/api/create-task', {'command': ['true']})
            same(reply.status, status, error)
            contains(reply.json['error'], 'could not be stored')
        same((s.task_files(), s.task_units()), before, 'nothing is left')
    same(s.api.run(['true'])['status'], 'completed')


def test_a_cancellation_that_cannot_be_written_is_refused(s):
    task_id, fifo = talker(s)
    s.api.wait_line(task_id, 'up')
    until(lambda: s.api.task(task_id)['status'] == 'executing_task', 'it runs')
    with fault(s.main_pid(), 'fsync', 'ENOSPC'):
        same(s.api.cancel(task_id).status, 507)
    same(s.api.alive(task_id)['is_alive'], True)
    fifo.write_text('end\n')
    same(s.api.wait(task_id)['status'], 'completed')


def test_a_verdict_that_cannot_be_written_is_written_later(s):
    task_id, fifo = talker(s)
    s.api.wait_line(task_id, 'up')
    with fault(s.main_pid(), 'fsync', 'ENOSPC'):
        fifo.write_text('end\n')
        until((s.state / f'{task_id}.result').exists, 'the recorder writes')
    same(verdict(s.api.wait(task_id)), ('completed', 'exit-code', 0, None))
