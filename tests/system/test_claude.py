"""The real Claude Code as a task, against a stand-in for its model (agent.py): every byte it writes comes back, what it
is told reaches its model, and its own account of how it ended counts."""

import itertools
import os
import pathlib
import random
import signal

from agent import TOKEN, Agent, same_bytes, streamed, stub
from case import accepts_failures, check, contains, lacks, note, same, until
from service import SERVICE, SOCKET

Gate, Refusal, say, use = stub.Gate, stub.Refusal, stub.say, stub.use

# What JSON, SSE, the journal and shells might each trip over.
AWKWARD = 'é 漢 🤖 \u2028 \u0085 \x7f \x01\x1b[31m "double" \'single\' \\n \\ $HOME ${PATH} $(id) `id` %n %% {x} <b>&amp; \t|'
LINE_MAX = 48 * 1024  # journald's LineMax=; longer lines are entries in pieces
BIG = '"quoted" \\ and é\n' * 3500  # 66 KB, which the agent's line has twice, escaped


def whole_log(s, task_id):
    return streamed(s.api.log_events(task_id))


def check_whole(s, agent, task_id, task):
    """The stream, the journal read by systemd's own tool, and the record that never saw the journal are the same."""
    expected = agent.recorded()
    same_bytes(agent.journalled(task_id)[0], expected, 'the journal')
    same_bytes(whole_log(s, task_id), expected, 'the stream')
    same(task['log_lines'], expected.count(b'\n'), 'log_lines')
    same(task['log_bytes'], len(expected), 'log_bytes')


def check_completed(task):
    same(task['result'], 'completed', task['error'])
    same((task['status'], task['claude_status'], task['progress']), ('completed', 'COMPLETED', 100))
    same((task['exit_code'], task['error']), (0, None))


def check_failed(task, reason, *words):
    same((task['result'], task['status'], task['claude_status']), ('failed', 'failed', 'FAILED'), task['error'])
    contains(task['error'] or '', *words)
    same(task['reason'], reason, task['error'])


# ---- every byte it writes

def test_its_lines_come_back_byte_for_byte(s):
    with Agent(s, [say(AWKWARD), use('Bash', command='echo one; sleep 0.2; echo two')], [say('Done.')]) as agent:
        task_id = agent.create_recorded()
        with s.api.follow(task_id) as stream:
            live = list(stream)
        task = s.api.wait(task_id)
        check_completed(task)
        check_whole(s, agent, task_id, task)
        same_bytes(streamed(live), agent.recorded(), 'the stream, live')
        contains(agent.recorded().decode(), 'one\\ntwo', '🤖', '"type":"result"')


def test_its_lines_come_back_byte_for_byte_across_kills_of_the_service(s):
    gates = Gate(), Gate()
    turns = [say('first'), gates[0], use('Bash', command='echo middle')], [say('second'), gates[1]], [say('last')]
    with Agent(s, *turns) as agent:
        task_id = agent.create_recorded()
        seen = []
        for gate in gates:
            watch_until_killed(s, task_id, seen, gate)
            gate.open()
        seen += s.api.log_events(task_id, seen[-1].id)
        same_bytes(streamed(seen), agent.recorded(), 'what the viewer has seen over three connections')
        task = s.api.wait(task_id)
        check_completed(task)
        check_whole(s, agent, task_id, task)


test_its_lines_come_back_byte_for_byte_across_kills_of_the_service = accepts_failures(
    test_its_lines_come_back_byte_for_byte_across_kills_of_the_service)
