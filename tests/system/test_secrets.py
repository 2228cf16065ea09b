"""The secrets of a request are looked for everywhere on the machine, and found nowhere but where they are to be."""

import contextlib
import http.client
import itertools
import json
import os
import pathlib
import random
import secrets
import time

from case import accepts_failures, check, lacks, note, same, seconds, until
from fault import FaultPoint
from service import ROOT
from test_stream import talker

LONG = bool(os.environ.get('REMOTE_DEVELOPER_TEST_LONG'))
SEED = int(os.environ.get('REMOTE_DEVELOPER_TEST_SEED') or random.randrange(10**6))
STRIDE = 1 if LONG else 3  # at every so manieth call the service dies; the seed says from which on

# Every secret is random, and made later than this: what was not written to since holds none. Two seconds earlier, for
# what keeps times in whole seconds.
BEGUN = time.time() - 2

# Prints its secrets in all the ways in which a relay could miss one, then waits for its fifo. Between the two parts of
# the one that comes in parts the first has been read: the pipe is empty.
PRINTER = '''
import array, fcntl, json, os, sys, termios

def value(name):
    with open(os.path.join(os.environ['CREDENTIALS_DIRECTORY'], name), encoding='utf-8') as file:
        return file.read()

def write(text):
    data = text.encode()
    while data:
        data = data[os.write(1, data):]

def wait_until_read():
    size = array.array('i', [1])
    while size[0]:
        fcntl.ioctl(1, termios.FIONREAD, size)

token, quoted, pem = value('TOKEN'), value('QUOTED'), value('PEM')
write(f'whole {token} end\\n')
write(f'parts {token[:9]}')
wait_until_read()
write(f'{token[9:]} end\\n')
write(json.dumps({'ascii': quoted}) + '\\n')
write(json.dumps({'json': quoted}, ensure_ascii=False) + '\\n')
write(pem)
write(json.dumps({'pem': pem}) + '\\n')
for before in range(32768 - len(token) - 4, 32768 + 4):
    write('x' * before + token + '\\n')
os.write(2, f'error {token}\\n'.encode())
write('ready\\n')
with open(sys.argv[1]) as fifo:
    fifo.read()
write(f'last {token} {token[:5]}')
'''

MILLION = '''
import os
with open(os.path.join(os.environ['CREDENTIALS_DIRECTORY'], 'TOKEN')) as file:
    token = file.read()
for _ in range(10000):
    print(token * 100)
'''

LONGEST = 256 << 20  # bytes

AGENT = '''#!/bin/sh
cat >/dev/null
echo '{"type": "system"}'
sleep 1000
'''


def contents(paths):
    """(path, bytes) of files, whole: a journal of a busy machine has 128 MiB. What goes away while we look never held
    anything for long."""
    for path in paths:
        try:
            with path.open('rb') as file:
                data = file.read(LONGEST + 1)
        except OSError:
            continue
        check(len(data) <= LONGEST, 'no file is longer than what is searched', path)
        yield str(path), data


def holders(token, paths):
    return [path for path, data in contents(paths) if token in data]


def is_credential(path):
    """Where secrets are to be: the service's own files, and what systemd gives the unit."""
    return any(part.endswith('.credentials') or part == 'credentials' for part in path.parts)


def may_hold_new(path):
    """journald writes through a map, which a time need not tell, but not to a file that it has archived."""
    st = path.stat()
    return max(st.st_mtime, st.st_ctime) >= BEGUN or (path.suffix == '.journal' and '@' not in path.name)


def files_of(*directories):
    """Of what systems make up (a mounted /proc or the like) times say nothing; none of that is below these."""
    for directory in directories:
        for path in pathlib.Path(directory).rglob('*'):
            with contextlib.suppress(FileNotFoundError):
                if path.is_file() and not path.is_symlink() and not is_credential(path) and may_hold_new(path):
                    yield path


def credentials_of(s, task_id):
    """The files that hold the task's secrets, both kinds."""
    directories = [s.state / f'{task_id}.credentials', s.runtime / 'credentials' / s.unit(task_id)]
    return sorted(str(p) for d in directories if d.exists() for p in [d, *d.iterdir()])


def replies(s):
    """What the API says of all tasks, by every route that tells of them."""
    routes = ['/api/tasks?limit=1000', '/api/dashboard', '/api/health']
    for task in s.api.tasks('?limit=1000'):
        task_id = task['task_id']
        routes += [f'/api/task-status/{task_id}', f'/api/task/{task_id}/check-alive', f'/api/task/{task_id}/logs']
        if not task['is_running']:
            routes.append(f'/api/task-logs/{task_id}/stream')
    return b''.join(s.api.get(route).body for route in routes)


def search(s, tokens):
    """(token, place) wherever one of them is, as far as any user may look, and root. Each place is read once."""
    processes = [p / name for p in pathlib.Path('/proc').glob('[0-9]*') for name in ('cmdline', 'environ')]
    home = s.owner.pw_dir if s.is_user else '/etc/remote-developer'
    files = files_of(s.state, s.transient, '/run/systemd', '/run/user', '/tmp', home, '/var/log/journal',
                     '/var/lib/remote-developer', '/var/lib/systemd')
    texts = (('journalctl', s.command('journalctl', '--all', '--output=export', '--no-pager', f'--since=@{BEGUN:.0f}',
                                      user=ROOT).encode()),
             ('systemctl show', s.systemctl('show', '*').encode()),
             ('replies', replies(s)))
    return [(token, place) for place, data in itertools.chain(contents(processes), contents(files), texts)
            for token in tokens if token.encode() in data]


def everywhere(s, token):
    return [place for _, place in search(s, [token])]


def agent(s):
    """A program of the agent's name that runs on, so that its process can be looked at too."""
    path = pathlib.Path('/usr/local/bin/claude')
    path.write_text(AGENT)
    path.chmod(0o755)
    return path


def request(token):
    return {'working_directory': '/tmp', 'github_token': token, 'task_description': 'Say hello'}


def new_secrets():
    token, key = 'tok_' + secrets.token_hex(18), f'{secrets.token_hex(9)} KEY-----\n'
    return {'TOKEN': token, 'QUOTED': f'say "{secrets.token_hex(9)}" \\\u00e4\U0001f511',
            'PEM': f'-----BEGIN {key}' + ''.join(secrets.token_hex(32) + '\n' for _ in range(20)) + f'-----END {key}'}


def forms(values):
    """All that is to be found nowhere."""
    for value in values.values():
        for line in value.splitlines():
            yield from {line, json.dumps(line)[1:-1], json.dumps(line, ensure_ascii=False)[1:-1]}


def places(s, values):
    return search(s, list(forms(values)))


def python(s, text, *arguments):
    path = s.scratch() / 'program'
    path.write_text(text)
    return ['/usr/bin/python3', str(path), *map(str, arguments)]


def masked(values):
    """What the printer's lines become; a line of stderr may be anywhere."""
    size = len(values['TOKEN'])
    stars = '\n'.join(['***'] * len(values['PEM'].splitlines()))
    return ['whole *** end', 'parts *** end', '{"ascii": "***"}', '{"json": "***"}', *stars.split('\n'),
            json.dumps({'pem': stars + '\n'}), *('x' * n + '***' for n in range(32768 - size - 4, 32768 + 4))]


def print_secrets(s, separate_stderr):
    values, fifo = new_secrets(), s.fifo()
    task_id = s.api.create(python(s, PRINTER, fifo), secrets=values, separate_stderr=separate_stderr)
    s.api.wait_line(task_id, 'ready')
    same(len(credentials_of(s, task_id)), 8, 'two directories of three files')
    same(s.document(task_id)['credentials'], list(values))
    same(places(s, values), [], 'while it runs')
    fifo.write_text('go')
    same(s.api.wait(task_id)['result'], 'completed')
    lines = s.api.lines(task_id)
    same([line for line in lines if line != 'error ***'], [*masked(values), 'ready', f'last *** {values["TOKEN"][:5]}'])
    check('error ***' in lines, 'also of stderr', lines[-3:])
    same(credentials_of(s, task_id), [])
    same(places(s, values), [], 'afterwards')
    return task_id, values


def test_what_a_task_prints_of_them_is_masked(s):
    print_secrets(s, False)


def test_and_on_two_streams(s):
    print_secrets(s, True)


@seconds(120)
def test_a_million_times(s):
    token = 'tok_' + secrets.token_hex(18)
    task_id = s.api.create(python(s, MILLION), secrets={'TOKEN': token})
    same(s.api.wait(task_id, timeout=90)['log_lines'], 10000)
    same(set(s.api.lines(task_id)), {'***' * 100})
    same(everywhere(s, token), [])


def test_a_resumed_task_has_what_it_is_given_anew(s):
    first, second = ('tok_' + secrets.token_hex(18) for _ in range(2))
    task_id = s.api.create('for f in "$CREDENTIALS_DIRECTORY"/*; do echo "${f##*/} $(wc -c <"$f") $(cat "$f")"; done; exit 1',
                           secrets={'A': first}, github_token=first)
    s.api.wait(task_id)
    same(s.api.lines(task_id), ['A 40 ***', 'github_token 40 ***'])
    same(s.api.post(f'/api/task/{task_id}/resume', {'secrets': {'B': second + '!'}}).status, 200)
    s.api.wait(task_id)
    same(s.api.lines(task_id)[2:], ['B 41 ***'])
    same(s.api.post(f'/api/task/{task_id}/resume').status, 200)
    s.api.wait(task_id)
    check('credentials' not in s.document(task_id), 'the third has none', s.document(task_id))
    for token in first, second:
        same(everywhere(s, token), [])
    reply = s.api.post(f'/api/task/{task_id}/resume', {'secrets': {'B': 5, 'C': second}})
    same(reply.status, 400)
    check(second not in reply.body.decode(), 'not in the reply', reply.body)
    reply = s.api.post(f'/api/task/{task_id}/resume', {'secret': {}})
    same((reply.status, reply.json['field']), (400, 'secret'))
    same(s.api.delete(f'/api/task/{task_id}').status, 200)
    same(credentials_of(s, task_id), [])


def test_what_could_not_be_executed_is_masked_too(s):
    token = 'tok_' + secrets.token_hex(18)
    task = s.api.run([f'/nonexistent/{token}'], secrets={'A': token})
    same(task['reason'], 'start-failed')
    lacks(task['error'], token)
    records = [str(entry) for entry in s.journal(f'SYSLOG_IDENTIFIER={task["task_id"]}')]
    check(records and not any(token in record for record in records), 'masked', records)


def test_a_task_with_secrets_leaves_no_core(s):
    task_id, _ = talker(s)
    same(s.show(s.unit(s.api.create('ulimit -c; sleep 1000', secrets={'A': 'secret'})), 'LimitCORE'), '0')
    check(s.show(s.unit(task_id), 'LimitCORE') != '0', 'else it is as configured')


def create_and_die(s, fault, n, values):
    """The service is killed before its n-th call from here on. True: it was."""
    before = fault.deaths
    fault.arm((n, False))
    with contextlib.suppress(OSError, http.client.HTTPException):
        s.api.create('wc -c <"$CREDENTIALS_DIRECTORY/TOKEN"; cat "$CREDENTIALS_DIRECTORY/TOKEN"', secrets=values)
    fault.rest()
    fault.disarm()
    return fault.deaths > before


def is_up(s):
    with contextlib.suppress(OSError, http.client.HTTPException):
        return s.api.get('/api/health').status == 200
    return False


@accepts_failures
@seconds(300)
def test_whenever_the_service_dies_nothing_is_left(s):
    """At each of its calls from the request to the verdict; in a default run at a part of them, another one each time. A
    task is there with its secrets or not at all."""
    values = {name: secrets.token_hex(18) for name in ('TOKEN', 'OTHER')}
    s.forget_tasks()
    note(f'seed {SEED}')
    with FaultPoint(s) as fault:
        n = 1 + SEED % STRIDE
        while create_and_die(s, fault, n, values):
            until(lambda: is_up(s), 'the service is there again')
            for task in s.api.tasks():
                same(s.api.wait(task['task_id'])['result'], 'completed')
                same(s.api.lines(task['task_id']), ['36', '***'])
            fault.rest()
            same([p.name for p in s.state.glob('*.credentials')], [], f'after call {n}')
            s.forget_tasks()
            n += STRIDE
        note(f'at every {STRIDE}. of up to {n - 1} calls')
        check(n > 20, 'creating a task takes more calls', n)
    for token in values.values():
        same(everywhere(s, token), [])


def test_the_token_is_nowhere_while_the_task_runs_and_afterwards(s):
    token = 'ghp_' + secrets.token_hex(18)
    program = agent(s)
    try:
        task_id = s.api.create_from(request(token))
        s.api.wait_line(task_id, '{"type": "system"}')
        same(everywhere(s, token), [], 'while it runs')
        same(len(credentials_of(s, task_id)), 4)
        s.api.cancel(task_id)
        s.api.wait(task_id)
        s.restart()
        same(everywhere(s, token), [], 'afterwards')
    finally:
        program.unlink()


def test_the_token_is_nowhere_after_a_refusal(s):
    token = 'ghp_' + secrets.token_hex(18)
    for wrong in ({'github_repo': 5}, {'unknown': token}, {'timeout': 0}, {'task_description': ''}, {token: 1},
                  {'secrets': {'github_token': token}}, {'secrets': {'a': [token]}}, {'secrets': {'': token}},
                  {'secrets': {'a': token, token + '-': 'x'}}, {'secrets': token}, {'github_token': [token]}):
        reply = s.api.post('/api/create-task', request(token) | wrong)
        same(reply.status, 400)
        if token not in wrong:
            check(token not in reply.body.decode(), 'not in the reply', reply.body)
    for broken in f'{{"github_token": "{token}"', f'{{"github_token": "{token}" "x"}}', f'{{"secrets": {{"a": {token}}}}}':
        reply = s.api.post('/api/create-task', broken.encode())
        same(reply.status, 400)
        check(token not in reply.body.decode(), 'not in the reply', reply.body)
    same(everywhere(s, token), [])


def test_the_search_finds_what_is_there(s):
    """That the other cases find nothing must not be for want of looking."""
    token = secrets.token_hex(18)
    task_id, _ = talker(s, f'echo {token}')
    s.api.wait_line(task_id, token)
    places = everywhere(s, token)
    note(f'an argument and a line are found in {len(places)} places')
    for wanted in ('/cmdline', f'{task_id}.json', '/var/log/journal', '/transient/', 'journalctl', 'systemctl',
                   'replies'):
        check(any(wanted in place for place in places), f'found in {wanted}', places)


def test_a_prompt_is_for_the_tasks_eyes_only(s):
    """The description goes in by stdin: it is in no argument, and its file is not for everybody."""
    mark = secrets.token_hex(18)
    program = agent(s)
    try:
        task_id = s.api.create_from(request('x') | {'task_description': mark})
        s.api.wait_line(task_id, '{"type": "system"}')
        processes = [p / name for p in pathlib.Path('/proc').glob('[0-9]*') for name in ('cmdline', 'environ')]
        same(holders(mark.encode(), processes), [])
        same(holders(mark.encode(), files_of(s.transient)), [])
        same(oct((s.state / f'{task_id}.prompt').stat().st_mode & 0o777), '0o600')
    finally:
        program.unlink()
