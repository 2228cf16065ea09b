"""The service's own log: entries of the journal that name the task they are about, and what recovery found."""

import re

from case import accepts_failures, check, contains, lacks, same, until
from service import ROOT, SERVICE
from test_stream import talker
from test_survive import away, queued_copy, write_document


def entries_of(s, task_id):
    """What the service itself wrote about a task, as journalctl finds it by the field."""
    return [e for e in s.own_entries() if e.get('REMOTE_DEVELOPER_TASK') == task_id]


def test_each_step_of_a_task_is_an_entry_with_its_id(s):
    good = s.api.run(['true'])['task_id']
    bad = s.api.run('exit 3')['task_id']
    task_id, _ = talker(s)
    s.api.wait_line(task_id, 'up')
    s.api.cancel(task_id)
    s.api.wait(task_id)
    s.api.delete(f'/api/task/{good}')
    same([e['MESSAGE'].replace(f'{good}: ', '') for e in entries_of(s, good)], ['Created', 'completed', 'Forgotten'])
    contains(' '.join(e['MESSAGE'] for e in entries_of(s, bad)), 'Created', 'failed', '3')
    contains(' '.join(e['MESSAGE'] for e in entries_of(s, task_id)), 'Created', 'cancelled')


def test_journalctl_finds_them_by_the_field(s):
    task_id = s.api.run('exit 3')['task_id']
    user = ['--user'] if s.is_user else []
    text = s.command('journalctl', *user, '-u', SERVICE, f'REMOTE_DEVELOPER_TASK={task_id}', '-o', 'cat')
    contains(text, 'Created', 'failed')


def test_entries_have_a_priority_and_an_identifier(s):
    task_id = s.api.run('exit 3')['task_id']
    found = entries_of(s, task_id)
    same({e['SYSLOG_IDENTIFIER'] for e in found}, {'remote-developerd'})
    created = next(e for e in found if 'Created' in e['MESSAGE'])
    failed = next(e for e in found if 'failed' in e['MESSAGE'])
    same((created['PRIORITY'], created['_TRANSPORT']), ('6', 'journal'))
    check(int(failed['PRIORITY']) <= 5, 'a failure is more than information', failed['PRIORITY'])


def recovery_told(s, cursor):
    told = [m for m in s.own_messages(cursor) if m and m.startswith('Recovery: ')]
    same(len(told), 1, 'one sentence of recovery')
    return {word: int(n) for n, word in re.findall(r'(\d+) (?:tasks )?(known|with|ended|started|files lie)', told[0])}


def test_the_start_says_what_recovery_found(s):
    s.forget_tasks()
    s.api.run(['true'])
    running, _ = talker(s)
    ending, fifo = talker(s)
    for task_id in running, ending:
        s.api.wait_line(task_id, 'up')
    queued, document = queued_copy(s, ['true'])
    with away(s, 'stop'):
        cursor = s.journal_cursor()
        fifo.write_text('end\n')
        until((s.state / f'{ending}.result').exists, 'it ends')
        until(lambda: s.show(s.unit(ending), 'ActiveState') != 'deactivating', 'its unit is gone')
        write_document(s, queued, document)
        write_document(s, 'task-1700000000-bbbbbb', 'broken')
    same(s.api.wait(queued)['status'], 'completed')
    told = recovery_told(s, cursor)
    for name in s.task_files():
        if 'broken' in name:
            (s.state / name).unlink()
    same(told, {'known': 5, 'with': 1, 'ended': 1, 'started': 1, 'files lie': 1})


def test_an_empty_start_says_so_too(s):
    s.forget_tasks()
    cursor = s.journal_cursor()
    s.restart()
    same(set(recovery_told(s, cursor).values()), {0})


def test_text_of_a_user_cannot_forge_an_entry(s):
    """Names with line breaks, priorities and fields stay within their own entry."""
    cursor = s.journal_cursor()
    evil = 'x\n<0>forged entry\nREMOTE_DEVELOPER_TASK=forged\r\n'
    s.api.post('/api/create-task', {'command': [f'/no/{evil}'], 'labels': {'a': evil[:100]}})
    s.api.post('/api/create-task', {evil: 1})
    s.api.get('/api/task-status/x%0aforged%20entry')
    task_id = s.api.tasks('?limit=1')[0]['task_id']
    same(s.api.wait(task_id)['status'], 'failed')
    for entry in s.own_entries(cursor):
        check(entry.get('REMOTE_DEVELOPER_TASK') != 'forged', 'no forged field', entry)
        message = entry['MESSAGE'] or ''  # numbers of bytes where it holds control characters
        message = message if isinstance(message, str) else bytes(message).decode()
        check(not message.startswith('forged'), 'no forged entry', entry)
        check(int(entry['PRIORITY']) > 1, 'no forged priority', entry)


@accepts_failures
def test_what_cannot_be_logged_does_not_stop_anything(s):
    """journald is away for a moment: tasks run on, and their lines come when it is back."""
    task_id, fifo = talker(s)
    s.api.wait_line(task_id, 'up')
    s.command('systemctl', 'restart', 'systemd-journald.service', user=ROOT)
    fifo.write_text('after\nend\n')
    same(s.api.wait(task_id)['status'], 'completed')
    same(s.api.lines(task_id), ['up', 'after'])


def test_the_log_at_rest_is_quiet(s):
    """No line for each request: that would be a log of health checks."""
    task_id, _ = talker(s)
    s.api.wait_line(task_id, 'up')
    cursor = s.journal_cursor()
    for _ in range(20):
        s.api.get('/api/health')
        s.api.alive(task_id)
        s.api.tasks()
    lacks('\n'.join(filter(None, s.own_messages(cursor))) or 'nothing', 'health', task_id)
