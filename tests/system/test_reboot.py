"""Stories in which the machine or its bus goes down, or the service is replaced, in the middle. Each has a phase
before, whose result the next one is given; what lies between is done from outside (`run`), or is a phase of its own
that outlives the bus."""

import os
import pathlib
import shutil
from collections import namedtuple

import test_sessions
from case import check, contains, note, same, until
from service import ROOT, TASKS
from test_stream import talker
from test_survive import ENDINGS

# `is_agents`: with the real Claude Code, where that can be had.
Story = namedtuple('Story', 'name before action after is_agents', defaults=(False,))

ACKNOWLEDGED = pathlib.Path('/var/lib/acknowledged')  # outlives the machine's death
CREATOR = f'''import json, os, urllib.request
with open("{ACKNOWLEDGED}", "w") as out:
    while True:
        request = urllib.request.Request("http://127.0.0.1:15001/api/create-task", b'{{"command": ["sleep", "1000"]}}',
                                         {{"Content-Type": "application/json"}})
        out.write(json.load(urllib.request.urlopen(request))["task_id"] + "\\n")
        out.flush()
        os.fsync(out.fileno())'''


def running(s, script='echo up; exec sleep 1000', **fields):
    task_id = s.api.create(script, **fields)
    s.api.wait_line(task_id, 'up')
    return task_id


def verdict(task):
    return task['status'], task['reason']


def unrecorded(s):
    """A task whose recorder will find something in the place of its file, as on a full disk."""
    task_id = running(s)
    (s.state / f'{task_id}.result/in-the-way').mkdir(parents=True)
    return task_id


def before_reboot(s, _):
    s.systemctl('enable', '--now', 'remote-developer.service')
    notes = {'ended': s.api.run('echo before; exit 3')['task_id'], 'runs': running(s, labels={'a': 'b'}),
             'stubborn': running(s, 'trap "" TERM HUP; echo up; while :; do sleep 1; done'),
             'obedient': running(s, 'trap "exit 0" TERM; echo up; while :; do sleep 0.1; done'),
             'unrecorded': unrecorded(s), 'boot': pathlib.Path('/proc/sys/kernel/random/boot_id').read_text()}
    until(lambda: len([t for t in s.active_tasks() if t['is_alive']]) == 4, 'all are known to run')
    return notes


def check_gone(s, task_id):
    task = s.api.wait(task_id) # its verdict may come a moment after the service serves
    same(verdict(task), ('interrupted', 'host-reboot'), task['error'])
    check(not s.api.alive(task_id)['is_alive'], 'it is not alive')
    contains('\n'.join(s.api.lines(task_id)), 'up')


def after_reboot(s, notes):
    """Nothing is started by hand: what is enabled is there."""
    until(lambda: s.api.get('/api/health').status == 200, 'it serves')
    for name in 'runs', 'stubborn', 'obedient', 'unrecorded':
        check_gone(s, notes[name])
    same(verdict(s.api.task(notes['ended'])), ('failed', 'exit-code'))
    same(s.api.lines(notes['ended']), ['before'])
    same(s.active_tasks(), [])
    same(s.task_units(), set())
    same(s.api.run('echo again')['status'], 'completed')


def create_on(s):
    """A program goes on creating tasks, also in a shutdown."""
    ACKNOWLEDGED.unlink(missing_ok=True)
    s.command('systemd-run', '--quiet', '--unit=creator', '--property=DefaultDependencies=no', 'python3', '-c', CREATOR,
              user=ROOT)
    until(lambda: ACKNOWLEDGED.exists() and len(ACKNOWLEDGED.read_text().split()) > 20, 'tasks are acknowledged')


def before_shutdown(s, _):
    s.systemctl('enable', 'remote-developer.socket')
    create_on(s)


def after_shutdown(s, _):
    """systemd refuses to start anything once it goes down: these tasks are started now."""
    ids = [line for line in ACKNOWLEDGED.read_text().split('\n') if len(line) == 22]
    for task_id in ids:
        task = s.api.task(task_id)
        check(verdict(task) == ('interrupted', 'host-reboot') or task['is_running'], 'interrupted or started now', task)
    tasks = [s.api.task(task_id) for task_id in ids]
    note(f'{len(ids)} tasks acknowledged, {sum(task["is_running"] for task in tasks)} of them started after the boot')
    s.systemctl('kill', '--signal=KILL', TASKS, check=False)


def before_power_cut(s, _):
    """A program goes on creating tasks until the power is cut."""
    s.systemctl('enable', 'remote-developer.socket')
    task_id = running(s)
    create_on(s)
    return {'runs': task_id}


def after_power_cut(s, notes):
    """Every id that somebody was given is there; what was not acknowledged may or may not be."""
    ids = [line for line in ACKNOWLEDGED.read_text().split('\n') if len(line) == 22]
    check(len(ids) > 20, 'many were acknowledged', len(ids))
    for task_id in [notes['runs'], *ids]:
        task = s.api.task(task_id)
        if task['status'] != 'completed':
            check(verdict(task) == ('interrupted', 'host-reboot') or task['is_running'], 'a true verdict', task)
    same(verdict(s.api.task(notes['runs'])), ('interrupted', 'host-reboot'))
    same(s.api.get('/api/health').json['broken_files'], 0)
    same(s.api.run('echo again')['status'], 'completed')


def before_upgrade(s, _):
    s.listen()
    # A directory that the task sees, as it sees no /tmp but its own.
    flag = pathlib.Path(s.runner.pw_dir, 'upgraded')
    task_id = running(s, f'echo up; while [ ! -e {flag} ]; do sleep 0.05; done; echo done; exit 3')
    with s.api.follow(task_id) as stream:
        last = stream.until_line('up').id
    return {'runs': task_id, 'last': last, 'pid': s.main_pid(), 'flag': str(flag)}


def after_upgrade(s, notes):
    s.systemctl('try-restart', 'remote-developer.service')
    check(s.main_pid() != notes['pid'], 'it is another process')
    task_id = notes['runs']
    same(s.api.alive(task_id)['is_alive'], True)
    pathlib.Path(notes['flag']).touch()
    same(s.api.lines(task_id, notes['last']), ['done'])
    task = s.api.task(task_id)
    same((task['status'], task['exit_code']), ('failed', 3))


def before_resumption(s, _):
    s.systemctl('enable', '--now', 'remote-developer.service')
    s.configure(recovery={'orphaned_task_action': 'resume', 'resume_pause': 1})
    return {'runs': running(s), 'ended': s.api.run('echo before; exit 3')['task_id']}


def after_resumption(s, notes):
    task_id = notes['runs']
    until(lambda: s.api.get('/api/health').status == 200, 'it serves')
    until(lambda: s.api.task(task_id)['status'] == 'executing_task', 'it runs again')
    task = s.api.task(task_id)
    same([(a['attempt'], a['result'], a['reason']) for a in task['attempts']], [(1, 'interrupted', 'host-reboot')])
    until(lambda: s.api.task(task_id)['log_lines'] == 2, 'both attempts wrote')
    s.api.cancel(task_id)
    same(s.api.wait(task_id)['status'], 'cancelled')
    same(s.api.lines(task_id), ['up', 'up'])
    same(s.api.task(notes['ended'])['attempt'], 1)
    s.configure()


AGENTS_PLACE = pathlib.Path('/var/lib/agents-place')


def before_session(s, _):
    """The real agent has said something, so that there is a session; its model goes with the machine."""
    s.systemctl('enable', '--now', 'remote-developer.service')
    s.configure(recovery={'orphaned_task_action': 'resume', 'resume_pause': 1})
    AGENTS_PLACE.mkdir()
    os.chown(AGENTS_PLACE, s.runner.pw_uid, s.runner.pw_gid)
    gate = test_sessions.Gate()
    agent = test_sessions.Agent(s, *test_sessions.turns(gate))
    agent.place = AGENTS_PLACE
    agent.__enter__()  # which it outlives
    variables = {**agent.allow('Bash'), 'CLAUDE_CODE_MAX_RETRIES': '10'}
    task_id = s.api.create_from(agent.request(test_sessions.TOLD, **variables))
    gate.reach()
    test_sessions.begun(agent)
    session = until(lambda: s.api.task(task_id)['agent']['session_id'], 'it has told its session')
    return {'task_id': task_id, 'session_id': session, 'port': agent.model.server.server_port}


def after_session(s, notes):
    until(lambda: s.api.get('/api/health').status == 200, 'it serves')
    agent = test_sessions.Agent(s)
    agent.model.close()
    agent.model = test_sessions.stub.ModelStub({'model': [[test_sessions.say('Done.')]]}, notes['port'])
    with agent:
        task = s.api.wait(notes['task_id'], timeout=60)
        test_sessions.check_completed(task)
        test_sessions.check_goes_on(s, agent, task)
    same(task['session_id'], notes['session_id'])
    same([(a['attempt'], a['result'], a['reason']) for a in task['attempts']], [(1, 'interrupted', 'host-reboot')])
    s.configure()
    shutil.rmtree(AGENTS_PLACE)


BUS = 'dbus.socket', 'dbus.service'


def before_bus(s, _):
    s.listen()
    goes_on, stopped, ids, fifos = talker(s), running(s), {}, {}
    for program in ENDINGS:
        if 'sleep' not in program:
            fifos[program] = str(s.fifo())
            ids[program] = running(s, f'echo up; read x < {fifos[program]}; {program}')
    return {'ids': ids, 'fifos': fifos, 'stopped': stopped, 'goes_on': goes_on[0], 'fifo': str(goes_on[1]),
            'pid': s.main_pid(), 'scratches': [str(path) for path in s.scratches]}


def during_bus(s, notes):
    """Tasks end while the service cannot hear of it, and new ones are refused with the cause."""
    s.systemctl('stop', *BUS)
    until(lambda: s.api.get('/api/health').status == 503, 'it knows that it is cut off')
    reply = s.api.post('/api/create-task', {'command': ['true']})
    same(reply.status, 503)
    contains(reply.json['error'], 'systemd cannot be reached')
    for fifo in notes['fifos'].values():
        pathlib.Path(fifo).write_text('go\n')
    s.systemctl('stop', s.unit(notes['stopped']))
    pathlib.Path(notes['fifo']).write_text('meanwhile\n')
    for task_id in [notes['stopped'], *notes['ids'].values()]:
        until((s.state / f'{task_id}.result').exists, 'it has ended')
    same(s.api.task(notes['goes_on'])['status'], 'executing_task')
    s.systemctl('start', *BUS)
    return notes


def after_bus(s, notes):
    until(lambda: s.api.get('/api/health').status == 200, 'it is connected again')
    for program, task_id in notes['ids'].items():
        task = s.api.wait(task_id)
        same((task['status'], task['reason'], task['exit_code'], task['signal']), ENDINGS[program], program)
    same(verdict(s.api.wait(notes['stopped'])), ('cancelled', 'stopped'))
    same(s.api.alive(notes['goes_on'])['is_alive'], True)
    pathlib.Path(notes['fifo']).write_text('after\nend\n')
    same(s.api.lines(notes['goes_on']), ['up', 'meanwhile', 'after'])
    same(verdict(s.api.task(notes['goes_on'])), ('completed', 'exit-code'))
    same(s.main_pid(), notes['pid'], 'the service has outlived it')
    same(s.task_units(), set())
    same(s.api.run('exit 5')['exit_code'], 5)
    for path in notes['scratches']:
        shutil.rmtree(path)


STORIES = [
    Story('an upgrade leaves tasks running', 'before_upgrade', 'upgrade', 'after_upgrade'),
    Story('the bus is restarted', 'before_bus', 'during_bus', 'after_bus'),
    Story('what ran at a reboot is interrupted', 'before_reboot', 'reboot', 'after_reboot'),
    Story('what ran at a reboot is resumed when told so', 'before_resumption', 'reboot', 'after_resumption'),
    Story('an agent goes on with its session after a reboot', 'before_session', 'reboot', 'after_session', True),
    Story('what was acknowledged in a shutdown is run', 'before_shutdown', 'reboot', 'after_shutdown'),
    Story('what was acknowledged survives a power cut', 'before_power_cut', 'power-cut', 'after_power_cut'),
]
