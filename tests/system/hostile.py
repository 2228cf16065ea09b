"""Requests that nobody sends who means well, as bytes, each with the statuses that it is answered with. [] is a
connection that is closed without a word; 408, what waits for more until its time is up. {id} is a finished task's. What
comes of a NUL, of a field without a name and of HTTP/1.2 is as libmicrohttpd 0.9.75 has it.

What a request of each kind would do if it were believed is EFFECT: a file that must not be there afterwards.
"""

EFFECT = '/tmp/hostile'
BODY = b'{"command":["/usr/bin/touch","/tmp/hostile"]}'
SIZE = str(len(BODY)).encode()
JSON = b'Content-Type: application/json'


def lines(*head, body=b''):
    return b'\r\n'.join([*head, b'', b'']) + body


def request(line, *fields, body=b'', host=b'Host: localhost'):
    return lines(line, *([host] if host else []), *fields, b'Connection: close', body=body)


def get(target, *fields, **keywords):
    return request(b'GET ' + target + b' HTTP/1.1', *fields, **keywords)


def post(*fields, body=BODY, path=b'/api/create-task', **keywords):
    return request(b'POST ' + path + b' HTTP/1.1', *fields, body=body, **keywords)


def create(body, *fields):
    """A request that is whole, of a body that is not."""
    return post(JSON, b'Content-Length: ' + str(len(body)).encode(), *fields, body=body)


def chunk(data, size=None):
    return (size if size is not None else f'{len(data):x}'.encode()) + b'\r\n' + data + b'\r\n'


CHUNKED = b'Transfer-Encoding: chunked'
LAST = b'0\r\n\r\n'
HIDDEN = lines(b'POST /api/create-task HTTP/1.1', b'Host: localhost', JSON, b'Content-Length: ' + SIZE, body=BODY)

# --- where a request ends

LENGTHS = {
    'a length and chunks': (post(JSON, b'Content-Length: ' + SIZE, CHUNKED, body=chunk(BODY) + LAST), [400]),
    'chunks and a length': (post(JSON, CHUNKED, b'Content-Length: 4', body=chunk(BODY) + LAST + HIDDEN), [400]),
    'a length of 0 and chunks': (post(JSON, b'Content-Length: 0', CHUNKED, body=LAST + HIDDEN), [400]),
    'the same length twice': (post(JSON, b'Content-Length: ' + SIZE, b'Content-Length: ' + SIZE), [400]),
    'two lengths': (post(JSON, b'Content-Length: 4', b'Content-Length: ' + SIZE), [400]),
    'two lengths in one field': (post(JSON, b'Content-Length: ' + SIZE + b', ' + SIZE), [400]),
    'a length with a plus': (post(JSON, b'Content-Length: +' + SIZE), [400]),
    'a length in hex': (post(JSON, b'Content-Length: 0x2d'), [400]),
    'a length with a point': (post(JSON, b'Content-Length: 45.0'), [400]),
    'a length with an exponent': (post(JSON, b'Content-Length: 4e1'), [400]),
    'a length of blanks': (post(JSON, b'Content-Length:    '), [400]),
    'a length of letters': (post(JSON, b'Content-Length: all'), [400]),
    'a length with a blank in it': (post(JSON, b'Content-Length: 4 5'), [400]),
    'a length with something behind': (post(JSON, b'Content-Length: 45;x'), [400]),
    'a length in Arabic digits': (post(JSON, 'Content-Length: ٤٥'.encode()), [400]),
    'a length of 20 digits': (post(JSON, b'Content-Length: 18446744073709551661'), [413]),
    'a length of 400 digits': (post(JSON, b'Content-Length: ' + b'9' * 400), [413]),
    'a length of 2^63': (post(JSON, b'Content-Length: 9223372036854775808'), [413]),
    'zeros before the length': (post(JSON, b'Content-Length: 000004', body=b'{"a}'), [400]),
    'an encoding that is none': (post(JSON, b'Transfer-Encoding: xchunked', body=chunk(BODY) + LAST), [400]),
    'chunked and identity': (post(JSON, b'Transfer-Encoding: chunked, identity', body=chunk(BODY) + LAST), [400]),
    'identity': (post(JSON, b'Transfer-Encoding: identity', b'Content-Length: ' + SIZE), [400]),
    'gzip and chunked': (post(JSON, b'Transfer-Encoding: gzip, chunked', body=chunk(BODY) + LAST), [400]),
    'chunked twice in one field': (post(JSON, b'Transfer-Encoding: chunked, chunked', body=chunk(BODY) + LAST), [400]),
    'chunked in two fields': (post(JSON, CHUNKED, CHUNKED, body=chunk(BODY) + LAST), [400]),
    'chunked and then something else': (post(JSON, CHUNKED, b'Transfer-Encoding: x', body=chunk(BODY) + LAST), [400]),
    'a vertical tab before chunked': (post(JSON, b'Transfer-Encoding: \x0bchunked', body=chunk(BODY) + LAST), [400]),
    'chunked in quotes': (post(JSON, b'Transfer-Encoding: "chunked"', body=chunk(BODY) + LAST), [400]),
    'an empty encoding': (post(JSON, b'Transfer-Encoding:', body=chunk(BODY) + LAST), [400]),
    'a blank before the colon': (post(JSON, b'Transfer-Encoding : chunked', body=chunk(BODY) + LAST), [400]),
    'a tab before the colon': (post(JSON, b'Content-Length\t: ' + SIZE), [400]),
    'an encoding over HTTP/1.0': (request(b'POST /api/create-task HTTP/1.0', JSON, CHUNKED, body=chunk(BODY) + LAST),
                                  [400]),
    'a folded encoding': (post(JSON, b'Transfer-Encoding:\r\n chunked', b'Content-Length: 4',
                               body=chunk(BODY) + LAST), [400]),
    'an encoding after a bare line feed': (post(JSON, b'A: b\nTransfer-Encoding: chunked', b'Content-Length: 4',
                                                body=chunk(BODY) + LAST), [400]),
    'an underscore for the hyphen': (post(JSON, b'Transfer_Encoding: chunked', body=b''), [400]),
    'a request hidden behind a length of 0': (post(JSON, b'Content-Length: 0', body=HIDDEN), [400]),
    'a request hidden behind GET': (get(b'/api/health', body=HIDDEN), [200]),
    'a chunk that is no number': (post(JSON, CHUNKED, body=chunk(BODY, b'zz') + LAST), [400]),
    'a chunk below 0': (post(JSON, CHUNKED, body=chunk(BODY, b'-1') + LAST), [400]),
    'a chunk with 0x': (post(JSON, CHUNKED, body=chunk(BODY, b'0x2d') + LAST), [400]),
    'a chunk with a plus': (post(JSON, CHUNKED, body=chunk(BODY, b'+2d') + LAST), [400]),
    'a chunk of 2^64': (post(JSON, CHUNKED, body=chunk(BODY, b'10000000000000000') + LAST), [413]),
    'a chunk of 100 digits': (post(JSON, CHUNKED, body=chunk(BODY, b'f' * 100) + LAST), [413]),
    'a chunk of 2^63': (post(JSON, CHUNKED, body=chunk(BODY, b'8000000000000000') + LAST), [408]),
    'a chunk that is longer than it says': (post(JSON, CHUNKED, body=chunk(BODY, b'4') + LAST), [400]),
    'a chunk without its end': (post(JSON, CHUNKED, body=b'2d\r\n' + BODY + LAST), [400]),
    'chunks without an end': (post(JSON, CHUNKED, body=chunk(BODY)), [408]),
    'a chunk without a size': (post(JSON, CHUNKED, body=b'\r\n' + BODY + b'\r\n' + LAST), [400]),
    'a chunk\'s extension without an end': (post(JSON, CHUNKED, body=b'2d;' + b'x' * 40000), [408]),
    'a trailer that is a header': (post(JSON, CHUNKED, body=chunk(b'{') + b'0\r\nContent-Length: 45\r\n\r\n'), [400]),
    'trailers without an end': (post(JSON, CHUNKED, body=chunk(BODY) + b'0\r\n' + b'A: b\r\n' * 20000), [431]),
}

# --- the first line

LINES = {
    'a method in small letters': (request(b'get /api/health HTTP/1.1'), [405]),
    'a method that nobody knows': (request(b'BREW /api/create-task HTTP/1.1', JSON), [405]),
    'a method of 1000 letters': (request(b'X' * 1000 + b' /api/health HTTP/1.1'), [405]),
    'a method of 40000 letters': (request(b'X' * 40000 + b' /api/health HTTP/1.1'), [414]),
    'a method with a NUL': (request(b'GE\0T /api/health HTTP/1.1'), [405]),
    'a method of bytes': (request(b'\xff\xfe /api/health HTTP/1.1'), [405]),
    'no method': (request(b' /api/health HTTP/1.1'), []),
    'TRACE': (request(b'TRACE /api/health HTTP/1.1'), [405]),
    'CONNECT': (request(b'CONNECT localhost:22 HTTP/1.1'), [400]),
    'CONNECT to a path': (request(b'CONNECT /api/create-task HTTP/1.1'), [405]),
    'OPTIONS *': (request(b'OPTIONS * HTTP/1.1'), [400]),
    'GET *': (request(b'GET * HTTP/1.1'), [400]),
    'HTTP/0.9': (b'GET /api/health\r\n\r\n', [400]),
    'HTTP/0.9 that says so': (request(b'GET /api/health HTTP/0.9'), [505]),
    'HTTP/1.2': (request(b'GET /api/health HTTP/1.2'), [200]),
    'HTTP/2.0': (request(b'GET /api/health HTTP/2.0'), [505]),
    'HTTP/1.10': (request(b'GET /api/health HTTP/1.10'), [400]),
    'http/1.1': (request(b'GET /api/health http/1.1'), [400]),
    'HTTP/': (request(b'GET /api/health HTTP/'), [400]),
    'another protocol': (request(b'GET /api/health RTSP/1.0'), [400]),
    'a version and more': (request(b'GET /api/health HTTP/1.1 x'), [400]),
    'a blank in the target': (request(b'GET /api/health x HTTP/1.1'), [404]),
    'HTTP/2': (b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', [505]),
    'TLS': (b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' + bytes(range(256)) * 2, []),
    'SSH': (b'SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n\r\n', [400]),
    'Redis': (b'*1\r\n$4\r\nPING\r\n\r\n', []),
    'a proxy\'s greeting': (b'PROXY TCP4 127.0.0.1 127.0.0.1 1 15001\r\n' + get(b'/api/health'), [400]),
    'a proxy\'s greeting in binary': (b'\r\n\r\n\0\r\nQUIT\n!\x11\0\x0c' + bytes(12), []),
    'bytes': (bytes(range(1, 256)) * 4 + b'\r\n\r\n', []),
    'NULs': (b'\0' * 2000 + b'\r\n\r\n', [408]),
    'line ends alone': (b'\r\n' * 5000, [408]),
    'line feeds alone': (b'\n' * 20000, [414]),
    'a target of 8000 letters': (get(b'/' + b'x' * 8000), [404]),
    'a target of 40000 letters': (get(b'/' + b'x' * 40000), [414]),
    'no target': (request(b'GET  HTTP/1.1'), [400]),
    'a target without a slash': (get(b'api/health'), [400]),
    'a target that is a name': (get(b'localhost'), [400]),
    'a target of dots': (get(b'..'), [400]),
    'a fragment': (get(b'/api/health#x'), [404]),
    'a backslash': (get(b'\\api\\health'), [400]),
    'a path that goes up': (get(b'/api/../api/health'), [404]),
    'a path with its parameter': (get(b'/api/health;x=1'), [404]),
    'UTF-8 as it is': (get('/api/héalth'.encode()), [404]),
    'bytes in the path': (get(b'/api/\xff\xfe'), [404]),
    'a NUL in the path': (get(b'/api/health\0'), [400]),
    'a NUL in the query': (get(b'/api/tasks?limit=1\0'), [400]),
    'a line end in the path, encoded': (get(b'/api/health%0d%0aX-Evil:%20y'), [404]),
    'another host\'s target': (get(b'http://evil.example/api/tasks'), [403]),
    'another host\'s target to create': (request(b'POST http://evil.example/api/create-task HTTP/1.1', JSON,
                                                 b'Content-Length: ' + SIZE, body=BODY), [403]),
    'another scheme\'s target': (get(b'file:///etc/passwd'), [400]),
    'a target with a user': (get(b'http://localhost@evil.example/api/tasks'), [403]),
    'a target of ours and a foreign Host': (get(b'http://localhost:15001/api/health', host=b'Host: evil.example'),
                                            [200]),  # the target counts (RFC 9112, 3.2.2)
    'a scheme in capitals': (get(b'HTTP://evil.example/api/tasks'), [400]),
    'an upgrade to a web socket': (get(b'/api/tasks', b'Upgrade: websocket', b'Connection: Upgrade',
                                       b'Sec-WebSocket-Key: x', b'Sec-WebSocket-Version: 13'), [200]),
    'an upgrade to HTTP/2': (get(b'/api/health', b'Upgrade: h2c', b'HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA'), [200]),
}

# --- the other lines

FIELDS = {
    'no Host': (get(b'/api/health', host=b''), [400]),
    'no Host to create': (post(JSON, b'Content-Length: ' + SIZE, host=b''), [400]),
    'two Hosts': (get(b'/api/tasks', b'Host: localhost'), [400]),
    'two Hosts, the second foreign': (get(b'/api/tasks', b'Host: evil.example'), [400]),
    'two Hosts, the first foreign': (get(b'/api/tasks', b'Host: localhost', host=b'Host: evil.example'), [400]),
    'two types': (post(b'Content-Type: text/plain', JSON, b'Content-Length: ' + SIZE), [400]),
    'two origins': (get(b'/api/tasks', b'Origin: http://localhost', b'Origin: http://evil.example'), [400]),
    'two tokens': (get(b'/api/tasks', b'Authorization: Bearer a', b'Authorization: Bearer b'), [400]),
    'two sites': (get(b'/api/tasks', b'Sec-Fetch-Site: same-origin', b'Sec-Fetch-Site: cross-site'), [400]),
    'a field without a colon': (get(b'/api/health', b'nonsense'), [400]),
    'a field without a name': (get(b'/api/health', b': x'), [200, 400]),
    'a name with a blank': (get(b'/api/health', b'a b: x'), [400]),
    'a name with a parenthesis': (get(b'/api/health', b'a(b): x'), [400]),
    'a name of bytes': (get(b'/api/health', b'\xc3\xa4: x'), [400]),
    'a name with a NUL': (get(b'/api/health', b'Ho\0st: x'), [400]),
    'a value with a NUL': (get(b'/api/health', b'A: b\0c'), [200]),
    'a Host with a NUL': (get(b'/api/tasks', host=b'Host: localhost\0.evil.example'), [200]),
    'a value with a control character': (get(b'/api/health', b'A: b\x1bc'), [400]),
    'a value with a bare CR': (get(b'/api/health', b'A: b\rc: d'), [400]),
    'a folded Host': (get(b'/api/tasks', host=b'Host: evil.example\r\n localhost'), [400]),
    'a first field that is folded': (lines(b'GET /api/health HTTP/1.1', b' Host: evil.example', b'Host: localhost'),
                                     [400]),
    '101 fields': (get(b'/api/health', *[b'A: b'] * 99), [400]),
    '1000 fields': (get(b'/api/health', *[b'A: b'] * 1000), [431]),
    '20000 fields': (get(b'/api/health', *[b'A: b'] * 20000), [431]),
    '2000 fields of different names': (get(b'/api/health', *[b'A%d: b' % n for n in range(2000)]), [431]),
    'a value of 10000 letters': (get(b'/api/health', b'A: ' + b'b' * 10000), [200]),
    'a value of 20000 letters': (get(b'/api/health', b'A: ' + b'b' * 20000), [431]),
    'a value of a million letters': (get(b'/api/health', b'A: ' + b'b' * 1000000), [431]),
    'a name of 20000 letters': (get(b'/api/health', b'A' * 20000 + b': b'), [431]),
    'a cookie of 12000 letters': (get(b'/api/health', b'Cookie: a=' + b'b' * 12000), [431]),
    'cookies that are none': (get(b'/api/health', b'Cookie: ;;;==;a;=b;"'), [200]),
    'a token of 10000 letters': (get(b'/api/tasks', b'Authorization: Bearer ' + b'x' * 10000), [401]),
    'a token that is none': (get(b'/api/tasks', b'Authorization: Bearer'), [401]),
    'a password': (get(b'/api/tasks', b'Authorization: Basic cm9vdDpyb290'), [401]),
    'a token of bytes': (get(b'/api/tasks', b'Authorization: Bearer \xff\xfe'), [401]),
    '40 parameters': (get(b'/api/tasks?' + b'a=b&' * 40), [200]),
    'an empty Authorization': (get(b'/api/tasks', b'Authorization:'), [401]),
    'an expectation that nobody knows': (create(b'{', b'Expect: 200-maybe'), [400]),
    'a range': (get(b'/api/health', b'Range: bytes=0-1'), [200]),
    'a million ranges': (get(b'/api/health', b'Range: bytes=' + b'0-1,' * 2000), [200]),
    'a range that is none': (get(b'/api/task/{id}/logs', b'Range: lines=-', b'Accept: text/plain'), [200]),
    'a condition': (get(b'/api/health', b'If-Match: "x"', b'If-Modified-Since: never'), [200]),
    'another method by a field': (get(b'/api/task/{id}', b'X-HTTP-Method-Override: DELETE'), [405]),
    'another path by a field': (get(b'/api/health', b'X-Original-URL: /api/create-task', b'X-Rewrite-URL: /x'), [200]),
    'another address by a field': (get(b'/api/tasks', b'X-Forwarded-For: 127.0.0.1', b'X-Forwarded-Host: evil.example',
                                       host=b'Host: evil.example'), [403]),
    'an Accept of 10000 letters': (get(b'/api/task/{id}/logs', b'Accept: ' + b'a/b;q=0.1,' * 1000), [406]),
    'an Accept that is none': (get(b'/api/task/{id}/logs', b'Accept: ;;q=9,,/,*'), [406]),
}

# --- names that lead here, pages of others

HOSTS = {f'Host: {host}': (post(JSON, b'Content-Length: ' + SIZE, host=b'Host: ' + host.encode('latin-1')), [403])
         for host in ('evil.example', 'localhost.evil.example', 'evil.localhost', '0.0.0.0', '0', '127.1', '127.0.0.2',
                      '2130706433', '0x7f000001', '0177.0.0.1', '127.0.0.1.nip.io', '[::ffff:127.0.0.1]', '[::]',
                      '[0:0:0:0:0:0:0:1]', '::1', 'ip6-localhost', 'localhost.', 'localhost:15001:80', 'localhost:x',
                      'localhost:-1', 'localhost/', 'localhost?', 'localhost#', 'user@localhost',
                      'localhost@evil.example',
                      'localhost\\', 'localhost,evil.example', 'localhost evil.example', 'l\xf6calhost', '"localhost"',
                      'localhost%2eevil', '*', ',', 'xn--lcalhost-n4a', '127.0.0.1 127.0.0.1')}
ORIGINS = {f'{fields}': (post(JSON, b'Content-Length: ' + SIZE, *(f.encode() for f in fields)), [403])
           for fields in (('Origin: null',), ('Origin:',), ('Origin: http://evil.example',),
                   ('Origin: https://localhost',),
                          ('Origin: http://localhost.evil.example',), ('Origin: http://localhost:1',),
                          ('Origin: http://localhost/',), ('Origin: file://',),
                          ('Origin: http://evil.example http://localhost',),
                          ('Origin: http://user@localhost',), ('Origin: chrome-extension://localhost',),
                          ('Origin: http://127.0.0.1',), ('Sec-Fetch-Site: cross-site',),
                          ('Sec-Fetch-Site: same-site',),
                          ('Sec-Fetch-Site: SAME-ORIGIN',), ('Sec-Fetch-Site:',), ('Sec-Fetch-Site: none, none',),
                          ('Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: navigate', 'Sec-Fetch-Dest: document'))}
TYPES = {f'{kind or "no type"}': (post(*([b'Content-Type: ' + kind.encode()] if kind else []),
        b'Content-Length: ' + SIZE),
                                  [415])
         for kind in ('', 'text/plain', 'text/plain; application/json', 'application/x-www-form-urlencoded',
                      'multipart/form-data; boundary=x', 'text/json', 'application/json5', 'application/ld+json',
                      'application/csp-report', '*/*', 'application/*', '"application/json"', ' ;application/json',
                      'application /json', 'applicatiOn/jsOn/x', 'application/json,text/plain', 'image/svg+xml')}

# --- what stands for a task or a repository

WORDS = {
    '..': 404, '.': 404, '%2e%2e': 404, '%2e%2e%2f%2e%2e%2fetc%2fpasswd': 404, '..%2f..%2ftokens': 404,
    '..%5c..%5ctokens': 404, '%252e%252e%252ftokens': 404, '%c0%ae%c0%ae%c0%af': 404, '%00': 400, '{id}%00.json': 400,
    '{id}%0a': 404, '{id}%20': 404, '%ff%fe': 404, '%': 400, '%2': 400, '%zz': 400, '%u002e': 400, '*': 404,
    '{{id}}': 404,
    '{id}.json': 404, '{id}.result': 404, 'tokens': 404, 'task-1700000000-00000g': 404, "'%20or%201=1": 404,
    '$(touch%20{effect})': 404, '%60touch%20{effect}%60': 404, 'x' * 6000: 404, '%F0%9F%92%A5': 404,
}
PLACES = (('GET', '/api/task-status/{}'), ('GET', '/api/task/{}/check-alive'), ('GET', '/api/task/{}/logs'),
          ('GET', '/api/task-logs/{}/stream'), ('GET', '/api/task/{}/diff'), ('POST', '/api/task/{}/cancel'),
          ('POST', '/api/task/{}/continue'), ('POST', '/api/task/{}/resume'), ('POST', '/api/task/{}/commit'),
          ('POST', '/api/task/{}/create-pr'), ('DELETE', '/api/task/{}'))
PARAMETERS = {f'{method} {path.format(word[:40])}': (
    request(f'{method} {path.format(word.replace("{effect}", EFFECT))} HTTP/1.1'.encode()), [status])
    for method, path in PLACES for word, status in WORDS.items()}
REPOSITORIES = {f'repository {word[:40]}': (get(f'/api/tasks/repo/{word}'.encode()), [status])
                for word, status in {'..': 200, '..%2f..%2fetc': 200, '%00': 400, '%zz': 400, '%': 400,
                        'x' * 5000: 200,
                                     '%ff': 200, "'--": 200, '*': 200, '': 404}.items()}

# --- what stands behind the question mark, and where a reader was

QUERIES = {f'{path}?{query[:60]}': (get(f'{path}?{query}'.encode()), [status]) for path, query, status in (
    ('/api/tasks', 'limit=-1', 400), ('/api/tasks', 'limit=1e3', 400), ('/api/tasks', 'limit=99999999999999999999',
    400),
    ('/api/tasks', 'limit=%00', 400), ('/api/tasks', 'limit=', 400), ('/api/tasks', 'limit=0x10', 400),
    ('/api/tasks', 'limit=1%0a', 400), ('/api/tasks', 'after=../../etc/passwd', 400), ('/api/tasks', 'after=%ff', 400),
    ('/api/tasks', 'status=nonsense', 200), ('/api/tasks', 'label=nonsense', 200), ('/api/tasks', 'label==', 200),
    ('/api/tasks', '=&=&==', 200),
    ('/api/tasks', '%', 400), ('/api/tasks', 'a=%z', 400), ('/api/tasks', 'limit=1&limit=-1', 200),
    ('/api/task/{id}/logs', 'limit=10001', 400), ('/api/task/{id}/logs', 'limit=-5', 400),
    ('/api/task/{id}/logs', 'order=up', 400), ('/api/task/{id}/logs', 'source=root', 400),
    ('/api/task/{id}/logs', 'since=yesterday', 400), ('/api/task/{id}/logs', 'until=9999-99-99T99:99:99Z', 400),
    ('/api/task/{id}/logs', 'since=@99999999999999999999', 400), ('/api/task/{id}/logs', 'grep=(', 400),
    ('/api/task/{id}/logs', 'grep=(?{{system("id")}})', 400), ('/api/task/{id}/logs', 'grep=' + '(' * 3000, 400),
    ('/api/task/{id}/logs', 'grep=(a%2B)%2B$', 200), ('/api/task/{id}/logs', 'grep=%00', 400),
    ('/api/task/{id}/logs', 'after=nonsense', 400), ('/api/task/{id}/logs', 'after=' + 'A' * 5000, 400),
    ('/api/task/{id}/logs', 'before=%2e%2e', 400), ('/api/task/{id}/logs', 'after=s=0;i=0;b=0;m=0;t=0;x=0', 400),
    ('/api/task-logs/{id}/stream', 'tail=-1', 400), ('/api/task-logs/{id}/stream', 'tail=1000001', 400),
    ('/api/task-logs/{id}/stream', 'after=nonsense', 400), ('/api/task-logs/{id}/stream', 'after=%ff%00', 400))}
CURSORS = {f'Last-Event-ID: {cursor[:40]}': (get(b'/api/task-logs/{id}/stream',
        b'Last-Event-ID: ' + cursor.encode('latin-1')),
                                            [400])
           for cursor in ('0', '-1', 'nonsense', 'A' * 8000, '../../tokens', '%00', '\xff\xfe', '{id}', '{id}.0',
                   '==', 'AAAA',
                          '9' * 400, 's=0;i=1;b=2;m=3;t=4;x=5', "'; DROP TABLE tasks; --")}

# --- bodies that are announced as they are

def nested(begin, end, depth):
    return b'{"command":["true"],"labels":' + begin * depth + b'1' + end * depth + b'}'


COMMAND = b'"command":["/usr/bin/touch","/tmp/hostile"]'
BODIES = {
    'objects in objects': (nested(b'{"a":', b'}', 5000), 400),
    'lists in lists': (nested(b'[', b']', 5000), 400),
    'lists that never end': (b'[' * 1000000, 400),
    'objects that never end': (b'{"a":' * 200000, 400),
    'a name twice': (b'{"command":["true"],' + COMMAND + b'}', 400),
    'a name twice, once escaped': (b'{"comm\\u0061nd":["true"],' + COMMAND + b'}', 400),
    'a variable twice': (b'{' + COMMAND + b',"environment":{"A":"1","A":"2"}}', 400),
    '100000 names': (b'{' + b','.join(b'"a%d":1' % n for n in range(90000)) + b'}', 400),
    'a name of 1 MB': (b'{"' + b'a' * 1000000 + b'":1}', 400),
    'a name with a NUL': (b'{"command\\u0000":["true"]}', 400),
    '__proto__': (b'{' + COMMAND + b',"__proto__":{"admin":true}}', 400),
    'a number of 100000 digits': (b'{' + COMMAND + b',"timeout":' + b'9' * 100000 + b'}', 400),
    'a number of 1e999': (b'{' + COMMAND + b',"timeout":1e999}', 400),
    'a number of 1e-999': (b'{' + COMMAND + b',"timeout":1e-999}', 400),
    'a number of -0': (b'{' + COMMAND + b',"timeout":-0}', 400),
    'a number of 007': (b'{' + COMMAND + b',"timeout":007}', 400),
    'a number of 0x10': (b'{' + COMMAND + b',"timeout":0x10}', 400),
    'a number that ends in a point': (b'{' + COMMAND + b',"timeout":1.}', 400),
    'a number with a plus': (b'{' + COMMAND + b',"timeout":+1}', 400),
    'Infinity': (b'{' + COMMAND + b',"timeout":Infinity}', 400),
    '-Infinity': (b'{' + COMMAND + b',"timeout":-Infinity}', 400),
    'a comma too many': (b'{' + COMMAND + b',}', 400),
    'a comma too many in a list': (b'{"command":["true",]}', 400),
    'no quotes': (b'{command:["true"]}', 400),
    'a comment of two slashes': (b'{' + COMMAND + b'} // x', 400),
    'True': (b'{' + COMMAND + b',"separate_stderr":True}', 400),
    'TRUE': (b'{' + COMMAND + b',"separate_stderr":TRUE}', 400),
    'NULL': (b'{' + COMMAND + b',"timeout":NULL}', 400),
    'a byte order mark': (b'\xef\xbb\xbf{' + COMMAND + b'}', 400),
    'UTF-16': (('{"command":["true"]}').encode('utf-16'), 400),
    'UTF-32': (('{"command":["true"]}').encode('utf-32'), 400),
    'an overlong slash': (b'{"command":["\xc0\xaf"]}', 400),
    'an overlong NUL': (b'{"command":["true","\xc0\x80"]}', 400),
    'a surrogate in UTF-8': (b'{"command":["true","\xed\xa0\x80"]}', 400),
    'a character above the last': (b'{"command":["true","\xf4\x90\x80\x80"]}', 400),
    'half a character': (b'{"command":["true","\xe2\x82"]}', 400),
    'Latin-1': ('{"command":["true","é"]}'.encode('latin-1'), 400),
    'a line end in a string': (b'{"command":["true","a\nb"]}', 400),
    'an escape that is none': (b'{"command":["true","\\x41"]}', 400),
    'two halves of surrogates the wrong way': (b'{"command":["true","\\udc00\\ud800"]}', 400),
    'a NUL behind the object': (b'{' + COMMAND + b'}\0', 400),
    'a second object behind a NUL': (b'{"x":1}\0{' + COMMAND + b'}', 400),
    'a form': (b'command=touch&command=%2Ftmp%2Fhostile', 400),
    'XML': (b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>', 400),
    'YAML': (b'command: [true]\n', 400),
    'gzip': (b'\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xab\x56\x4a\xce\xcf\xcd\x4d\xcc\x4b\x51', 400),
    'an option for a program': (b'{"command":["/usr/bin/env"],"working_directory":"--help"}', 400),
    'a recipe of a path': (b'{' + COMMAND + b',"recipe":"../../etc/passwd"}', 400),
    'a recipe with a NUL': (b'{' + COMMAND + b',"recipe":"command\\u0000x"}', 400),
    'a repository that is an option': (b'{"recipe":"claude","task_description":"x","github_repo":"--upload-pack=touch '
                                       b'/tmp/hostile"}', 400),
    'a repository by ext': (b'{"recipe":"claude","task_description":"x","github_repo":"ext::touch /tmp/hostile"}',
            400),
    'a variable that loads a library': (b'{' + COMMAND + b',"environment":{"A\\nLD_PRELOAD":"/tmp/x"}}', 400),
    'a secret of a path': (b'{' + COMMAND + b',"secrets":{"../../x":"y"}}', 400),
    'a secret too many': (b'{' + COMMAND + b',"secrets":{' + b','.join(b'"A%d":"x"' % n for n in range(65)) + b'}}',
            400),
}
BODIES = {f'body: {name}': (create(body), [status]) for name, (body, status) in BODIES.items()}

# --- what ends in the middle

WHOLE = create(BODY)
HEAD = WHOLE.index(b'\r\n\r\n') + 4
HALVES = {f'the first {n} bytes': (WHOLE[:n], [408]) for n in (1, 3, 5, 20, 29, 35, HEAD - 4, HEAD - 2, HEAD - 1, HEAD,
                                                           HEAD + 1, len(WHOLE) - 1)}

# --- one behind the other

PIPES = {
    '100 in one write': (lines(b'GET /api/health HTTP/1.1', b'Host: localhost') * 99 + get(b'/api/health'),
            [200] * 100),
    'a bad one between good ones': (lines(b'GET /api/health HTTP/1.1', b'Host: localhost') +
                                    lines(b'GET /api/health HTTP/1.1', b'Host: a', b'Host: b') +
                                    get(b'/api/health'), [200, 400]),
    'what stands behind the last one': (get(b'/api/health') + HIDDEN, [200]),
    'what stands behind a bad one': (get(b'/api/%zz', b'Content-Length: 0', b'Transfer-Encoding: chunked') + HIDDEN,
            [400]),
    'what stands behind a body that is too long': (post(JSON, b'Content-Length: 999999999', body=HIDDEN), [413]),
    'what stands behind a HEAD': (lines(b'HEAD /api/health HTTP/1.1', b'Host: localhost') + get(b'/api/health'), [200,
            200]),
}

GROUPS = {'lengths': LENGTHS, 'lines': LINES, 'fields': FIELDS, 'hosts': HOSTS, 'origins': ORIGINS, 'types': TYPES,
          'parameters': PARAMETERS, 'repositories': REPOSITORIES, 'queries': QUERIES, 'cursors': CURSORS,
                  'bodies': BODIES,
          'halves': HALVES, 'pipes': PIPES}
