"""A loopback server that is a remote with a token: git's own http-backend behind a check, and a stand-in of GitHub.

Every request must bring the token as the password (git) or bearer (API); what does not is answered 401. All requests
are recorded. It also serves as a proxy, because gh and git find "github.localhost" only through one: a request whose
target is a whole URL is answered as if it had come directly.

hold() makes the requests to a path wait until release(): a slow server, without a clock.
"""

import base64
import http.server
import json
import os
import subprocess
import threading
import urllib.parse

TOKEN = 'tok-3c1f-never-to-be-seen'
# Nothing of the tests' own git settings reaches the server's git.
BACKEND_ENVIRONMENT = {'PATH': os.environ['PATH'], 'GIT_HTTP_EXPORT_ALL': '1', 'GIT_CONFIG_NOSYSTEM': '1',
                       'GIT_CONFIG_COUNT': '1', 'GIT_CONFIG_KEY_0': 'safe.directory', 'GIT_CONFIG_VALUE_0': '*'}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, format, *args):
        pass

    def answer(self, status, body=b'', **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace('_', '-'), value)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def body(self):
        if self.headers.get('Transfer-Encoding') != 'chunked':
            return self.rfile.read(int(self.headers.get('Content-Length') or 0))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b''.join(chunks)

    def password(self):
        kind, _, value = self.headers.get('Authorization', '').partition(' ')
        if kind.lower() == 'basic':
            return base64.b64decode(value).decode().partition(':')[2]
        return value if kind.lower() in ('token', 'bearer') else None

    def handle_any(self):
        server = self.server.owner
        url, body = urllib.parse.urlsplit(self.path), self.body()
        request = {'method': self.command, 'host': url.netloc or self.headers.get('Host'), 'path': url.path,
                   'password': self.password(), 'body': body}
        server.record(request)
        if server.demands_token and request['password'] != server.token:
            self.answer(401, WWW_Authenticate='Basic realm="test"')
        elif request['host'].startswith('api.'):
            self.answer(200, server.api(request), Content_Type='application/json')
        else:
            self.git(url, body)

    do_GET = do_POST = do_PATCH = handle_any

    def git(self, url, body):
        environment = BACKEND_ENVIRONMENT | {
            'GIT_PROJECT_ROOT': str(self.server.owner.directory), 'PATH_INFO': urllib.parse.unquote(url.path),
            'QUERY_STRING': url.query, 'REQUEST_METHOD': self.command, 'REMOTE_USER': 'somebody',
            'CONTENT_TYPE': self.headers.get('Content-Type', ''), 'CONTENT_LENGTH': str(len(body)),
            'HTTP_CONTENT_ENCODING': self.headers.get('Content-Encoding', ''),
            'GIT_PROTOCOL': self.headers.get('Git-Protocol', '')}
        backend = subprocess.run(['git', 'http-backend'], input=body, env=environment, stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL, check=False)
        head, _, content = backend.stdout.partition(b'\r\n\r\n')
        headers = dict(line.split(': ', 1) for line in head.decode().split('\r\n') if ': ' in line)
        status = int(headers.pop('Status', '200').split()[0])
        headers.pop('Content-Length', None)
        self.answer(status, content, **headers)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A client that is killed is what some cases are about."""


class GitServer:
    """Serves the bare repositories below `directory` while it is entered."""

    def __init__(self, directory):
        self.directory, self.token, self.demands_token = directory, TOKEN, True
        self.requests, self.mutations = [], []
        self.held, self.arrived, self.released = None, threading.Event(), threading.Event()
        self.lock = threading.Lock()
        self.http = Server(('127.0.0.1', 0), Handler)
        self.http.owner = self
        self.port = self.http.server_address[1]

    def __enter__(self):
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.released.set()
        self.http.shutdown()
        self.http.server_close()

    def url(self, name, host='127.0.0.1'):
        return f'http://{host}:{self.port}/{name}'

    def record(self, request):
        with self.lock:
            self.requests.append(request)
        if self.held and self.held in request['path'] and not self.released.is_set():
            self.arrived.set()
            self.released.wait(60)

    def hold(self, path):
        self.arrived.clear()
        self.released.clear()
        self.held = path

    def release(self):
        self.released.set()

    def api(self, request):
        """What gh asks before and when it creates a pull request; the query's own words tell what it wants."""
        query = json.loads(request['body'] or b'{}')
        text = query.get('query', '')
        repository = {'id': 'R_1', 'name': 'name', 'owner': {'login': 'owner'}, 'hasIssuesEnabled': True,
                      'viewerPermission': 'WRITE', 'defaultBranchRef': {'name': 'main'}, 'isPrivate': False,
                      'mergeCommitAllowed': True, 'rebaseMergeAllowed': True, 'squashMergeAllowed': True,
                      'parent': None, 'pullRequests': {'nodes': [], 'totalCount': 0}, 'pullRequestTemplates': []}
        if 'createPullRequest' in text:
            self.mutations.append(query['variables']['input'])
            made = {'id': 'PR_1', 'url': 'http://github.localhost/owner/name/pull/7'}
            return json.dumps({'data': {'createPullRequest': {'pullRequest': made}}}).encode()
        return json.dumps({'data': {'repository': repository, 'viewer': {'login': 'somebody'}}}).encode()
