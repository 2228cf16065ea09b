"""The configuration file: what is wrong in it stops the start and is told with file, line and column."""

import pathlib
import re
import subprocess

from case import accepts_failures, check, contains, same, table
from service import SERVICE, SOCKET

# text of the file: line, column or None for any, words that the message must have
WRONG = {
    'task_execution:\n  claude_timeuot: 5\n': (2, 3, ['claude_timeuot', 'claude_timeout']),
    'task_execution:\n  claude_timeout: 0\n': (2, 19, ['claude_timeout', '604800']),
    'task_execution:\n  claude_timeout: -5\n': (2, 19, ['claude_timeout']),
    'task_execution:\n  claude_timeout: 2h\n': (2, 19, ['claude_timeout', '2h']),
    'task_execution:\n  claude_timeout: "7200"\n': (2, 19, ['claude_timeout']),
    'task_execution:\n  use_daemon_threads: perhaps\n': (2, 23, ['use_daemon_threads', 'true']),
    'recovery:\n\n  orphaned_task_action: restart\n': (3, 25, ['interrupted', 'resume']),
    'connection:\n  sse_heartbeat_interval: 120\n  sse_timeout: 60\n': (3, None, ['sse_timeout', 'sse_heartbeat']),
    'surprise:\n  x: 1\n': (1, 1, ['surprise', 'task_execution']),
    'recovery:\n  monitor_interval: 5\n  monitor_interval: 6\n': (3, 3, ['monitor_interval']),
    'recovery: [\n': (None, None, []),
    'recovery:\n\tmonitor_interval: 5\n': (2, None, []),
    'persistence:\n  max_memory_logs: [1]\n': (2, 20, ['max_memory_logs']),
    '- a\n': (1, 1, []),
}


def daemon(s, *arguments):
    program = s.show(SERVICE, 'ExecStart').split('path=')[1].split(' ')[0]
    argv = s.as_user(s.owner, program, f'--{s.mode}', *arguments)
    return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=20, check=False)


def problem(path, text, line, column, words):
    """What is not as it should be with what was said about a wrong file."""
    found = re.search(rf'{re.escape(str(path))}:(\d+):(\d+)', text)
    if not found:
        return f'no place in {text!r}'
    if line and int(found[1]) != line or column and int(found[2]) != column:
        return f'{found[0]}, should be {line}:{column}'
    lacking = [word for word in words if word not in text]
    return f'{lacking} lacks in {text!r}' if lacking else None


def test_check_config_tells_every_kind_of_mistake_with_its_place(s):
    rows = {}
    for text, wanted in WRONG.items():
        s.configure(text=text, restart=False)
        done = daemon(s, '--check-config')
        rows[text] = problem(s.config, done.stdout, *wanted) if done.returncode == 2 else f'ended {done.returncode}'
    table(rows)


def test_check_config_is_silent_about_a_good_file(s):
    s.configure(recovery={'monitor_interval': 5}, restart=False)
    done = daemon(s, '--check-config')
    same((done.returncode, done.stdout), (0, ''))
    s.configure(restart=False)
    same(daemon(s, '--check-config').returncode, 0, 'without a file')


def test_check_config_warns_of_a_recipe_whose_program_is_not_there(s):
    s.configure(text='recipes:\n  mine:\n    work:\n      command: [no-such-program]\n', restart=False)
    done = daemon(s, '--check-config')
    same(done.returncode, 0)
    contains(done.stdout, f'{s.config}:4: the recipe mine needs the program no-such-program')


def test_a_named_file_is_read_and_must_be_there(s):
    path = s.scratch() / 'x.yaml'
    path.write_text('nonsense: 1\n')
    done = daemon(s, '--check-config', f'--config={path}')
    same((done.returncode, problem(path, done.stdout, 1, 1, ['nonsense'])), (2, None))
    done = daemon(s, '--check-config', f'--config={path}-not')
    same(done.returncode, 2)
    contains(done.stdout, f'{path}-not')


@accepts_failures
def test_the_service_does_not_start_with_a_wrong_file_and_says_why(s):
    s.start()
    cursor = s.journal_cursor()
    s.configure(text='task_execution:\n  cluade_timeout: 5\n', restart=False)
    try:
        s.systemctl('restart', SERVICE, check=False)
        check(not s.is_active(), 'it is not running')
        same(s.show(SERVICE, 'ExecMainStatus'), '2')
        told = [m for m in s.own_messages(cursor) if m and 'cluade_timeout' in m]
        same(len(told), 1)
        same(problem(s.config, told[0], 2, 3, ['claude_timeout']), None)
    finally:
        s.configure(restart=False)
        s.systemctl('reset-failed', SERVICE, SOCKET, check=False)
        s.listen()
    same(s.api.get('/api/health').status, 200, 'with the mistake gone it starts again')


@accepts_failures
def test_a_wrong_file_is_not_tried_again_and_again(s):
    """Trying again cannot help, and the journal would fill with the same sentence."""
    s.start()
    cursor = s.journal_cursor()
    s.configure(text='x: 1\n', restart=False)
    try:
        s.systemctl('restart', SERVICE, check=False)
        same(s.show(SERVICE, 'NRestarts', 'ActiveState'), {'NRestarts': '0', 'ActiveState': 'failed'})
        told = [m for m in s.own_messages(cursor) if m and str(s.config) in m]
        same(len(told), 1)
    finally:
        s.configure(restart=False)
        s.systemctl('reset-failed', SERVICE, SOCKET, check=False)
        s.listen()


def test_a_wrong_file_does_not_touch_a_running_service_nor_its_tasks(s):
    task_id = s.api.create('echo up; exec sleep 1000')
    s.api.wait_line(task_id, 'up')
    s.configure(text='x: 1\n', restart=False)
    same(s.api.alive(task_id)['is_alive'], True)
    s.configure(restart=False)


def test_the_shipped_file_has_the_defaults(s):
    """The installed configuration changes nothing against one that says next to nothing."""
    shipped = pathlib.Path(__file__).parents[2] / 'config/long_running_tasks.yaml'
    seen = []
    for text in shipped.read_text(encoding='utf-8'), 'recovery:\n  check_orphaned_tasks: true\n':
        s.configure(text=text)
        task_id = s.api.create('echo up; exec sleep 1000')
        s.api.wait_line(task_id, 'up')
        seen.append(s.show(s.unit(task_id), 'RuntimeMaxUSec', 'TimeoutStartUSec', 'TimeoutStopUSec', 'PartOf', 'User'))
    same(seen[0], seen[1])
