"""The verdict is true: for every way in which a task can end, and whatever is left of the evidence."""

import os
import pathlib
import signal

from case import accepts_failures, check, contains, modes, same, table, until
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


STOPS_NOBODY = {signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGCONT, signal.SIGCHLD,
                signal.SIGURG, signal.SIGWINCH}


def signal_name(number):
    if number > signal.SIGRTMIN:
        return f'SIGRTMIN+{number - signal.SIGRTMIN}'
    return {signal.SIGRTMIN: 'SIGRTMIN+0', signal.SIGIO: 'SIGIO'}.get(number) or signal.Signals(number).name


def test_every_signal_is_named(s):
    numbers = [*range(1, 32), signal.SIGRTMIN, signal.SIGRTMIN + 5, signal.SIGRTMAX]
    ids = {n: s.api.create(f'ulimit -c 0; kill -{n} $$; exit 9')
           for n in map(int, numbers) if n not in STOPS_NOBODY}
    table({signal_name(n): mismatch(s.api.wait(task_id), ('failed', 'signal', None, signal_name(n), signal_name(n)))
           for n, task_id in ids.items()})


def test_a_crash_leaves_a_core_or_is_a_signal(s):
    directory = s.scratch()
    dumps = pathlib.Path('/proc/sys/kernel/core_pattern').read_text()[0] != '|'
    for number in 'SEGV', 'ABRT', 'QUIT':
        task = s.api.run(f'ulimit -c unlimited; kill -{number} $$', working_directory=str(directory))
        same((task['status'], task['exit_code'], task['signal']), ('failed', None, f'SIG{number}'))
        check(task['reason'] == 'core-dump' or not dumps and task['reason'] == 'signal', 'the reason', task['reason'])
        contains(task['error'], f'SIG{number}')


def test_a_program_that_cannot_be_started_is_named(s):
    directory = s.scratch()
    texts = {'plain': '#!/bin/sh\n', 'empty': '', 'wrong': '#!/no/such/interpreter\n',
             'damaged': '\x7fELF, not really'}
    for name, text in texts.items():
        (directory / name).write_text(text)
        (directory / name).chmod(0o644 if name == 'plain' else 0o755)
    missing, denied, format_error = 'No such file or directory', 'Permission denied', 'Exec format error'
    rows = {'/no/such/program': missing, 'no-such-program': missing, f'{directory}/plain': denied,
            str(directory): 'Is a directory', f'{directory}/wrong': missing, './x': missing,
            f'{directory}/empty': format_error, f'{directory}/damaged': format_error}
    ids = {program: s.api.create([program], **({'working_directory': str(directory)} if program == './x' else {}))
           for program in rows}
    found = {}
    for program, task_id in ids.items():
        task = s.api.wait(task_id)
        name = str(directory / 'x') if program == './x' else program
        good = verdict(task) == ('failed', 'start-failed', 203, None) and task['started_at'] is None
        sentence = f'The task could not be started: the program "{name}": {rows[program]}'
        found[program] = None if good and task['error'] == sentence else f'{verdict(task)}: {task["error"]}'
    table(found)


def test_a_directory_that_cannot_be_used_is_named(s):
    secret = s.scratch()
    secret.chmod(0)
    os.chown(secret, 0, 0)
    rows = {'/no/such/directory': 'No such file or directory', '/etc/passwd': 'Not a directory',
            str(secret): 'Permission denied', f'{secret}/below': 'Permission denied'}
    for path, error in rows.items():
        task = s.api.run(['true'], working_directory=path)
        same(verdict(task), ('failed', 'start-failed', 200, None), path)
        same(task['error'], f'The task could not be started: the working directory "{path}": {error}')


@modes('system')
def test_a_user_who_does_not_exist_is_named(s):
    s.configure(task_execution={'user': 'no-such-user'})
    task = s.api.run(['true'])
    same(verdict(task), ('failed', 'start-failed', 217, None))
    contains(task['error'], 'the user "no-such-user"')


LOOP = 'while :; do sleep 0.02; done'
CANCELLED = {  # what the program makes of it: what is told beside "cancelled"
    f'trap "exit 0" TERM; echo up; {LOOP}': (0, None),
    f'trap "exit 7" TERM; echo up; {LOOP}': (7, None),
    f'trap "kill -KILL $$" TERM; echo up; {LOOP}': (None, 'SIGKILL'),
    f'trap "" TERM; echo up; {LOOP}': (None, 'SIGKILL'),
    'echo up; exec sleep 1000': (None, 'SIGTERM'),
}


def cancel_all(s, meanwhile):
    s.configure(task_execution={'cancel_grace': 1})
    ids = {script: s.api.create(script) for script in CANCELLED}
    for task_id in ids.values():
        s.api.wait_line(task_id, 'up')
    for task_id in ids.values():
        same(s.api.cancel(task_id).status, 200)
    meanwhile(ids.values())
    wanted = {script: ('cancelled', 'cancelled', *row, 'cancelled') for script, row in CANCELLED.items()}
    table({script: mismatch(s.api.wait(task_id), wanted[script]) for script, task_id in ids.items()})


def test_cancelled_is_cancelled_whatever_the_program_makes_of_it(s):
    cancel_all(s, lambda ids: None)


@accepts_failures
def test_cancelled_is_cancelled_though_the_service_died_of_it(s):
    cancel_all(s, lambda ids: s.kill())


def test_cancelled_is_cancelled_though_nobody_saw_the_end(s):
    def go_away(ids):
        with away(s, 'stop'):
            for task_id in ids:
                until((s.state / f'{task_id}.result').exists, 'it has ended')
    cancel_all(s, go_away)


def test_what_had_failed_is_not_made_a_stop_by_stopping_it(s):
    fifo = s.fifo()
    task_id = s.api.create(f'echo up; read x < {fifo}; exit 3')
    s.api.wait_line(task_id, 'up')
    with away(s, 'stop'):
        fifo.write_text('go\n')
        until(lambda: s.show(s.unit(task_id), 'ActiveState') == 'failed', 'it has failed')
        s.systemctl('stop', s.unit(task_id))
    same(verdict(s.api.wait(task_id)), ('failed', 'exit-code', 3, None))


def test_stopping_the_unit_by_hand_is_told_from_cancelling(s):
    task_id, _ = talker(s)
    s.api.wait_line(task_id, 'up')
    s.systemctl('stop', s.unit(task_id))
    task = s.api.wait(task_id)
    same((task['status'], task['reason']), ('cancelled', 'stopped'))
    contains(task['error'], 'by hand')


def test_killing_the_unit_by_hand_is_a_signal(s):
    names = 'KILL', 'TERM', 'HUP', 'USR2', 'RTMIN+3'
    ids = {name: talker(s)[0] for name in names}
    for name, task_id in ids.items():
        s.api.wait_line(task_id, 'up')
        s.systemctl('kill', f'--signal={name}', s.unit(task_id))
    table({name: mismatch(s.api.wait(task_id), ('failed', 'signal', None, f'SIG{name}', f'SIG{name}'))
           for name, task_id in ids.items()})


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
