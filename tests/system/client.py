"""A small HTTP client over TCP and unix sockets: JSON calls, raw bytes, and a reader of server-sent events.

Every wait has an end: a reply or an event that does not come raises TimeoutError. Nothing is retried, so that a
refused connection is an error of the test that saw it.
"""

import contextlib
import http.client
import json
import socket
import time
from dataclasses import dataclass

TCP = ('127.0.0.1', 15001)
PATIENCE = 60  # seconds for anything that should come at once; hosts can be very busy


@dataclass
class Reply:
    status: int
    headers: dict  # names in lower case
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


@dataclass
class Event:
    frame: bytes  # as it was sent, without the blank line behind it
    id: str = ''
    name: str = ''  # of a named event, which the original's clients do not see
    data: bytes = b''

    @classmethod
    def parse(cls, frame):
        event = cls(frame)
        for line in frame.split(b'\n'):
            name, _, value = line.partition(b': ')
            if name == b'id':
                event.id = value.decode()
            elif name == b'event':
                event.name = value.decode()
            elif name == b'data':
                event.data = value
            else:
                raise ValueError(f'neither id, event nor data in an event: {frame!r}')
        return event

    @property
    def json(self):
        return json.loads(self.data)

    @property
    def kind(self):
        if self.name:
            return self.name
        payload = self.json
        return next(word for word in ('log', 'heartbeat', 'final', 'status') if word in payload)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__('localhost', timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = open_socket(self.path, self.timeout)


def open_socket(address, timeout=PATIENCE):
    """The address is (host, port) or the path of a unix socket."""
    if isinstance(address, tuple):
        return socket.create_connection(address, timeout)
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.settimeout(timeout)
        sock.connect(str(address))
    except BaseException:
        sock.close()
        raise
    return sock


class Client:
    def __init__(self, address=TCP):
        self.address = address

    def connection(self, timeout=PATIENCE):
        """For several requests over one connection."""
        if isinstance(self.address, tuple):
            return http.client.HTTPConnection(*self.address, timeout=timeout)
        return UnixConnection(self.address, timeout)

    def request(self, method, path, body=None, headers=None, timeout=PATIENCE):
        """One request over a connection of its own. A body that is no bytes is sent as JSON."""
        headers = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None:
            headers.setdefault('Content-Type', 'application/json')
        connection = self.connection(timeout)
        try:
            return exchange(connection, method, path, body, headers)
        finally:
            connection.close()

    def get(self, path, **keywords):
        return self.request('GET', path, **keywords)

    def post(self, path, body=None, **keywords):
        return self.request('POST', path, body, **keywords)

    def delete(self, path, **keywords):
        return self.request('DELETE', path, **keywords)

    def raw(self, data, timeout=PATIENCE):
        """Sends bytes as they are, reads to the end of the connection; what cannot be a request to http.client."""
        with open_socket(self.address, timeout) as sock:
            sock.sendall(data)
            with contextlib.suppress(OSError):  # it may have hung up already
                sock.shutdown(socket.SHUT_WR)
            return b''.join(iter(lambda: sock.recv(65536), b''))

    def stream(self, path, headers=None):
        return Stream(self.address, path, headers or {})


def exchange(connection, method, path, body, headers):
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    return Reply(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())


class Stream:
    """Server-sent events, taken apart as they come. `ended` is True when the server ended the response properly,
    False when it cut it, None as long as it goes on."""

    def __init__(self, address, path, headers):
        self.sock = open_socket(address)
        self.bytes = b''   # of the connection, not yet taken apart
        self.rest = b''    # of an event that is not whole
        self.frames = []   # whole events, the next one last
        self.ended = None
        lines = [f'GET {path} HTTP/1.1', 'Host: localhost', 'Accept: text/event-stream']
        lines += [f'{name}: {value}' for name, value in headers.items()]
        try:
            self.sock.sendall('\r\n'.join(lines + ['', '']).encode())
            self.read_head(time.monotonic() + PATIENCE)
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def receive(self, deadline):
        """More bytes; False at the end of the connection."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError('no event in time')
        self.sock.settimeout(left)
        try:
            data = self.sock.recv(1 << 18)
        except ConnectionResetError:
            data = b''
        self.bytes += data
        return bool(data)

    def read_head(self, deadline):
        while b'\r\n\r\n' not in self.bytes:
            if not self.receive(deadline):
                raise ConnectionError(f'the connection ended within the header: {self.bytes!r}')
        head, _, self.bytes = self.bytes.partition(b'\r\n\r\n')
        first, *rest = head.decode('latin-1').split('\r\n')
        self.status = int(first.split()[1])
        self.headers = {k.lower(): v.strip() for k, _, v in (line.partition(':') for line in rest)}
        if self.headers.get('transfer-encoding') != 'chunked':
            self.body = self.read_plain(deadline)
            self.ended = True
        else:
            self.take_frames()  # some may have come with the header

    def read_plain(self, deadline):
        size = int(self.headers.get('content-length', 0))
        while len(self.bytes) < size and self.receive(deadline):
            pass
        return self.bytes[:size]

    @property
    def json(self):
        """What came instead of a stream."""
        return json.loads(self.body)

    def take_chunks(self):
        """Moves what is whole from bytes to pieces of events."""
        start, pieces = 0, []
        while (line := self.bytes.find(b'\r\n', start)) >= 0:
            size = int(self.bytes[start:line], 16)
            if len(self.bytes) < line + 2 + size + 2:
                break
            pieces.append(self.bytes[line + 2:line + 2 + size])
            start = line + 2 + size + 2
            if size == 0:
                self.ended = True
                break
        self.bytes = self.bytes[start:]
        return b''.join(pieces)

    def take_frames(self):
        *whole, self.rest = (self.rest + self.take_chunks()).split(b'\n\n')
        self.frames = whole[::-1]

    def next(self, timeout=PATIENCE):
        """The next event; None when the stream is over."""
        deadline = time.monotonic() + timeout
        while not self.frames and self.ended is None:
            if not self.receive(deadline):
                self.ended = False
            self.take_frames()
        return Event.parse(self.frames.pop()) if self.frames else None

    def __iter__(self):
        """Until the stream is over, with as much patience for each event."""
        return iter(self.next, None)

    def until(self, wanted, timeout=PATIENCE):
        """The next event for which wanted(event); what comes before it is passed over."""
        deadline = time.monotonic() + timeout
        while event := self.next(deadline - time.monotonic()):
            if wanted(event):
                return event
        raise ConnectionError('the stream ended before the event that is waited for')

    def next_own(self, timeout=PATIENCE):
        """The next event that is not what systemd says of the unit."""
        return self.until(lambda e: e.kind != 'system', timeout)

    def until_line(self, text, timeout=PATIENCE):
        return self.until(lambda e: e.kind == 'log' and e.json['log'] == text, timeout)
