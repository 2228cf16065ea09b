"""The real Claude Code as a task, against a stand-in for its model (agent.py): every byte it writes comes back, what
it is told reaches its model, its own account of how it ended counts, and nothing of it is left."""

import json
import os
import pathlib
import signal
import time

from agent import COMMAND, TOKEN, Agent, same_bytes, streamed, stub
from case import accepts_failures, check, contains, same, until
from service import ROOT

Gate, Refusal, say, use = stub.Gate, stub.Refusal, stub.say, stub.use

# What JSON, events, the journal, systemd and shells might each trip over.
AWKWARD = ('é 漢 🤖 \u2028 \u0085 \x7f \x01\x1b[31m "double" \'single\' \\n \\ $HOME ${PATH} $(id) `id` %n %% {x} '
           '<b>&amp; \t data: id: \r|')
# As one who has no key but a subscription, with its limits.
SUBSCRIPTION = {'ANTHROPIC_API_KEY': '', 'CLAUDE_CODE_OAUTH_TOKEN': 'none'}
BODY_MAX = 1024 * 1024  # of a request
LINE_MAX = 48 * 1024  # journald's LineMax=, where it breaks lines
LONG = ('"quoted"\\and-é|' * 119 + '\n') * 35  # 66 KB; the agent writes what it reads twice into one line, escaped


def log_of(s, task_id):
    return streamed(s.api.log_events(task_id))


def check_whole(s, agent, task_id):
    """The stream, the journal as read by systemd's own tool, and the record that never saw the journal: the same."""
    expected, task = agent.recorded(), s.api.task(task_id)
    same_bytes(agent.journalled(task_id), expected, 'the journal')
    same_bytes(log_of(s, task_id), expected, 'the stream')
    same(task['log_lines'], expected.count(b'\n'), 'log_lines')
    same(task['log_bytes'], len(expected), 'log_bytes')


def check_completed(task):
    same(task['result'], 'completed', task['error'])
    same((task['status'], task['claude_status'], task['progress']), ('completed', 'COMPLETED', 100))
    same((task['exit_code'], task['error']), (0, None))


def check_failed(task, reason, *words):
    same((task['result'], task['status'], task['claude_status']), ('failed', 'failed', 'FAILED'), task['error'])
    same(task['reason'], reason, task['error'])
    contains(task['error'], *words)


# ---- every byte it writes

def test_its_lines_come_back_byte_for_byte(s):
    with Agent(s, [say(AWKWARD), use('Bash', command='echo one; sleep 0.2; echo two')], [say('Done.')]) as agent:
        task_id = agent.create_recorded()
        live = s.api.log_events(task_id)
        check_completed(s.api.task(task_id))
        same_bytes(streamed(live), agent.recorded(), 'the stream, live')
        check_whole(s, agent, task_id)
        contains(agent.recorded(), b'one\\ntwo', '🤖'.encode(), b'"type":"result"')


def watch_and_kill(s, task_id, seen, gate):
    """One connection of a viewer, ended by the service's sudden death in the middle of the agent's answer."""
    with s.api.follow(task_id, seen[-1].id if seen else None) as stream:
        gate.reach()
        seen.append(stream.until(lambda e: e.kind == 'log'))
        s.kill()
        seen += [event for event in stream if event.kind == 'log']
        same(stream.ended, False, 'the stream was cut')


@accepts_failures
def test_its_lines_come_back_byte_for_byte_across_kills_of_the_service(s):
    gates = Gate(), Gate()
    turns = [say(AWKWARD), gates[0], use('Read', file_path='long')], [say(LONG), gates[1]]
    with Agent(s, *turns) as agent:
        agent.write('long', LONG)
        task_id = agent.create_recorded()
        seen = []
        for gate in gates:
            watch_and_kill(s, task_id, seen, gate)
            gate.open()
        seen += s.api.log_events(task_id, seen[-1].id)
        same_bytes(streamed(seen), agent.recorded(), 'what the viewer has seen over three connections')
        check_completed(s.api.task(task_id))
        check_whole(s, agent, task_id)


@accepts_failures
def test_what_it_writes_while_the_service_is_dead_is_not_lost_nor_its_verdict(s):
    gate = Gate()
    with Agent(s, [say('Before.'), gate, use('Bash', command='echo meanwhile')], [say(LONG)]) as agent:
        task_id = agent.create_recorded()
        with s.api.follow(task_id) as stream:
            gate.reach()
            last = stream.until(lambda e: e.kind == 'log').id
        os.kill(s.main_pid(), signal.SIGKILL)
        s.stop_all()
        gate.open()
        until(lambda: s.show(s.unit(task_id), 'ActiveState') == 'inactive', 'the task ends by itself')
        s.listen()
        rest = s.api.log_events(task_id, last)
        check_completed(s.api.task(task_id))
        check_whole(s, agent, task_id)
        check(agent.recorded().endswith(streamed(rest)) and len(rest) > 3, 'the rest is the rest', len(rest))


def test_lines_longer_than_the_journals_are_whole_and_its_result_is_found_in_one(s):
    with Agent(s, [use('Read', file_path='long')], [say(LONG + AWKWARD)]) as agent:
        agent.write('long', LONG)
        task_id = agent.create_recorded()
        check_completed(s.api.wait(task_id))
        lengths = [len(line) for line in agent.recorded().split(b'\n')]
        check(max(lengths) > 130_000 and lengths[-2] > LINE_MAX, 'the lines are as long as they are meant', lengths)
        check_whole(s, agent, task_id)


def test_blanks_where_the_journal_breaks_a_line_are_not_lost(s):
    with Agent(s, [say('|' + ' ' * LINE_MAX + '|')]) as agent:
        task_id = agent.create_recorded()
        check_completed(s.api.wait(task_id))
        same_bytes(log_of(s, task_id), agent.recorded(), 'the stream')


def test_what_looks_like_a_level_where_the_journal_breaks_a_line_is_not_lost(s):
    # One of the three is broken right before such a word, wherever the texts begin in their lines.
    with Agent(s, [say('|' * i + '<3>' * (LINE_MAX // 3)) for i in range(3)]) as agent:
        task_id = agent.create_recorded()
        check_completed(s.api.wait(task_id))
        same_bytes(log_of(s, task_id), agent.recorded(), 'the stream')


def finished_log(s, agent):
    """The events of a log that ends with a long line."""
    task_id = agent.create()
    check_completed(s.api.wait(task_id))
    return task_id, s.api.log_events(task_id)


def test_the_log_goes_on_exactly_behind_each_line(s):
    with Agent(s, [use('Bash', command='echo 1'), use('Bash', command='echo 2')], [say(LONG)]) as agent:
        task_id, events = finished_log(s, agent)
        for i, event in enumerate(events[:-1], 1):
            rest = s.api.log_events(task_id, event.id)
            same_bytes(streamed(rest), streamed(events[i:]), f'the rest behind line {i}')


def test_the_last_lines_are_whole_lines(s):
    with Agent(s, [use('Bash', command='echo 1')], [say(LONG)]) as agent:
        task_id, events = finished_log(s, agent)
        for n in range(1, len(events) + 1):
            tail = s.api.log_events(task_id, query=f'?tail={n}')
            same_bytes(streamed(tail), streamed(events[-n:]), f'the last {n} lines')


# ---- what it is told

def test_the_description_reaches_its_model_untouched(s):
    description = f'--version\n{AWKWARD}\0\n' + ''.join(f'{i}: {AWKWARD}\n' for i in range(1800)) + 'the end.\0'
    with Agent(s, [say('I see.')]) as agent:
        description += 'x' * (BODY_MAX - len(json.dumps(agent.request(description))))
        check_completed(agent.run(description))
        told = [block['text'] for message in agent.model.requests[0]['messages'] if message['role'] == 'user'
                for block in message['content']]
        same(description in told, True, 'one block of the request is the text')


# ---- what nobody may see

def files_with(needle, *folders):
    """Who has it on disk. What vanishes while we look has not kept it."""
    for path in (p for folder in folders for p in folder.rglob('*')):
        try:
            if path.is_file() and needle in path.read_bytes():
                yield str(path)
        except FileNotFoundError:
            pass


def processes_with(needle):
    """Who has it in its arguments or its environment."""
    for file in ('cmdline', 'environ'):
        for path in pathlib.Path('/proc').glob(f'[0-9]*/{file}'):
            try:
                if needle in path.read_bytes():
                    yield str(path)
            except (FileNotFoundError, ProcessLookupError):
                pass


def places_with(s, agent, task_id, text, cursor):
    """Where the text is; in the journal from the cursor on, since before it there may be any amount."""
    needle = text.encode()
    home = pathlib.Path(s.runner.pw_dir)
    replies = [s.api.get(path.format(task_id)).body for path in (
        '/api/task-status/{}', '/api/tasks', '/api/dashboard', '/api/task/{}/logs', '/api/task/{}/check-alive')]
    told = {
        'files': [path for path in files_with(needle, s.state, s.transient, home, agent.place)
                  if pathlib.Path(path).parent.name != f'{task_id}.credentials'],
        'processes': list(processes_with(needle)),
        'unit': needle in s.systemctl('show', '--all', s.unit(task_id)).encode(),
        'journal': needle in s.command('journalctl', '--output=export', f'--cursor={cursor}', user=ROOT).encode(),
        'replies': [reply for reply in replies if needle in reply],
        'model': any(needle in raw for raw in agent.model.received),
    }
    return {place for place, found in told.items() if found}


def test_the_token_appears_nowhere(s):
    gate, cursor = Gate(), s.journal_cursor()
    with Agent(s, [say('seen-4712'), gate], [say('Done.')]) as agent:
        task_id = agent.create('told-4713', SHOWN='seen-4714')
        gate.reach()
        same(places_with(s, agent, task_id, 'told-4713', cursor), {'files', 'replies', 'model'}, 'what it was told')
        check({'processes', 'unit'} <= places_with(s, agent, task_id, 'seen-4714', cursor), 'the search finds what is there')
        same(places_with(s, agent, task_id, TOKEN, cursor), set(), 'while it runs')
        gate.open()
        check_completed(s.api.wait(task_id))
        check({'journal'} <= places_with(s, agent, task_id, 'seen-4712', cursor), 'the search finds what is there')
        same(places_with(s, agent, task_id, TOKEN, cursor), set(), 'at the end')


# ---- how it ends

def test_a_key_that_is_refused_is_a_failure_in_its_own_words(s):
    with Agent(s, Refusal(401, 'authentication_error', 'invalid x-api-key')) as agent:
        check_failed(agent.run(), 'agent-error', 'Invalid API key')


def test_an_overload_that_stays_is_a_failure_in_its_own_words(s):
    with Agent(s, Refusal(529, 'overloaded_error', 'Overloaded')) as agent:
        check_failed(agent.run(), 'agent-error', '529')


def test_an_overload_that_passes_is_in_the_log_and_nothing_more(s):
    with Agent(s, Refusal(529, 'overloaded_error', 'Overloaded'), [say('Done.')]) as agent:
        task_id = agent.create_recorded()
        check_completed(s.api.wait(task_id))
        check_whole(s, agent, task_id)
        contains(agent.recorded(), b'api_retry')


def test_an_error_in_its_result_is_a_failure_although_the_exit_code_is_0(s):
    with Agent(s, Refusal(400, 'invalid_request_error', 'no such thing')) as agent:
        task = agent.run(CLAUDE_TEST_STATUS='0')
        check_failed(task, 'agent-error', 'no such thing')
        same(task['exit_code'], 0)


def test_an_error_in_a_result_longer_than_the_journals_lines_is_found_and_its_sentence_is_short(s):
    with Agent(s, Refusal(400, 'invalid_request_error', 'é' * LINE_MAX)) as agent:
        task = agent.run(CLAUDE_TEST_STATUS='0')
        check_failed(task, 'agent-error', 'éé')
        check(len(task['error']) < 4000, 'the sentence is short', len(task['error']))


def interrupt(s, turn, gate, written):
    """SIGINT to the agent at the gate, when it has written such a line: it ends in peace, with 0."""
    with Agent(s, turn) as agent:
        task_id = agent.create()
        gate.reach()
        with s.api.follow(task_id) as stream:
            stream.until(lambda e: e.kind == 'log' and written in e.json['log'])
        os.kill(s.api.alive(task_id)['thread_info']['main_pid'], signal.SIGINT)
        task = s.api.wait(task_id)
        same((task['exit_code'], task['signal']), (0, None))
        return task


def test_interrupted_before_an_answer_it_has_no_result_or_an_error_and_both_are_a_failure(s):
    gate = Gate()
    # Whether it still writes a result is a matter of milliseconds, of which nobody outside can know.
    task = interrupt(s, [gate, say('Hm.')], gate, '"init"')
    check_failed(task, 'agent-error')
    check('without giving a result' in task['error'] or 'error_during_execution' in task['error'], task['error'])


def test_interrupted_in_an_answer_it_ends_with_an_error_which_is_a_failure(s):
    gate = Gate()
    task = interrupt(s, [say('Hm.'), gate], gate, 'Hm.')
    check_failed(task, 'agent-error', 'error_during_execution')


def test_of_several_results_the_last_one_counts(s):
    fifo = s.fifo()
    work = use('Bash', command=f'read line <{fifo}', run_in_background=True)
    with Agent(s, [work], [say('It runs.')], Refusal(400, 'invalid_request_error', 'too late')) as agent:
        task_id = agent.create(**agent.allow('Bash'), CLAUDE_TEST_STATUS='0')
        with s.api.follow(task_id) as stream:
            stream.until(lambda e: e.kind == 'log' and 'It runs.' in e.json['log'] and '"result"' in e.json['log'])
            same(s.api.task(task_id)['result'], None, 'a result is not the end')
            fifo.write_text('go on\n', encoding='utf-8')
        check_failed(s.api.wait(task_id), 'agent-error', 'too late')


def test_without_claude_the_request_is_refused(s):
    with Agent(s) as agent:
        COMMAND.unlink()
        reply = s.api.post('/api/create-task', agent.request())
        same((reply.status, reply.json['field']), (400, 'recipe'))
        contains(reply.json['error'], 'claude', 'not there')


# ---- its own account

def account(s, task_id, **wanted):
    """The account, once it says so; how it came to be is not waited for."""
    def holds():
        found = s.api.task(task_id)['agent']
        return found if all(found[name] == value for name, value in wanted.items()) else None
    return until(holds, f'the account has {wanted}')


def editing(agent, gate):
    """Writes one file and reads it, waits, edits it and one more, and is done."""
    new, old = str(agent.place / 'work' / 'new.txt'), str(agent.write('work/old.txt', 'one\n'))
    s = agent.service
    for path in (agent.place / 'work', agent.place / 'work' / 'old.txt'):
        os.chown(path, s.runner.pw_uid, s.runner.pw_gid)
    agent.model.scripts['model'] = [
        [say('I will.'), use('Write', file_path=new, content='hello\n')],
        [use('Read', file_path=old)],
        [gate, use('Edit', file_path=old, old_string='one', new_string='two')],
        [use('Edit', file_path=old, old_string='two', new_string='three')],
        [use('Edit', file_path=old, old_string='nowhere', new_string='x')],
        [say('Done.')]]
    return [new, old]


def check_edited(task, files):
    agent = task['agent']
    same((agent['kind'], agent['name']), ('claude', 'Claude Code'))
    same((agent['outcome'], agent['error']), ('succeeded', None))
    same((agent['files_edited'], agent['files']), (2, files))
    same((agent['turns'], agent['tool_calls'], agent['last_tool']), (6, 5, 'Edit'))
    same((agent['final_text'], agent['permission_denials'], agent['retry'], agent['limit']), ('Done.', [], None, None))
    same(agent['tokens'], {'input': 60, 'output': 120, 'cache_read': 0, 'cache_creation': 0})
    check(agent['cost_usd'] > 0 and agent['version'].startswith('2.') and len(agent['session_id']) == 36, agent)


def test_its_account_tells_what_it_did(s):
    gate = Gate()
    with Agent(s) as agent:
        files = editing(agent, gate)
        agent.model.gates = lambda: [gate]
        task_id = agent.create(**agent.allow('Edit', 'Write', 'Read'))
        gate.reach()
        found = account(s, task_id, turns=2, last_tool='Read')
        same((found['outcome'], found['files'], found['tool_calls']), ('silent', files[:1], 2))
        same(found['final_text'], None)
        gate.open()
        task = s.api.wait(task_id)
        check_completed(task)
        check_edited(task, files)


@accepts_failures
def test_its_account_is_whole_when_the_service_was_killed_in_the_middle(s):
    gate = Gate()
    with Agent(s) as agent:
        files = editing(agent, gate)
        agent.model.gates = lambda: [gate]
        task_id = agent.create(**agent.allow('Edit', 'Write', 'Read'))
        gate.reach()
        account(s, task_id, turns=2)
        s.kill()
        account(s, task_id, turns=2, tool_calls=2)
        os.kill(s.main_pid(), signal.SIGKILL)
        s.stop_all()
        gate.open()
        until(lambda: s.show(s.unit(task_id), 'ActiveState') == 'inactive', 'the task ends by itself')
        s.listen()
        task = s.api.wait(task_id)
        check_completed(task)
        check_edited(task, files)


def test_it_is_shown_while_it_asks_its_model_again(s):
    for status, kind, word in (429, 'rate_limit_error', 'rate_limit'), (529, 'overloaded_error', 'overloaded'):
        gate = Gate()
        with Agent(s, Refusal(status, kind, 'Later'), [gate, say('Done.')]) as agent:
            task_id = agent.create()
            gate.reach()
            same(account(s, task_id, turns=0)['retry'], {
                'attempt': 1, 'max_retries': 1, 'error': word, 'status': status,
                'message': f'retrying 1 of 1, {word}'})
            gate.open()
            task = s.api.wait(task_id)
            check_completed(task)
            same((task['agent']['retry'], task['agent']['turns']), (None, 1))


def test_a_permission_that_it_is_denied_is_a_warning_and_no_failure(s):
    with Agent(s, [use('Bash', command='touch x')], [say('I may not.')]) as agent:
        task = agent.run()
        check_completed(task)
        denied, = task['agent']['permission_denials']
        contains(denied, 'Bash: ')
        same((task['agent']['files_edited'], task['agent']['final_text']), (0, 'I may not.'))


def test_a_usage_limit_is_told_with_the_time_of_its_end(s):
    resets_at = int(time.time()) + 3600
    with Agent(s, [say('I begin.'), use('Bash', command='echo 1')], stub.usage_limit(resets_at)) as agent:
        task = agent.run(**SUBSCRIPTION)
        check_failed(task, 'agent-error', '5-hour limit')
        told = time.strftime('%Y-%m-%dT%H:%M:%S.000000Z', time.gmtime(resets_at))
        same(task['agent']['limit'], {'type': 'five_hour', 'status': 'rejected', 'resets_at': told})
        same(task['agent']['needs_login'], False)


def test_without_a_login_it_says_so(s):
    with Agent(s, [say('Done.')]) as agent:
        task = agent.run(ANTHROPIC_API_KEY='')
        check_failed(task, 'agent-error', 'Not logged in')
        same((task['agent']['needs_login'], task['agent']['turns']), (True, 0))


# ---- nothing of it is left

def start_tool(s, agent, mark, fifo):
    """Returns when the agent's tool has a tree of processes, all with the mark in their arguments."""
    task_id = agent.create(**agent.allow('Bash'))
    same(fifo.read_text(encoding='utf-8'), 'up\n')
    until(lambda: len(list(processes_with(mark))) >= 3, 'the tool has processes')
    return task_id


def agent_with_tool(s, fifo, mark):
    """A tool that does not end, with a child that left its session and one that nobody is parent of."""
    command = f'setsid sleep {mark} & (sleep {mark} &); echo up >{fifo}; sleep {mark}; true'
    return Agent(s, [use('Bash', command=command)], [say('Done.')])


def test_cancelled_it_leaves_nothing_alive(s):
    fifo, mark = s.fifo(), '1000.4715'
    with agent_with_tool(s, fifo, mark) as agent:
        task_id = start_tool(s, agent, mark.encode(), fifo)
        same(s.api.cancel(task_id).status, 200)
        task = s.api.wait(task_id)
        same(list(processes_with(mark.encode())), [])
        same((task['result'], task['status'], task['reason']), ('cancelled', 'cancelled', 'cancelled'), task['error'])


def test_killed_it_has_failed_by_a_signal_and_leaves_nothing_alive(s):
    fifo, mark = s.fifo(), '1000.4716'
    with agent_with_tool(s, fifo, mark) as agent:
        task_id = start_tool(s, agent, mark.encode(), fifo)
        os.kill(s.api.alive(task_id)['thread_info']['main_pid'], signal.SIGKILL)
        task = s.api.wait(task_id)
        same(list(processes_with(mark.encode())), [])
        check_failed(task, 'signal', 'SIGKILL')
        same(task['signal'], 'SIGKILL')
