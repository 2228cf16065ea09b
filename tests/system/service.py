"""The service under test in one of its two modes: where its things are, how to start, stop and look at it.

All cases run as root in a machine of their own, so that they can also look at what they must not find; what the
service's manager is asked goes through its owner: root, or in user mode the lingering user `tester`.
"""

import json
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile

from api import Api
from case import until

SERVICE = 'remote-developer.service'
SOCKET = 'remote-developer.socket'
ROOT = pwd.getpwnam('root')
TASKS = 'remote-developer-task-*.service'
CONFIG_NAME = 'remote-developer/long_running_tasks.yaml'

# What systemd itself writes about units, by message id (man systemd.journal-fields, sd-messages.h).
UNIT_FAILED = 'd9b373ed55a64feb8242e02dbe79a49c'


class Service:
    def __init__(self, mode):
        self.mode = mode
        self.is_user = mode == 'user'
        self.owner = pwd.getpwnam('tester' if self.is_user else 'root')
        self.server = pwd.getpwnam('tester' if self.is_user else 'remote-developerd') # who the service runs as
        self.runner = pwd.getpwnam('tester' if self.is_user else 'remote-developer')
        home = pathlib.Path(self.owner.pw_dir)
        if self.is_user:
            runtime = pathlib.Path(f'/run/user/{self.owner.pw_uid}')
            self.state = home / '.remote_developer/tasks'
            self.config = home / '.config' / CONFIG_NAME
        else:
            runtime = pathlib.Path('/run')
            self.state = pathlib.Path('/var/lib/remote-developer/tasks')
            self.config = pathlib.Path('/etc') / CONFIG_NAME
        self.runtime = runtime
        # What systemd reads for a task.
        self.inputs = self.state if self.is_user else runtime / 'remote-developer-launcher'
        self.transient = runtime / 'systemd/transient'
        self.socket = runtime / 'remote-developer/api.sock'
        self.api = Api()
        self.scratches = []

    # --- commands ---

    def as_user(self, user, *argv):
        """The argv that runs a command as a user, with what the user's manager needs in the environment."""
        if user.pw_uid == 0:
            return list(argv)
        variables = {'HOME': user.pw_dir, 'USER': user.pw_name, 'LOGNAME': user.pw_name,
                     'XDG_RUNTIME_DIR': f'/run/user/{user.pw_uid}',
                     'DBUS_SESSION_BUS_ADDRESS': f'unix:path=/run/user/{user.pw_uid}/bus'}
        return ['setpriv', '--reuid', str(user.pw_uid), '--regid', str(user.pw_gid), '--init-groups', 'env',
                *(f'{k}={v}' for k, v in variables.items()), *argv]

    def command(self, *argv, user=None, check=True):
        """Runs a command as the owner of the manager and returns what it printed."""
        argv = self.as_user(user or self.owner, *argv)
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors='replace',
                              check=False)
        if check and done.returncode:
            raise RuntimeError(f'{" ".join(argv)}: ended with {done.returncode}: {done.stderr.strip()}')
        return done.stdout

    def systemctl(self, *argv, check=True):
        return self.command('systemctl', f'--{self.mode}', *argv, check=check)

    def show(self, unit, *properties):
        """The properties of a unit as systemctl prints them; one property gives its value."""
        text = self.systemctl('show', unit, *(f'--property={p}' for p in properties))
        found = dict(line.split('=', 1) for line in text.splitlines())
        return found.get(properties[0], '') if len(properties) == 1 else found

    def journal(self, *matches):
        """Entries of the journal as dicts, oldest first; fields that are no text are missing."""
        text = self.command('journalctl', '--output=json', '--all', '--no-pager', '--quiet', *matches,
                            user=ROOT)
        return [json.loads(line) for line in text.splitlines()]

    def journal_cursor(self):
        return self.journal('--lines=1')[0]['__CURSOR']

    def journal_after(self, cursor, *matches):
        """journalctl's own --after-cursor= passes over the first match when the cursor's entry is none (252)."""
        return [entry for entry in self.journal(f'--cursor={cursor}', *matches) if entry['__CURSOR'] != cursor]

    def sync_journal(self):
        """Returns when journald has taken all that was sent to it until now."""
        self.command('journalctl', '--sync', user=ROOT)

    def own_entries(self, cursor=None):
        """What the service itself wrote so far, after a cursor if given."""
        self.sync_journal()
        matches = [f'_SYSTEMD_UNIT={SERVICE}']
        if self.is_user:
            # Of what has ended before journald looked, it knows the user and what it called itself, but no unit.
            uid = f'_UID={self.owner.pw_uid}'
            matches = [f'_SYSTEMD_USER_UNIT={SERVICE}', uid, '+', 'SYSLOG_IDENTIFIER=remote-developerd', uid]
        return self.journal_after(cursor, *matches) if cursor else self.journal(*matches)

    def own_messages(self, cursor=None):
        return [entry.get('MESSAGE') for entry in self.own_entries(cursor)]

    def failures(self, cursor):
        """How the service's own unit failed since then, in systemd's words."""
        self.sync_journal()
        field = 'USER_UNIT' if self.is_user else 'UNIT'
        found = self.journal_after(cursor, f'{field}={SERVICE}', f'MESSAGE_ID={UNIT_FAILED}')
        return [entry.get('UNIT_RESULT') for entry in found]

    # --- its life ---

    def listen(self):
        self.systemctl('start', SOCKET)

    def start(self):
        self.systemctl('start', SERVICE)

    def stop(self):
        """The socket goes on listening, and the next connection starts the service again."""
        self.systemctl('stop', SERVICE)

    def stop_all(self):
        self.systemctl('stop', SOCKET, SERVICE)

    def restart(self):
        self.systemctl('reset-failed', SERVICE, check=False)
        self.systemctl('restart', SERVICE)

    def kill(self):
        """SIGKILL; returns when systemd has started it again."""
        pid = self.main_pid()
        os.kill(pid, signal.SIGKILL)
        until(lambda: self.main_pid() not in (0, pid) and self.is_active(), 'systemd starts the service again')

    def is_active(self):
        return self.show(SERVICE, 'ActiveState') == 'active'

    def main_pid(self):
        return int(self.show(SERVICE, 'MainPID'))

    def configure(self, text=None, restart=True, **sections):
        """Writes the configuration from sections, or as it stands from text; None and no sections: no file."""
        if text is None:
            text = ''.join(f'{section}:\n' + ''.join(f'  {k}: {json.dumps(v)}\n' for k, v in keys.items())
                           for section, keys in sections.items())
        if text:
            self.config.parent.mkdir(parents=True, exist_ok=True)
            self.config.write_text(text, encoding='utf-8')
            for path in (self.config, self.config.parent, self.config.parent.parent):
                if path.owner() == 'root' and self.is_user:
                    os.chown(path, self.owner.pw_uid, self.owner.pw_gid)
        else:
            self.config.unlink(missing_ok=True)
        self.is_configured = bool(text)
        if restart:
            self.restart()

    is_configured = True  # the installed file is there at first

    # --- its tasks ---

    def unit(self, task_id):
        return f'remote-developer-{task_id}.service'

    def document(self, task_id):
        """The task's document as it is on disk."""
        return json.loads((self.state / f'{task_id}.json').read_text(encoding='utf-8'))

    def active_tasks(self):
        return json.loads((self.state / 'active_tasks.json').read_text(encoding='utf-8'))

    def task_files(self):
        """What there is on disk of tasks; without what the service keeps for itself."""
        if not self.state.exists():
            return set()
        own = {'active_tasks.json', 'remote-developerd.lock', 'archive', 'tokens'}
        # The list of active tasks is written whenever there is time, and then there are two for a moment.
        return {p.name for p in self.state.iterdir() if not p.name.startswith('.tmp-active_tasks.json-')} - own

    def task_units(self):
        """Names of all units of tasks that systemd knows."""
        text = self.systemctl('list-units', '--all', '--plain', '--no-legend', TASKS)
        return {line.split()[0] for line in text.splitlines()}

    def scratch(self, where=None):
        """A directory that the tasks' user may write in, also from within its fence; gone at the end of the case."""
        path = pathlib.Path(tempfile.mkdtemp(prefix='scratch-', dir=where or self.runner.pw_dir))
        os.chown(path, self.runner.pw_uid, self.runner.pw_gid)
        path.chmod(0o755)
        self.scratches.append(path)
        return path

    def fifo(self):
        """Where everybody can open it: no fence keeps a task from writing to a fifo that it sees."""
        path = self.scratch('/srv') / 'fifo'
        os.mkfifo(path, 0o666)
        path.chmod(0o666)
        return path

    # --- between cases ---

    def kill_tasks(self):
        """To be called until true: a case may end before the unit of its task is there."""
        if not self.api.running():
            return True
        self.systemctl('kill', '--signal=KILL', TASKS, check=False)
        return False

    def tidy(self):
        """Ends what a case left behind."""
        self.systemctl('kill', '--signal=KILL', TASKS, check=False)
        if self.is_configured:
            self.configure(restart=False)
            self.restart()
        else:
            self.start()
        until(self.kill_tasks, 'no task runs')
        while self.scratches:
            shutil.rmtree(self.scratches.pop(), ignore_errors=True)

    def forget_tasks(self):
        """Removes all finished tasks, for cases that count."""
        while tasks := self.api.tasks('?limit=1000'):
            for task in tasks:
                self.api.delete(f'/api/task/{task["task_id"]}')
