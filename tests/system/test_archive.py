"""What finished long ago is archived with its whole log, and is there as before when the journal has forgotten it."""

import json
import os
import re
import signal
import subprocess
import time

from case import accepts_failures, check, contains, note, same, seconds, until
from strace import trace
from test_attempts import ladder
from test_journal import journalctl
from test_stream import program
from test_survive import away

MANY = 200000
# Text, what is no text, what a terminal would act upon, and a line longer than journald keeps in one piece.
BYTES = b''.join([b'plain\n', b'\xff\xfe no text\n', b'\x1b[31mred\x1b[0m\n', '\u00e4\u20ac\U0001f600\n'.encode(),
                  b'"quotes" and \\ and \ttab\n', b'x' * 200000 + b'\n',
                  b''.join(b'line %d\n' % n for n in range(300))])


def age(s, *ids):
    """As if they had finished long ago; the service is down."""
    for task_id in ids:
        document = s.document(task_id) | {'finished_at': '2020-01-01T00:00:00.000000Z'}
        (s.state / f'{task_id}.json').write_text(json.dumps(document), encoding='utf-8')


def files(s, task_id):
    """The names of what there is of a task, without its id."""
    found = {p.name for p in s.state.iterdir() if task_id in p.name}
    if (s.state / 'archive').exists():
        found |= {f'archive/{p.name}' for p in (s.state / 'archive').iterdir() if task_id in p.name}
    return {name.replace(task_id, '') for name in found}


def begin_archiving(s, *ids, monitor_interval=1, **persistence):
    with away(s, 'stop'):
        age(s, *ids)
        s.configure(restart=False, persistence={'archive_after_days': 1} | persistence,
                    recovery={'monitor_interval': monitor_interval})
    same(s.api.get('/api/health').status, 200)


def is_archived(s, task_id):
    names = files(s, task_id)
    return '.json' not in names and any(name.endswith('.json') for name in names)


def archive(s, *ids, **persistence):
    begin_archiving(s, *ids, **persistence)
    for task_id in ids:
        until(lambda i=task_id: is_archived(s, i), 'it is archived')


def forget_journal(s, *ids):
    def gone():
        journalctl('--rotate')
        journalctl('--vacuum-files=1')
        return not any(s.journal('--lines=1', f'SYSLOG_IDENTIFIER={task_id}', '_TRANSPORT=stdout') for task_id in ids)
    until(gone, 'the journal has forgotten')


def everything(s, task_id):
    """What the API tells of a task, in every way, but for when it was archived and what has been aged."""
    events = s.api.log_events(task_id)
    found = {
        'events': [e.frame for e in s.api.events(task_id)],
        'tails': [s.api.lines(task_id, query=f'?tail={n}') for n in (0, 1, 7, len(events), len(events) + 1)],
        'pages': [s.api.get(f'/api/task/{task_id}/logs{query}').json
                  for query in ('', '?limit=1', f'?limit=10&after={events[3].id}', f'?after={events[-1].id}')],
        'status': s.api.task(task_id),
        'alive': s.api.alive(task_id),
        'row': [t for t in s.api.tasks() if t['task_id'] == task_id],
    }
    for task in found['status'], *found['row']:
        for name in 'archived_at', 'finished_at':
            task.pop(name, None)
    return found


def comes_back(s, task_id):
    """Behind each line exactly the rest follows."""
    events = s.api.log_events(task_id)
    for n in range(0, len(events) - 1, 23):
        same([e.frame for e in s.api.log_events(task_id, events[n].id)], [e.frame for e in events[n + 1:]], f'after {n}')
    last = [e.id for e in s.api.events(task_id) if e.id][-1]
    with s.api.follow(task_id, last) as stream:
        same(stream.status, 204)


def text_of(row):
    return row['text'].encode() if isinstance(row['text'], str) else bytes(row['text'])


@seconds(90)
def test_an_archived_task_is_served_as_before(s):
    task_id = s.api.run(program(s, BYTES))['task_id']
    cursors = [entry['__CURSOR'] for entry in s.journal(f'SYSLOG_IDENTIFIER={task_id}', '_TRANSPORT=stdout')]
    before = everything(s, task_id)
    archive(s, task_id)
    same(files(s, task_id), {'archive/.completed.json', 'archive/.log.zst'})
    forget_journal(s, task_id)
    after = everything(s, task_id)
    for name, value in before.items():
        same(after[name], value, name)
    comes_back(s, task_id)
    contains(s.api.task(task_id), 'archived_at')
    s.restart()
    same(everything(s, task_id), before, 'after a restart')
    # Any tool can read it.
    text = subprocess.run(['zstdcat', s.state / f'archive/{task_id}.log.zst'], stdout=subprocess.PIPE, check=True).stdout
    rows = [row for row in map(json.loads, text.splitlines()) if row.get('source') != 'system']
    same(b'\n'.join(map(text_of, rows)) + b'\n', BYTES)
    same([row['cursor'] for row in rows if len(row['text']) < 1000],
         cursors[:len(rows) - 301] + cursors[-300:], 'the cursors are the journal\'s')
    same({row['priority'] for row in rows}, {6})
    same(s.api.delete(f'/api/task/{task_id}').status, 200)
    same(files(s, task_id), set())
    same(s.api.get(f'/api/task-status/{task_id}').status, 404)


def steps(calls, task_id):
    """What was made durable and what was removed, in order."""
    for call in calls:
        name, failed = call.split('(')[0], ' = -1 ' in call
        what = re.search(rf'"{task_id}([.a-z_]+)"\)? *[,)]?[^"]*$', call)
        if name.startswith('fsync') and 'archive' in call:
            yield 'sync ' + ('directory' if call.split(')')[0].endswith('archive>') else 'file')
        elif name.startswith('rename') and what:
            yield f'rename {what[1]}'
        elif name.startswith('unlink') and what and not failed:
            yield f'remove {what[1]}'


@seconds(60)
def test_each_step_is_durable_before_the_next(s):
    task_id = s.api.run('echo one')['task_id']
    begin_archiving(s, task_id, monitor_interval=3)
    with trace(s.main_pid(), 'fsync,rename,renameat,renameat2,unlink,unlinkat') as calls:
        until(lambda: is_archived(s, task_id), 'it is archived')
    same(list(steps(calls, task_id)),
         ['sync file', 'rename .log.zst', 'sync directory', 'sync file', 'rename .completed.json', 'sync directory',
          'remove .result', 'remove .json'], calls)


def test_archives_that_are_not_compressed(s):
    task_id = s.api.run('echo one; echo two; exit 4')['task_id']
    archive(s, task_id, compress_archives=False)
    same(files(s, task_id), {'archive/.failed.json', 'archive/.log'})
    forget_journal(s, task_id)
    same(s.api.lines(task_id), ['one', 'two'])
    rows = [json.loads(line) for line in (s.state / f'archive/{task_id}.log').read_text().splitlines()]
    same([row.get('text') for row in rows if row.get('source') != 'system'], ['one', 'two', None])
    same(rows[-1], {'lines': len(rows) - 1})
    same((s.api.task(task_id)['status'], s.api.task(task_id)['exit_code']), ('failed', 4))


def test_what_is_not_due_stays(s):
    old, new = (s.api.run('echo x')['task_id'] for _ in range(2))
    archive(s, old)
    same(files(s, new), {'.json', '.result'})
    same({t['task_id'] for t in s.api.tasks()} & {old, new}, {old, new})


@seconds(60)
def test_an_archived_task_is_run_again(s):
    task_id = ladder(s, [3, 0])
    s.api.wait(task_id)
    archive(s, task_id)
    forget_journal(s, task_id)
    same(s.api.resume(task_id).status, 200)
    task = s.api.wait(task_id)
    same((task['status'], task['attempt'], task['log_lines']), ('completed', 2, 2))
    same(s.api.lines(task_id), ['attempt 1', 'attempt 2'])
    same(s.api.lines(task_id, task['attempts'][0]['log_cursor']), ['attempt 2'], 'behind the first attempt')
    archive(s, task_id)
    same(files(s, task_id), {'archive/.completed.json', 'archive/.log.zst'})
    forget_journal(s, task_id)
    same(s.api.lines(task_id), ['attempt 1', 'attempt 2'])
    same(s.api.lines(task_id, task['attempts'][0]['log_cursor']), ['attempt 2'], 'behind the first attempt')
    same(s.api.lines(task_id, query='?tail=1'), ['attempt 2'])


def kill_while_archiving(s, task_id):
    """True: it was killed within the log."""
    unfinished = s.state / f'archive/.tmp-{task_id}.log.zst'
    until(lambda: unfinished.exists() or is_archived(s, task_id), 'archiving begins')
    pid = s.main_pid()
    if not unfinished.exists() or not pid:
        return False
    os.kill(pid, signal.SIGKILL)
    killed = unfinished.exists()
    until(lambda: s.main_pid() not in (0, pid) and s.is_active(), 'systemd starts the service again')
    return killed


@accepts_failures
@seconds(180)
def test_a_service_killed_while_it_archives_begins_again(s):
    task_id = s.api.run(['seq', '0', str(MANY - 1)])['task_id']
    begin_archiving(s, task_id)
    killed = sum(kill_while_archiving(s, task_id) for _ in range(3))
    check(killed > 0, 'it was killed while it archived', killed)
    worst, times = 0, 0
    while not is_archived(s, task_id):
        asked = time.monotonic()
        same(s.api.get('/api/health').status, 200)
        worst, times = max(worst, time.monotonic() - asked), times + 1
    size = (s.state / f'archive/{task_id}.log.zst').stat().st_size
    note(f'killed {killed} times; {MANY} lines in {size} bytes; the slowest of {times} requests took {worst * 1000:.0f} ms')
    check(worst < 1, 'requests are answered meanwhile', worst)
    same({p.name for p in (s.state / 'archive').iterdir() if p.name.startswith('.tmp-')}, set())
    forget_journal(s, task_id)
    events = s.api.log_events(task_id)
    same([e.json['log'] for e in events], [str(n) for n in range(MANY)])
    for n in (0, 1, MANY // 2, MANY - 2):
        asked = time.monotonic()
        with s.api.follow(task_id, events[n].id) as stream:
            same(stream.until(lambda e: e.kind == 'log').json['log'], str(n + 1))
        check(time.monotonic() - asked < 1, 'any line is found at once', time.monotonic() - asked)
