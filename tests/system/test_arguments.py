"""The user's text arrives byte for byte: arguments, environment, directory; nothing is expanded, split or lost."""

import contextlib
import json
import os
import pathlib
import random

from case import check, same, until
from test_survive import verdict

# Writes what it was given to a file, since lines of output are another chapter's.
WITNESS = '''#!/usr/bin/python3
import json, os, sys
with open(sys.argv[1], "w") as out:
    json.dump({"arguments": [os.fsencode(a).hex() for a in sys.argv[2:]], "directory": os.getcwd(),
               "environment": {k: os.fsencode(v).hex() for k, v in os.environ.items()},
               "program": sys.argv[0], "stdin": sys.stdin.read(), "stdin_is": os.readlink("/proc/self/fd/0")}, out)
'''

TEXTS = ['', ' ', 'two words', ' lead and trail ', '$HOME', '${HOME}', '${PATH}x', '$$', '$', '$1', '$?', '%n', '%%',
         '%', '%h%u%i', '%{x}', "'single'", '"double"', '\\', '\\n', '\\x41', 'back\\slash', 'new\nline', '\n',
         'tab\t', '\r', '\x01\x1b[31m\x7f', ';', ' ; ', '&& false', '|', '`id`', '$(id)', '*', '?', '[a]', '{a,b}',
         '~', '~root', '#', '!', '--version', '-', '--', '-n', '@x', '+x', ':x', '!x', '!!x', '=', 'A=b', 'ümläut', '漢字', '🙂',
         '\u202e', '\ufeff', '<&>', "it's", '"', "'", 'a\\', '$' * 50, '%' * 50]


def witness(s, directory=None):
    """The witness program in a scratch directory, and where it will write."""
    directory = directory or s.scratch()
    program = directory / 'witness.py'
    program.write_text(WITNESS)
    program.chmod(0o755)
    os.chown(program, s.runner.pw_uid, s.runner.pw_gid)
    return program, s.scratch() / 'seen'


def seen(s, out, command, **fields):
    task = s.api.run(command, **fields)
    same(task['status'], 'completed', task.get('error'))
    found = json.loads(out.read_text())
    found['arguments'] = [bytes.fromhex(a).decode('utf-8', 'surrogateescape') for a in found['arguments']]
    found['environment'] = {k: bytes.fromhex(v).decode('utf-8', 'surrogateescape')
                            for k, v in found['environment'].items()}
    return found


KEPT = 'WorkingDirectory', 'RuntimeMaxUSec', 'TimeoutStopUSec', 'Environment', 'ActiveState', 'LoadState'


def check_arguments(s, arguments):
    program, out = witness(s)
    same(seen(s, out, [str(program), str(out), *arguments])['arguments'], arguments)


def test_arguments_of_every_kind_arrive_as_they_were(s):
    check_arguments(s, TEXTS)


def test_each_argument_alone_arrives_as_it_was(s):
    """An empty or odd argument in the last place is what quoting gets wrong."""
    for text in ('', ' ', '%', '$', '\\', '\n', '"', "'", ';'):
        check_arguments(s, [text])


def test_long_arguments_arrive(s):
    text = ''.join(random.choices('abc$%"\'\\ \n;é漢', k=40000))
    check_arguments(s, [text, 'x' * 100_000, text[::-1]])


def test_many_arguments_arrive(s):
    check_arguments(s, [f'{n} %n $HOME' for n in range(4000)])


def test_environment_arrives_as_it_was(s):
    program, out = witness(s)
    values = [t for t in TEXTS if not any(c < ' ' and c not in '\t\n' or c == '\x7f' for c in t)]
    environment = {f'VALUE_{n}': value for n, value in enumerate(values)} | {'long': 'ü%$' * 20000, '_x9': 'under'}
    found = seen(s, out, [str(program), str(out)], environment=environment)['environment']
    same({k: v for k, v in found.items() if k in environment}, environment)


def test_environment_may_set_what_systemd_would_set(s):
    program, out = witness(s)
    found = seen(s, out, [str(program), str(out)], environment={'HOME': '/nowhere', 'PATH': '/usr/bin', 'LANG': 'xx'})
    same([found['environment'][k] for k in ('HOME', 'PATH', 'LANG')], ['/nowhere', '/usr/bin', 'xx'])


def test_standard_input_is_empty(s):
    program, out = witness(s)
    found = seen(s, out, [str(program), str(out)])
    same((found['stdin'], found['stdin_is']), ('', '/dev/null'))


def test_the_working_directory_is_kept_whatever_its_name(s):
    for name in 'plain', 'two words', '%n %% $HOME', "it's \"quoted\"", 'ümläut 漢字', 'back\\slash', 'x;y':
        directory = s.scratch() / name
        directory.mkdir()
        directory.chmod(0o755)
        os.chown(directory, s.runner.pw_uid, s.runner.pw_gid)
        program, out = witness(s)
        found = seen(s, out, [str(program), str(out)], working_directory=str(directory))
        same(found['directory'], str(directory))


def test_a_relative_program_is_meant_from_the_working_directory(s):
    directory = s.scratch()
    program, out = witness(s, directory)
    below = directory / 'bin'
    below.mkdir()
    below.chmod(0o755)
    witness(s, below)
    for name in './witness.py', 'bin/witness.py', './bin/witness.py', str(program):
        found = seen(s, out, [name, str(out), 'x'], working_directory=str(directory))
        same((found['arguments'], found['directory']), (['x'], str(directory)), name)


def test_a_program_of_any_name_is_found(s):
    for name in 'two words', '%n', '$HOME', "it's", 'ümläut', '-dash', '@at':
        directory = s.scratch()
        program, out = witness(s, directory)
        program.rename(directory / name)
        same(seen(s, out, [str(directory / name), str(out), 'x'])['arguments'], ['x'], name)


def test_a_program_without_a_slash_is_searched_in_the_path(s):
    directory = s.scratch()
    (directory / 'true').write_text('#!/bin/sh\necho wrong\n')
    (directory / 'true').chmod(0o755)
    task = s.api.run(['true'], working_directory=str(directory))
    same((task['status'], s.api.lines(task['task_id'])), ('completed', []))


def test_nothing_changes_when_systemd_reads_the_unit_again(s):
    """daemon-reload reads the transient unit from its file: what was written there must mean the same."""
    fifo = s.fifo()
    program, out = witness(s)
    script = f'echo up; read line < {fifo}; exec "$@"'
    values = {'E': '%n $HOME "\'\\ ; %% ü\nx'}
    task_id = s.api.create(['/bin/sh', '-c', script, 'sh', str(program), str(out), *TEXTS], environment=values)
    s.api.wait_line(task_id, 'up')
    s.systemctl('daemon-reload')
    fifo.write_text('go\n')
    same(s.api.wait(task_id)['status'], 'completed')
    check_seen = json.loads(out.read_text())
    same([bytes.fromhex(a).decode() for a in check_seen['arguments']], TEXTS)
    same(s.document(task_id)['exit_code'], 0)


SLOW = '''[Unit]
Description=Holds the tasks up until somebody writes to the pipe
Before=remotedeveloper.slice
[Service]
Type=oneshot
ExecStart=/bin/sh -c "read line <{fifo}"
'''


@contextlib.contextmanager
def held_up(s):
    """Tasks that are created within the block wait in systemd, before their start; gives what lets them go."""
    fifo, units = s.fifo(), pathlib.Path('/etc/systemd', s.mode)
    slow, drop_in = units / 'slow.service', units / 'remotedeveloper.slice.d/slow.conf'
    drop_in.parent.mkdir(parents=True, exist_ok=True)
    slow.write_text(SLOW.format(fifo=fifo))
    drop_in.write_text('[Unit]\nWants=slow.service\nAfter=slow.service\n')
    s.systemctl('daemon-reload')
    s.systemctl('stop', 'remotedeveloper.slice')
    try:
        yield lambda: fifo.write_text('go\n')
    finally:
        slow.unlink()
        drop_in.unlink()
        drop_in.parent.rmdir()
        s.systemctl('daemon-reload')


def test_nothing_changes_when_systemd_reads_the_unit_again_before_its_start(s):
    environment = {f'VALUE_{n}': text for n, text in enumerate(TEXTS) if not any(c < ' ' and c not in '\t\n' or
                                                                               c == '\x7f' for c in text)}
    directory = s.scratch() / "it's \"quoted\" $HOME %n; back\\slash"
    directory.mkdir()
    os.chown(directory, s.runner.pw_uid, s.runner.pw_gid)
    program, out = witness(s, directory)
    with held_up(s) as let_go:
        task_id = s.api.create([str(program), str(out), *TEXTS], environment=environment,
                               working_directory=str(directory))
        until(lambda: s.show(s.unit(task_id), 'Job') not in ('', '0'), 'it waits for its start')
        s.systemctl('daemon-reload')
        let_go()
        task = s.api.wait(task_id)
    same(verdict(task), ('completed', 'exit-code', 0, None), task['error'])
    found = json.loads(out.read_text())
    same([bytes.fromhex(a).decode() for a in found['arguments']], TEXTS)
    same({k: bytes.fromhex(v).decode() for k, v in found['environment'].items() if k in environment}, environment)
    same((found['program'], found['directory']), (str(program), str(directory)))


def test_the_same_for_a_program_without_a_slash_and_for_one_that_is_not_there(s):
    with held_up(s) as let_go:
        ids = [s.api.create(command) for command in (['printf', '%s\n', '$HOME; x'], ['no such program'], ['/no/such'])]
        for task_id in ids:
            until(lambda unit=s.unit(task_id): s.show(unit, 'Job') not in ('', '0'), 'it waits for its start')
        s.systemctl('daemon-reload')
        let_go()
        tasks = [s.api.wait(task_id) for task_id in ids]
    same([verdict(t) for t in tasks], [('completed', 'exit-code', 0, None),
                                       *[('failed', 'start-failed', 203, None)] * 2])
    same(s.api.lines(ids[0]), ['$HOME; x'])
    same([t['error'] for t in tasks[1:]], [f'The task could not be started: the program "{name}": No such file or '
                                           'directory' for name in ('no such program', '/no/such')])


def test_the_unit_is_the_same_in_any_directory_when_systemd_reads_it_again(s):
    """Time limit, recorder and all: a name that a line of the file would not keep is refused."""
    for name in 'a%n', '%h', 'back\\slash', 'a \\ b', '"quoted"', "it's", '~', 'x;y', '# x', '-x':
        directory = s.scratch() / name
        directory.mkdir()
        os.chown(directory, s.runner.pw_uid, s.runner.pw_gid)
        fifo = s.fifo()
        task_id = s.api.create(f'echo up; read x < {fifo}; exit 3', working_directory=str(directory), timeout=100)
        s.api.wait_line(task_id, 'up')
        before = s.show(s.unit(task_id), *KEPT)
        s.systemctl('daemon-reload')
        same(s.show(s.unit(task_id), *KEPT), before, name)
        fifo.write_text('go\n')
        same(s.api.wait(task_id)['exit_code'], 3, name)
        check((s.state / f'{task_id}.result').exists(), 'the recorder wrote', name)
