"""Tasks are fenced: what one of them tries against the machine, the service and its neighbours, and what its profile
leaves it. What only a kernel with controllers can show is in tests/vm/test_limits.py."""

import contextlib
import json
import os
import pathlib
import pwd
import shutil
import subprocess

from case import check, contains, lacks, modes, same, table, until

SECRET = 'do-not-show-me'
ALWAYS = {'NoNewPrivileges': 'yes', 'RestrictSUIDSGID': 'yes', 'SystemCallErrorNumber': '1', 'PrivateUsers': 'yes',
          'PrivateTmp': 'yes', 'ProtectSystem': 'strict', 'OOMScoreAdjust': '300'}
OF_SYSTEM = {'ProtectKernelModules': 'yes', 'ProtectKernelLogs': 'yes', 'ProtectHome': 'no'}
OF_USER = {'ProtectControlGroups': 'yes', 'ProtectHome': 'tmpfs'}
STRICT = {'ProtectKernelTunables': 'yes', 'ProtectControlGroups': 'yes', 'RestrictNamespaces': 'uts',
          'RestrictRealtime': 'yes', 'LockPersonality': 'yes', 'SystemCallArchitectures': 'native'}
STRICT_OF_SYSTEM = {'PrivateNetwork': 'yes', 'PrivateDevices': 'yes', 'PrivateIPC': 'yes', 'ProtectClock': 'yes',
                    'ProtectHostname': 'yes', 'ProtectProc': 'invisible', 'CapabilityBoundingSet': ''}
KNOCK = "python3 -c 'import socket; s = socket.socket(socket.AF_UNIX); s.connect(\"{}\")'"
RECIPES = '''
recipes:
  strict: {sandbox: strict, work: {}}
  open: {sandbox: open, work: {}}
  reviewed:
    prepare: [{command: [sh, -c, 'echo before; cat "$CREDENTIALS_DIRECTORY/KEY"; echo']}]
    work: {}
    review: [{command: [sh, -c, 'echo behind; cat "$CREDENTIALS_DIRECTORY/KEY"; echo']}]
'''


def configure(s, text=''):
    s.configure(RECIPES + text)


def running(s, command='echo up; exec sleep 1000', **fields):
    """A task that has said `up` and its unit."""
    task_id = s.api.create(command, **fields)
    s.api.wait_line(task_id, 'up')
    return task_id, s.unit(task_id)


def end(s, task_id):
    s.api.cancel(task_id)
    return s.api.wait(task_id)


def lines_of(s, script, **fields):
    task = s.api.run(script, **fields)
    return s.api.lines(task['task_id'])


def refusals(s, scripts, **fields):
    """Each script tries something in a shell of one task; those that came through."""
    whole = '\n'.join(f'if ( {script} ) </dev/null >/dev/null 2>&1; then echo "{name}: came through"; '
                      f'else echo "{name}: refused"; fi' for name, script in scripts.items())
    said = dict(line.split(': ', 1) for line in lines_of(s, whole, **fields))
    return {name: None if said.get(name) == 'refused' else said.get(name, 'nothing was said') for name in scripts}


@contextlib.contextmanager
def directory(mode=0o777):
    """One that the rights of files leave to everybody, in which no task has any business."""
    path = pathlib.Path('/srv/fence')
    path.mkdir()
    path.chmod(mode)
    try:
        yield path
    finally:
        shutil.rmtree(path)


@contextlib.contextmanager
def drop_in(s, setting):
    """For the service of a user, which then is as if the kernel forbade what the setting does."""
    path = pathlib.Path('/run/systemd/user/remote-developer.service.d/fence.conf')
    path.parent.mkdir(parents=True)
    path.write_text(f'[Service]\n{setting}\n', encoding='utf-8')
    s.systemctl('daemon-reload')
    try:
        yield
    finally:
        shutil.rmtree(path.parent)
        s.systemctl('daemon-reload')
        s.restart()


# --- the unit ---

def test_the_unit_has_the_settings_of_its_profile_also_after_a_reload(s):
    configure(s)
    wanted = {'command': ALWAYS | (OF_USER if s.is_user else OF_SYSTEM),
              'strict': ALWAYS | STRICT | ({} if s.is_user else STRICT_OF_SYSTEM),
              'open': {'NoNewPrivileges': 'no', 'ProtectSystem': 'no', 'PrivateTmp': 'no', 'PrivateUsers': 'no'}}
    units = {recipe: running(s, recipe=recipe) for recipe in wanted}
    for recipe, (task_id, unit) in units.items():
        same(s.show(unit, *wanted[recipe]), wanted[recipe], recipe)
        same(s.api.alive(task_id)['thread_info']['sandbox'], 'standard' if recipe == 'command' else recipe)
        same(s.api.task(task_id)['sandbox'], 'standard' if recipe == 'command' else recipe)
    paths = ('ReadWritePaths', 'InaccessiblePaths', 'BindPaths', 'BindReadOnlyPaths', 'SystemCallFilter',
             'RestrictAddressFamilies')
    before = {recipe: s.show(unit, *paths) for recipe, (_, unit) in units.items()}
    s.systemctl('daemon-reload')
    for recipe, (_, unit) in units.items():
        same(s.show(unit, *wanted[recipe]), wanted[recipe], f'{recipe}, reloaded')
        same(s.show(unit, *paths), before[recipe], f'{recipe}, reloaded')


def test_paths_of_all_letters_are_in_the_unit_after_a_reload(s):
    """A path that could not be read back would take the fence with it, or the unit."""
    home = pathlib.Path(s.runner.pw_dir)
    names = ['with a blank', 'quo"te', "apo'strophe", 'per%cent %n', 'back\\slash x', 'dollar$HOME', 'größe', 'semi;colon']
    for where in (home, pathlib.Path('/tmp')):
        for name in names:
            path = where / 'fence-letters' / name
            path.mkdir(parents=True, exist_ok=True)
            os.chown(path, s.runner.pw_uid, s.runner.pw_gid)
    try:
        for where in (home, pathlib.Path('/tmp')):
            for name in names:
                path = where / 'fence-letters' / name
                task_id, unit = running(s, 'touch here; echo up; exec sleep 1000', working_directory=str(path))
                before = s.show(unit, 'ReadWritePaths', 'BindPaths', 'InaccessiblePaths')
                s.systemctl('daemon-reload')
                same(s.show(unit, 'ReadWritePaths', 'BindPaths', 'InaccessiblePaths'), before, str(path))
                same(s.show(unit, 'LoadState'), 'loaded', str(path))
                check((path / 'here').exists(), 'it could write where it works', str(path))
                end(s, task_id)
    finally:
        shutil.rmtree(home / 'fence-letters')
        shutil.rmtree('/tmp/fence-letters')


def test_the_recorder_is_not_fenced_in_also_after_a_reload(s):
    """It writes where tasks may not even look; without the service the verdict is its file alone."""
    for reload in (False, True):
        fifo = s.fifo()
        task_id = s.api.create(f'echo up; read x < {fifo}; exit 7', secrets={'KEY': SECRET})
        s.api.wait_line(task_id, 'up')
        if reload:
            s.systemctl('daemon-reload')
        s.stop_all()
        fifo.write_text('go\n', encoding='utf-8')
        result = s.state / f'{task_id}.result'
        until(result.exists, f'the recorder wrote its file, reload: {reload}')
        contains(result.read_text(encoding='utf-8'), 'EXIT_STATUS=7')
        s.listen()
        same((task := s.api.wait(task_id))['exit_code'], 7, task)


def test_secrets_come_to_the_steps_before_and_behind_the_work(s):
    configure(s)
    for reload in (False, True):
        fifo = s.fifo()
        task_id = s.api.create(f'echo up; read x < {fifo}; cat "$CREDENTIALS_DIRECTORY/KEY"; echo', recipe='reviewed',
                               secrets={'KEY': SECRET})
        s.api.wait_line(task_id, 'up')
        if reload:
            s.systemctl('daemon-reload')
        fifo.write_text('go\n', encoding='utf-8')
        same(s.api.wait(task_id)['status'], 'completed')
        same(s.api.lines(task_id), ['before', '***', 'up', '***', 'behind', '***'], f'reload: {reload}')


# --- what it may do ---

def test_a_task_writes_where_it_works_in_its_home_and_nowhere_else(s):
    with directory() as outside:
        script = f'touch here ~/fence-home /tmp/fence-own && touch {outside}/x; ls {outside}; rm ~/fence-home'
        scratch = s.scratch()
        said = lines_of(s, script, working_directory=str(scratch))
        contains(said[-1], 'Read-only file system')
        same((scratch / 'here').exists(), True)
        check(not os.path.exists('/tmp/fence-own'), 'its /tmp is its own')
        s.configure(task_execution={'writable_paths': [str(outside), '/srv/not there']})
        same(lines_of(s, f'touch {outside}/x && echo done'), ['done'])
        check((outside / 'x').exists(), 'what the configuration adds is writable')


def test_a_directory_below_tmp_can_be_worked_in(s):
    path = pathlib.Path('/tmp/fence-work')
    path.mkdir()
    os.chown(path, s.runner.pw_uid, s.runner.pw_gid)
    pathlib.Path('/tmp/fence-hidden').touch()
    try:
        lines = lines_of(s, 'pwd; touch made /var/tmp/fence-beside; ls /tmp', working_directory=str(path))
        # In the system no directory that others could put another in place of is mounted: it shares all of it.
        same([line for line in lines if line.startswith(('/', 'fence-'))],
             [str(path), 'fence-work'] if s.is_user else [str(path), 'fence-hidden', 'fence-work'])
        check((path / 'made').exists(), 'it is the very directory')
        same(os.path.exists('/var/tmp/fence-beside'), not s.is_user)
        contains(lines_of(s, 'ls /tmp', working_directory='/tmp'), 'fence-hidden')
    finally:
        shutil.rmtree(path)
        os.unlink('/tmp/fence-hidden')
        pathlib.Path('/var/tmp/fence-beside').unlink(missing_ok=True)


@modes('system')
def test_only_places_that_root_decides_on_are_mounted(s):
    """The recorder, which is root's, has the same mounts: whoever led one elsewhere would have it run his programs."""
    theirs, own = pathlib.Path(pwd.getpwnam('tester').pw_dir) / 'fence-theirs', s.scratch() / 'tree'
    for path, who in ((theirs, pwd.getpwnam('tester')), (own, s.runner)):
        path.mkdir()
        os.chown(path, who.pw_uid, who.pw_gid)
    home = s.runner.pw_dir
    try:
        for path, named in ((theirs, str(theirs.parent)), (own, home), (pathlib.Path('/dev/shm'), '/dev/shm')):
            task_id, unit = running(s, working_directory=str(path))
            contains(s.show(unit, 'ReadWritePaths').split(), f'-{named}')
            lacks(s.show(unit, 'ReadWritePaths'), 'fence-theirs', 'tree')
            same(s.show(unit, 'BindPaths'), '')
            end(s, task_id)
    finally:
        shutil.rmtree(theirs)


@modes('system')
def test_a_link_leads_nobody_out_of_the_fence(s):
    other, unit = running(s, secrets={'KEY': SECRET})
    os.symlink('/', '/tmp/fence-link')
    os.lchown('/tmp/fence-link', s.runner.pw_uid, s.runner.pw_gid)
    try:
        with directory() as outside:
            table(refusals(s, {'secret': f'cat /tmp/fence-link/run/credentials/{unit}/KEY',
                               'secret by where it is': f'cat run/credentials/{unit}/KEY',
                               'machine': f'touch /tmp/fence-link{outside}/x',
                               'machine by where it is': f'touch .{outside}/x'}, working_directory='/tmp/fence-link'))
            same(lines_of(s, 'true', working_directory='/tmp/fence-link'), [])
    finally:
        os.unlink('/tmp/fence-link')
    end(s, other)


@modes('system')
def test_the_manager_of_the_tasks_user_starts_nothing_from_within(s):
    """It is there while that user is logged in, and would start whatever it is asked to without a fence."""
    configure(s)
    name, uid = s.runner.pw_name, s.runner.pw_uid
    s.command('loginctl', 'enable-linger', name)
    try:
        until(lambda: os.path.exists(f'/run/user/{uid}/bus'), 'its bus is there')
        ask = f'export XDG_RUNTIME_DIR=/run/user/{uid}; systemd-run --user --quiet --pipe true'
        same(lines_of(s, f'{ask} && echo asked', recipe='open'), ['asked'])
        for recipe in ('command', 'strict'):
            table(refusals(s, {'a unit': ask, 'the directory': f'ls /run/user/{uid}'}, recipe=recipe))
    finally:
        s.command('loginctl', 'disable-linger', name)
        s.command('systemctl', 'stop', f'user@{uid}.service')


def test_strict_has_no_network_and_no_home_to_write_in(s):
    configure(s)
    scratch = s.scratch() if s.is_user else s.scratch('/srv')
    connect = "python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", 15001), 5)'"
    rows = refusals(s, {'network': connect, 'home': 'touch ~/fence-home', 'machine': 'touch /srv/x',
                        'memory of others': 'cat /proc/1/environ', 'namespace': 'unshare --user true',
                        'api': KNOCK.format(s.socket), 'state': f'ls {s.state}',
                        'tracing': 'python3 -c "import ctypes; exit(ctypes.CDLL(None).ptrace(0, 0, 0, 0) != 0)"'},
                    recipe='strict', working_directory=str(scratch))
    table(rows)
    same(lines_of(s, 'touch here /tmp/x && echo done', recipe='strict', working_directory=str(scratch)), ['done'])
    if not s.is_user:
        home = s.scratch()
        table(refusals(s, {'a part of the home': 'touch here'}, recipe='strict', working_directory=str(home)))
    same(lines_of(s, f'{connect} && echo connected'), ['connected'], 'standard has the network')


def test_open_is_not_fenced_in(s):
    configure(s)
    pathlib.Path('/tmp/fence-seen').touch()
    try:
        contains(lines_of(s, 'ls /tmp', recipe='open'), 'fence-seen')
    finally:
        os.unlink('/tmp/fence-seen')


# --- what it tries ---

def test_the_state_and_the_prompts_of_others_cannot_be_read(s):
    s.command('remote-developerd', f'--{s.mode}', '--new-token=fence', '--scope=admin')
    try:
        other, _ = running(s, secrets={'KEY': SECRET}, task_description=f'a prompt, {SECRET}')
        rows = refusals(s, {
            'state': f'ls {s.state}', 'document': f'cat {s.state}/{other}.json', 'tokens': f'cat {s.state}/tokens',
            'secret': f'cat {s.state}/{other}.credentials/KEY', 'prompt': f'cat {s.state}/{other}.prompt',
            'write': f'touch {s.state}/{other}.result', 'memory': f'cat /proc/{s.main_pid()}/environ', 'by another way': f'cat /proc/1/root{s.state}/{other}.json'})
        table(rows)
        end(s, other)
    finally:
        s.command('remote-developerd', f'--{s.mode}', '--revoke-token=fence')


def test_a_neighbour_is_walled_off(s):
    """Its secrets as files, in its memory, and what it has open; all are the same user's."""
    other, unit = running(s, 'export KEY_HERE=1; cat "$CREDENTIALS_DIRECTORY/KEY" > /tmp/copy; echo up; exec sleep 1000',
                          secrets={'KEY': SECRET}, environment={'TOLD': SECRET})
    pid = s.show(unit, 'MainPID')
    credentials = f'{s.runtime}/credentials/{unit}'
    check(os.path.exists(f'{credentials}/KEY'), 'it is there', credentials)
    rows = refusals(s, {
        'secret': f'cat {credentials}/KEY', 'all secrets': f'ls {s.runtime}/credentials/{unit}',
        'by its root': f'cat /proc/{pid}/root{credentials}/KEY', 'its copy': f'cat /proc/{pid}/root/tmp/copy',
        'environment': f'cat /proc/{pid}/environ', 'memory': f'head -c 1 /proc/{pid}/maps',
        'what it has open': f'readlink /proc/{pid}/fd/1', 'tracing': f'grep -q . /proc/{pid}/syscall'})
    table(rows)
    end(s, other)


def test_nobody_is_started_ended_or_asked_from_within(s):
    """In user mode a task is its owner: a signal comes through, and so does a request over TCP; the README says so."""
    pid = s.main_pid()
    scripts = {
        'a unit': f'systemd-run --{s.mode} true', 'stop': f'systemctl --{s.mode} stop remote-developer.service',
        'the bus': f'busctl --{s.mode} call org.freedesktop.systemd1 /org/freedesktop/systemd1 '
                   'org.freedesktop.systemd1.Manager StopUnit ss remote-developer.service replace',
        'setuid': 'cp /bin/sh ~/fence-sh && chmod u+s ~/fence-sh', 'setgid': 'chmod g+s ~/fence-sh',
        'more rights': 'grep -q "NoNewPrivs:.*0" /proc/self/status',
        'own limits': 'echo max > /sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup)/memory.max',
        'the clock': "python3 -c 'import time; time.clock_settime(time.CLOCK_REALTIME, time.time())'",
        'the socket': KNOCK.format(s.socket)}
    if not s.is_user:
        scripts |= {'kill': f'kill {pid}',
                    'the API': "python3 -c 'import urllib.request; "
                               "urllib.request.urlopen(\"http://127.0.0.1:15001/api/tasks\")'"}
    table(refusals(s, scripts))
    same(s.main_pid(), pid, 'the service is the same')
    lines_of(s, 'rm -f ~/fence-sh')


@modes('system')
def test_the_users_of_tasks_are_answered_with_403(s):
    script = '''python3 -c '
import urllib.request, urllib.error
for method, path in ("GET", "/api/tasks"), ("POST", "/api/create-task"):
    try:
        urllib.request.urlopen(urllib.request.Request("http://127.0.0.1:15001" + path, method=method))
        print(200)
    except urllib.error.HTTPError as e:
        print(e.code)
' '''
    same(lines_of(s, script), ['403', '403'])


def test_what_fills_tmp_is_given_back_and_the_service_goes_on(s):
    """PrivateTmp lies in the machine's /tmp: whoever fills that hurts whoever writes there, until it ends."""
    subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=32M,mode=1777', 'fence', '/tmp'], check=True)
    try:
        fifo = s.fifo()
        task_id = s.api.create(f'cat /dev/zero > /tmp/full; echo up; read x < {fifo}')
        s.api.wait_line(task_id, 'up')
        same(os.statvfs('/tmp').f_bavail, 0)
        same(s.api.run('echo ~')['status'] in ('completed', 'failed'), True, 'the service answers')
        fifo.write_text('go\n', encoding='utf-8')
        s.api.wait(task_id)
        until(lambda: os.statvfs('/tmp').f_bavail * os.statvfs('/tmp').f_frsize > 31 << 20, 'all of it is given back')
        same(lines_of(s, 'echo more > /tmp/x && cat /tmp/x'), ['more'])
    finally:
        until(lambda: subprocess.run(['umount', '/tmp'], check=False).returncode == 0, 'nobody has files there')


# --- limits ---

def test_limits_are_in_the_unit_and_told(s):
    asked = {'memory_max': 64 << 20, 'cpu_quota': 150, 'tasks_max': 77, 'io_weight': 50}
    task_id, unit = running(s, limits={**asked, 'memory_max': '64M', 'timeout': 600})
    wanted = {'MemoryMax': str(64 << 20), 'CPUQuotaPerSecUSec': '1.500000s', 'TasksMax': '77', 'IOWeight': '50',
              'RuntimeMaxUSec': '10min'}
    for _ in range(2):
        same(s.show(unit, *wanted), wanted)
        s.systemctl('daemon-reload')
    task = s.api.task(task_id)
    same((task['limits'], task['timeout']), (asked, 600))
    same(s.document(task_id)['limits'], asked)
    same(s.api.alive(task_id)['thread_info']['limits'], asked)


def test_who_asks_for_nothing_has_the_ceilings(s):
    s.configure(limits={'memory_max': '512M', 'cpu_quota': 80, 'tasks_max': 99, 'io_weight': 60})
    task_id, unit = running(s)
    wanted = {'MemoryMax': str(512 << 20), 'CPUQuotaPerSecUSec': '800ms', 'TasksMax': '99', 'IOWeight': '60'}
    same(s.show(unit, *wanted), wanted)
    lacks(json.dumps(s.api.task(task_id)), '"limits"')
    reply = s.api.post('/api/create-task', {'command': ['true'], 'limits': {'tasks_max': 100}})
    same((reply.status, reply.json['field']), (400, 'limits.tasks_max'))
    same(reply.json['error'], 'limits.tasks_max is 100; the configuration allows at most 99')


def test_all_tasks_together_leave_room(s):
    shown = s.show('remotedeveloper.slice', 'MemoryMax', 'TasksMax', 'CPUWeight', 'IOWeight')
    check(0 < int(shown['MemoryMax']) < os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGESIZE'), 'a part', shown)
    check(0 < int(shown['TasksMax']) < 1 << 22, 'a part', shown)
    same((shown['CPUWeight'], shown['IOWeight']), ('50', '50'))


# --- what is not done is said ---

@modes('user')
def test_a_user_without_namespaces_is_told_at_start(s):
    """And tasks run all the same, with what can be done."""
    with drop_in(s, 'RestrictNamespaces=yes'):
        cursor = s.journal_cursor()
        s.restart()
        said = until(lambda: [m for m in s.own_messages(cursor) if 'mounts of their own' in m], 'it is in the log')
        contains(said[0], "this user's systemd cannot give tasks mounts of their own", 'max_user_namespaces')
        findings = until(lambda: s.api.get('/api/health').json['findings'], 'the Doctor has looked')
        same([f['state'] for f in findings if f['check'] == 'sandbox'], ['warning'])
        task_id, unit = running(s)
        same(s.show(unit, 'NoNewPrivileges', 'PrivateUsers', 'ProtectSystem'),
             {'NoNewPrivileges': 'yes', 'PrivateUsers': 'no', 'ProtectSystem': 'no'})
        same(end(s, task_id)['status'], 'cancelled')


def test_limits_without_effect_are_told(s):
    """This machine has no controllers."""
    cursor = s.journal_cursor()
    s.restart()
    said = until(lambda: [m for m in s.own_messages(cursor) if 'limits of tasks have no effect' in m], 'it is said')
    contains(said[0], 'memory_max, cpu_quota, tasks_max, io_weight')
