"""Deadlines: the warning ahead of the time limit, tasks of which no output comes, and what journalctl shows of both."""

import re

from case import accepts_failures, check, contains, lacks, modes, same, until
from service import ROOT
from test_stream import talker
from test_survive import away, verdict


def own_lines(s, task_id, part):
    """What the service itself logged about the task with that text."""
    return [e['MESSAGE'] for e in s.own_entries()
            if e.get('REMOTE_DEVELOPER_TASK') == task_id and part in e['MESSAGE']]


def silent(s, **fields):
    """A task that has said one line and then says what its fifo tells it to."""
    fifo = s.fifo()
    task_id = s.api.create(f'echo up; while read -r line <&3; do [ "$line" = end ] && exit 0; echo "$line"; done '
                           f'3<>{fifo}', **fields)
    return task_id, fifo


def named(name):
    return lambda e: e.name == name


def test_the_warning_comes_before_the_limit_and_is_true(s):
    """At half of a limit as short as this one; then systemd ends the task when it was said."""
    task_id = s.api.create('echo up; exec sleep 1000', timeout=4)
    with s.api.follow(task_id) as stream:
        warning = stream.until(named('warning'))
        final = stream.until(lambda e: e.kind == 'final')
    same((warning.id, warning.json['remaining_seconds']), ('', 2))
    contains(warning.json['warning'], 'The time limit of 4 s is reached in 2 s', 'task_execution.claude_timeout')
    task = s.api.task(task_id)
    same((final.json['status'], task['reason']), ('timed_out', 'runtime-limit'))
    same(warning.json['deadline'], task['deadline'])
    check(task['warned_at'] < task['deadline'] <= task['finished_at'], 'in this order', task)
    same(len(own_lines(s, task_id, 'The time limit of 4 s')), 1)


@accepts_failures
def test_who_comes_late_is_warned_once_too_and_a_restart_says_nothing_twice(s):
    task_id, fifo = silent(s, timeout=16)
    with s.api.follow(task_id) as stream:
        stream.until(named('warning'))
    s.kill()
    fifo.write_text('later\n')
    with s.api.follow(task_id) as stream:
        seen = [stream.until(named('warning')), stream.until_line('later')]
        fifo.write_text('end\n')
        seen += list(stream)
    same(len([e for e in seen if e.name == 'warning']), 1)
    same(len(own_lines(s, task_id, 'The time limit of')), 1)


def test_no_warning_where_none_is_wanted(s):
    s.configure(task_execution={'warn_before': 0})
    task_id = s.api.create('exec sleep 1000', timeout=2)
    same([e.name for e in s.api.events(task_id) if e.name not in (None, '', 'system')], [])
    task = s.api.task(task_id)
    same((task['reason'], 'warned_at' in task), ('runtime-limit', False))


def test_a_silent_task_is_marked_and_any_line_clears_the_mark(s):
    task_id, fifo = silent(s, stall_timeout=2)
    with s.api.follow(task_id) as stream:
        event = stream.until(named('stalled'))
        task = s.api.task(task_id)
        same(event.json, {'stalled': True, 'last_output_at': task['last_output_at'], 'stall_timeout': 2})
        same((event.id, task['stalled'], task['status']), ('', True, 'executing_task'))
        same(s.api.alive(task_id)['thread_info']['stalled_at'], task['stalled_at'])
        with s.api.follow(task_id) as late:
            same(late.until(named('stalled')).json['stalled'], True)
        fifo.write_text('here\n')
        same(stream.until(named('stalled')).json, {'stalled': False})
        same(s.api.task(task_id)['stalled'], False)
        same(stream.until(named('stalled')).json['stalled'], True)
        fifo.write_text('end\n')
        stream.until(lambda e: e.kind == 'final')
    task = s.api.task(task_id)
    same((task['status'], task['stalled']), ('completed', False))
    same((len(own_lines(s, task_id, 'the task is stalled')), len(own_lines(s, task_id, 'not stalled any more'))), (2, 1))


def test_a_task_that_talks_is_not_stalled(s):
    task_id = s.api.create('for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 0.5; done', stall_timeout=2,
                           stall_action='stop')
    same([e.name for e in s.api.events(task_id) if e.name not in (None, '', 'system')], [])
    same(s.api.task(task_id)['status'], 'completed')


def test_half_a_line_is_no_output(s):
    """journald hands it over when its end is written. When this fails, the documents may say otherwise."""
    task_id = s.api.create('echo up; while :; do printf .; sleep 0.2; done', stall_timeout=2)
    with s.api.follow(task_id) as stream:
        same(stream.until(named('stalled')).json['stalled'], True)


def test_a_silent_task_is_stopped_where_that_was_asked_for(s):
    """Whatever it makes of its SIGTERM."""
    s.configure(task_execution={'stall_timeout': 2, 'cancel_grace': 1})
    rows = {'exec sleep 1000': (None, 'SIGTERM'), 'trap "exit 0" TERM; sleep 1000 & wait': (0, None),
            'trap "echo bye; exit 7" TERM; sleep 1000 & wait': (7, None),
            'trap "" TERM; while :; do sleep 1; done': (None, 'SIGKILL')}
    ids = {script: s.api.create(f'echo up; {script}', stall_action='stop') for script in rows}
    for script, (code, signal) in rows.items():
        task = s.api.wait(ids[script])
        same(verdict(task), ('timed_out', 'stall-limit', code, signal), script)
        contains(task['error'], 'No output came for 2 s')
        check(task['stall_stop_requested_at'] > task['last_output_at'] or code == 7, 'after its silence', task)
    until(lambda: not s.task_units(), 'every unit is released')


@accepts_failures
def test_a_stop_for_silence_survives_the_service(s):
    """Killed when the wish is on disk and the task still tidies up."""
    fifo = s.fifo()
    task_id = s.api.create(f'trap "read x < {fifo}; exit 0" TERM; echo up; sleep 1000 & wait', stall_timeout=2,
                           stall_action='stop')
    until(lambda: s.document(task_id).get('stall_stop_requested_at'), 'the wish is on disk')
    until(lambda: s.show(s.unit(task_id), 'ActiveState') == 'deactivating', 'systemd was asked')
    with away(s, 'kill'):
        fifo.write_text('go\n')
        until((s.state / f'{task_id}.result').exists, 'it ends')
    same(verdict(s.api.wait(task_id)), ('timed_out', 'stall-limit', 0, None))


def test_silence_counts_while_the_service_is_away(s):
    task_id, fifo = silent(s, stall_timeout=3)
    talking, talk = silent(s, stall_timeout=3)
    s.api.wait_line(task_id, 'up')
    s.api.wait_line(talking, 'up')
    with away(s, 'stop'):
        until(lambda: age_of_last_line(s, talking) > 3, 'a silence')
        talk.write_text('here\n')
        until(lambda: age_of_last_line(s, talking) < 3, 'a line')
    with s.api.follow(task_id) as stream:
        stream.until(named('stalled'), 2)
    same(s.api.task(talking)['stalled'], False)
    same(own_lines(s, talking, 'stalled'), [])
    fifo.write_text('end\n')
    talk.write_text('end\n')


def age_of_last_line(s, task_id):
    """In seconds, from the journal."""
    last = s.journal(f'SYSLOG_IDENTIFIER={task_id}', '--lines=1')[0]
    now = float(s.command('date', '+%s.%N'))
    return now - int(last['__REALTIME_TIMESTAMP']) / 1e6


def test_journalctl_shows_the_services_lines_with_the_tasks(s):
    """Under the unit journalctl shows what root or the user has written about it, and the system's service is neither;
    by the field all of it is found there, and in user mode what the service wrote."""
    task_id, fifo = talker(s)
    s.api.wait_line(task_id, 'up')
    fifo.write_text('end\n')
    s.api.wait(task_id)
    user = ['--user'] if s.is_user else []
    where = ['-u', s.unit(task_id)] if s.is_user else [f'REMOTE_DEVELOPER_TASK={task_id}']
    text = s.command('journalctl', *user, '--no-pager', '-o', 'cat', *where)
    contains(text, f'{task_id}: Created', f'{task_id}: completed', 'up')
    same(s.api.lines(task_id), ['up'], 'and they are not in the log of the task')
    same(s.api.task(task_id)['log_lines'], 1)


@modes('system')
def test_nobody_else_can_put_lines_there(s):
    task_id = s.api.run('echo up')['task_id']
    s.command('python3', '-c', 'import socket; socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto('
              f'b"MESSAGE=forged\\nOBJECT_SYSTEMD_UNIT={s.unit(task_id)}\\nREMOTE_DEVELOPER_TASK={task_id}\\n", '
              '"/run/systemd/journal/socket")', user=s.runner)
    until(lambda: s.journal('MESSAGE=forged', f'REMOTE_DEVELOPER_TASK={task_id}'), 'it is in the journal')
    lacks(s.command('journalctl', '--no-pager', '-o', 'cat', '-u', s.unit(task_id), user=ROOT), 'forged')
    same(s.api.lines(task_id), ['up'])


def test_the_documented_shape_of_named_events(s):
    """Clients of the original listen to the unnamed event: a named one has its name in a line of its own."""
    task_id, _ = silent(s, stall_timeout=1)
    with s.api.follow(task_id) as stream:
        frame = stream.until(named('stalled')).frame
    check(re.fullmatch(rb'event: stalled\ndata: \{"stalled": true, "last_output_at": "[^"]+", "stall_timeout": 1\}',
                       frame), 'event, then data', frame)
