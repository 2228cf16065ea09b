"""What the API shows of tasks: check-alive against systemd's own words, lists, pages, dashboard."""

import datetime
import re
import time
import urllib.parse

from case import check, contains, same, table, until

DASHBOARD_TASK = {'task_id', 'status', 'progress', 'created_at', 'last_updated', 'devpod_name', 'task_description',
                  'github_repo', 'claude_status', 'app_url', 'server_running', 'branch_name', 'logs'}
FIELDS = {'thread_name', 'started_at', 'is_alive', 'main_pid', 'invocation_id', 'active_state', 'sub_state',
          'memory_bytes', 'cpu_seconds', 'tasks', 'last_output_at', 'deadline'}


def seconds_of(text):
    return datetime.datetime.fromisoformat(text).timestamp()


def sleeper(s, **fields):
    """A running task that has said `up`."""
    task_id = s.api.create('echo up; read x; exec sleep 1000', **fields)
    s.api.wait_line(task_id, 'up')
    return task_id


def number(text):
    return None if text in ('[not set]', '') else int(text)


def test_check_alive_has_every_field_as_systemd_has_it(s):
    task_id = sleeper(s, timeout=600)
    until(lambda: s.api.alive(task_id)['thread_info']['last_output_at'], 'the line is counted', 1)
    alive = s.api.alive(task_id)
    info, unit = alive['thread_info'], s.unit(task_id)
    same(set(alive) >= {'task_id', 'is_alive', 'thread_info', 'task_status'}, True, alive)
    same(FIELDS - set(info), set(), 'fields that lack')
    shown = s.show(unit, 'MainPID', 'InvocationID', 'ActiveState', 'SubState', 'TasksCurrent')
    same((alive['task_id'], alive['is_alive'], info['is_alive'], info['thread_name']), (task_id, True, True, unit))
    same(alive['task_status'], 'executing_task')
    same(info['main_pid'], int(shown['MainPID']))
    same(info['invocation_id'], shown['InvocationID'])
    same((info['active_state'], info['sub_state']), ('active', 'running'))
    same(info['tasks'], number(shown['TasksCurrent']))
    check(abs(seconds_of(info['deadline']) - seconds_of(info['started_at']) - 600) < 0.01, 'the deadline', info)
    check(0 <= time.time() - seconds_of(info['last_output_at']) < 20, 'the last output was just now', info)
    check(0 <= time.time() - seconds_of(info['started_at']) < 20, 'it was started just now', info)


def test_usage_figures_are_those_of_systemd(s):
    task_id = s.api.create(['python3', '-c', 'x = bytearray(50 << 20)\nwhile True: pass'])
    unit = s.unit(task_id)

    def busy():
        info = s.api.alive(task_id)['thread_info']
        return info if info['cpu_seconds'] and info['cpu_seconds'] > 0.5 else None
    info = until(busy, 'half a second of processor time is seen')
    shown = int(s.show(unit, 'CPUUsageNSec')) / 1e9
    check(shown - 3 < info['cpu_seconds'] <= shown, 'processor time as systemd counts it', info, shown)
    memory = number(s.show(unit, 'MemoryCurrent'))
    if memory is None:  # no memory controller in this machine
        same(info['memory_bytes'], None)
    else:
        check(50 << 20 < info['memory_bytes'] < 200 << 20, 'memory', info)


def test_usage_figures_are_read_anew_after_a_second(s):
    task_id = s.api.create('while :; do :; done')
    first = until(lambda: s.api.alive(task_id)['thread_info']['cpu_seconds'], 'figures')
    begun = time.monotonic()
    until(lambda: s.api.alive(task_id)['thread_info']['cpu_seconds'] > first, 'newer figures', 3)
    check(time.monotonic() - begun < 2.5, 'newer figures come within about a second')


def test_the_commands_to_look_oneself_work(s):
    task_id = sleeper(s)
    alive = s.api.alive(task_id)
    status = s.command(*alive['systemctl'].split(), '--no-pager', '--full')
    contains(status, s.unit(task_id), 'active (running)')
    contains(s.command(*alive['journalctl'].split(), '--no-pager'), 'up')


def test_a_death_is_known_as_soon_as_systemd_knows(s):
    task_id = sleeper(s)
    s.systemctl('kill', '--signal=KILL', s.unit(task_id))
    begun = time.monotonic()
    until(lambda: not s.api.alive(task_id)['is_alive'], 'it is known to be dead', 2)
    until(lambda: s.api.alive(task_id)['task_status'] == 'failed', 'it is judged', 2)
    check(time.monotonic() - begun < 1, 'within the time of a signal', time.monotonic() - begun)


def test_a_finished_task_is_not_alive(s):
    task = s.api.run(['true'])
    alive = s.api.alive(task['task_id'])
    same((alive['is_alive'], alive['thread_info'], alive['task_status']), (False, None, 'completed'))


def test_unknown_tasks_are_not_found(s):
    rows = {}
    for method, path in (('GET', '/api/task-status/{}'), ('GET', '/api/task/{}/check-alive'),
                         ('GET', '/api/task/{}/logs'), ('GET', '/api/task-logs/{}/stream'),
                         ('POST', '/api/task/{}/cancel'), ('DELETE', '/api/task/{}')):
        reply = s.api.request(method, path.format('task-1700000000-abcdef'))
        wrong = (reply.status, reply.json.get('error')) != (404, 'Task not found')
        rows[f'{method} {path}'] = f'{reply.status} {reply.body}' if wrong else None
    table(rows)


def test_the_document_shows_the_last_hundred_lines(s):
    task = s.api.run('i=0; while [ $i -lt 250 ]; do echo line $i; i=$((i+1)); done')
    same(task['logs'], [f'line {i}' for i in range(150, 250)])
    same(task['log_lines'], 250)


def test_logs_come_in_pages(s):
    task_id = s.api.run('i=0; while [ $i -lt 25 ]; do echo line $i; i=$((i+1)); done')['task_id']
    found, query = [], '?limit=10&source=stdout&after='
    first = s.api.get(f'/api/task/{task_id}/logs?limit=25&source=stdout').json['entries'][0]
    found.append(first['text'])
    cursor = first['cursor']
    while cursor:
        page = s.api.get(f'/api/task/{task_id}/logs{query}{cursor}').json
        same(page['total'], 25)
        same(page['logs'], [e['text'] for e in page['entries']])
        check(len(page['logs']) <= 10, 'no more than was asked for', page['logs'])
        found += page['logs']
        cursor = page['next']
    same(found, [f'line {i}' for i in range(25)])


def test_entries_of_the_log_have_a_cursor_and_a_time(s):
    before = time.time()
    task_id = s.api.run('echo a; echo b')['task_id']
    entries = s.api.get(f'/api/task/{task_id}/logs').json['entries']
    same([e['text'] for e in entries if e['source'] == 'stdout'], ['a', 'b'])
    same([e['cursor'] for e in entries], [e.id for e in s.api.events(task_id) if e.id], 'cursors as in the stream')
    for entry in entries:
        check(before - 1 < seconds_of(entry['time']) < time.time() + 1, 'the time of the line', entry)


def test_lists_have_the_newest_first(s):
    s.forget_tasks()
    ids = [s.api.run(['true'])['task_id'] for _ in range(3)]
    found = s.api.tasks()
    times = [t['created_at'] for t in found]
    same(times, sorted(times, reverse=True), 'newest first')
    same({t['task_id'] for t in found}, set(ids))
    same([t['is_running'] for t in found], [False] * 3)


def test_lists_are_filtered(s):
    s.forget_tasks()
    good = s.api.run(['true'], labels={'team': 'blue', 'n': '1'})['task_id']
    bad = s.api.run(['false'], labels={'team': 'red'})['task_id']
    runs = sleeper(s, labels={'team': 'blue'})
    repo = s.api.run(['true'], github_repo='owner/name')['task_id']
    wanted = {'?status=completed': {good, repo}, '?status=failed': {bad}, '?status=running': {runs},
              '?status=executing_task': {runs}, '?status=cancelled': set(), '?label=team': {good, bad, runs},
              '?label=team=blue': {good, runs}, '?label=team%3Dred': {bad}, '?label=tea': set(),
              '?repo=owner/name': {repo}, '?repo=owner': set(), '?status=completed&label=team=blue': {good},
              '': {good, bad, runs, repo}}
    found = {query: {t['task_id'] for t in s.api.tasks(query)} for query in wanted}
    table({q or 'all': None if found[q] == wanted[q] else f'{found[q]}, should be {wanted[q]}' for q in wanted})


def follow_links(s, path):
    """Ids of all pages, and how many there were."""
    ids, pages = [], 0
    while path:
        reply = s.api.get(path)
        same(reply.status, 200, path)
        ids += [t['task_id'] for t in reply.json]
        pages += 1
        link = re.fullmatch(r'<(/api/tasks\?[^>]*)>; rel="next"', reply.headers.get('link', ''))
        path = link and link[1]
    return ids, pages


def test_long_lists_come_in_pages_that_a_link_joins(s):
    s.forget_tasks()
    for _ in range(7):
        s.api.run(['true'])
    everything = [t['task_id'] for t in s.api.tasks()]
    same(follow_links(s, '/api/tasks?limit=3'), (everything, 3))
    same(follow_links(s, '/api/tasks?limit=7'), (everything, 1))
    after = everything[2]
    same([t['task_id'] for t in s.api.tasks(f'?after={after}')], everything[3:])


def test_the_link_keeps_filters_of_any_text(s):
    """A label may hold what ends a value, a query or a header."""
    s.forget_tasks()
    for value in ('a&b=c d', 'x>"y', '50%', '#1', 'ü+'):
        for _ in range(3):
            s.api.run(['true'], labels={'k': value})
        query = '/api/tasks?limit=2&label=' + urllib.parse.quote(f'k={value}', safe='')
        ids, pages = follow_links(s, query)
        same((len(set(ids)), pages), (3, 2), value)


def test_numbers_in_queries_are_checked(s):
    task_id = s.api.run(['true'])['task_id']
    rows = {}
    for path, field in ((f'/api/tasks?limit={n}', 'limit') for n in ('x', '-1', '1e3', '99999999999999999999')):
        reply = s.api.get(path)
        rows[path] = None if (reply.status, reply.json.get('field')) == (400, field) else reply.body
    for path in '/api/tasks?after=x', f'/api/task/{task_id}/logs?after=x', f'/api/task/{task_id}/logs?limit=x':
        reply = s.api.get(path)
        field = re.search(r'\?(\w+)', path)[1]
        rows[path] = None if (reply.status, reply.json.get('field')) == (400, field) else reply.body
    table(rows)


def test_the_dashboard_counts(s):
    s.forget_tasks()
    same(s.api.get('/api/dashboard').json['total_tasks'], 0)
    s.api.run('echo a; echo b; echo c; echo d; echo e; echo f; echo g')
    s.api.run(['false'])
    s.api.run('kill -KILL $$')
    sleeper(s)
    board = s.api.get('/api/dashboard').json
    same({k: v for k, v in board.items() if k.endswith('_tasks') and k != 'recent_tasks' and v},
         {'total_tasks': 4, 'completed_tasks': 1, 'failed_tasks': 2, 'running_tasks': 1})
    same([t['status'] for t in board['recent_tasks'] if t['status'] == 'completed'], ['completed'])
    for task in board['recent_tasks']:
        same(set(task), DASHBOARD_TASK)
    done = next(t for t in board['recent_tasks'] if t['status'] == 'completed')
    same(done['logs'], ['c', 'd', 'e', 'f', 'g'])


def test_the_dashboard_shows_the_ten_latest(s):
    s.forget_tasks()
    for _ in range(12):
        s.api.run(['true'])
    board = s.api.get('/api/dashboard').json
    same(board['total_tasks'], 12)
    same([t['task_id'] for t in board['recent_tasks']], [t['task_id'] for t in s.api.tasks('?limit=10')])


def test_head_is_get_without_a_body(s):
    for path in '/api/health', '/api/tasks', '/api/dashboard':
        got, head = s.api.get(path), s.api.request('HEAD', path)
        same((head.status, head.body), (200, b''))
        same(head.headers['content-type'], got.headers['content-type'])


def test_two_hundred_requests_over_one_connection(s):
    connection = s.api.connection()
    for _ in range(200):
        connection.request('GET', '/api/health')
        response = connection.getresponse()
        same((response.status, response.read()[:1]), (200, b'{'))
    connection.close()
