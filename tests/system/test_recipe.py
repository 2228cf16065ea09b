"""The recipe `claude`: its arguments, its prompt on stdin, and that its own account decides with systemd's."""

import json
import pathlib

from case import contains, same, table
from test_survive import away, verdict

PROGRAM = pathlib.Path('/usr/local/bin/claude')
REQUEST = {'working_directory': '/tmp', 'github_token': 'x', 'task_description': 'Say hello'}
SYSTEM = '{"type":"system","subtype":"init","session_id":"s1"}'
GOOD = '{"type":"result","subtype":"success","is_error":false,"result":"Done.","session_id":"s1"}'
FAILED = '{"type":"result","subtype":"success","is_error":true,"result":"No credit left"}'
LIMIT = '{"is_error":true,"subtype":"error_max_turns","type":"result"}'


def agent(s, script):
    """Runs the recipe with a program of the agent's name that does this."""
    # The Doctor asks every agent for its version.
    PROGRAM.write_text(f'#!/bin/sh\n[ "$1" != --version ] || exit 1\n{script}\n')
    PROGRAM.chmod(0o755)
    try:
        return s.api.wait(s.api.create_from(REQUEST))
    finally:
        PROGRAM.unlink()


def say(*lines):
    return '\n'.join(f"cat <<'END'\n{line}\nEND" for line in lines)


def test_the_prompt_arrives_on_stdin_and_the_arguments_are_the_agents(s):
    seen = s.scratch()
    text = '\0Füge "x" hinzu\n--version\n$(id) `id` $HOME %n \'\\ \0' + 'ü漢🙂' * 10_000 + '\0'
    text += 'x' * (1024 * 1024 - len(json.dumps({**REQUEST, 'task_description': text})))  # as much as a request may be
    REQUEST['task_description'] = text
    try:
        task = agent(s, f'printf "%s\\n" "$@" >{seen}/arguments; cat >{seen}/prompt\n' + say(GOOD))
    finally:
        REQUEST['task_description'] = 'Say hello'
    same((seen / 'arguments').read_text().split('\n')[:-1], ['-p', '--output-format', 'stream-json', '--verbose',
                                                              '--session-id', task['session_id']])
    same((seen / 'prompt').read_text() == text, True, 'the prompt, byte for byte')
    same(s.api.task(task['task_id'])['task_description'] == text, True, 'the document keeps it, NUL bytes too')
    same((task['status'], task['claude_status'], task['progress']), ('completed', 'COMPLETED', 100))


def test_a_recipe_whose_program_is_not_there_is_refused_until_it_is(s):
    reply = s.api.post('/api/create-task', REQUEST)
    same((reply.status, reply.json['field']), (400, 'recipe'))
    contains(reply.json['error'], 'claude')
    same(agent(s, 'cat >/dev/null\n' + say(GOOD))['status'], 'completed')


def test_its_lines_come_back_byte_for_byte(s):
    long = json.dumps({'type': 'assistant', 'message': 'ü"\\\n' * 30_000}, ensure_ascii=False)
    task = agent(s, 'cat >/dev/null\n' + say(SYSTEM, long, GOOD))
    same(s.api.lines(task['task_id']), [SYSTEM, long, GOOD])


def test_its_own_account_counts_beside_its_exit_status(s):
    wanted = {  # what it does: status, reason, a part of the sentence
        say(SYSTEM, GOOD): ('completed', 'exit-code', ''),
        say(SYSTEM, FAILED): ('failed', 'agent-error', 'No credit left'),
        say(SYSTEM, LIMIT): ('failed', 'agent-error', 'error_max_turns'),
        say(SYSTEM): ('failed', 'agent-error', 'without giving a result'),
        'exit 0': ('failed', 'agent-error', 'without giving a result'),
        say(SYSTEM, GOOD) + '\nexit 5': ('failed', 'exit-code', '5'),
        say(FAILED, GOOD): ('completed', 'exit-code', ''),
        say(GOOD, FAILED): ('failed', 'agent-error', 'No credit left'),
        say(GOOD) + '\nkill -KILL $$': ('failed', 'signal', 'SIGKILL'),
        say('{"type":"user","text":"{\\"type\\":\\"result\\"}"}'): ('failed', 'agent-error', 'without'),
        say('{"type":"result"', 'x"result"'): ('failed', 'agent-error', 'without'),
    }
    rows = {}
    for script, (status, reason, part) in wanted.items():
        task = agent(s, 'cat >/dev/null\n' + script)
        good = (task['status'], task['reason']) == (status, reason) and part in (task['error'] or '')
        rows[script] = None if good else f'{verdict(task)}: {task["error"]}'
    table(rows)


def test_its_result_counts_also_when_nobody_was_there_to_read_it(s):
    fifo = s.fifo()
    PROGRAM.write_text(f'#!/bin/sh\ncat >/dev/null; echo up; read x <{fifo}\n{say(FAILED)}\n')
    PROGRAM.chmod(0o755)
    try:
        task_id = s.api.create_from(REQUEST)
        s.api.wait_line(task_id, 'up')
    finally:
        PROGRAM.unlink()
    with away(s, 'stop'):
        fifo.write_text('go\n')
        while not (s.state / f'{task_id}.result').exists():
            pass
    task = s.api.wait(task_id)
    same((task['status'], task['reason']), ('failed', 'agent-error'))
    contains(task['error'], 'No credit left')


def test_the_status_words_of_the_original_are_told_while_it_runs(s):
    fifo = s.fifo()
    PROGRAM.write_text(f'#!/bin/sh\ncat >/dev/null; echo up; read x <{fifo}\n{say(GOOD)}\n')
    PROGRAM.chmod(0o755)
    try:
        task_id = s.api.create_from(REQUEST)
        with s.api.follow(task_id) as stream:
            stream.until_line('up')
            fifo.write_text('go\n')
            told = [e.json for e in stream if e.kind in ('status', 'final')]
    finally:
        PROGRAM.unlink()
    same([t['claude_status'] for t in told[-2:-1]], ['COMPLETED'])
    same(told[-1], {'status': 'completed', 'complete': True, 'final': True})
