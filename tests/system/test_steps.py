"""Steps before and behind the work: their order, who they run as, what they get, their limits, and what is told of
them, whatever happens to the service or to systemd meanwhile. The recipe `command` gets steps for it."""

import contextlib
import json
import os

from case import accepts_failures, check, contains, same, until
from test_survive import away, verdict

# Text that a shell, systemd's specifiers or its own expansion of variables would change; a word of options among it.
TEXTS = ['$HOME', '${HOME}', '$(id)', '`id`', '%n %i', "it's", '"quoted"', 'a  b', '', '--version', 'x\ny', 'back\\slash',
         '; true', 'ü€', '*']
WHO = 'echo "$0 $(id -u) $(cat)"'


def step(status, script, *words, progress=20, **fields):
    """A step that a shell runs; its name is what `$0` is to the script."""
    return {'status': status, 'progress': progress, 'command': ['sh', '-c', script, status, *words], **fields}


@contextlib.contextmanager
def recipe(s, prepare=(), review=(), **fields):
    """The recipe `command` with steps, as long as the case lasts."""
    steps = {'work': {'status': 'executing_task', 'progress': 60}, **fields}
    if prepare:
        steps['prepare'] = list(prepare)
    if review:
        steps['review'] = list(review)
    s.configure(json.dumps({'recipes': {'command': steps}}))
    try:
        yield
    finally:
        s.configure()


def gate(s):
    """A script that says its name and waits, and what lets it go on."""
    fifo = s.fifo()
    return f'echo "$0 $(id -u)"; read x <{fifo}', lambda: fifo.write_text('go\n')


def place(s, task_id):
    task = s.api.task(task_id)
    return task['status'], task['progress'], task['step']


def record_owner(s, task_id):
    return (s.state / f'{task_id}.result').stat().st_uid


def test_they_run_in_order_as_the_tasks_user_and_all_they_write_is_in_the_log(s):
    with recipe(s, [step('first', WHO), step('second', WHO, progress=30)], [step('third', WHO, progress=75)]):
        task = s.api.run('echo "work $(id -u)"')
    uid = s.runner.pw_uid
    same(s.api.lines(task['task_id']), [f'first {uid} ', f'second {uid} ', f'work {uid}', f'third {uid} '])
    same(verdict(task), ('completed', 'exit-code', 0, None))
    same(record_owner(s, task['task_id']), s.server.pw_uid)
    same([(p['status'], p['progress'], p['kind']) for p in task['plan']],
         [('first', 20, 'prepare'), ('second', 30, 'prepare'), ('executing_task', 60, 'work'), ('third', 75, 'review')])


def test_arguments_input_and_environment_arrive_byte_for_byte(s):
    out = s.scratch()
    show = f'printf "%s\\0" "$@" >{out}/$0.words; cat >{out}/$0.input; printf %s "$MINE/$HIS" >{out}/$0.variable'
    text = '\n'.join(TEXTS) + '\n\0' + 'ü$HOME' * 20_000 + '\0'
    steps = [step(name, show, *TEXTS, '{task_description}', input='<{task_description}>',
                  environment={'MINE': name + ' $HOME %n', 'HIS': 'recipe'}) for name in ('one', 'two')]
    short = '\n'.join(TEXTS)
    del steps[1]['input']
    with recipe(s, steps[:1], steps[1:]):
        task = s.api.run('true', task_description=short, environment={'HIS': 'request'})
        reply = s.api.post('/api/create-task', {'command': ['true'], 'task_description': 'a\0b'})
    same((reply.status, reply.json['field']), (400, 'task_description'), 'a NUL byte in an argument')
    same(task['status'], 'completed', task['error'])
    for name, read in ('one', f'<{short}>'), ('two', ''):
        same((out / f'{name}.words').read_bytes().decode().split('\0')[:-1], [*TEXTS, short], name)
        same((out / f'{name}.input').read_bytes().decode(), read, name)
        same((out / f'{name}.variable').read_text(), f'{name} $HOME %n/request', name)
    with recipe(s, [step('one', f'cat >{out}/large', input='{task_description}')]):
        task = s.api.run('true', task_description=text)
    same((out / 'large').read_bytes().decode() == text, True, task['error'])


@accepts_failures  # the service is killed
def test_status_and_progress_follow_them_also_across_restarts_of_the_service(s):
    scripts = [gate(s) for _ in range(3)]
    with recipe(s, [step('one', scripts[0][0], progress=10), step('two', scripts[1][0], progress=20)],
                [step('three', scripts[2][0], progress=75)]):
        fifo = s.fifo()
        task_id = s.api.create(f'echo up; read x <{fifo}')
        for number, (name, progress, go) in enumerate([
                ('one', 10, scripts[0][1]), ('two', 20, scripts[1][1]), ('executing_task', 60, None),
                ('three', 75, scripts[2][1])]):
            until(lambda n=name: s.api.task(task_id)['status'] == n, f'{name} is under way')
            same(place(s, task_id), (name, progress, number))
            s.restart()
            same(place(s, task_id), (name, progress, number), 'after a restart')
            s.kill()
            same(place(s, task_id), (name, progress, number), 'after SIGKILL')
            (go or (lambda: fifo.write_text('go\n')))()
        same(s.api.wait(task_id)['progress'], 100)


def test_a_step_that_begins_while_the_service_is_down_is_found(s):
    (one, go_one), (two, go_two) = gate(s), gate(s)
    with recipe(s, [step('one', one), step('two', two, progress=30)]):
        task_id = s.api.create('true')
        s.api.wait_line(task_id, f'one {s.runner.pw_uid}')
        with away(s, 'stop'):
            go_one()
            until(lambda: s.journal(f'SYSLOG_IDENTIFIER={task_id}', 'REMOTE_DEVELOPER_STEP=1'), 'the second begins')
            s.systemctl('daemon-reload')
        same(place(s, task_id), ('two', 30, 1))
        go_two()
        same(s.api.wait(task_id)['status'], 'completed')


def test_a_reload_at_any_moment_changes_nothing(s):
    """Who they run as, that all of them run, and that the recorder is still the service's manager's own."""
    for moment in 'one', 'work', 'three':
        scripts = {name: gate(s) for name in ('one', 'work', 'three')}
        uid = s.runner.pw_uid
        with recipe(s, [step('one', scripts['one'][0]), step('two', 'echo "$0 $(id -u)"')],
                    [step('three', scripts['three'][0]), step('four', 'echo "$0 $(id -u)"')]):
            task_id = s.api.create(['sh', '-c', scripts['work'][0], 'work'])
            for name in 'one', 'work', 'three':
                s.api.wait_line(task_id, f'{name} {uid}')
                if name == moment:
                    s.systemctl('daemon-reload')
                scripts[name][1]()
            task = s.api.wait(task_id)
        same(verdict(task), ('completed', 'exit-code', 0, None), moment)
        same(s.api.lines(task_id), [f'{name} {uid}' for name in ('one', 'two', 'work', 'three', 'four')], moment)
        same(record_owner(s, task_id), s.server.pw_uid, moment)


@accepts_failures  # the service is killed
def test_a_step_that_fails_is_named_with_its_end_and_its_last_lines(s):
    rows = {
        'echo 1; echo 2; echo 3; echo fatal: no >&2; exit 7':
            ('The step "two" (sh) failed with exit code 7:\n2\n3\nfatal: no', 7, None),
        'kill -KILL $$': ('The step "two" (sh) was ended by SIGKILL', None, 'SIGKILL'),
    }
    for script, (error, code, signal) in rows.items():
        for down in False, True:
            (one, go) = gate(s)
            with recipe(s, [step('one', one), step('two', script), step('never', 'echo never')],
                        [step('after', 'echo after')]):
                task_id = s.api.create('echo never')
                s.api.wait_line(task_id, f'one {s.runner.pw_uid}')
                with away(s, 'kill') if down else contextlib.nullcontext():
                    go()
                    until((s.state / f'{task_id}.result').exists, 'the recorder wrote')
                task = s.api.wait(task_id)
            same((task['status'], task['reason'], task['step'], task['progress']), ('failed', 'step-failed', 1, 20))
            same((task['error'], task['exit_code'], task['signal']), (error, code, signal), f'down: {down}')
            contains(s.api.lines(task_id), 'after')
            check('never' not in s.api.lines(task_id), 'nothing behind it ran')


def test_a_program_that_is_not_there_is_named(s):
    missing = s.scratch() / 'missing'
    missing.write_text('#!/bin/sh\n')
    missing.chmod(0o755)
    with recipe(s, [{'status': 'one', 'progress': 5, 'command': [str(missing)]}]):
        missing.unlink()
        task = s.api.run('true')
    same(verdict(task), ('failed', 'step-failed', 203, None))
    same(task['error'], f'The step "one" ({missing}) could not be executed: No such file or directory')


def test_an_overdue_step_ends_with_its_children_whether_or_not_somebody_watches(s):
    for down in False, True:
        mark = s.scratch() / 'mark'
        script = f"trap '' TERM; (trap '' TERM; setsid sleep 4242.{int(down)}) & echo begun; wait; echo $? >{mark}"
        with recipe(s, [step('slow', script, timeout=1)]):
            task_id = s.api.create('true')
            s.api.wait_line(task_id, 'begun')
            with away(s, 'stop') if down else contextlib.nullcontext():
                until((s.state / f'{task_id}.result').exists, 'the recorder wrote', 30)
            task = s.api.wait(task_id)
        same((task['status'], task['reason'], task['step']), ('failed', 'step-failed', 0), task['error'])
        same(task['error'], 'The step "slow" (sh) was not over within 1 s and was ended:\nbegun')
        same(s.command('pgrep', '-f', f'sleep 4242.{int(down)}', check=False), '', 'its child')


def test_reviews_that_fail_or_are_late_change_no_verdict(s):
    reviews = [step('bad', 'echo bad; exit 9', progress=70), step('late', 'echo late; exec sleep 1000', timeout=1),
               step('killed', 'echo killed; kill -KILL $$'), step('last', 'echo last')]
    for code in 0, 3:
        with recipe(s, [], reviews):
            task = s.api.run(f'echo work; exit {code}')
        same((task['status'], task['exit_code'], task['reason']), ('failed' if code else 'completed', code, 'exit-code'))
        same(task['progress'], 60 if code else 100)
        same(s.api.lines(task['task_id']), ['work', 'bad', 'late', 'killed', 'last'])


def test_a_cancel_ends_a_step_at_once_with_its_children(s):
    with recipe(s, [step('one', 'sleep 4343 & echo begun; wait'), step('two', 'echo never')]):
        task_id = s.api.create('echo never')
        s.api.wait_line(task_id, 'begun')
        s.api.cancel(task_id)
        task = s.api.wait(task_id)
    same(verdict(task), ('cancelled', 'cancelled', None, None))
    same((task['step'], task['progress'], s.api.lines(task_id)), (0, 20, ['begun']))
    same(s.command('pgrep', '-f', 'sleep 4343', check=False), '')


def test_what_a_step_leaves_behind_ends_with_it(s):
    with recipe(s, [step('one', 'setsid sleep 4444 & echo begun')]):
        task = s.api.run('pgrep -f "[s]leep 4444" || echo none')
    same(s.api.lines(task['task_id']), ['begun', 'none'])


def test_systemctl_status_shows_them_and_their_inputs_are_private(s):
    (one, go) = gate(s)
    mark = os.urandom(12).hex()
    with recipe(s, [step('one', one, input='{task_description}')]):
        task_id = s.api.create('true', task_description=mark)
        s.api.wait_line(task_id, f'one {s.runner.pw_uid}')
        contains(s.systemctl('status', s.unit(task_id), check=False), 'remote-developer-exec', 'start-pre')
        check(mark not in s.systemctl('show', s.unit(task_id)), 'the input is not in the unit')
        same([oct(p.stat().st_mode & 0o777) for p in s.inputs.glob(f'{task_id}.*.input')], ['0o600'])
        go()
        s.api.wait(task_id)
