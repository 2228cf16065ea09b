#!/usr/bin/env python3
"""The token: whom it is given to, by which way, and where it is never seen."""

import subprocess

import leaks
from git_server import TOKEN, GitServer
from step import LIMIT, STEP, TASK, check, contains, lacks, main, same


def ask(f, host, request, action='get'):
    """What the helper answers to git's lines."""
    helper = subprocess.run([STEP, 'credential', host, action], env=f.environment, input=request,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=LIMIT)
    same(helper.returncode, 0, helper.stdout)
    return helper.stdout


ANSWERS = [
    # the host of the helper, protocol, the host that git asks for, whether it is told
    ('github.com', 'https', 'github.com', True),
    ('github.com', 'https', 'GitHub.com', True),
    ('github.com', 'http', 'github.com', False),
    ('github.com', 'https', 'evil.example', False),
    ('github.com', 'https', 'github.com.evil.example', False),
    ('github.com', 'https', 'github.com:444', False),
    ('host:8443', 'https', 'host:8443', True),
    ('127.0.0.1:80', 'http', '127.0.0.1:80', True),
    ('github.localhost', 'http', 'github.localhost', True),
    ('127.0.0.1.evil.example', 'http', '127.0.0.1.evil.example', False),
    ('github.com', 'ftp', 'github.com', False),
    ('github.com', '', 'github.com', False),
]


def test_the_helper_answers_only_for_its_host_over_tls(f):
    f.give_token(TOKEN)
    for own, protocol, host, is_told in ANSWERS:
        answer = ask(f, own, f'protocol={protocol}\nhost={host}\npath=x\n\n')
        same(f'password={TOKEN}\n' in answer, is_told, f'{own} asked for {protocol} {host}: {answer}')
        same(answer == '', not is_told)
    same(ask(f, 'github.com', 'xhost=github.com\nprotocol=https\n'), '')


def test_the_helper_stores_and_erases_nothing(f):
    f.give_token(TOKEN)
    for action in ('store', 'erase', 'unknown'):
        same(ask(f, 'github.com', f'protocol=https\nhost=github.com\npassword={TOKEN}\n', action), '')
    same((f.credentials / 'github_token').read_text(), TOKEN + '\n')


def test_a_token_of_several_lines_cannot_forge_an_answer(f):
    f.give_token('one\nhost=evil.example')
    helper = subprocess.run([STEP, 'credential', 'github.com', 'get'], env=f.environment, text=True, check=False,
                            input='protocol=https\nhost=github.com\n', stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    same((helper.returncode, helper.stdout), (1, ''))


def run_secret(f, *words):
    return subprocess.run([STEP, 'secret', *words], env=f.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          check=False, timeout=LIMIT)


def test_a_secret_is_printed_byte_for_byte(f):
    f.give_token(TOKEN)
    (f.credentials / 'API_KEY').write_bytes(b'\x00\xff any\nbytes')
    same(run_secret(f, 'API_KEY').stdout, b'\x00\xff any\nbytes')
    for words in (['absent'], ['../home/x'], ['/etc/passwd'], ['.'], ['']):
        refused = run_secret(f, *words)
        same((refused.returncode, refused.stdout), (1, b''))
        contains(refused.stderr, b'no secret of the name')
    same(run_secret(f).returncode, 2)


def test_the_token_is_seen_nowhere_while_git_works(f):
    f.remote()
    f.give_token(TOKEN)
    told = ''
    with GitServer(f.top / 'git') as server:
        url = server.url('remote.git')
        for held, verb, program in (('git-upload-pack', 'workspace', 'git-remote-http'),
                                    ('git-receive-pack', 'commit', 'git-remote-http')):
            server.hold(held)
            cwd = f.tree() if verb == 'commit' else None
            if cwd:
                (cwd / 'file').write_text('changed\n')
            step = f.start(verb, '--repository', url, cwd=cwd, stdin=subprocess.PIPE)
            step.stdin.write(b'message')
            step.stdin.close()
            check(server.arrived.wait(LIMIT), f'{verb} never came')
            leaks.not_in_processes(TOKEN, program, str(STEP))
            server.release()
            told += step.stdout.read().decode() + step.stderr.read().decode()
            same(step.wait(LIMIT), 0, told)
        f.run('review', cwd=f.tree())
        check(any(r['password'] == TOKEN for r in server.requests), 'the token was never sent')
    lacks(told, TOKEN)
    lacks((f.tree() / '.git/config').read_text(), TOKEN, 'helper')
    same(f.git(f.tree(), 'config', 'remote.origin.url'), url)
    leaks.not_in_files(TOKEN, f.root, f.home)


def test_the_token_is_sent_to_no_other_host(f):
    f.remote()
    f.give_token(TOKEN)
    with GitServer(f.top / 'git') as server, GitServer(f.top / 'git') as other:
        f.workspace(server.url('remote.git'))
        (f.tree() / 'file').write_text('changed\n')
        # What an agent could do to the work tree, another remote; and to the home, a helper of its own to be told.
        f.git(f.tree(), 'config', 'remote.origin.url', other.url('remote.git'))
        for key in ('credential.helper', f'credential.{server.url("")}.helper'):
            f.git(f.tree(), 'config', '--global', key, f'!cat >>{f.top}/told #')
        same(f.commit(b'message', '--repository', server.url('remote.git'))['pushed'], True)
        same(other.requests, [])
    if (f.top / 'told').exists():
        lacks((f.top / 'told').read_text(), TOKEN)


def test_the_agents_own_git_gets_the_token_by_the_environment(f):
    f.remote()
    f.give_token(TOKEN)
    with GitServer(f.top / 'git') as server:
        f.workspace(server.url('remote.git'))
        host = f'127.0.0.1:{server.port}'
        key, helper = f'credential.http://{host}.helper', f"!'{STEP}' credential '{host}'"
        f.environment |= {'GIT_TERMINAL_PROMPT': '0', 'GIT_CONFIG_COUNT': '2', 'GIT_CONFIG_KEY_0': key,
                          'GIT_CONFIG_VALUE_0': '', 'GIT_CONFIG_KEY_1': key, 'GIT_CONFIG_VALUE_1': helper}
        f.git(f.tree(), 'fetch')
        f.git(f.tree(), 'push', '--quiet', 'origin', f'rd/{TASK}')
    leaks.not_in_files(TOKEN, f.root, f.home)


def test_without_a_token_the_users_own_helper_is_asked(f):
    f.remote()
    with GitServer(f.top / 'git') as server:
        (f.home / '.gitconfig').write_text(f'[credential]\n helper = "!echo username=u; echo password={TOKEN} #"\n')
        f.workspace(server.url('remote.git'))


if __name__ == '__main__':
    main()
