"""POST /api/create-task: what systemd is told, what is on disk and when, what becomes of the original's fields."""

import concurrent.futures
import re

from case import check, contains, lacks, modes, same, until
from strace import trace

ORIGINAL = {'devpod_name': 'pod', 'github_repo': 'owner/name', 'github_token': 'not-kept',
            'task_description': 'Say hello'}
ALWAYS = {'status', 'progress', 'logs', 'created_at', 'last_updated', 'devpod_name', 'github_repo',
          'task_description'}
RFC3339 = r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)'


def waiting(s):
    """The command of a task that runs until something is written to the fifo, and the fifo."""
    fifo = s.fifo()
    return f'echo up; read line < {fifo}; echo "$line"', fifo


def running(s, **fields):
    """A task that is seen to run, and its unit."""
    task_id = s.api.create(waiting(s)[0], **fields)
    s.api.wait_line(task_id, 'up')
    return task_id, s.unit(task_id)


def test_the_reply_names_task_and_unit(s):
    reply = s.api.post('/api/create-task', {'command': ['true']})
    same(reply.status, 200)
    same(sorted(reply.json), ['status', 'task_id', 'unit'])
    check(re.fullmatch(r'task-\d{10}-[0-9a-f]{6}', reply.json['task_id']), 'an id', reply.json)
    same(reply.json['unit'], f'remote-developer-{reply.json["task_id"]}.service')
    same(reply.json['status'], 'initializing')
    same(reply.headers['content-type'], 'application/json')


def test_three_hundred_tasks_at_once_have_as_many_ids_and_all_run(s):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(lambda _: s.api.create(['true']), range(300)))
    same(len(ids), 300)
    for task_id in ids:
        same(s.api.wait(task_id)['status'], 'completed')
    until(lambda: not s.task_units(), 'every unit is released')


def test_the_unit_has_the_promised_properties(s):
    _, unit = running(s)
    wanted = {'Type': 'exec', 'RuntimeMaxUSec': '2h', 'TimeoutStartUSec': '2min', 'TimeoutStopUSec': '10s',
              'LogRateLimitIntervalUSec': '1s', 'LogRateLimitBurst': '4000000000', 'Slice': 'remotedeveloper.slice',
              'KillMode': 'control-group', 'SendSIGKILL': 'yes', 'Restart': 'no', 'RemainAfterExit': 'no',
              'StandardInput': 'null', 'StandardOutput': 'journal', 'StandardError': 'journal', 'PartOf': '',
              'User': '' if s.is_user else 'remote-developer'}
    same(s.show(unit, *wanted), wanted)
    contains(s.show(unit, 'ControlGroup'), f'/remotedeveloper.slice/{unit}')


def test_no_argument_is_expanded_and_the_recorder_comes_first(s):
    _, unit = running(s)
    found = s.show(unit, 'ExecStartEx', 'ExecStopPostEx')
    contains(found['ExecStartEx'], 'flags=no-env-expand ')
    recorder = found['ExecStopPostEx'].split('path=')[1]
    contains(recorder, 'remote-developer-recorder', str(s.state), 'no-env-expand', 'privileged', 'ignore-failure')


def test_a_timeout_becomes_the_limit_of_the_unit(s):
    task_id, unit = running(s, timeout=4711)
    same(s.show(unit, 'RuntimeMaxUSec'), '1h 18min 31s')
    same(s.api.task(task_id)['timeout'], 4711)


@modes('system')
def test_every_line_carries_the_task_in_a_field_of_its_own(s):
    task_id, unit = running(s)
    contains(s.show(unit, 'LogExtraFields'), f'REMOTE_DEVELOPER_TASK={task_id}')
    lines = [e['MESSAGE'] for e in s.journal(f'REMOTE_DEVELOPER_TASK={task_id}', '_TRANSPORT=stdout')]
    same(lines, ['up'])


@modes('user')
def test_a_users_manager_does_not_tell_journald_of_extra_fields(s):
    """facts: so the README must not promise them. When this fails, systemd has learnt it: promise them."""
    task_id, unit = running(s)
    contains(s.show(unit, 'LogExtraFields'), f'REMOTE_DEVELOPER_TASK={task_id}')
    same(s.journal(f'REMOTE_DEVELOPER_TASK={task_id}', '_TRANSPORT=stdout'), [])


def test_journalctl_of_the_unit_shows_what_the_api_shows(s):
    task_id, unit = running(s)
    text = s.command('journalctl', *(['--user'] if s.is_user else []), '-u', unit, '-o', 'cat', '_TRANSPORT=stdout')
    same(text.splitlines(), s.api.get(f'/api/task/{task_id}/logs').json['logs'])


def test_the_program_finds_its_own_document_when_it_starts(s):
    """Durable before systemd hears of it. Only the service's own user may look there, and nobody from a fence."""
    s.configure(task_execution={'sandbox': 'open', **({} if s.is_user else {'user': 'root'})})
    script = f'sed -n "s/.*\\"state\\":\\"\\([a-z]*\\)\\".*/\\1/p" "$(ls -d {s.state}/task-*.json | tail -n 1)"'
    task = s.api.run(script)
    state = s.api.lines(task['task_id'])[-1]
    check(state in ('queued', 'starting', 'running'), 'the document was there', state)


def test_the_document_is_on_disk_before_systemd_is_asked_and_before_the_reply(s):
    """In system mode systemd is asked by the launcher, of which the service asks that."""
    asks = 'StartTransientUnit' if s.is_user else '\\"verb\\":\\"start\\"'
    s.start()
    with trace(s.main_pid(), 'openat,fsync,fdatasync,rename,renameat,renameat2,link,linkat,sendmsg,sendto') as calls:
        task_id = s.api.create(['true'])
        s.api.wait(task_id)
    steps = [c for c in calls if 'sync(' in c or f'{task_id}.json' in c or asks in c
             or f'"task_id\\":\\"{task_id}' in c]
    text = '\n'.join(steps)
    named = next((i for i, c in enumerate(steps) if re.match(r'(rename|link)', c) and f'{task_id}.json' in c), None)
    asked = next((i for i, c in enumerate(steps) if asks in c), None)
    replied = next((i for i, c in enumerate(steps) if 'task_id' in c and c.startswith('send') and asks not in c),
                   len(steps))
    check(named is not None and asked is not None, 'a name is given, systemd is asked', text)
    check(any('sync(' in c for c in steps[:named]), 'the content is synced before it gets its name', text)
    check(any('sync(' in c for c in steps[named + 1:asked]), 'the directory is synced before systemd is asked', text)
    check(replied > named, 'the reply comes after that', text)


def test_labels_and_all_other_fields_are_kept(s):
    fields = {'labels': {'team': 'blue', 'ticket': '7'}, 'environment': {'A': 'b'}, 'working_directory': '/tmp',
              'timeout': 60}
    task = s.api.run(['true'], **fields)
    same({k: task[k] for k in fields}, fields)
    same({k: s.document(task['task_id'])[k] for k in fields}, fields)
    same(task['command'], ['true'])


def test_the_document_has_the_originals_fields_and_times_with_an_offset(s):
    task = s.api.run(['true'])
    check(ALWAYS <= set(task), 'the original\'s fields', sorted(task))
    for field in 'created_at', 'last_updated', 'started_at', 'finished_at':
        check(re.fullmatch(RFC3339, task[field]), f'{field} is RFC 3339', task[field])
    times = [task[f'{what}_at'] for what in ('created', 'started', 'finished')]
    same(times, sorted(times), 'times in order')
    same((task['progress'], task['is_running'], task['exit_code']), (100, False, 0))


def test_the_originals_request_is_taken_and_its_token_is_kept_apart(s):
    """There is no DevPod on this machine: the task fails and says so."""
    reply = s.api.post('/api/create-task', ORIGINAL)
    same(reply.status, 200)
    task = s.api.wait(reply.json['task_id'])
    kept = {k: v for k, v in ORIGINAL.items() if k != 'github_token'}
    same({k: task[k] for k in kept}, kept)
    same((task['status'], task['recipe'], task['claude_status']), ('failed', 'claude-devpod', 'FAILED'))
    lacks(str(s.document(task['task_id'])) + str(task), 'not-kept')
    same(task['credentials'], ['github_token'])
