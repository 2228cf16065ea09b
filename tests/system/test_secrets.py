"""The token of a request is looked for everywhere on the machine, and found nowhere."""

import pathlib
import secrets

from case import check, note, same
from service import ROOT
from test_stream import talker

AGENT = '''#!/bin/sh
cat >/dev/null
echo '{"type": "system"}'
sleep 1000
'''


def holders(token, paths):
    """Files that hold the token. What goes away while we look never held it for long."""
    found = []
    for path in paths:
        try:
            with path.open('rb') as file:
                if token in file.read(64 << 20):
                    found.append(str(path))
        except OSError:
            pass
    return found


def files_of(*directories):
    for directory in directories:
        yield from (p for p in pathlib.Path(directory).rglob('*') if p.is_file() and not p.is_symlink())


def everywhere(s, token):
    """Where the token is, as far as any user may look, and root."""
    raw = token.encode()
    processes = [p / name for p in pathlib.Path('/proc').glob('[0-9]*') for name in ('cmdline', 'environ')]
    found = holders(raw, processes)
    home = s.owner.pw_dir if s.is_user else '/etc/remote-developer'
    found += holders(raw, files_of(s.state, s.transient, '/run/systemd', '/run/user', '/tmp', home, '/var/log/journal',
                                   '/var/lib/remote-developer'))
    texts = {'journalctl': s.command('journalctl', '--all', '--output=export', '--no-pager', user=ROOT),
             'systemctl show': s.systemctl('show', '*'),
             'documents': str(s.api.tasks()) + s.api.get('/api/dashboard').body.decode()}
    return found + [name for name, text in texts.items() if token in text]


def agent(s):
    """A program of the agent's name that runs on, so that its process can be looked at too."""
    path = pathlib.Path('/usr/local/bin/claude')
    path.write_text(AGENT)
    path.chmod(0o755)
    return path


def request(token):
    return {'devpod_name': 'pod', 'github_repo': 'owner/name', 'github_token': token, 'task_description': 'Say hello'}


def test_the_token_is_nowhere_while_the_task_runs_and_afterwards(s):
    token = 'ghp_' + secrets.token_hex(18)
    program = agent(s)
    try:
        task_id = s.api.create_from(request(token))
        s.api.wait_line(task_id, '{"type": "system"}')
        same(everywhere(s, token), [], 'while it runs')
        s.api.cancel(task_id)
        s.api.wait(task_id)
        s.restart()
        same(everywhere(s, token), [], 'afterwards')
    finally:
        program.unlink()


def test_the_token_is_nowhere_after_a_refusal(s):
    token = 'ghp_' + secrets.token_hex(18)
    for wrong in {'github_repo': 5}, {'unknown': token}, {'timeout': 0}, {'task_description': ''}, {token: 1}:
        reply = s.api.post('/api/create-task', request(token) | wrong)
        same(reply.status, 400)
        if token not in wrong:
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
                   'documents'):
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
