"""Each key of the configuration does what its comment says."""

import pathlib
import time

from case import accepts_failures, check, contains, modes, same, seconds, until
from service import SERVICE
from strace import take_until, watch
from test_stream import talker
from test_survive import away, verdict


def test_claude_timeout_is_the_default_and_the_limit(s):
    s.configure(task_execution={'claude_timeout': 2})
    task_id = s.api.create('echo up; exec sleep 1000')
    s.api.wait_line(task_id, 'up')
    same(s.show(s.unit(task_id), 'RuntimeMaxUSec'), '2s')
    reply = s.api.post('/api/create-task', {'command': ['true'], 'timeout': 3})
    same((reply.status, reply.json['field']), (400, 'timeout'))
    same(s.api.run(['true'], timeout=2)['status'], 'completed')
    same(verdict(s.api.wait(task_id))[:2], ('timed_out', 'runtime-limit'))


def test_default_timeout_is_the_limit_of_each_step(s):
    s.configure(task_execution={'default_timeout': 77})
    task_id, _ = talker(s)
    s.api.wait_line(task_id, 'up')
    same(s.show(s.unit(task_id), 'TimeoutStartUSec'), '1min 17s')


def test_status_save_interval_is_how_often_a_log_is_written_down(s):
    s.configure(task_execution={'status_save_interval': 20})
    task_id, fifo = talker(s)
    s.api.wait_line(task_id, 'up')
    fifo.write_text(''.join(f'{n}\n' for n in range(18)))
    until(lambda: s.api.task(task_id)['log_lines'] == 19, '19 lines are counted')
    check(s.document(task_id)['log_lines'] < 19, 'not on disk yet', s.document(task_id)['log_lines'])
    fifo.write_text('19\n20\n')
    until(lambda: s.document(task_id)['log_lines'] >= 20, 'on disk after 20 lines', 2)


def test_a_save_interval_of_one_writes_every_line_down(s):
    s.configure(task_execution={'status_save_interval': 1})
    task_id, fifo = talker(s)
    for n in range(2, 6):
        fifo.write_text(f'{n}\n')
        until(lambda n=n: s.document(task_id)['log_lines'] == n, f'{n} lines on disk', 2)


def bound_task(s):
    """A task of a service with use_daemon_threads, and the file in which it notes each of its lives."""
    s.configure(task_execution={'use_daemon_threads': True})
    lives = s.scratch() / 'lives'
    task_id = s.api.create(f'echo x >>{lives}; echo up; exec sleep 1000')
    s.api.wait_line(task_id, 'up')
    same(s.show(s.unit(task_id), 'PartOf'), SERVICE)
    return task_id, lives


def check_ended_with_the_service(s, task_id, lives):
    task = s.api.wait(task_id)
    same((task['status'], task['reason']), ('interrupted', 'service-stopped'))
    contains(task['error'], 'use_daemon_threads')
    same(lives.read_text(), 'x\n', 'it ran once')
    same(s.task_units(), set())


def test_daemon_threads_end_when_the_service_is_stopped(s):
    task_id, lives = bound_task(s)
    s.stop_all()
    until(lambda: s.show(s.unit(task_id), 'ActiveState') in ('inactive', 'failed'), 'the task has ended')
    s.listen()
    check_ended_with_the_service(s, task_id, lives)


def test_daemon_threads_end_when_the_service_is_restarted_and_do_not_run_again(s):
    task_id, lives = bound_task(s)
    s.restart()
    check_ended_with_the_service(s, task_id, lives)


@accepts_failures
def test_daemon_threads_do_not_run_twice_when_the_service_is_killed(s):
    """Whether they end with it or live on is systemd's to say; but no task runs a second time."""
    task_id, lives = bound_task(s)
    s.kill()
    s.restart()
    check_ended_with_the_service(s, task_id, lives)


def test_tasks_from_before_keep_the_binding_that_they_had(s):
    task_id, fifo = talker(s)
    s.api.wait_line(task_id, 'up')
    s.configure(task_execution={'use_daemon_threads': True})
    s.restart()
    same(s.api.alive(task_id)['is_alive'], True)
    fifo.write_text('end\n')
    same(s.api.wait(task_id)['status'], 'completed')


@modes('system')
def test_user_is_who_runs_the_tasks(s):
    for user, uid in (('nobody', 65534), ('root', 0), ('65534', 65534)):
        s.configure(task_execution={'user': user})
        fifo = s.fifo()
        task_id = s.api.create(f'echo up; read x < {fifo}; exit 3', working_directory='/')
        s.api.wait_line(task_id, 'up')
        same(pathlib.Path(f'/proc/{s.api.alive(task_id)["thread_info"]["main_pid"]}').stat().st_uid, uid)
        fifo.write_text('go\n')
        same(verdict(s.api.wait(task_id)), ('failed', 'exit-code', 3, None), user)


@modes('user')
def test_user_has_no_effect_on_the_service_of_a_user(s):
    s.configure(task_execution={'user': 'nobody'})
    task_id = s.api.create('echo up; exec sleep 1000')
    s.api.wait_line(task_id, 'up')
    same(pathlib.Path(f'/proc/{s.api.alive(task_id)["thread_info"]["main_pid"]}').owner(), 'tester')


def test_check_orphaned_tasks_false_leaves_the_dead_as_they_are_until_a_later_start(s):
    task_id, fifo = talker(s)
    s.api.wait_line(task_id, 'up')
    with away(s, 'stop'):
        fifo.write_text('end\n')
        until((s.state / f'{task_id}.result').exists, 'it ends')
        s.configure(recovery={'check_orphaned_tasks': False}, restart=False)
    same(s.api.task(task_id)['is_running'], True, 'not judged')
    s.configure()
    same(s.api.wait(task_id)['status'], 'completed')


@seconds(90)
def test_monitor_interval_is_how_often_units_are_compared(s):
    """The tick may come a second late, so that the machine can sleep; but none may be left out."""
    s.configure(recovery={'monitor_interval': 1})
    task_id, _ = talker(s)
    s.api.wait_line(task_id, 'up')
    with watch(s.main_pid(), 'sendmsg,sendto') as lines:
        times = [float(line.split()[1]) for line in take_until(lines, 'ListUnits', 3)]
    gaps = [round(b - a, 1) for a, b in zip(times, times[1:])]
    check(all(0.9 < gap < 2.3 for gap in gaps), 'every 1 to 2 seconds', gaps)


def test_max_memory_logs_is_what_is_held_and_the_rest_is_still_there(s):
    s.configure(persistence={'max_memory_logs': 10})
    task_id, fifo = talker(s, 'i=0; while [ $i -lt 300 ]; do echo $i; i=$((i+1)); done')
    s.api.wait_line(task_id, '299')
    everything = [str(n) for n in range(300)]
    same(s.api.get(f'/api/task/{task_id}/logs').json['logs'], everything[-10:])
    with s.api.follow(task_id) as stream:
        seen = [stream.until(lambda e: e.kind == 'log').json['log'] for _ in range(300)]
    same(seen, everything)
    fifo.write_text('end\n')
    same(s.api.lines(task_id), everything)


def is_held(stream):
    """Whether the service still has its end of the connection; what it could not send any more may be under way."""
    port = f'{stream.sock.getsockname()[1]:04X}'
    rows = [row.split() for row in pathlib.Path('/proc/net/tcp').read_text().splitlines()[1:]]
    return any(row[1].endswith(':3A99') and row[2].endswith(f':{port}') and row[9] != '0' for row in rows)


def test_sse_timeout_ends_a_viewer_that_does_not_read(s):
    """It loses nothing: it comes back with its cursor."""
    s.configure(connection={'sse_heartbeat_interval': 1, 'sse_timeout': 2})
    task_id = s.api.create('i=0; while [ $i -lt 100000 ]; do echo "$i 0123456789012345678901234567890123456789"; '
                           'i=$((i+1)); done; exec sleep 1000')
    with s.api.follow(task_id) as stream:
        last = stream.until(lambda e: e.kind == 'log')
        check(is_held(stream), 'the service holds the connection')
        begun = time.monotonic()
        until(lambda: not is_held(stream), 'the viewer is let go', 10)
        took = time.monotonic() - begun
    check(took > 1, 'not before its time', took)
    with s.api.follow(task_id, last.id) as stream:
        same(stream.until(lambda e: e.kind == 'log').json['log'].split()[0], str(int(last.json['log'].split()[0]) + 1))
