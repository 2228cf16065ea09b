"""Looks for a secret where it must not be: in what any process was started with, and in files."""

import pathlib

from step import check


def processes():
    """(pid, arguments, environment) of every process that may be looked at, as bytes."""
    for path in pathlib.Path('/proc').glob('[0-9]*'):
        try:
            yield int(path.name), (path / 'cmdline').read_bytes(), (path / 'environ').read_bytes()
        except OSError:
            pass  # it has ended, or is another user's


def not_in_processes(secret, *expected):
    """Nowhere; each of the programs that are expected has been seen, so that the silence says something."""
    seen = list(processes())
    for pid, arguments, environment in seen:
        check(secret.encode() not in arguments, f'the arguments of {pid} have the secret', arguments)
        check(secret.encode() not in environment, f'the environment of {pid} has the secret', arguments)
    for program in expected:
        check(any(program.encode() in arguments for _, arguments, _ in seen), f'{program} is not running')


def find(program):
    """The process that was started with these arguments."""
    return next(pid for pid, arguments, _ in processes() if arguments.startswith(program.encode()))


def not_in_files(secret, *directories):
    count = 0
    for directory in directories:
        for path in pathlib.Path(directory).rglob('*'):
            if path.is_file():
                count += 1
                check(secret.encode() not in path.read_bytes(), f'{path} has the secret')
    check(count > 0, 'there is no file to look at')
