"""What the installation brings: users, directories, sockets, units and programs, each as its owner will find it."""

import grp
import json
import os
import pathlib
import pwd
import stat
import subprocess

from case import accepts_failures, check, contains, lacks, modes, same, until
from client import Client
from service import SERVICE, SOCKET

GROUP = 'remote-developer-users'


def mode_of(path):
    found = path.stat()
    names = pwd.getpwuid(found.st_uid).pw_name, grp.getgrgid(found.st_gid).gr_name
    return f'{stat.S_IMODE(found.st_mode):o} {names[0]}:{names[1]}'


def health_as(s, user, group=None):
    """Asks for the health over the unix socket as another user; returns curl's exit status."""
    identity = ['setpriv', '--reuid', user, '--regid', group or user, '--clear-groups']
    if user == 'nobody' and not group:
        identity[4] = 'nogroup'
    curl = ['curl', '--silent', '--fail', '--unix-socket', str(s.socket), 'http://localhost/api/health']
    return subprocess.run(identity + curl, stdout=subprocess.DEVNULL, check=False).returncode


def test_the_socket_answers_a_connection_that_came_before_the_service_was_up(s):
    for address in s.api.address, s.socket:
        s.stop()
        same(s.is_active(), False)
        same(Client(address).get('/api/health').status, 200)
        same(s.is_active(), True)


def test_it_listens_on_the_loopback_address_alone(s):
    s.start()
    listening = {line.split()[1] for line in pathlib.Path('/proc/net/tcp').read_text().splitlines()[1:]
                 if line.split()[3] == '0A'}
    same({a for a in listening if a.endswith(f':{15001:04X}')}, {f'0100007F:{15001:04X}'})
    lacks(pathlib.Path('/proc/net/tcp6').read_text(), f':{15001:04X} ')


@accepts_failures
def test_it_serves_no_socket_of_another_address(s):
    """Also one that the administrator has told systemd to open."""
    base = pathlib.Path('/run/systemd') if not s.is_user else s.runtime / 'systemd'
    drop_in = base / s.mode / f'{SOCKET}.d/open.conf'
    s.command('mkdir', '-p', str(drop_in.parent))
    cursor = s.journal_cursor()
    try:
        for address in '0.0.0.0:15009', '[::]:15009':
            s.stop_all()
            drop_in.write_text(f'[Socket]\nListenStream={address}\n')
            s.systemctl('daemon-reload')
            s.listen()
            s.systemctl('start', SERVICE, check=False)
            until(lambda: s.show(SERVICE, 'ActiveState') == 'failed', 'it is not tried again')
            same(s.show(SERVICE, 'ExecMainStatus'), '2')
        told = '\n'.join(filter(None, s.own_messages(cursor)))
        contains(told, 'a socket for 0.0.0.0 was passed', 'a socket for :: was passed', 'ssh -L')
    finally:
        s.stop_all()
        drop_in.unlink()
        s.systemctl('daemon-reload')
        s.systemctl('reset-failed', SERVICE, SOCKET, check=False)
        s.start()
    same(s.api.get('/api/health').status, 200)


@modes('system')
def test_members_of_the_group_may_use_the_unix_socket_and_others_not(s):
    same(mode_of(s.socket), f'660 root:{GROUP}')
    same(health_as(s, 'nobody', GROUP), 0)
    check(health_as(s, 'nobody') == 7, 'curl is refused the connection')
    check(health_as(s, 'tester') == 7, 'curl is refused the connection')


@modes('user')
def test_only_the_owner_may_use_the_unix_socket(s):
    same(mode_of(s.socket), '600 tester:tester')
    same(mode_of(s.socket.parent), '700 tester:tester')
    same(health_as(s, 'tester'), 0)
    check(health_as(s, 'nobody') == 7, 'curl is refused the connection')


@modes('system')
def test_users_and_directories_are_made(s):
    tasks_user = pwd.getpwnam('remote-developer')
    same(tasks_user.pw_dir, '/var/lib/remote-developer/home')
    check(0 < tasks_user.pw_uid < 1000, 'the user of the tasks is a system user', tasks_user.pw_uid)
    check(pwd.getpwnam('remote-developerd').pw_uid > 0, 'the service has a user')
    same(grp.getgrnam(GROUP).gr_mem, [])
    same(mode_of(pathlib.Path(tasks_user.pw_dir)), '750 remote-developer:remote-developer')
    check(not s.state.stat().st_mode & 0o007, 'documents are not for everybody', mode_of(s.state))


@modes('user')
def test_documents_are_for_the_owner_alone(s):
    task = s.api.run('true')
    for path in s.state, s.state / f'{task["task_id"]}.json':
        same(path.owner(), 'tester')
        check(not path.stat().st_mode & 0o007, 'documents are not for everybody', mode_of(path))


def test_tasks_run_as_their_user_and_never_as_root(s):
    with_home = s.api.run('id -un; id -u; echo "$HOME"; pwd')
    lines = s.api.lines(with_home['task_id'])
    same(lines, [s.runner.pw_name, str(s.runner.pw_uid), s.runner.pw_dir, s.runner.pw_dir])
    check(s.runner.pw_uid > 0, 'it is not root')


@modes('system')
def test_tasks_cannot_look_into_the_documents(s):
    task = s.api.run(f'ls {s.state} 2>&1 || echo refused')
    same(s.api.lines(task['task_id'])[-1], 'refused')


def test_the_units_are_as_promised(s):
    s.start()
    wanted = {'Type': 'notify', 'WatchdogUSec': '1min', 'Restart': 'on-failure', 'NoNewPrivileges': 'yes',
              'ActiveState': 'active', 'SubState': 'running'}
    same(s.show(SERVICE, *wanted), wanted)
    listen = s.show(SOCKET, 'Listen')
    contains(listen, str(s.socket))
    same(s.systemctl('is-active', SOCKET).strip(), 'active')


def test_the_service_holds_no_capability(s):
    s.start()
    status = pathlib.Path(f'/proc/{s.main_pid()}/status').read_text()
    contains(status, 'CapEff:\t0000000000000000', 'NoNewPrivs:\t1', 'CapAmb:\t0000000000000000')


def test_enabling_the_service_enables_its_socket(s):
    s.systemctl('enable', SERVICE)
    same(s.systemctl('is-enabled', SERVICE, SOCKET).split(), ['enabled', 'enabled'])
    s.systemctl('disable', SERVICE, SOCKET)


def test_the_programs_tell_their_version_and_their_help(s):
    program = s.show(SERVICE, 'ExecStart').split('path=')[1].split(' ')[0]
    contains(s.command(program, '--version'), 'remote-developerd ', s.api.get('/api/health').json['version'])
    contains(s.command(program, '--help'), '--check-config', 'task_execution.claude_timeout')
    same(subprocess.run([program, '--no-such'], stderr=subprocess.DEVNULL, check=False).returncode, 2)
    manual = s.command('man', '--where', 'remote-developerd', check=False).strip()
    check(manual and os.path.exists(manual), 'there is a manual page', manual)


def test_a_second_service_on_the_same_directory_is_refused(s):
    s.start()
    program = s.show(SERVICE, 'ExecStart').split('path=')[1].split(' ')[0]
    argv = s.as_user(s.owner, program, f'--{s.mode}', '--listen=127.0.0.1:15002', f'--state-directory={s.state}')
    done = subprocess.run(argv, stderr=subprocess.PIPE, text=True, timeout=20, check=False)
    same(done.returncode, 1)
    contains(done.stderr + '\n'.join(filter(None, s.own_messages())), str(s.state), str(s.main_pid()))
    same(s.api.get('/api/health').status, 200)


def test_a_service_that_hangs_is_ended_and_started_again(s):
    """With a shorter watchdog than the unit's, since nobody can wait for that here."""
    base = pathlib.Path('/run/systemd') if not s.is_user else s.runtime / 'systemd'
    dropin = base / s.mode / f'{SERVICE}.d/short.conf'
    s.command('mkdir', '-p', str(dropin.parent))
    dropin.write_text('[Service]\nWatchdogSec=2\nTimeoutAbortSec=1\n')
    try:
        s.systemctl('daemon-reload')
        s.restart()
        beats, pid = {s.show(SERVICE, 'WatchdogTimestampMonotonic')}, s.main_pid()
        until(lambda: len(beats.add(s.show(SERVICE, 'WatchdogTimestampMonotonic')) or beats) > 2, 'it beats')
        same(s.main_pid(), pid, 'the watchdog has nothing to bark at')
        s.command('kill', '-STOP', str(pid))
        until(lambda: s.main_pid() not in (0, pid) and s.is_active(), 'systemd starts it again')
        same(s.api.get('/api/health').status, 200)
    finally:
        dropin.unlink()
        s.systemctl('daemon-reload')
        s.restart()


test_a_service_that_hangs_is_ended_and_started_again.accepts_failures = True


def test_health_tells_how_it_is(s):
    body = s.api.get('/api/health').json
    same({k: body[k] for k in ('status', 'error', 'systemd_connected', 'journal_readable', 'journal_persistent')},
         {'status': 'ok', 'error': None, 'systemd_connected': True, 'journal_readable': True,
          'journal_persistent': True}, json.dumps(body))
    check(body['disk_free_bytes'] > 0, 'room on the disk', body)
