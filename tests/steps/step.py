"""What the tests of remote-developer-step share: a place to work in, a remote, and running a step.

A case is a function test_<what_holds>(f) of a program of this folder; its argument is a fresh Fixture. The first check
that does not hold ends it. main() prints TAP and ends with 0, 1 or 77 as all tests here do.
"""

import inspect
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import traceback

STEP = pathlib.Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else None
TASK = 'task-1700000000-aaaaaa'
OTHER = 'task-1700000001-bbbbbb'
LIMIT = 120  # seconds that nothing here comes near to: a hang is a failure, not a hang


class Skip(Exception):
    """What this machine cannot show, with the reason."""


def same(actual, expected, what=''):
    if actual != expected:
        raise AssertionError(f'{what} is {str(actual)[:1500]!r}, should be {str(expected)[:1500]!r}')


def check(holds, what, value=''):
    if not holds:
        raise AssertionError(f'{what}: {str(value)[:2000]}')


def contains(whole, *parts):
    for part in parts:
        check(part in whole, f'should contain {part!r}', whole)


def lacks(whole, *parts):
    for part in parts:
        check(part not in whole, f'should not contain {part!r}', whole)


class Fixture:
    """A directory of its own, with the home of a user who has configured nothing."""

    def __init__(self):
        self.top = pathlib.Path(tempfile.mkdtemp(prefix='steps-'))
        self.root, self.home = self.top / 'root', self.top / 'home'
        self.credentials = self.top / 'credentials'
        self.home.mkdir()
        self.environment = {'PATH': os.environ['PATH'], 'HOME': str(self.home), 'GIT_CONFIG_NOSYSTEM': '1'}

    def close(self):
        shutil.rmtree(self.top)

    def git(self, directory, *arguments, **options):
        """A user's own git, somewhere in the test's directory; what it printed, without the last newline."""
        git = subprocess.run(
            ['git', '-c', 'user.name=User', '-c', 'user.email=user@example.org', '-C', str(directory), *arguments],
            env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False,
            timeout=LIMIT, **options)
        check(git.returncode == 0, f'git {arguments} ended with {git.returncode}', git.stderr)
        return git.stdout.removesuffix('\n')

    def remote(self, name='remote', **files):
        """A bare repository below top/git with one commit of these files on main."""
        bare, seed = self.top / 'git' / f'{name}.git', self.top / 'seed' / name
        for path in (bare, seed):
            path.mkdir(parents=True)
        self.git(bare, 'init', '--quiet', '--bare', '--initial-branch=main')
        self.git(seed, 'init', '--quiet', '--initial-branch=main')
        self.git(seed, 'remote', 'add', 'origin', str(bare))
        self.push(name, 'first', **(files or {'file': 'first\n'}))
        return bare

    def push(self, name, message, branch='main', **files):
        """One more commit on the remote's branch, as another person would make it; its id."""
        seed = self.top / 'seed' / name
        for file, text in files.items():
            (seed / file).write_text(text)
        self.git(seed, 'add', '--all')
        self.git(seed, 'commit', '--quiet', '--allow-empty', '--message', message)
        self.git(seed, 'push', '--quiet', '--force', 'origin', f'HEAD:refs/heads/{branch}')
        return self.git(seed, 'rev-parse', 'HEAD')

    def give_token(self, token):
        """What LoadCredential= would do."""
        self.credentials.mkdir(mode=0o700, exist_ok=True)
        (self.credentials / 'github_token').write_text(token + '\n')
        self.environment['CREDENTIALS_DIRECTORY'] = str(self.credentials)

    def tree(self, task=TASK):
        return self.root / 'tasks' / task

    def command(self, verb, *arguments, task=TASK):
        return [str(STEP), verb, '--root', str(self.root), '--task', task, *map(str, arguments)]

    def start(self, verb, *arguments, task=TASK, **options):
        return subprocess.Popen(self.command(verb, *arguments, task=task), env=self.environment,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)

    def run(self, verb, *arguments, task=TASK, input=b'', cwd=None, status=0):
        """The step's output and errors together, as text; its status has to be this."""
        step = subprocess.run(self.command(verb, *arguments, task=task), env=self.environment, input=input, cwd=cwd,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=LIMIT)
        text = step.stdout.decode(errors='replace')
        same(step.returncode, status, f'{verb}: {text}: the status')
        return text

    def workspace(self, repository, task=TASK, status=0):
        return self.run('workspace', '--repository', repository, task=task, status=status)

    def review(self, task=TASK, cwd=None):
        self.run('review', task=task, cwd=cwd or self.tree(task))
        return self.report('review.json', task), self.report_bytes('review.diff', task)

    def commit(self, message, *arguments, task=TASK, cwd=None, status=0):
        self.run('commit', *arguments, task=task, input=message, cwd=cwd or self.tree(task), status=status)
        return self.report('commit.json', task)

    def report_bytes(self, name, task=TASK):
        return (self.root / 'reports' / task / name).read_bytes()

    def report(self, name, task=TASK):
        return json.loads(self.report_bytes(name, task))


def run_case(number, name, function):
    """The line of TAP, and whether it failed and was skipped."""
    fixture = Fixture()
    try:
        function(fixture)
    except Skip as why:
        print(f'ok {number} - {name} # SKIP {why}', flush=True)
        return False, True
    except Exception:  # pylint: disable=broad-except
        print(f'not ok {number} - {name}')
        print('\n'.join('# ' + line for line in traceback.format_exc().splitlines()), flush=True)
        return True, False
    finally:
        fixture.close()
    print(f'ok {number} - {name}', flush=True)
    return False, False


def main():
    module = inspect.getmodule(inspect.stack()[1].frame)
    wanted = sys.argv[2:]
    cases = [(n.removeprefix('test_').replace('_', ' '), f) for n, f in vars(module).items()
             if n.startswith('test_') and (not wanted or n in wanted)]
    ends = [run_case(number, *case) for number, case in enumerate(cases, 1)]
    print(f'1..{len(cases)}')
    sys.exit(1 if any(failed for failed, _ in ends) else 77 if any(skipped for _, skipped in ends) else 0)
