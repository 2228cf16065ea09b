#!/usr/bin/env python3
"""model-stub: a stand-in for the API of the model that an agent talks to. It is no model and understands nothing.

It listens on loopback only and answers from scripts: POST /v1/messages, as Claude Code asks, streamed as server-sent
events or in one piece, POST /v1/responses, as Codex asks, and POST /v1beta/models/NAME:streamGenerateContent, as Gemini
does, streamed. Which script a client gets is the first part of its path, so that one stub serves several clients at
once:

    ANTHROPIC_BASE_URL=http://127.0.0.1:PORT/NAME ANTHROPIC_API_KEY=none claude -p ...
    GOOGLE_GEMINI_BASE_URL=http://127.0.0.1:PORT/NAME GEMINI_API_KEY=none gemini --skip-trust ...
    codex exec -c model_provider=stub -c 'model_providers.stub={name="stub",base_url="http://127.0.0.1:PORT/NAME/v1"}'

A script is a list of turns. Each request of a conversation takes the next one, a request that is made again after a
refusal too; the last turn is repeated. A turn is a Refusal, or a list of what the model says and does:

    say('words')            text
    use('Bash', command=…)  a tool that the client shall run; it comes back with the result for its next turn
    patch('*** Begin …')    Codex' own tool for files, which takes a text instead of arguments
    Gate()                  the answer stops here until the test opens the gate: nothing is told by time

Tests use it as a module: `with ModelStub({'name': [turn, ...]}) as model`. By hand, `model-stub.py [PORT]` serves the
scripts at the end of this file; a gate then opens with the Enter key.
"""

import http.server
import itertools
import json
import sys
import threading

PATIENCE = 30  # seconds until a gate is expected to be reached; agents need one to get going
MODEL = 'stand-in'


class Gate:
    """Where an answer stops. `reach` waits until a client is there, `open` lets all through, now and later."""

    def __init__(self):
        self.reached = threading.Event()
        self.opened = threading.Event()

    def reach(self, timeout=PATIENCE):
        if not self.reached.wait(timeout):
            raise TimeoutError('no client came to the gate')

    def open(self):
        self.opened.set()

    def pass_through(self):
        self.reached.set()
        self.opened.wait()


class Refusal:
    """An error in place of an answer: Refusal(401, 'authentication_error', 'invalid x-api-key')."""

    def __init__(self, status, kind, message, headers=None):
        self.status = status
        self.body = {'type': 'error', 'error': {'type': kind, 'message': message}}
        self.headers = headers or {}


def usage_limit(resets_at):
    """What somebody gets who has used up what a subscription lets him use in five hours."""
    unified = {'status': 'rejected', 'reset': resets_at, 'representative-claim': 'five_hour', '5h-status': 'rejected',
               '5h-reset': resets_at, '5h-utilization': '1.0'}
    headers = {f'anthropic-ratelimit-unified-{name}': str(value) for name, value in unified.items()}
    return Refusal(429, 'rate_limit_error', "This request would exceed your account's rate limit.",
                   {**headers, 'x-should-retry': 'false'})


def say(text):
    return {'type': 'text', 'text': text}


_tool_numbers = itertools.count(1)


def use(name, **arguments):
    return {'type': 'tool_use', 'id': f'toolu_{next(_tool_numbers):04}', 'name': name, 'input': arguments}


def patch(text):
    return {'type': 'patch', 'id': f'toolu_{next(_tool_numbers):04}', 'name': 'apply_patch', 'input': text}


# ---- an answer, whole or as events

def usage(output):
    return {'input_tokens': 10, 'output_tokens': output}


def empty_message(number):
    return {'id': f'msg_{number:04}', 'type': 'message', 'role': 'assistant', 'model': MODEL, 'content': [],
            'stop_reason': None, 'stop_sequence': None, 'usage': usage(1)}


def stop_reason(blocks):
    return 'tool_use' if any(block['type'] == 'tool_use' for block in blocks) else 'end_turn'


def message_of(turn, number):
    """The answer in one piece, for clients that do not want a stream."""
    for step in turn:
        if isinstance(step, Gate):
            step.pass_through()
    blocks = [step for step in turn if not isinstance(step, Gate)]
    return {**empty_message(number), 'content': blocks, 'stop_reason': stop_reason(blocks), 'usage': usage(20)}


def block_events(index, block):
    if block['type'] == 'text':
        begin, delta = {'text': ''}, {'type': 'text_delta', 'text': block['text']}
    else:
        begin, delta = {'input': {}}, {'type': 'input_json_delta', 'partial_json': json.dumps(block['input'])}
    yield {'type': 'content_block_start', 'index': index, 'content_block': {**block, **begin}}
    yield {'type': 'content_block_delta', 'index': index, 'delta': delta}
    yield {'type': 'content_block_stop', 'index': index}


def events_of(turn, number):
    blocks = []
    yield {'type': 'message_start', 'message': empty_message(number)}
    for step in turn:
        if isinstance(step, Gate):
            step.pass_through()
            continue
        yield from block_events(len(blocks), step)
        blocks.append(step)
    yield {'type': 'message_delta', 'delta': {'stop_reason': stop_reason(blocks), 'stop_sequence': None},
           'usage': usage(20)}
    yield {'type': 'message_stop'}


# ---- the same as Codex reads it

def item_of(step):
    if step['type'] == 'text':
        return {'type': 'message', 'role': 'assistant', 'content': [{'type': 'output_text', 'text': step['text']}]}
    if step['type'] == 'patch':
        return {'type': 'custom_tool_call', 'call_id': step['id'], 'name': step['name'], 'input': step['input']}
    return {'type': 'function_call', 'call_id': step['id'], 'name': step['name'],
            'arguments': json.dumps(step['input'])}


def response_events_of(turn, number):
    response = {'id': f'resp_{number:04}'}
    yield {'type': 'response.created', 'response': response}
    for step in turn:
        if isinstance(step, Gate):
            step.pass_through()
        else:
            yield {'type': 'response.output_item.done', 'item': item_of(step)}
    used = usage(20)
    yield {'type': 'response.completed', 'response': {**response, 'usage': {**used, 'total_tokens': sum(used.values())}}}


# ---- the same as Gemini reads it

def chunk_of(*parts, **fields):
    return {'candidates': [{'index': 0, 'content': {'role': 'model', 'parts': list(parts)}, **fields}],
            'usageMetadata': {'promptTokenCount': 10, 'candidatesTokenCount': 20, 'totalTokenCount': 30}}


def chunks_of(turn, _number):
    for step in turn:
        if isinstance(step, Gate):
            step.pass_through()
        elif step['type'] == 'text':
            yield chunk_of({'text': step['text']})
        else:
            yield chunk_of({'functionCall': {'name': step['name'], 'args': step['input']}})
    yield chunk_of(finishReason='STOP')


# ---- HTTP

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *_):
        pass

    def do_POST(self):
        raw = self.rfile.read(int(self.headers.get('Content-Length', 0)))
        script, _, route = self.path.partition('?')[0].lstrip('/').partition('/')
        self.server.stub.note(self, raw)
        if route == 'v1/messages':
            self.answer(script, json.loads(raw), events_of)
        elif route == 'v1/responses':
            self.answer(script, json.loads(raw), response_events_of)
        elif route.endswith(':streamGenerateContent'):
            self.answer(script, {**json.loads(raw), 'stream': True}, chunks_of)
        elif route == 'v1/messages/count_tokens':
            self.send_json(200, {'input_tokens': 10})
        else:
            self.send_json(404, {})

    # What clients look up when they start; they live without it.
    def do_GET(self):
        self.server.stub.note(self, b'')
        self.send_json(404, {})

    do_HEAD = do_GET

    def answer(self, script, request, events):
        turn, number = self.server.stub.next_turn(script, request)
        # A turn that begins with a gate holds the whole answer back, not only what it says.
        for gate in itertools.takewhile(lambda step: isinstance(step, Gate), turn if isinstance(turn, list) else []):
            gate.pass_through()
        if isinstance(turn, Refusal):
            self.send_json(turn.status, turn.body, turn.headers)
        elif request.get('stream'):
            self.send_events(events(turn, number))
        else:
            self.send_json(200, message_of(turn, number))

    def send_json(self, status, body, headers=None):
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(data)))
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(data)

    def send_events(self, events):
        self.send_response(200)
        self.send_header('Content-Type', 'text/event-stream')
        self.send_header('Connection', 'close')  # the end of the answer is the end of the connection
        self.end_headers()
        for event in events:
            name = f'event: {event["type"]}\n' if 'type' in event else ''
            self.wfile.write(f'{name}data: {json.dumps(event)}\n\n'.encode())


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request, client_address):
        """Agents that are killed leave in the middle of an answer; anything else is worth a look."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class ModelStub:
    """Listens from its making on. `requests` are the conversations' requests in the order of their arrival, taken from
    JSON; `received` all that came, as bytes."""

    def __init__(self, scripts, port=0):
        self.scripts = scripts
        self.requests = []
        self.received = []
        self.taken = dict.fromkeys(scripts, 0)
        self.lock = threading.Lock()
        self.server = Server(('127.0.0.1', port), Handler)
        self.server.stub = self
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for gate in self.gates():
            gate.open()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def url(self, script):
        return f'http://127.0.0.1:{self.server.server_port}/{script}'

    def gates(self):
        turns = (turn for script in self.scripts.values() for turn in script if isinstance(turn, list))
        return [step for turn in turns for step in turn if isinstance(step, Gate)]

    def note(self, handler, raw):
        with self.lock:
            self.received.append(handler.requestline.encode() + b'\n' + bytes(handler.headers) + raw)

    def next_turn(self, script, request):
        """The turn and its number. What comes without tools is no conversation but a question of the client's own, for
        a title and the like, and takes no turn."""
        with self.lock:
            if script not in self.scripts:
                return Refusal(404, 'not_found_error', f'the stand-in has no script "{script}"'), 0
            if not request.get('tools'):
                return [say('Very well.')], 0
            self.requests.append(request)
            turns = self.scripts[script]
            number = self.taken[script]
            self.taken[script] += 1
            return turns[min(number, len(turns) - 1)], number


def by_hand(port):
    scripts = {
        'talk': [[say('All is well.')]],
        'tool': [[say('I will look.'), use('Bash', command='echo one; sleep 0.5; echo two')], [say('Done.')]],
        'slow': [[say('I begin.'), Gate(), say('I am done.')]],
        'unauthorized': [Refusal(401, 'authentication_error', 'invalid x-api-key')],
        'overloaded': [Refusal(529, 'overloaded_error', 'Overloaded')],
    }
    with ModelStub(scripts, port) as model:
        for script in scripts:
            print(f'ANTHROPIC_BASE_URL={model.url(script)}')
        print('Enter opens the gate of "slow", end of file (Ctrl-D) ends all', flush=True)
        for _ in sys.stdin:
            for gate in model.gates():
                gate.open()


if __name__ == '__main__':
    by_hand(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
