"""The two programs of the system's service: what reads HTTP has no privilege, and what has takes nothing from it but
requests that root's own configuration allows. Attacked here as whoever has broken into the first would."""

import json
import os
import pathlib
import pwd
import random
import re
import signal
import subprocess

from case import check, contains, modes, note, same, seconds, table, until
from fault import FaultPoint
from service import SERVICE

SEED = int(os.environ.get('REMOTE_DEVELOPER_TEST_SEED') or random.randrange(10**6))
STRIDE = 1 if os.environ.get('REMOTE_DEVELOPER_TEST_LONG') else 2  # every so manieth call; the seed says from which on
SOCKET = '/run/remote-developer/launcher.sock'
LAUNCHER = 'remote-developer-launcher.service'
MADE = '/var/lib/remote-developer/home/made-by-a-message' # where the tasks' user may write
SPEC = {'recipe': 'command', 'command': ['touch', MADE], 'timeout': 60}
TASK = 'task-1700000000-abcdef'
UNIT = f'remote-developer-{TASK}.service'

# Sends stdin as it is; prints what comes within the time, and "closed" when the other end closes.
CLIENT = '''
import socket, sys
c = socket.socket(socket.AF_UNIX)
c.settimeout(20)
try:
    c.connect(sys.argv[1])
    c.sendall(sys.stdin.buffer.read())
    c.shutdown(socket.SHUT_WR) if sys.argv[2] == "shut" else None
    answer = b""
    while answer.count(b"\\n") < int(sys.argv[3]):
        part = c.recv(65536)
        if not part:
            answer += b"closed"
            break
        answer += part
except OSError as error:
    answer = type(error).__name__.encode()
sys.stdout.buffer.write(answer)
'''


def connect(s, who, data, answers=1, end='stay'):
    """What the launcher says to that user."""
    argv = ['setpriv', '--reuid', str(who.pw_uid), '--regid', str(who.pw_gid), '--init-groups',
            'python3', '-c', CLIENT, SOCKET, end, str(answers)]
    return subprocess.run(argv, input=data, stdout=subprocess.PIPE, check=True, cwd='/').stdout.decode()


def ask(s, **message):
    """The answer to one message of the service's user."""
    return json.loads(connect(s, s.server, json.dumps({'number': 1, **message}).encode() + b'\n'))


def start(**changes):
    return {'verb': 'start', 'task_id': TASK, 'attempt': 1, 'spec': SPEC, **changes}


def spec(**changes):
    return start(spec={**SPEC, **changes})


def operate(**changes):
    return {'verb': 'operate', 'task_id': TASK, 'kind': 'commit', 'operation': 'x', 'text': 'm',
            'spec': {**SPEC, 'working_directory': '/tmp'}, **changes}


def about(verb, unit, **more):
    return {'verb': verb, 'unit': unit, **({'whom': 'all'} if verb == 'kill' else {}), **more}


FOREIGN = ['ssh.service', 'remote-developer.service', 'remote-developer-launcher.service', 'remotedeveloper.slice',
           'remote-developer.socket', '-.mount', 'remote-developer-task-1700000000-abcdef.socket', f'{UNIT}/../x',
           'remote-developer-task-1700000000-ABCDEF.service', 'remote-developer-*.service', f' {UNIT}', '', 'init.scope',
           f'remote-developer-mend-{TASK}.service', f'{UNIT}\n', f'remote-developer-commit-{TASK}.service.service']

# name: (message, a word of the refusal)
REFUSED = {
    'no verb': ({'unit': UNIT}, 'verb'),
    'an unknown verb': ({'verb': 'reload', 'unit': UNIT}, 'verb'),
    'a verb that is no text': ({'verb': 3}, 'verb'),
    'an unknown field': (start(user='root'), 'user'),
    'a property': (start(properties={'User': 'root'}), 'properties'),
    'a foreign user in the request': (spec(user='root'), 'user'),
    'a path of a file': (start(input_file='/etc/shadow'), 'input_file'),
    'a path of a secret': (start(credentials={'A': '/etc/shadow'}), 'credentials'),
    'a directory of the recorder': (start(state_directory='/etc'), 'state_directory'),
    'a program of the recorder': (start(recorder='/bin/sh'), 'recorder'),
    'a unit beside the task': (start(unit='ssh.service'), 'unit'),
    'no task': ({'verb': 'start', 'attempt': 1, 'spec': SPEC}, 'task_id'),
    'a task that is none': (start(task_id='../../etc/x'), 'task_id'),
    'a task with more behind it': (start(task_id=f'{TASK}.service'), 'task_id'),
    'a task that is a path': (start(task_id='/etc/passwd'), 'task_id'),
    'no attempt': ({'verb': 'start', 'task_id': TASK, 'spec': SPEC}, 'attempt'),
    'the attempt 0': (start(attempt=0), 'attempt'),
    'the attempt 101': (start(attempt=101), 'attempt'),
    'an attempt that is text': (start(attempt='../x'), 'attempt'),
    'no request': ({'verb': 'start', 'task_id': TASK, 'attempt': 1}, 'spec'),
    'a request that is none': (start(spec='command'), 'object'),
    'no recipe and no command': (start(spec={}), 'task_description'),
    'a foreign recipe': (spec(recipe='shell'), 'recipe'),
    'a recipe of its own': (spec(recipe={'work': {'command': ['id']}}), 'recipe'),
    'a command beside a recipe that has one': (spec(recipe='claude', task_description='x', working_directory='/tmp'),
                                               'command'),
    'an empty command': (spec(command=[]), 'command'),
    'more time than there is': (spec(timeout=7201), 'timeout'),
    'no time': (spec(timeout=0), 'timeout'),
    'a directory that climbs': (spec(working_directory='/tmp/../etc'), 'working_directory'),
    'a relative directory': (spec(working_directory='etc'), 'working_directory'),
    'a reserved variable': (spec(environment={'INVOCATION_ID': 'x'}), 'environment'),
    'a NUL in a variable': (spec(environment={'A': 'b\0c'}), 'environment'),
    'a NUL in the command': (spec(command=['a\0b']), 'command'),
    'a secret with a path for a name': (start(secrets={'../../../etc/x': 'y'}), 'secrets'),
    'a secret that is no text': (start(secrets={'A': {'path': '/etc/shadow'}}), 'secrets'),
    'too many secrets': (start(secrets={f'A{i}': 'y' for i in range(65)}), 'secrets'),
    'a session with a newline': (start(session_id='a\nb'), 'session_id'),
    'an endless session': (start(session_id='a' * 1000), 'session_id'),
    'an operation without a kind': ({k: v for k, v in operate().items() if k != 'kind'}, 'kind'),
    'an operation of another kind': (operate(kind='push'), 'kind'),
    'an operation without a text': ({k: v for k, v in operate().items() if k != 'text'}, 'text'),
    'an operation with an attempt': (operate(attempt=1), 'attempt'),
    'an operation with an endless number': (operate(operation='x' * 100), 'operation'),
    'a kill without whom': ({'verb': 'kill', 'unit': UNIT}, 'whom'),
    'a kill of somebody': (about('kill', UNIT, whom='pid1'), 'whom'),
    'a kill with a signal': (about('kill', UNIT, signal=19), 'signal'),
    'a stop with a task': (about('stop', UNIT, task_id=TASK), 'task_id'),
    'a look at a unit': ({'verb': 'probe', 'unit': UNIT}, 'unit'),
    **{f'{verb} of {unit!r}': (about(verb, unit), 'unit') for unit in FOREIGN for verb in ('stop', 'kill', 'reset')},
}


def refusal(s, message, word):
    answer = ask(s, **message)
    if not answer['error'] or word not in answer.get('sentence', ''):
        return f'is {answer}, should be refused for {word}'
    return None


def check_nothing_was_made(s):
    same(s.task_units(), set())
    same([p.name for p in s.inputs.iterdir() if p.name.startswith('task-')], [])
    check(not pathlib.Path(MADE).exists(), 'no program ran')


def forget(s):
    """The task that only messages knew: the service may have found its unit, and made a document of it."""
    until(lambda: not s.task_units(), 'its unit is gone')
    if s.api.get(f'/api/task-status/{TASK}').status == 200:
        s.api.wait(TASK)
        same(s.api.delete(f'/api/task/{TASK}').status, 200)
    for left in s.state / f'{TASK}.result', pathlib.Path(MADE):
        left.unlink(missing_ok=True)


def launcher_pid(s):
    return int(s.show(LAUNCHER, 'MainPID'))


@modes('system')
def test_what_reads_http_has_no_privilege(s):
    s.start()
    status = dict(line.split(':\t', 1) for line in
                  pathlib.Path(f'/proc/{s.main_pid()}/status').read_text().splitlines() if ':\t' in line)
    same(set(status['Uid'].split()), {str(s.server.pw_uid)})
    same({name: int(status[name], 16) for name in ('CapEff', 'CapPrm', 'CapBnd', 'CapInh', 'CapAmb')},
         dict.fromkeys(('CapEff', 'CapPrm', 'CapBnd', 'CapInh', 'CapAmb'), 0))
    same(status['NoNewPrivs'], '1')
    done = s.command('systemctl', '--no-ask-password', 'stop', SERVICE, user=s.server, check=False)
    check(s.is_active(), 'it may not even stop itself', done)


@modes('system')
def test_the_exposure_that_systemd_finds(s):
    for unit, most in ((SERVICE, 1.5), (LAUNCHER, 1.5)):
        told = s.command('systemd-analyze', 'security', '--no-pager', unit)
        exposure = float(re.search(r'Overall exposure level for \S+: ([\d.]+)', told)[1])
        check(exposure <= most, f'{unit} is exposed at most {most}', exposure)


@modes('system')
def test_only_the_service_may_ask(s):
    s.start()
    message = json.dumps({'number': 1, **start()}).encode() + b'\n'
    rows = {name: connect(s, pwd.getpwnam(name), message) for name in ('remote-developer', 'tester', 'nobody')}
    same(rows, dict.fromkeys(rows, 'PermissionError'))
    os.chmod(SOCKET, 0o666)
    try:
        same({name: connect(s, pwd.getpwnam(name), message) in ('closed', 'BrokenPipeError', 'ConnectionResetError')
              for name in rows}, dict.fromkeys(rows, True), 'also where the socket is open')
    finally:
        os.chmod(SOCKET, 0o600)
    check_nothing_was_made(s)


@modes('system')
@seconds(240)
def test_what_is_refused_though_the_service_asks(s):
    s.start()
    table({name: refusal(s, message, word) for name, (message, word) in REFUSED.items()})
    check_nothing_was_made(s)
    same(s.api.run(['true'])['status'], 'completed')


@modes('system')
def test_what_is_no_message_closes_the_connection_and_nothing_else(s):
    s.start()
    s.api.run(['true'])
    pid = launcher_pid(s)
    junk = {'text': b'start\n', 'half a message': b'{"number": 1, "verb": "sto', 'a list': b'[]\n', 'NUL': b'\0\0\n',
            'no UTF-8': b'{"number": 1, "verb": "\xff"}\n', 'depth': b'[' * 100000 + b'\n',
            'nothing': b'', 'newlines': b'\n\n\n', 'much': b'x' * (17 * 1024 * 1024)}
    table({name: None if (told := connect(s, s.server, data, end='shut')).endswith(('closed', 'Error')) or
           json.loads(told)['error'] else f'told {told}' for name, data in junk.items()})
    same(launcher_pid(s), pid)
    check_nothing_was_made(s)


@modes('system')
def test_who_reads_no_answer_is_hung_up_on(s):
    s.start()
    s.systemctl('stop', LAUNCHER)  # what it held of the case before is not of this one
    s.api.run(['true'])
    pid = launcher_pid(s)
    told = connect(s, s.server, b'{}\n' * 1_000_000)
    check(told in ('BrokenPipeError', 'ConnectionResetError'), 'it is cut off', told[:100])
    kib = int(re.search(r'VmHWM:\s+(\d+)', pathlib.Path(f'/proc/{pid}/status').read_text())[1])
    check(kib < 32 * 1024, 'the launcher stays small', kib)
    same((launcher_pid(s), s.api.run(['true'])['status']), (pid, 'completed'))


@modes('system')
def test_what_it_does_for_the_service_is_a_tasks_unit_and_nothing_else(s):
    """The very message that is refused with one foreign word in it."""
    s.start()
    marks = {**SPEC, 'command': ['sh', '-c', 'id -un; cat "$CREDENTIALS_DIRECTORY/A"; read x <$0',
                                 str(s.fifo())]}
    same(ask(s, **start(spec=marks, secrets={'A': 'of the message'}))['error'], 0)
    until(lambda: s.show(UNIT, 'ActiveState') == 'active', 'it runs')
    same(s.show(UNIT, 'User'), 'remote-developer')
    contains((s.transient / UNIT).read_text(), f'LoadCredential=A:/run/remote-developer-launcher/{TASK}')
    same(oct(s.inputs.stat().st_mode & 0o777), '0o700')
    same(ask(s, **start(spec=marks))['error'] != 0, True, 'a second one of the name')
    same(ask(s, **about('kill', UNIT))['error'], 0)
    until(lambda: s.show(UNIT, 'ActiveState') in ('failed', 'inactive'), 'it is dead')
    same(ask(s, **about('reset', UNIT))['error'], 0)
    until(lambda: not s.task_units(), 'it is gone')
    check_nothing_was_made(s)
    forget(s)


@modes('system')
def test_what_systemd_reads_for_a_task_goes_with_it(s):
    ends = s.fifo()
    task_id = s.api.create(['sh', '-c', f'echo up; read x <{ends}'], secrets={'A': 'value-of-a'})
    s.api.wait_line(task_id, 'up')
    same([p.name for p in s.inputs.iterdir() if p.name.startswith('task-')], [f'{task_id}.credentials'])
    ends.write_text('go\n')
    s.api.wait(task_id)
    until(lambda: not list(s.inputs.glob('task-*')), 'it is gone')


@modes('system')
def test_what_is_left_goes_with_the_next_start(s):
    """The service that should have said so was killed, and the launcher has left."""
    s.start()
    until(lambda: s.show(LAUNCHER, 'ActiveState') == 'inactive', 'it leaves when nothing is asked')
    ends = s.fifo()
    task_id = s.api.create(['sh', '-c', f'echo up; read x <{ends}'], secrets={'A': 'value-of-a'})
    s.api.wait_line(task_id, 'up')
    left = s.inputs / f'{TASK}.prompt'
    left.write_text('left')
    s.systemctl('stop', LAUNCHER)
    same(s.api.run(['true'])['status'], 'completed')
    until(lambda: not left.exists(), 'what nobody needs is gone')
    check((s.inputs / f'{task_id}.credentials').exists(), 'what a running task needs stays')
    ends.write_text('go\n')
    same(s.api.wait(task_id)['status'], 'completed')


@modes('system')
def test_roots_configuration_counts_not_what_the_service_believes(s):
    """The service goes on with what it has read; the launcher reads it when it comes."""
    s.configure(workspaces={'allowed_repositories': ['*']}, task_execution={'claude_timeout': 7200})
    s.api.run(['true'])
    s.systemctl('stop', LAUNCHER)
    s.configure(restart=False, task_execution={'claude_timeout': 100})
    task = s.api.run(['true'], timeout=101)
    same((task['status'], task['reason']), ('failed', 'start-failed'))
    contains(task['error'], 'timeout', '100')
    same(s.api.run(['true'], timeout=100)['status'], 'completed')


@modes('system')
def test_a_launcher_that_runs_reads_the_configuration_for_each_connection(s):
    s.api.run(['true'])
    pid = launcher_pid(s)
    s.configure('x: 1\n', restart=False)
    contains(ask(s, **start())['sentence'], 'unknown section "x"')
    s.configure(restart=False)
    contains(ask(s, **start(attempt=0))['sentence'], 'attempt')
    same(ask(s, **start())['error'], 0)
    same(launcher_pid(s), pid)
    forget(s)


@modes('system')
def test_a_configuration_that_is_refused_starts_nothing_and_stops_what_runs(s):
    ends = s.fifo()
    task_id = s.api.create(['sh', '-c', f'echo up; read x <{ends}'])
    s.api.wait_line(task_id, 'up')
    s.systemctl('stop', LAUNCHER)
    s.configure('task_execution:\n  user: [root]\n', restart=False)
    task = s.api.run(['true'])
    same((task['status'], task['reason']), ('failed', 'start-failed'))
    contains(task['error'], str(s.config), ':2:')
    s.configure(restart=False, task_execution={'user': str(s.server.pw_uid)})
    s.systemctl('stop', LAUNCHER)
    contains(s.api.run(['true'])['error'], 'remote-developerd runs the service itself')
    same(s.api.cancel(task_id).status, 200)
    same(s.api.wait(task_id)['status'], 'cancelled')


@modes('system')
def test_the_recorder_follows_no_link(s):
    """Whoever owns the state directory puts one where it writes."""
    victim = pathlib.Path('/etc/remote-developer-victim')
    victim.write_text('of root\n')
    ends = s.fifo()
    task_id = s.api.create(['sh', '-c', f'echo up; read x <{ends}'])
    s.api.wait_line(task_id, 'up')
    record = s.state / f'{task_id}.result'
    s.command('ln', '-s', str(victim), str(record), user=s.server)
    ends.write_text('go\n')
    s.api.wait(task_id)
    same(victim.read_text(), 'of root\n')
    check(not record.is_symlink(), 'the link has made way')
    same(record.stat().st_uid, s.server.pw_uid)
    victim.unlink()


@modes('system')
@seconds(300)
def test_no_death_of_the_launcher_loses_a_task_or_runs_one_twice(s):
    s.start()
    ids = []
    for _ in range(40):
        ids += [s.api.create(['sh', '-c', 'echo once']) for _ in range(2)]
        pid = launcher_pid(s)
        if pid:
            os.kill(pid, signal.SIGKILL)
    for task_id in ids:
        same(s.api.wait(task_id)['status'], 'completed', task_id)
        same(s.api.lines(task_id), ['once'], task_id)
    until(lambda: not list(s.inputs.glob('task-*')), 'nothing is left')


@modes('system')
@seconds(600)
def test_a_death_of_the_launcher_at_any_call_harms_nothing(s):
    with FaultPoint(s, LAUNCHER) as fault:
        for after in False, True:
            for point in range(1 + SEED % STRIDE, 100, STRIDE):
                deaths = fault.deaths
                fault.rest()
                fault.arm((point, after))
                done = s.api.run(['sh', '-c', 'echo once'], secrets={'A': 'value-of-a'})
                same((done['status'], s.api.lines(done['task_id'])), ('completed', ['once']),
                     f'death {"behind" if after else "before"} call {point}')
                fault.rest()
                if fault.deaths == deaths:
                    break
            check(5 < point < 99, 'there are calls to die at', point)
            note(f'at every {STRIDE}. of up to {point - 1} calls, {"behind" if after else "before"} it')
        fault.disarm()
        s.api.run(['true'])
        until(lambda: not list(s.inputs.glob('task-*')), 'nothing is left')
