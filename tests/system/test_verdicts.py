"""The verdict is true: for every way in which a task can end, and whatever is left of the evidence."""

import os

from case import check, contains, modes, same, table, until
from test_stream import talker
from test_survive import away, end_unseen, verdict

# script, fields of the request: status, reason, exit_code, signal, a part of the sentence
PLAIN = {
    'exit 0': ({}, 'completed', 'exit-code', 0, None, None),
    'exit 1': ({}, 'failed', 'exit-code', 1, None, '1'),
    'exit 255': ({}, 'failed', 'exit-code', 255, None, '255'),
    'exit 200': ({}, 'failed', 'exit-code', 200, None, '200'),  # systemd's own numbers, but the program's here
    'exit 203': ({}, 'failed', 'exit-code', 203, None, '203'),
    'exit 217': ({}, 'failed', 'exit-code', 217, None, '217'),
    'kill -KILL $$': ({}, 'failed', 'signal', None, 'SIGKILL', 'SIGKILL'),
    'kill -TERM $$': ({}, 'failed', 'signal', None, 'SIGTERM', 'SIGTERM'),  # systemd calls that success
    'kill -HUP $$': ({}, 'failed', 'signal', None, 'SIGHUP', 'SIGHUP'),
    'kill -PIPE $$': ({}, 'failed', 'signal', None, 'SIGPIPE', 'SIGPIPE'),
    'kill -USR1 $$': ({}, 'failed', 'signal', None, 'SIGUSR1', 'SIGUSR1'),
    'exec sleep 1000': ({'timeout': 1}, 'timed_out', 'runtime-limit', None, 'SIGTERM', '1 s'),
    'trap "exit 0" TERM; sleep 1000 & wait': ({'timeout': 1}, 'timed_out', 'runtime-limit', 0, None, '1 s'),
    'trap "exit 7" TERM; sleep 1000 & wait': ({'timeout': 1}, 'timed_out', 'runtime-limit', 7, None, '1 s'),
    'sleep 1000 & exit 0': ({}, 'completed', 'exit-code', 0, None, None),  # the rest is ended with it
}


def mismatch(task, wanted):
    part = wanted[4]
    if verdict(task) != wanted[:4]:
        return f'{verdict(task)}: {task["error"]}'
    if (task['error'] or '') and part is None or part and part not in (task['error'] or ''):
        return f'the sentence is {task["error"]!r}'
    return None


def test_every_way_to_end_has_its_verdict(s):
    ids = {script: s.api.create(f'echo x; {script}', **row[0]) for script, row in PLAIN.items()}
    table({script: mismatch(s.api.wait(ids[script]), row[1:]) for script, row in PLAIN.items()})
    until(lambda: not s.task_units(), 'every unit is released')


def test_verdicts_are_the_same_after_a_restart(s):
    ids = {script: s.api.create(f'echo x; {script}', **row[0]) for script, row in PLAIN.items()}
    before = {script: s.api.wait(task_id) for script, task_id in ids.items()}
    s.restart()
    for script, task_id in ids.items():
        same(s.api.task(task_id), before[script], script)


def test_a_crash_is_a_crash(s):
    task = s.api.run('ulimit -c unlimited; kill -SEGV $$')
    check(task['reason'] in ('core-dump', 'signal'), 'a crash', task)
    same((task['status'], task['signal']), ('failed', 'SIGSEGV'))


def test_a_program_that_cannot_be_started_is_named(s):
    directory = s.scratch()
    plain, empty, wrong = directory / 'plain', directory / 'empty', directory / 'wrong'
    for path, text in ((plain, '#!/bin/sh\n'), (empty, ''), (wrong, '#!/no/such/interpreter\n')):
        path.write_text(text)
        path.chmod(0o755 if path != plain else 0o644)
    rows = {'/no/such/program': {}, 'no-such-program': {}, str(plain): {}, str(directory): {}, str(wrong): {},
            str(empty): {}, './x': {'working_directory': str(directory)}}
    found = {}
    for program, fields in rows.items():
        task = s.api.run([program], **fields)
        name = str(directory / 'x') if program == './x' else program
        good = (task['status'], task['reason'], task['started_at']) == ('failed', 'start-failed', None)
        found[program] = None if good and name in task['error'] else f'{verdict(task)}: {task["error"]}'
    table(found)


def test_a_directory_that_is_not_there_is_named(s):
    secret = s.scratch()
    secret.chmod(0)
    os.chown(secret, 0, 0)
    for path in '/no/such/directory', '/etc/passwd', str(secret):
        task = s.api.run(['true'], working_directory=path)
        same((task['status'], task['reason']), ('failed', 'start-failed'), path)
        contains(task['error'], path)


@modes('system')
def test_a_user_who_does_not_exist_is_named(s):
    s.configure(task_execution={'user': 'no-such-user'})
    task = s.api.run(['true'])
    same((task['status'], task['reason']), ('failed', 'start-failed'))
    contains(task['error'], 'no-such-user')


def test_stopping_the_unit_by_hand_is_told_from_cancelling(s):
    task_id, _ = talker(s)
    s.api.wait_line(task_id, 'up')
    s.systemctl('stop', s.unit(task_id))
    task = s.api.wait(task_id)
    same((task['status'], task['reason']), ('cancelled', 'stopped'))
    contains(task['error'], 'by hand')


def test_killing_the_unit_by_hand_is_a_signal(s):
    task_id, _ = talker(s)
    s.api.wait_line(task_id, 'up')
    s.systemctl('kill', '--signal=KILL', s.unit(task_id))
    same(verdict(s.api.wait(task_id)), ('failed', 'signal', None, 'SIGKILL'))


def test_no_failed_unit_is_left_in_systemd(s):
    for script in 'exit 1', 'kill -KILL $$':
        s.api.run(script)
    s.api.run(['/no/such/program'])
    until(lambda: not s.task_units(), 'every unit is released')


def without_recorder(s, script, instead=None, **fields):
    """A task that ends while the service is down and whose recorder's file is lost, or another one is there."""
    fifo = s.fifo()
    task_id = s.api.create(f'echo up; read x < {fifo}; {script}', **fields)
    s.api.wait_line(task_id, 'up')
    path = s.state / f'{task_id}.result'
    with away(s, 'stop'):
        fifo.write_text('go\n')
        until(path.exists, 'it has ended')
        until(lambda: s.show(s.unit(task_id), 'ActiveState') in ('inactive', 'failed'), 'its unit has ended')
        path.unlink()
        if instead:
            path.write_text(instead)
        s.systemctl('reset-failed', s.unit(task_id), check=False)
    return s.api.wait(task_id)


def test_the_journal_tells_when_the_recorders_file_is_lost(s):
    """As far as systemd writes it there: not how a program ended that ended well, and a user's manager not even that
    it did; then nothing is known and nothing is claimed."""
    rows = {script: mismatch(without_recorder(s, script), PLAIN[script][1:]) for script in ('exit 1', 'kill -KILL $$')}
    late = without_recorder(s, 'exec sleep 1000', timeout=2)
    rows['timeout'] = None if verdict(late)[:2] == ('timed_out', 'runtime-limit') else verdict(late)
    well = without_recorder(s, 'exit 0')
    wanted = ('interrupted', 'unit-lost') if s.is_user else ('completed', 'exit-code')
    rows['exit 0'] = None if verdict(well)[:2] == wanted else verdict(well)
    table(rows)


def test_a_failed_unit_tells_when_the_recorders_file_is_lost(s):
    task_id, fifo = talker(s)
    s.api.wait_line(task_id, 'up')
    path = s.state / f'{task_id}.result'
    with away(s, 'stop'):
        s.systemctl('kill', '--signal=ABRT', s.unit(task_id))
        until(path.exists, 'it has ended')
        until(lambda: s.show(s.unit(task_id), 'ActiveState') == 'failed', 'its unit has failed')
        path.unlink()
    task = s.api.wait(task_id)
    same((task['status'], task['signal']), ('failed', 'SIGABRT'))


def test_a_recorders_file_of_another_life_is_not_believed(s):
    other = s.api.run('exit 9')['task_id']
    task = without_recorder(s, 'exit 1', (s.state / f'{other}.result').read_text())
    same(verdict(task), ('failed', 'exit-code', 1, None))


def test_a_task_may_end_while_systemd_is_reloaded_or_executed_anew(s):
    for verb in 'daemon-reload', 'daemon-reexec':
        task_id, fifo = talker(s)
        ended, second = talker(s)
        for each in task_id, ended:
            s.api.wait_line(each, 'up')
        s.systemctl(verb)
        second.write_text('end\n')
        same(verdict(s.api.wait(ended)), ('completed', 'exit-code', 0, None), verb)
        same(s.api.alive(task_id)['is_alive'], True, verb)
        fifo.write_text('after\nend\n')
        same(verdict(s.api.wait(task_id)), ('completed', 'exit-code', 0, None), verb)
        same(s.api.lines(task_id), ['up', 'after'])


def test_a_task_that_ends_after_a_reload_while_nobody_watches_has_its_verdict(s):
    end_unseen(s, 'stop', lambda: s.systemctl('daemon-reload'))
