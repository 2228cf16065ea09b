"""Who may use the service: owner, member of the group, stranger, the task itself, root, each over both transports; and
tokens, which take effect while the service runs."""

import json
import pathlib
import pwd
import subprocess

from case import check, contains, lacks, modes, same, table, until
from service import ROOT, SERVICE

GROUP = 'remote-developer-users'
PROGRAM = '/usr/bin/remote-developerd'
TCP = 'http://127.0.0.1:15001'
README = pathlib.Path(__file__).resolve().parents[2] / 'README.md'


def user(name):
    """A user of that name, of no group but its own."""
    try:
        return pwd.getpwnam(name)
    except KeyError:
        subprocess.run(['useradd', '--no-create-home', '--user-group', name], check=True)
        return pwd.getpwnam(name)


def member(name='member'):
    found = user(name)
    subprocess.run(['usermod', '--append', '--groups', GROUP, name], check=True)
    return found


def curl_argv(s, over, path, *arguments):
    """The argv of a request, which prints the body and behind it the status; 000: there was no connection."""
    where = ['--unix-socket', str(s.socket)] if over == 'unix' else []
    return ['curl', '--silent', '--max-time', '20', '--write-out', '\n%{http_code}', *where, *arguments, TCP + path]


def ask(s, who, over, path, *arguments):
    """(status, body) as that user gets it."""
    argv = ['setpriv', '--reuid', str(who.pw_uid), '--regid', str(who.pw_gid), '--init-groups',
            *curl_argv(s, over, path, *arguments)]
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, cwd='/')
    body, _, status = done.stdout.rpartition('\n')
    return int(status), body


def statuses(s, who, path='/api/tasks', *arguments):
    return [ask(s, who, over, path, *arguments)[0] for over in ('tcp', 'unix')]


def create(s, who, over):
    return ask(s, who, over, '/api/create-task', '-H', 'Content-Type: application/json',
               '-d', '{"command": ["true"]}')


def problem(is_so, should):
    return None if is_so == should else f'is {is_so}, should be {should}'


def test_who_is_let_in_over_each_transport(s):
    s.start()
    rows = {'root': (ROOT, [200, 200])}
    if s.is_user:
        rows |= {'the owner': (s.owner, [200, 200]), 'a stranger': (user('stranger'), [403, 0]),
                 'a member of the group': (member(), [403, 0]),
                 'the tasks\' user of the machine': (pwd.getpwnam('remote-developer'), [403, 0])}
    else:
        rows |= {'a member of the group': (member(), [200, 200]), 'a stranger': (user('stranger'), [403, 0]),
                 'another user': (pwd.getpwnam('tester'), [403, 0]),
                 'the tasks\' user': (s.runner, [403, 0])}
    table({name: problem(statuses(s, who), should) for name, (who, should) in rows.items()})


def test_who_is_refused_creates_nothing_and_is_told_what_to_do(s):
    s.start()
    before = s.task_files()
    status, body = create(s, user('stranger'), 'tcp')
    same(status, 403)
    contains(json.loads(body)['error'], 'stranger', '--new-token', *([] if s.is_user else [f'usermod -aG {GROUP}']))
    same(s.task_files(), before)


def test_who_is_let_in_runs_a_task(s):
    who = s.owner if s.is_user else member()
    for over in 'tcp', 'unix':
        status, body = create(s, who, over)
        same(status, 200, body)
        task_id = json.loads(body)['task_id']
        same(s.api.wait(task_id)['status'], 'completed')


def test_a_stranger_sees_the_page_and_whether_it_is_well(s):
    s.start()
    who = user('stranger')
    same(ask(s, who, 'tcp', '/')[0], 200)
    status, body = ask(s, who, 'tcp', '/api/health')
    same((status, json.loads(body)), (200, {'status': 'ok'}))
    same(ask(s, ROOT, 'tcp', '/api/health')[0], 200)
    contains(ask(s, ROOT, 'tcp', '/api/health')[1], 'state_directory')


@modes('system')
def test_membership_begins_and_ends_while_the_service_runs(s):
    s.start()
    who = user('newcomer')
    same(statuses(s, who)[0], 403)
    subprocess.run(['usermod', '--append', '--groups', GROUP, 'newcomer'], check=True)
    until(lambda: statuses(s, who) == [200, 200], 'the new member is let in')
    subprocess.run(['gpasswd', '--delete', 'newcomer', GROUP], check=True, stdout=subprocess.DEVNULL)
    until(lambda: statuses(s, who) == [403, 0], 'who is no member any more is not')


def ask_from_task(s, path, *arguments):
    """[status over tcp, status over the unix socket] as a task gets them."""
    task = s.api.run(['/bin/sh', '-c', '\n'.join(
        ' '.join(f"'{word}'" for word in curl_argv(s, over, path, '--output', '/dev/null', *arguments))
        .replace('\n', '') + '; echo' for over in ('tcp', 'unix'))])
    return [int(line) for line in s.api.lines(task['task_id']) if line]


@modes('system')
def test_a_task_may_not_use_the_service(s):
    other = s.api.create(['sleep', '1000'])
    rows = {'look': ('/api/tasks',),
            'cancel another': (f'/api/task/{other}/cancel', '-X', 'POST'),
            'create': ('/api/create-task', '-H', 'Content-Type: application/json', '-d', '{"command":["true"]}'),
            'delete': (f'/api/task/{other}', '-X', 'DELETE')}
    table({name: problem(ask_from_task(s, *request), [403, 0]) for name, request in rows.items()})
    same(s.api.task(other)['cancel_requested'], False)


@modes('system')
def test_a_task_may_not_use_it_as_a_member_either(s):
    subprocess.run(['usermod', '--append', '--groups', GROUP, s.runner.pw_name], check=True)
    try:
        s.restart()  # nothing is remembered of it
        same(ask_from_task(s, '/api/tasks'), [403, 403])
    finally:
        subprocess.run(['gpasswd', '--delete', s.runner.pw_name, GROUP], check=True, stdout=subprocess.DEVNULL)


@modes('user')
def test_in_user_mode_a_task_is_its_owner(s):
    """But for the socket, which its fence hides."""
    same(ask_from_task(s, '/api/tasks'), [200, 0])
    s.configure(task_execution={'sandbox': 'open'})
    same(ask_from_task(s, '/api/tasks'), [200, 200])


# --- tokens

def manage(s, *arguments):
    """Runs the program as who owns the service; (exit status, stdout, stderr)."""
    done = subprocess.run(s.as_user(s.owner, PROGRAM, *arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, check=False, cwd='/')
    return done.returncode, done.stdout, done.stderr


def new_token(s, name, scope, *arguments):
    status, out, err = manage(s, f'--new-token={name}', f'--scope={scope}', *arguments)
    same(status, 0, err)
    token, rest = out[:-1], out[-1:]
    same(rest, '\n')
    same((len(token), token[:4]), (68, 'rdt_'), 'the token is alone on stdout')
    return token


def revoke(s, *names):
    for name in names:
        same(manage(s, f'--revoke-token={name}')[0], 0)


def with_token(s, token, path, *arguments, over='tcp'):
    return ask(s, user('stranger'), over, path, '-H', f'Authorization: Bearer {token}', *arguments)


def test_each_scope_of_a_token_may_so_much(s):
    s.start()
    done = s.api.run(['true'])['task_id']
    rows = {'look': (('/api/tasks',), ['read', 'run', 'admin']),
            'create': (('/api/create-task', '-H', 'Content-Type: application/json', '-d', '{"command":["true"]}'),
                       ['run', 'admin']),
            'resume': ((f'/api/task/{done}/resume', '-X', 'POST'), ['run']),  # and then it runs
            'delete': (('/api/task/task-1700000000-000000', '-X', 'DELETE'), ['admin'])}
    found = {}
    for scope in 'read', 'run', 'admin':
        token = new_token(s, scope, scope)
        for name, (request, allowed) in rows.items():
            status = with_token(s, token, *request)[0]
            found[f'{scope}: {name}'] = problem(status == 403, scope not in allowed) if name != 'resume' or \
                scope != 'admin' else None
    revoke(s, 'read', 'run', 'admin')
    table(found)


def test_tokens_take_effect_and_end_without_a_restart(s):
    s.start()
    pid = s.main_pid()
    token = new_token(s, 'ci', 'read')
    same(with_token(s, token, '/api/tasks')[0], 200)
    contains(manage(s, '--list-tokens')[1], 'ci ', 'read')
    lacks(manage(s, '--list-tokens')[1], token, token[4:])
    revoke(s, 'ci')
    same(with_token(s, token, '/api/tasks')[0], 401)
    lacks(manage(s, '--list-tokens')[1], 'ci ')
    short = new_token(s, 'short', 'read', '--expires=2s')
    same(with_token(s, short, '/api/tasks')[0], 200)
    until(lambda: with_token(s, short, '/api/tasks')[0] == 401, 'it expires')
    contains(manage(s, '--list-tokens')[1], '(expired)')
    revoke(s, 'short')
    same(s.main_pid(), pid)


def test_a_stream_ends_when_its_token_is_revoked(s):
    """At the service's next look, which here is a second away."""
    s.configure(recovery={'monitor_interval': 1})
    token = new_token(s, 'viewer', 'read')
    task_id = s.api.create('echo up; exec sleep 1000')
    path = f'/api/task-logs/{task_id}/stream'
    with s.api.stream(path, {'Authorization': f'Bearer {token}'}) as stream, s.api.follow(task_id) as own:
        stream.until_line('up')
        revoke(s, 'viewer')
        lacks([e.kind for e in stream], 'final')
        same(stream.ended, False, 'it is cut')
        same(own.ended, None, 'that of the owner goes on')
    s.api.cancel(task_id)
    s.api.wait(task_id)


def test_what_is_no_token_is_refused(s):
    s.start()
    for token in '', 'rdt_', 'rdt_' + '0' * 64, 'x' * 2000:
        same(with_token(s, token, '/api/tasks')[0], 401)
    same(ask(s, ROOT, 'tcp', '/api/tasks', '-H', 'Authorization: Bearer rdt_')[0], 401)
    done = manage(s, '--new-token=x', '--scope=root')
    same((done[0], done[1]), (1, ''))
    same(manage(s, '--revoke-token=x')[0], 1)


def test_a_broken_file_of_tokens_lets_nobody_in_and_is_told(s):
    s.start()
    token = new_token(s, 'ci', 'admin')
    path = s.state / 'tokens'
    same(path.stat().st_mode & 0o7777, 0o600)
    good = path.read_bytes()
    try:
        path.write_bytes(good[:-10])
        same(with_token(s, token, '/api/tasks')[0], 401)
        until(lambda: 'no token is valid' in (s.api.get('/api/health').json['tokens_error'] or ''), 'health says so')
        same(manage(s, '--new-token=other', '--scope=admin')[0], 1)
        same(path.read_bytes(), good[:-10], 'it is left as it is')
        contains(manage(s, '--doctor')[1], 'no token is valid')
        until(lambda: any('no token is valid' in m for m in s.own_messages() if m), 'the log says so')
        path.write_bytes(good)
        same(with_token(s, token, '/api/tasks')[0], 200)
        path.chmod(0o644)
        same(with_token(s, token, '/api/tasks')[0], 401)
    finally:
        path.unlink()
    until(lambda: s.api.get('/api/health').json['tokens_error'] is None, 'health says no more of it')


def cmdlines():
    for path in pathlib.Path('/proc').glob('[0-9]*/cmdline'):
        try:
            yield path.read_bytes()
        except OSError:
            pass


def test_a_token_is_kept_nowhere(s):
    s.start()
    token = new_token(s, 'run', 'run')
    header = s.scratch('/srv') / 'header'
    header.write_text(f'Authorization: Bearer {token}\n')
    header.chmod(0o644)
    status, body = ask(s, user('stranger'), 'tcp', '/api/create-task', '-H', f'@{header}',
                       '-H', 'Content-Type: application/json', '-d', '{"command": ["true"]}')
    same(status, 200, body)
    s.api.wait(json.loads(body)['task_id'])
    secret = token[4:].encode()
    for path in s.state.rglob('*'):
        if path.is_file():
            check(secret not in path.read_bytes(), 'no file of the state has it', path)
    s.sync_journal()
    journal = subprocess.run(['journalctl', '--all', '--output=export', '--no-pager'], stdout=subprocess.PIPE,
                             check=True).stdout
    check(secret not in journal, 'the journal does not have it')
    check(not any(secret in line for line in cmdlines()), 'no running process has it in its arguments')
    revoke(s, 'run')


# --- who did what

def actions(s, task_id):
    """[(what, who)] as the journal tells of the task, oldest first."""
    found = [e for e in s.own_entries() if e.get('REMOTE_DEVELOPER_TASK') == task_id and 'REMOTE_DEVELOPER_ACTOR' in e]
    return [(e['MESSAGE'].removeprefix(f'{task_id}: '), e['REMOTE_DEVELOPER_ACTOR']) for e in found]


def named(who):
    return f'user:{who.pw_uid}({who.pw_name})'


def test_every_action_is_recorded_with_who_asked_for_it(s):
    s.start()
    token = new_token(s, 'bot', 'admin')
    who = s.owner if s.is_user else member()
    status, body = ask(s, who, 'unix', '/api/create-task', '-H', 'Content-Type: application/json',
                       '-d', '{"command": ["sleep", "1000"]}')
    same(status, 200, body)
    task_id = json.loads(body)['task_id']
    same(s.document(task_id)['created_by'], named(who))
    same(with_token(s, token, f'/api/task/{task_id}/cancel', '-X', 'POST')[0], 200)
    same(s.document(task_id)['cancel_requested_by'], 'token:bot')
    same(s.api.wait(task_id)['status'], 'cancelled')
    same(ask(s, ROOT, 'tcp', f'/api/task/{task_id}/resume', '-X', 'POST')[0], 200)
    same(s.api.task(task_id)['resumed_by'], 'user:0(root)')
    same(ask(s, who, 'tcp', f'/api/task/{task_id}/cancel', '-X', 'POST')[0], 200)
    s.api.wait(task_id)
    same(with_token(s, token, f'/api/task/{task_id}', '-X', 'DELETE')[0], 200)
    same(actions(s, task_id), [('Created', named(who)), ('To be cancelled', 'token:bot'),
                               ('Attempt 2 is asked for', 'user:0(root)'), ('To be cancelled', named(who)),
                               ('Forgotten', 'token:bot')])
    revoke(s, 'bot')


def test_what_others_write_is_not_found_as_an_action(s):
    """As README says to look for them: anybody may send journald such a field."""
    forged = 'MESSAGE=task-1700000000-abcdef: Forgotten\nREMOTE_DEVELOPER_ACTOR=token:forged\n'
    subprocess.run(s.as_user(user('stranger'), 'logger', '--journald'), input=forged, text=True, check=True)
    s.sync_journal()
    check(s.journal('REMOTE_DEVELOPER_ACTOR=token:forged'), 'it is there')
    unit = '_SYSTEMD_USER_UNIT' if s.is_user else '_SYSTEMD_UNIT'
    same(s.journal(f'{unit}={SERVICE}', 'REMOTE_DEVELOPER_ACTOR=token:forged'), [])
    contains(README.read_text(encoding='utf-8'), f'{unit}=', 'REMOTE_DEVELOPER_ACTOR=token:ci')
