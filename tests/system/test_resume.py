"""Coming back to a log: by Last-Event-ID, by ?after=, with cursors that are not one's own."""

from case import contains, same, table

from test_stream import talker

LINES = 50


def test_resuming_after_every_line_of_a_finished_log_gives_exactly_the_rest(s):
    task_id = s.api.run(f'i=0; while [ $i -lt {LINES} ]; do echo line $i; i=$((i+1)); done')['task_id']
    events = s.api.log_events(task_id)
    same(len(events), LINES)
    for n, event in enumerate(events[:-1]):
        same([e.frame for e in s.api.log_events(task_id, event.id)], [e.frame for e in events[n + 1:]], f'after {n}')


def test_resuming_after_every_line_of_a_running_log_gives_exactly_the_rest(s):
    task_id, fifo = talker(s, f'i=0; while [ $i -lt {LINES} ]; do echo line $i; i=$((i+1)); done; echo up')
    with s.api.follow(task_id) as stream:
        events = []
        while not events or events[-1].json != {'log': 'up'}:
            events += [e for e in [stream.next()] if e.kind == 'log']
    for n, event in enumerate(events):
        fifo.write_text(f'mark {n}\n')
        with s.api.follow(task_id, event.id) as stream:
            rest = []
            while not rest or rest[-1] != f'mark {n}':
                rest += [e.json['log'] for e in [stream.next()] if e.kind == 'log']
        wanted = [e.json['log'] for e in events[n + 1:]] + [f'mark {i}' for i in range(n + 1)]
        same(rest, wanted, f'after {n}')


def test_a_viewer_that_reconnects_after_each_line_sees_each_line_once(s):
    task_id, fifo = talker(s)
    last, seen = None, []
    for n in range(30):
        with s.api.follow(task_id, last) as stream:
            event = stream.until(lambda e: e.kind == 'log')
        seen.append(event.json['log'])
        last = event.id
        fifo.write_text(f'{n}\n')
    same(seen, ['up', *map(str, range(29))])


def test_coming_back_after_the_end_gives_nothing_more(s):
    """204 is what tells a browser's EventSource not to come again."""
    task_id = s.api.run('echo a; echo b')['task_id']
    first, _ = s.api.log_events(task_id)
    last = [e.id for e in s.api.events(task_id) if e.id][-1]
    with s.api.follow(task_id, last) as stream:
        same((stream.status, stream.body), (204, b''))
    same([e.kind for e in s.api.events(task_id, first.id) if e.kind != 'system'], ['log', 'status', 'final'])


def test_after_in_the_query_does_the_same(s):
    task_id = s.api.run('echo a; echo b; echo c')['task_id']
    events = s.api.log_events(task_id)
    same(s.api.lines(task_id, query=f'?after={events[0].id}'), ['b', 'c'])
    same(s.api.lines(task_id, events[1].id, f'?after={events[0].id}'), ['c'], 'the header counts for more')


def test_the_cursor_of_another_task_is_refused(s):
    one, two = (s.api.run('echo a; echo b')['task_id'] for _ in range(2))
    cursor = s.api.log_events(one)[0].id
    for last, query, field in ((cursor, '', 'Last-Event-ID'), (None, f'?after={cursor}', 'after')):
        with s.api.follow(two, last, query) as stream:
            same((stream.status, stream.json['field']), (400, field))
            contains(stream.json['error'], 'cursor')
    same(s.api.get(f'/api/task/{two}/logs?after={cursor}').status, 400)


def mangled(cursor):
    """Cursors that nobody was given."""
    for place in range(0, len(cursor), 7):
        letter = 'f' if cursor[place] != 'f' else '0'
        yield cursor[:place] + letter + cursor[place + 1:]
    yield from (cursor[1:], cursor[:-1], cursor + '0', cursor.upper(), cursor[::-1], cursor * 2, 'x', '0', '-1', '1',
                's=1;i=1', 'x' * 5000, '%00', '../../etc/passwd')


def test_a_mangled_cursor_is_refused(s):
    task_id = s.api.run('echo a; echo b')['task_id']
    rows = {}
    for cursor in mangled(s.api.log_events(task_id)[0].id):
        with s.api.follow(task_id, cursor) as stream:
            rows[cursor] = None if stream.status == 400 else f'{stream.status}'
    table(rows)


def test_an_empty_cursor_is_the_begin(s):
    task_id = s.api.run('echo a; echo b')['task_id']
    with s.api.stream(f'/api/task-logs/{task_id}/stream', {'Last-Event-ID': ''}) as stream:
        same([e.json['log'] for e in stream if e.kind == 'log'], ['a', 'b'])


def test_lines_come_once_when_many_tasks_write_at_the_same_time(s):
    """What one viewer reads must not be moved by what others write."""
    ids = [s.api.create(f'i=0; while [ $i -lt 500 ]; do echo {n} $i; i=$((i+1)); done') for n in range(8)]
    for n, task_id in enumerate(ids):
        same(s.api.lines(task_id), [f'{n} {i}' for i in range(500)])
        events = s.api.log_events(task_id)
        same([e.json['log'] for e in s.api.log_events(task_id, events[249].id)],
             [f'{n} {i}' for i in range(250, 500)])
