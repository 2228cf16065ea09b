"""Beyond this machine: over TLS and to tokens alone, or not at all; told before it is tried."""

import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

from case import accepts_failures, check, contains, lacks, same, until
from service import ROOT, SERVICE, SOCKET
from test_access import new_token, revoke
from test_config import daemon

PORT = 15443
NAME = 'build.example.com'
URL = f'https://{NAME}:{PORT}'
LOAD = 'LoadCredential=tls.crt:{0}/tls.crt\nLoadCredential=tls.key:{0}/tls.key\n'


class Beyond:
    """What an administrator writes who wants the API to be reached from elsewhere; taken back at the end."""

    def __init__(self, s):
        self.s = s
        base = (s.runtime if s.is_user else pathlib.Path('/run')) / 'systemd' / s.mode
        self.drop_ins = {name: base / f'{name}.d/tls.conf' for name in (SOCKET, SERVICE)}
        self.files = s.scratch()
        os.chown(self.files, s.owner.pw_uid, s.owner.pw_gid)
        self.certificate, self.key = self.files / 'tls.crt', self.files / 'tls.key'

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.s.stop_all()
        for path in self.drop_ins.values():
            path.unlink(missing_ok=True)
        self.s.systemctl('daemon-reload')
        self.s.systemctl('reset-failed', SERVICE, SOCKET, check=False)
        with contextlib.suppress(FileNotFoundError):
            (self.s.state / 'tokens').unlink()
        self.s.start()

    def write(self, name, text):
        path = self.drop_ins[name]
        self.s.command('mkdir', '-p', str(path.parent))
        path.write_text(text)
        self.s.systemctl('daemon-reload')

    def listen(self, address=f'0.0.0.0:{PORT}'):
        self.write(SOCKET, f'[Socket]\nListenStream={address}\n')

    def load(self, text=None):
        self.write(SERVICE, '[Service]\nIPAddressAllow=any\n' + (LOAD.format(self.files) if text is None else text))

    def certify(self, certificate=None, key=None, days=30):
        """Of that name, signed by itself."""
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes',
                        '-subj', f'/CN={NAME}', '-addext', f'subjectAltName=DNS:{NAME}', '-days', str(days),
                        '-keyout', str(key or self.key), '-out', str(certificate or self.certificate)],
                       check=True, capture_output=True)
        for path in self.files.iterdir():
            os.chown(path, self.s.owner.pw_uid, self.s.owner.pw_gid)
            path.chmod(0o600)

    def restart(self):
        """As the README says; whether the service is up then."""
        self.s.systemctl('reset-failed', SERVICE, SOCKET, check=False)
        self.s.systemctl('restart', SOCKET, SERVICE, check=False)
        return self.s.is_active()

    def curl(self, path, *arguments, token=None):
        """(exit status, status, body), as the user of another machine would."""
        header = ['-H', f'Authorization: Bearer {token}'] if token else []
        done = subprocess.run(['curl', '-sS', '--max-time', '60', '--cacert', str(self.certificate), '--resolve',
                               f'{NAME}:{PORT}:127.0.0.1', '-w', '\n%{http_code}', *header, *arguments, URL + path],
                              capture_output=True, text=True, check=False)
        body, _, status = done.stdout.rpartition('\n')
        return done.returncode, int(status or 0), body


def test_from_elsewhere_it_speaks_tls_to_tokens_alone(s):
    with Beyond(s) as b:
        b.certify()
        b.listen()
        b.load()
        s.configure(connection={'hosts': [NAME]}, restart=False)
        token = new_token(s, 'laptop', 'run')
        done = daemon(s, '--check-config')
        same((done.returncode, done.stdout), (0, ''))
        check(b.restart(), 'it serves')

        code, status, body = b.curl('/api/tasks')
        same((code, status), (0, 401))
        contains(body, 'Whoever comes from elsewhere needs a token')
        work = {'command': ['sh', '-c', 'echo far; sleep 1; echo away']}
        code, status, body = b.curl('/api/create-task', '--json', json.dumps(work), token=token)
        same((code, status), (0, 200), body)
        task_id = json.loads(body)['task_id']
        same(s.api.task(task_id)['created_by'], 'token:laptop')
        code, status, body = b.curl(f'/api/task-logs/{task_id}/stream', '-N', token=token)
        same((code, status), (0, 200))
        contains(body, '"far"', '"away"', '"final"')
        same(b.curl(f'/api/task/{task_id}', '-X', 'DELETE', token=token)[:2], (0, 403), 'the scope is run')

        same(s.api.get('/api/tasks').status, 200, 'who is here needs none')
        same(b.curl('/api/tasks', '-H', 'Host: other.example.com', token=token)[:2], (0, 403))
        same(b.curl('/api/tasks', '-H', f'Origin: {URL}', token=token)[:2], (0, 200))
        same(b.curl('/api/tasks', '-H', f'Origin: http://{NAME}:{PORT}', token=token)[:2], (0, 403))
        with socket.create_connection(('127.0.0.1', PORT), 60) as clear:
            clear.sendall(f'GET /api/health HTTP/1.1\r\nHost: {NAME}\r\n\r\n'.encode())
            with contextlib.suppress(ConnectionError):
                lacks(clear.recv(4096), b'HTTP')
        same(b.curl('/api/tasks', '--tls-max', '1.1', token=token)[1], 0, 'nothing older than TLS 1.2')
        revoke(s, 'laptop')
        same(b.curl('/api/tasks', token=token)[:2], (0, 401))


@contextlib.contextmanager
def journald_stopped(s):
    """It reads what it is sent when its sender is long gone."""
    pid = int(s.command('systemctl', 'show', '--property=MainPID', '--value', 'systemd-journald.service', user=ROOT))
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@accepts_failures
def test_it_does_not_start_without_certificate_and_tokens_and_says_so_before(s):
    with Beyond(s) as b:
        b.certify()
        b.certify(b.files / 'other.crt', b.files / 'other.key')
        b.listen()
        other = LOAD.format(b.files).replace('/tls.key', '/other.key')
        words = LOAD.format(b.files).replace('/tls.crt\n', '/words.crt\n')
        (b.files / 'words.crt').write_text('These are words.\n')
        token = ['there is no token', '--new-token']
        rows = [('', False, ['there is no certificate', 'LoadCredential=tls.crt:', 'ssh -L']),
                (LOAD.format(b.files).splitlines()[0] + '\n', False, ['there is no certificate, or no key']),
                (other, False, ['do not belong together']), (words, False, ['this is no certificate in PEM']),
                (None, False, token), (None, True, [])]
        for text, with_token, wanted in rows:
            b.load(text)
            if with_token:
                new_token(s, 'laptop', 'run')
            cursor = s.journal_cursor()
            done = daemon(s, '--check-config')
            with journald_stopped(s) if wanted else contextlib.nullcontext():
                same(b.restart(), not wanted)
            if not wanted:
                same(done.returncode, 0, done.stdout)
                continue
            same(done.returncode, 2, done.stdout)
            contains(done.stdout, f'listens on 0.0.0.0:{PORT}', *(w for w in wanted if w != 'ssh -L'))
            until(lambda: s.show(SERVICE, 'ActiveState') == 'failed', 'it is not tried again')
            same(s.show(SERVICE, 'ExecMainStatus'), '2')
            contains('\n'.join(filter(None, s.own_messages(cursor))), 'a socket for 0.0.0.0 was passed', *wanted)


def test_check_config_tells_what_would_go_wrong_later(s):
    with Beyond(s) as b:
        b.certify(days=5)
        b.listen(f'[::]:{PORT}')
        b.load(LOAD.format(b.files))
        new_token(s, 'laptop', 'run')
        done = daemon(s, '--check-config')
        same(done.returncode, 0, done.stdout)
        contains(done.stdout, 'The certificate tls.crt expires at', 'connection.hosts is empty')
        lacks(done.stdout, 'does not reach the service')
        b.key.chmod(0o644)
        done = daemon(s, '--check-config')
        same(done.returncode, 2)
        contains(done.stdout, f'{b.key}: others may use this private key')
        b.key.chmod(0o600)
        b.write(SERVICE, '[Service]\nIPAddressDeny=any\nIPAddressAllow=localhost\n' + LOAD.format(b.files))
        contains(daemon(s, '--check-config').stdout, 'does not reach the service', 'IPAddressAllow=')
        b.drop_ins[SOCKET].write_text('[Socket]\n')
        contains(daemon(s, '--check-config').stdout, 'systemctl daemon-reload')


def serial(certificate):
    return subprocess.run(['openssl', 'x509', '-noout', '-serial', '-in', str(certificate)], check=True,
                          capture_output=True, text=True).stdout


def served(b):
    done = subprocess.run(['openssl', 's_client', '-connect', f'127.0.0.1:{PORT}', '-servername', NAME],
                          input='', capture_output=True, text=True, check=False, timeout=60)
    pem = re.search('-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----', done.stdout, re.S)
    path = b.files / 'served.crt'
    path.write_text(pem[0])
    return serial(path)


def test_a_restart_takes_the_new_certificate_and_tasks_go_on(s):
    with Beyond(s) as b:
        b.certify(days=1)
        b.listen()
        b.load()
        s.configure(connection={'hosts': [NAME]}, restart=False)
        token = new_token(s, 'laptop', 'run')
        cursor = s.journal_cursor()
        check(b.restart(), 'it serves')
        contains('\n'.join(filter(None, s.own_messages(cursor))), 'The certificate tls.crt expires at', 'restart the service')
        task_id = s.api.create('echo up; exec sleep 1000')
        s.api.wait_line(task_id, 'up')
        old = serial(b.certificate)
        same(served(b), old)
        b.certify()
        s.restart()
        same(served(b), serial(b.certificate))
        check(served(b) != old, 'another one')
        same(b.curl(f'/api/task/{task_id}/check-alive', token=token)[:2], (0, 200))
        check(s.api.task(task_id)['is_running'], 'the task goes on')
        s.api.cancel(task_id)
        s.api.wait(task_id)


def test_who_holds_half_handshakes_keeps_nobody_out(s):
    with Beyond(s) as b:
        b.certify()
        b.listen()
        b.load()
        s.configure(connection={'hosts': [NAME], 'request_timeout': 2, 'max_connections': 40}, restart=False)
        token = new_token(s, 'laptop', 'run')
        check(b.restart(), 'it serves')
        began = time.monotonic()
        held = [socket.create_connection(('127.0.0.1', PORT), 60) for _ in range(30)]
        try:
            for sock in held[::2]:
                sock.sendall(b'\x16\x03\x01\x02\x00\x01\x00\x01')
            same(s.api.get('/api/tasks').status, 200, 'who is here has connections of his own')
            for sock in held:
                with contextlib.suppress(ConnectionError):
                    while sock.recv(4096):
                        pass
            check(time.monotonic() - began < 30, 'they are cut', time.monotonic() - began)
        finally:
            for sock in held:
                sock.close()
        same(b.curl('/api/tasks', token=token)[:2], (0, 200))
