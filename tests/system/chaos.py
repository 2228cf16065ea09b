"""Tasks that know what they were told, and the account of them: what the cases of test_chaos.py are made of.

Each request to create a task carries a tag, and each task appends to a file of its own when it begins and when it
ends. So there are three accounts of it, which share nothing: the client's, the task's, and the service's.
"""

import http.client
import json
import pathlib
import random
import re
import time
from dataclasses import dataclass, field

from case import check, note, same, table, until
from service import ROOT, TASKS

PATIENCE = 60  # seconds until all has ended; children that shrug SIGTERM off take ten
TAG = re.compile(r'chaos-\d+-tag')
TOLD = 'status', 'reason', 'signal', 'error', 'invocation_id', 'log_lines'  # in a reply as on disk
FILE = re.compile(r'(task-\d+-[0-9a-f]{6})(?:\.\d+)?\.(json|result|prompt)')
AGENT = pathlib.Path('/usr/local/bin/claude')
# Ends with 99 when its prompt is not the one that was sent. So many lines, and a moment: its document is saved
# meanwhile.
AGENT_SCRIPT = '''#!/bin/sh
echo "began $INVOCATION_ID" >>"$CHAOS_TRUTH"
[ "$(cat)" = "prompt of $CHAOS_TAG" ] || exit 99
seq 24; sleep 0.05
echo '{"type":"result","subtype":"success","is_error":'$CHAOS_FAILS',"result":"by request"}'
echo ended >>"$CHAOS_TRUTH"
'''


@dataclass(frozen=True)
class Kind:
    """What a task is told to do, and so how it ends."""

    script: str                # $1 is its own file; '' for what is no script
    wanted: tuple              # status, reason, exit_code, signal; only the first two where the others may vary
    lines: int | None = None   # of its log besides `up`; None where that may vary
    fields: dict = field(default_factory=dict)
    weight: int = 4
    ends: bool = True          # by itself, and says so
    cancel: bool = False
    program: str = '/bin/sh'   # another one cannot be started
    agent: bool = False


def completed(script, lines=0, **more):
    return Kind(f'{script} echo ended >>"$1"; exit 0', ('completed', 'exit-code', 0, None), lines, **more)


def exits(code, script='', **more):
    return Kind(f'{script} echo ended >>"$1"; exit {code}', ('failed', 'exit-code', code, None), 0, **more)


def signalled(name):
    return Kind(f'echo ended >>"$1"; kill -{name} $$; sleep 1000', ('failed', 'signal', None, f'SIG{name}'), 0,
                weight=1)


def never_started(**more):
    return Kind('', ('failed', 'start-failed'), weight=1, ends=False, **more)


def cancelled(script, **more):
    return Kind(script, ('cancelled', 'cancelled'), ends=False, cancel=True, **more)


KINDS = {
    'success': completed('', weight=8),
    'a while': completed('sleep 0.1;'),
    'exit 1': exits(1),
    'exit 75': exits(75),
    'exit 203': exits(203, weight=1),  # systemd's own number for what cannot be started, but the program's here
    'exit 255': exits(255, weight=1),
    'SIGKILL': signalled('KILL'),
    'SIGTERM': signalled('TERM'),
    'SIGUSR1': signalled('USR1'),
    'SIGHUP': signalled('HUP'),
    'timeout': Kind('exec sleep 1000', ('timed_out', 'runtime-limit', None, 'SIGTERM'), 0, {'timeout': 1}, ends=False),
    'timeout, exit 0': Kind('trap "exit 0" TERM; sleep 1000 & wait', ('timed_out', 'runtime-limit', 0, None), 0,
                            {'timeout': 1}, ends=False, weight=1),
    'forks': completed('for i in 1 2 3 4 5 6 7 8; do (echo child; sleep 0.05) & done; wait;', 8),
    'leaves children': completed('sleep 1000 & sleep 1000 &', weight=2),
    'leaves sessions': exits(3, 'setsid -f sleep 1000; setsid -f setsid -f sleep 1000;', weight=2),
    'leaves the deaf': completed('setsid -f sh -c "trap \\"\\" TERM; sleep 12";', weight=1),
    'flood': completed('seq 5000;', 5000, weight=2),
    'no program': never_started(program='/no/such/program'),
    'a directory': never_started(program='/etc'),
    'no directory': never_started(fields={'working_directory': '/no/such/directory'}),
    'cancel': cancelled('exec sleep 1000'),
    'cancel, exit 0': cancelled('trap "exit 0" TERM; sleep 1000 & wait', weight=2),
    'cancel a session': cancelled('setsid -f sleep 1000; sleep 1000', weight=2),
    'cancel the deaf': cancelled('trap "" TERM; sleep 1000', weight=1),
    'cancel in its end': Kind('sleep 0.02; echo ended >>"$1"; exit 0', ('completed', 'exit-code', 0, None), 0,
                              ends=False, cancel=True),
    'agent': Kind('', ('completed', 'exit-code', 0, None), 24, agent=True),
    'agent fails': Kind('', ('failed', 'agent-error', 0, None), 24, agent=True, weight=2),
}


@dataclass(eq=False)
class Attempt:
    """One request to create a task, and what became of it as the client knows it."""

    tag: str
    name: str                  # of its kind
    story: str                 # for whom it fails
    truth: pathlib.Path
    task_id: str | None = None  # acknowledged
    refused: str | None = None
    resumed: int = 0           # further attempts that were acknowledged
    maybe_resumed: int = 0     # and those whose request was not answered
    cancelled_before: bool = False  # an earlier attempt was, or may have been
    cancel: str | None = None  # how the wish was answered: 'accepted', 'too late', 'perhaps'

    @property
    def kind(self):
        return KINDS[self.name]

    def wanted(self):
        """All verdicts that are right."""
        right = [self.kind.wanted]
        if self.name == 'cancel in its end' and (self.cancelled_before or self.cancel in ('accepted', 'perhaps')):
            right = [('cancelled', 'cancelled'), *(right if self.ended() else [])]
        return right

    def told(self):
        """What the task wrote: words of the lines."""
        return [line.split() for line in self.truth.read_text().splitlines()] if self.truth.exists() else []

    def began(self):
        return [words[1] for words in self.told() if words[0] == 'began']

    def ended(self):
        return ['ended'] in self.told()

    def request(self):
        if self.kind.agent:
            environment = {'CHAOS_TRUTH': str(self.truth), 'CHAOS_TAG': self.tag,
                           'CHAOS_FAILS': 'true' if 'fails' in self.name else 'false'}
            place = self.truth.with_suffix('.place')
            place.mkdir(exist_ok=True)
            place.chmod(0o777)
            return {'working_directory': str(place), 'github_token': 'x',
                    'task_description': f'prompt of {self.tag}', 'environment': environment}
        script = f'echo "began $INVOCATION_ID" >>"$1"; echo up; {self.kind.script}'
        return {'command': [self.kind.program, '-c', script, self.tag, str(self.truth)], **self.kind.fields}


class World:
    """Context manager: the service, the client and all attempts of a case."""

    def __init__(self, service, seed):
        self.service, self.random = service, random.Random(seed)
        self.place = service.scratch()
        self.attempts, self.forgotten = [], 0
        self.lost = 0  # requests that got no answer

    def __enter__(self):
        AGENT.write_text(AGENT_SCRIPT)
        AGENT.chmod(0o755)
        self.service.forget_tasks()
        # Of recorders that were killed between cases; the service removes them when they are an hour old.
        for path in self.service.state.glob('.tmp-*.result-*'):
            path.unlink(missing_ok=True)
        return self

    def __exit__(self, *_):
        AGENT.unlink()

    # --- the client ---

    def once(self, method, path, body=None):
        """The reply, or None when the connection ended before it. It is never refused: the socket is systemd's."""
        try:
            return self.service.api.request(method, path, body, timeout=PATIENCE)
        except ConnectionRefusedError:
            raise
        except (ConnectionError, http.client.HTTPException):
            self.lost += 1
            return None

    def patiently(self, method, path):
        """For what may be asked again."""
        while not (reply := self.once(method, path)):
            pass
        return reply

    def up(self):
        """Returns when the service serves: connections wait for that at its socket. That a part is away for a moment, as
        the journal's file of a user while journald rotates it, is told and no failure."""
        deadline = time.monotonic() + 5
        while (reply := self.patiently('GET', '/api/health')).status != 200 and time.monotonic() < deadline:
            note(f'health: {reply.json["error"]}')
            time.sleep(0.1)
        same(reply.status, 200, reply.body)

    def pick(self):
        return self.random.choices(list(KINDS), [kind.weight for kind in KINDS.values()])[0]

    def create(self, name, story):
        """Asked for once: without an answer nobody knows whether there is such a task."""
        tag = f'chaos-{self.forgotten + len(self.attempts)}-tag'
        attempt = Attempt(tag, name, story, self.place / tag)
        self.attempts.append(attempt)
        reply = self.once('POST', '/api/create-task', attempt.request())
        if reply and reply.status == 200:
            attempt.task_id = reply.json['task_id']
        elif reply:
            attempt.refused = f'{reply.status} {reply.body}'
        return attempt

    def reload(self):
        """systemd reads all units again, also those that wait for their start."""
        self.service.systemctl('daemon-reload')

    def cancel(self, attempt):
        """Until it is answered: the wish is not to be lost then. One without an answer may have been heard."""
        lost = self.lost
        reply = self.patiently('POST', f'/api/task/{attempt.task_id}/cancel')
        check(reply.status in (200, 409), 'the answer to a cancel', reply)
        attempt.cancel = 'accepted' if reply.status == 200 else 'too late' if self.lost == lost else 'perhaps'

    def resume(self, attempt):
        """Asked for once, of a task that has ended."""
        if not attempt.task_id:
            return
        reply = self.once('POST', f'/api/task/{attempt.task_id}/resume')
        check(not reply or reply.status in (200, 409), 'the answer to a resume', reply)
        attempt.resumed += bool(reply and reply.status == 200)
        attempt.maybe_resumed += reply is None
        if attempt.kind.cancel and (reply is None or reply.status == 200):
            attempt.cancelled_before |= attempt.cancel in ('accepted', 'perhaps')
            attempt.cancel = None

    def cancel_what_is_to_be(self):
        """Also tasks whose creation was not answered: their client finds them in the list."""
        for attempt in self.attempts:
            if attempt.kind.cancel and attempt.task_id and not attempt.cancel:
                self.cancel(attempt)
        mine = {a.tag: a for a in self.attempts if a.kind.cancel and not a.task_id}
        for task_id, (tag, *_) in self.tags().items():
            if tag in mine:
                mine[tag].task_id = task_id
                self.cancel(mine[tag])

    # --- the account ---

    def documents(self):
        return {m[1]: json.loads((self.service.state / m[0]).read_text()) for m in map(FILE.fullmatch, self.files())
                if m and m[2] == 'json'}

    def files(self):
        return sorted(self.service.task_files())

    def tags(self):
        """{task_id: its tags}, from the files."""
        return {task_id: TAG.findall(json.dumps(document)) for task_id, document in self.documents().items()}

    def settle(self):
        """Returns when every task has ended and the service has nothing more to do for any."""
        self.up()
        self.cancel_what_is_to_be()
        until(lambda: json.loads(self.patiently('GET', '/api/tasks?status=running').body) == [], 'no task runs',
              PATIENCE)
        until(lambda: self.service.active_tasks() == [], 'no task is listed as active')

    def left_files(self):
        """What is in the directory and no known task's."""
        known = self.documents()
        return [name for name in self.files() if not ((m := FILE.fullmatch(name)) and m[1] in known and (
            m[2] != 'prompt' or known[m[1]]['recipe'] == 'claude'))]

    def no_files(self, list_them):
        """The service may be writing at this moment; what stays is left over."""
        deadline = time.monotonic() + 5
        while (names := list_them()) and time.monotonic() < deadline:
            time.sleep(0.01)
        same(names, [], 'files left over')

    def processes(self):
        """Whatever runs in any unit of a task: [(pid, its control group)]."""
        found = []
        for path in pathlib.Path('/proc').glob('[0-9]*/cgroup'):
            try:
                if 'remote-developer-task-' in (group := path.read_text()):
                    found.append((path.parent.name, group.strip()))
            except OSError:  # it has ended
                pass
        return found

    def verify(self):
        """To be called when all has settled: all three accounts are the same, and nothing else is there."""
        s, documents = self.service, self.documents()
        ids = {}
        for task_id, tags in self.tags().items():
            check(len(set(tags)) == 1, 'a task has one tag', task_id, tags)
            ids.setdefault(tags[0], []).append(task_id)
        rows = {a: self.wrong(a, ids.pop(a.tag, []), documents) for a in self.attempts}
        for attempt in filter(rows.get, rows):
            self.tell(attempt)
        table({f'{a.tag} ({a.name}; {a.story})': problem for a, problem in rows.items()})
        same(ids, {}, 'tasks that nobody asked for')
        same(s.task_units(), set(), 'units left over')
        same(self.processes(), [], 'processes left over')
        same(sorted(p.name for p in s.transient.glob(TASKS)), [], 'unit files left over')
        self.no_files(self.left_files)
        same(s.api.get('/api/health').json['broken_files'], 0, 'broken files')

    def tell(self, attempt):
        """All that there is about an attempt that does not hold."""
        note(f'{attempt.tag}: {attempt.told()}')
        for task_id in (i for i, tags in self.tags().items() if attempt.tag in tags):
            for path in self.service.state.glob(f'{task_id}.*'):
                note(f'  {path.name}: {path.read_text()}')
            for line in self.service.command('journalctl', '--quiet', '--output=short-precise', '--no-hostname',
                                             '--grep', task_id, user=ROOT).splitlines():
                note(f'  {line}')

    def wrong(self, attempt, ids, documents):
        """What does not agree about one attempt, or None."""
        began, may_not_begin = attempt.began(), attempt.kind.cancel or attempt.kind.wanted[1] == 'start-failed'
        if len(ids) > 1:
            return f'there are several: {ids}'
        if not ids:
            return f'acknowledged as {attempt.task_id} and lost' if attempt.task_id else \
                'it ran and is not known' if began else None
        if attempt.refused or attempt.task_id not in (None, ids[0]):
            return f'it is {ids[0]}, the client was told {attempt.refused or attempt.task_id}'
        task = self.service.api.task(ids[0])
        if not attempt.resumed <= task['attempt'] - 1 <= attempt.resumed + attempt.maybe_resumed:
            return f'resumed {attempt.resumed} to {attempt.resumed + attempt.maybe_resumed} times, is {task["attempt"]}'
        runs = [*task['attempts'], task]
        if [run['attempt'] for run in runs] != list(range(1, len(runs) + 1)):
            return f'its attempts are {[run["attempt"] for run in runs]}'
        if len(began) > len(runs) or len(began) < len(runs) and not may_not_begin:
            return f'it ran {len(began)} times: {task["status"]}, {task["reason"]}, {task["error"]}'
        if len(began) == len(runs) and [run['invocation_id'] for run in runs] != began:
            return f'it ran as {began} and is known as {[run["invocation_id"] for run in runs]}'
        if differ := [name for name in TOLD if task[name] != documents[ids[0]][name]]:
            return f'what is told and what is on disk differ in {differ}'
        return next(filter(None, (self.wrong_end(attempt, task, run) for run in runs)), None)

    def wrong_end(self, attempt, task, run):
        kind = attempt.kind
        verdict = tuple(run[name] for name in ('result', 'reason', 'exit_code', 'signal'))
        if not any(verdict[:len(w)] == w for w in attempt.wanted()):
            return f'{verdict} {task["error"]!r}, should be {attempt.wanted()} ({task["task_id"]})'
        if kind.ends and not attempt.ended():
            return f'{verdict}, but it did not come to its end'
        lines = (kind.lines or 0) + 1
        if kind.lines is not None and verdict[0] != 'cancelled' and run['log_lines'] != lines * run['attempt']:
            return f'its log has {run["log_lines"]} lines, should have {lines * run["attempt"]} ({task["task_id"]})'
        return None

    def forget(self):
        """Removes all tasks, which have ended, with their files; again whenever there was no answer."""
        for task_id in self.documents():
            reply = self.patiently('DELETE', f'/api/task/{task_id}')
            check(reply.status in (200, 404), 'the answer to a delete', reply)
        self.up()
        self.no_files(self.files)
        for attempt in self.attempts:
            attempt.truth.unlink(missing_ok=True)
        self.forgotten += len(self.attempts)
        self.attempts.clear()
