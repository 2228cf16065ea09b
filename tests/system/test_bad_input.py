"""What is wrong in a request is told with its field, and leaves nothing behind: no file, no unit."""

import json

from case import check, same, table, until

ORIGINAL = {'devpod_name': 'pod', 'github_repo': 'owner/name', 'github_token': 'secret-x',
            'task_description': 'Say hello'}
MEBIBYTE = 1024 * 1024

# name: body (bytes as they are, else as JSON), status, field or None
BODIES = {
    'no JSON': (b'{', 400, None),
    'empty': (b'', 400, None),
    'blanks': (b'   ', 400, None),
    'JSON and more': (b'{"command": ["true"]} x', 400, None),
    'two objects': (b'{"command": ["true"]}{"command": ["true"]}', 400, None),
    'an array': ([], 400, None),
    'a string': ('x', 400, None),
    'null': (b'null', 400, None),
    'single quotes': (b"{'command': ['true']}", 400, None),
    'a comment': (b'{"command": ["true"] /* x */}', 400, None),
    'not UTF-8': (b'{"command": ["\xff\xfe"]}', 400, None),
    'half a surrogate': (b'{"command": ["\\ud800"]}', 400, None),
    'deeply nested': (b'[' * 100_000, 400, None),
    'a NUL byte': (b'{"command": ["a\x00b"]}', 400, None),
    'unknown field': ({'command': ['true'], 'comand': 1}, 400, 'comand'),
    'command is a string': ({'command': 'true'}, 400, 'command'),
    'command is a number': ({'command': 1}, 400, 'command'),
    'command is an object': ({'command': {'0': 'true'}}, 400, 'command'),
    'command is empty': ({'command': []}, 400, 'command'),
    'command of an empty name': ({'command': ['']}, 400, 'command'),
    'command of numbers': ({'command': ['true', 1]}, 400, 'command'),
    'command with null': ({'command': ['true', None]}, 400, 'command'),
    'command with NUL': ({'command': ['a\0b']}, 400, 'command'),
    'argument with NUL': ({'command': ['true', 'a\0b']}, 400, 'command'),
    'relative program without directory': ({'command': ['./x']}, 400, 'command'),
    'argument too long': ({'command': ['true', 'x' * 131072]}, 400, 'command'),
    'too many arguments': ({'command': ['true'] * 5000}, 400, 'command'),
    'relative directory': ({'command': ['true'], 'working_directory': 'tmp'}, 400, 'working_directory'),
    'directory of dots': ({'command': ['true'], 'working_directory': '/tmp/../etc'}, 400, 'working_directory'),
    'empty directory': ({'command': ['true'], 'working_directory': ''}, 400, 'working_directory'),
    'directory is a number': ({'command': ['true'], 'working_directory': 7}, 400, 'working_directory'),
    'directory with NUL': ({'command': ['true'], 'working_directory': '/a\0b'}, 400, 'working_directory'),
    'directory ends in a backslash': ({'command': ['true'], 'working_directory': '/tmp\\'}, 400, 'working_directory'),
    'directory ends in a space': ({'command': ['true'], 'working_directory': '/tmp/a /'}, 400, 'working_directory'),
    'endless directory': ({'command': ['true'], 'working_directory': '/x' * 3000}, 400, 'working_directory'),
    'environment is an array': ({'command': ['true'], 'environment': ['A=b']}, 400, 'environment'),
    'environment of numbers': ({'command': ['true'], 'environment': {'A': 1}}, 400, 'environment'),
    'environment without a name': ({'command': ['true'], 'environment': {'': 'x'}}, 400, 'environment'),
    'environment with = in a name': ({'command': ['true'], 'environment': {'A=B': 'x'}}, 400, 'environment'),
    'environment with a digit first': ({'command': ['true'], 'environment': {'1A': 'x'}}, 400, 'environment'),
    'environment with NUL': ({'command': ['true'], 'environment': {'A': 'a\0b'}}, 400, 'environment'),
    'environment with a control character': ({'command': ['true'], 'environment': {'A': '\x1b'}}, 400,
                                             'environment'),
    'timeout 0': ({'command': ['true'], 'timeout': 0}, 400, 'timeout'),
    'timeout below 0': ({'command': ['true'], 'timeout': -1}, 400, 'timeout'),
    'timeout above the limit': ({'command': ['true'], 'timeout': 7201}, 400, 'timeout'),
    'timeout beyond numbers': (b'{"command": ["true"], "timeout": 1e400}', 400, 'timeout'),
    'timeout of 20 digits': (b'{"command": ["true"], "timeout": 18446744073709551617}', 400, 'timeout'),
    'timeout NaN': (b'{"command": ["true"], "timeout": NaN}', 400, None),
    'timeout is a string': ({'command': ['true'], 'timeout': '5'}, 400, 'timeout'),
    'limit above the ceiling': ({'command': ['true'], 'limits': {'tasks_max': 4097}}, 400, 'limits.tasks_max'),
    'limit below sense': ({'command': ['true'], 'limits': {'memory_max': 1}}, 400, 'limits.memory_max'),
    'limit of another kind': ({'command': ['true'], 'limits': {'memory_max': [1]}}, 400, 'limits.memory_max'),
    'limits are a list': ({'command': ['true'], 'limits': []}, 400, 'limits'),
    'unknown limit': ({'command': ['true'], 'limits': {'MemoryMax': 1}}, 400, 'MemoryMax'),
    'timeout is true': ({'command': ['true'], 'timeout': True}, 400, 'timeout'),
    'labels is an array': ({'command': ['true'], 'labels': ['a']}, 400, 'labels'),
    'labels of numbers': ({'command': ['true'], 'labels': {'a': 1}}, 400, 'labels'),
    'labels too long': ({'command': ['true'], 'labels': {'a': 'x' * 300}}, 400, 'labels'),
    'too many labels': ({'command': ['true'], 'labels': {str(n): 'x' for n in range(100)}}, 400, 'labels'),
    'description is a number': (ORIGINAL | {'task_description': 5}, 400, 'task_description'),
    'repository with NUL': (ORIGINAL | {'github_repo': 'a/b\0c'}, 400, 'github_repo'),
    'token is a number': (ORIGINAL | {'github_token': 5}, 400, 'github_token'),
    'body above 1 MiB': ({'command': ['true', *['x' * 100_000] * 11]}, 413, None),
}

# method, path, status, header that must be there with its value
PATHS = {
    'unknown route': ('GET', '/api/nonsense', 404, None),
    'root of the API': ('GET', '/api/', 404, None),
    'route with a slash too many': ('GET', '/api/tasks/', 404, None),
    'route in other letters': ('GET', '/API/tasks', 404, None),
    'double slash': ('GET', '//api/tasks', 404, None),
    'wrong method on create': ('GET', '/api/create-task', 405, 'POST'),
    'wrong method on tasks': ('POST', '/api/tasks', 405, 'GET, HEAD'),
    'PUT': ('PUT', '/api/tasks', 405, 'GET, HEAD'),
    'PATCH on a task': ('PATCH', '/api/task/{id}', 405, 'DELETE'),
    'OPTIONS': ('OPTIONS', '/api/health', 405, 'GET, HEAD'),
    'unknown method': ('BREW', '/api/health', 405, 'GET, HEAD'),
    'unknown id': ('GET', '/api/task-status/task-1700000000-000000', 404, None),
    'an id of letters': ('GET', '/api/task-status/abc', 404, None),
    'no id': ('GET', '/api/task-status/', 404, None),
    'id with ../': ('GET', '/api/task-status/../../etc/passwd', 404, None),
    'id with %2e%2e%2f': ('GET', '/api/task-status/%2e%2e%2f%2e%2e%2fetc%2fpasswd', 404, None),
    'id with %2e': ('GET', '/api/task-status/%2e%2e', 404, None),
    'id with an escaped slash': ('DELETE', '/api/task/x%2f..%2f{id}', 404, None),
    'id with %00': ('GET', '/api/task-status/{id}%00', 400, None),
    'half an escape': ('GET', '/api/task-status/%2', 400, None),
    'escape that is none': ('GET', '/api/task-status/%zz', 400, None),
    'id in capitals': ('GET', '/api/task-status/TASK-1700000000-abcdef', 404, None),
    'id and more': ('GET', '/api/task-status/{id}x', 404, None),
    'id cut short': ('GET', '/api/task-status/{short}', 404, None),
    'endless id': ('GET', '/api/task-status/' + 'x' * 5000, 404, None),
    'active_tasks as an id': ('DELETE', '/api/task/active_tasks', 404, None),
    'id with .json': ('GET', '/api/task-status/{id}.json', 404, None),
    'cancel of an unknown task': ('POST', '/api/task/task-1700000000-000000/cancel', 404, None),
}


def traces(s):
    """The tasks that have left something, on disk or in systemd; not what is being written at this moment."""
    until(lambda: not any(n.startswith('.tmp-') and '.result-' not in n for n in s.task_files()), 'nothing is written')
    return {name[:22] for name in s.task_files() if not name.startswith('.tmp-')} | {unit[17:39] for unit in s.task_units()}


def wrong_reply(reply, status, field):
    """What is not as it should be with a refusal."""
    if reply.status != status:
        return f'status {reply.status}, should be {status}: {reply.body[:300]}'
    body = json.loads(reply.body)
    if not isinstance(body.get('error'), str) or len(body['error']) < 8 or body.get('status') != status:
        return f'no sentence: {body}'
    if field and body.get('field') != field:
        return f'field {body.get("field")!r}, should be {field!r}: {body}'
    return None


def test_a_bad_body_is_told_with_its_field_and_leaves_nothing(s):
    s.start()
    before, rows = traces(s), {}
    for name, (body, status, field) in BODIES.items():
        rows[name] = wrong_reply(s.api.post('/api/create-task', body), status, field)
        if traces(s) != before:
            rows[name] = f'left something: {traces(s) - before}'
            for task_id in traces(s) - before:
                s.api.wait(task_id)
            before = traces(s)
    table(rows)
    same(s.api.run(['true'])['status'], 'completed', 'it still works')


def test_a_missing_field_of_the_original_is_named_as_the_original_does(s):
    before = traces(s)
    names = list(ORIGINAL)
    for n, name in enumerate(names):
        # Without the first of them it is another recipe's request.
        for value in ('missing', 'empty')[n == 0:]:
            body = {k: v for i, (k, v) in enumerate(ORIGINAL.items()) if i < n}
            body |= {name: ''} if value == 'empty' else {}
            reply = s.api.post('/api/create-task', body)
            same((reply.status, reply.json['error'], reply.json['field']),
                 (400, f'Missing required field: {name}', name), value)
    reply = s.api.post('/api/create-task', {})
    same((reply.status, reply.json['error']), (400, 'Missing required field: task_description'))
    same(traces(s), before)


def test_a_bad_path_or_method_is_refused(s):
    task_id = s.api.run(['true'])['task_id']
    before, rows = traces(s), {}
    for name, (method, path, status, allow) in PATHS.items():
        path = path.format(id=task_id, short=task_id[:-1])
        reply = s.api.request(method, path)
        rows[name] = wrong_reply(reply, status, None)
        if allow and reply.headers.get('allow') != allow:
            rows[name] = f'Allow: {reply.headers.get("allow")}, should be {allow}'
        if traces(s) != before:
            rows[name] = 'changed something'
    table(rows)
    same(s.api.task(task_id)['status'], 'completed')


def test_a_body_must_be_announced_as_json(s):
    before, rows = traces(s), {}
    body = b'{"command": ["true"]}'
    for kind in ('text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', '',
                 'application/jsonx', 'application/json-patch+json', 'json'):
        reply = s.api.post('/api/create-task', body, headers={'Content-Type': kind})
        rows[kind] = wrong_reply(reply, 415, 'Content-Type')
    table(rows)
    same(traces(s), before)
    for kind in 'application/json', 'application/json; charset=utf-8', 'Application/JSON':
        same(s.api.post('/api/create-task', body, headers={'Content-Type': kind}).status, 200, kind)


def test_a_body_of_just_one_mebibyte_is_read_and_one_byte_more_is_not(s):
    frame = json.dumps({'command': ['true'], 'x': ''}).encode()
    for size, status in ((MEBIBYTE, 400), (MEBIBYTE + 1, 413), (5 * MEBIBYTE, 413)):
        filler = b'x' * (size - len(frame))
        reply = s.api.post('/api/create-task', frame[:-2] + filler + frame[-2:], timeout=60)
        same(reply.status, status, f'{size} bytes')
        same(reply.json.get('field'), 'x' if status == 400 else None)


def test_a_body_far_too_long_is_refused_before_it_is_sent(s):
    """curl announces it, and hears the answer without sending it."""
    body = s.scratch() / 'body'
    with body.open('wb') as file:
        file.truncate(50 * MEBIBYTE)
    done = s.command('curl', '--silent', '--data-binary', f'@{body}', '--header', 'Content-Type: application/json',
                     '--write-out', '\n%{http_code} %{size_upload}', 'http://127.0.0.1:15001/api/create-task')
    *_, status, sent = done.split()
    same(status, '413')
    check(int(sent) < 20 * MEBIBYTE, 'it was not all sent', sent)


def test_bytes_that_are_no_http_do_no_harm(s):
    before = traces(s)
    rows = {}
    for name, data in {'nonsense': b'\x01\x02\x03 \xff\r\n\r\n', 'one word': b'GET\r\n\r\n',
                       'no version': b'GET /api/health\r\n\r\n',
                       'a header without end': b'GET / HTTP/1.1\r\nHost: localhost\r\nX: ' + b'x' * 100_000,
                       'a negative length': b'POST /api/create-task HTTP/1.1\r\nHost: localhost\r\n'
                                            b'Content-Type: application/json\r\nContent-Length: -5\r\n\r\n{}',
                       'two lengths': b'POST /api/create-task HTTP/1.1\r\nHost: localhost\r\nContent-Type: '
                                      b'application/json\r\nContent-Length: 5\r\nContent-Length: 21\r\n'
                                      b'Connection: close\r\n\r\n{"command": ["true"]}',
                       'a bad chunk': b'POST /api/create-task HTTP/1.1\r\nHost: localhost\r\nContent-Type: '
                                      b'application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n'}.items():
        try:
            reply = s.api.raw(data + (b'' if b'\r\n\r\n' in data else b'\r\n\r\n'), timeout=5)
            first = reply.split(b'\r\n')[0]
            rows[name] = None if not reply or first.split()[1][:1] == b'4' else f'{first}'
        except TimeoutError:
            rows[name] = 'no answer'
        except ConnectionError:
            rows[name] = None
    table(rows)
    same(traces(s), before)
    same(s.api.get('/api/health').status, 200)


def test_a_request_that_is_cut_off_leaves_nothing(s):
    before = traces(s)
    head = b'POST /api/create-task HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 21'
    for part in (head, head + b'\r\n\r\n', head + b'\r\n\r\n{"command": ["true"]'):
        connection = s.api.connection()
        connection.connect()
        connection.sock.sendall(part)
        connection.sock.close()
    same(s.api.get('/api/health').status, 200)
    same(traces(s), before)


def test_other_hosts_and_origins_may_not_use_it(s):
    """A web page must not get here through a name of its own (DNS rebinding) or from another origin."""
    before, rows = traces(s), {}
    body = {'command': ['true']}
    for name, value in (('Host', 'evil.example'), ('Host', 'localhost.evil.example'),
                        ('Host', '127.0.0.1.evil.example'), ('Origin', 'http://evil.example'), ('Origin', 'null'), ('Origin', 'http://localhost:9999')):
        reply = s.api.post('/api/create-task', body, headers={name: value})
        rows[f'{name}: {value}'] = wrong_reply(reply, 403, name)
        if 'access-control-allow-origin' in reply.headers:
            rows[f'{name}: {value}'] = 'is told to be welcome'
    table(rows)
    same(traces(s), before)
    check(s.api.get('/api/health', headers={'Origin': 'http://127.0.0.1:15001'}).status == 200, 'our own origin may')
