"""The session of the real Claude Code over the attempts of a task: begun once and gone on with, whatever ended it, and
by itself once a usage limit is over."""

import os
import signal
import time

from agent import Agent, stub
from case import accepts_failures, check, contains, same, until
from test_claude import SUBSCRIPTION, check_completed, check_failed

Gate, say, use, usage_limit = stub.Gate, stub.say, stub.use, stub.usage_limit

TOLD = 'Find out what 4716 means'


def texts(request):
    """What was said so far, as the model is given it."""
    for message in request['messages']:
        content = message['content']
        for block in [{'text': content}] if isinstance(content, str) else content:
            yield block.get('text', '')


def check_goes_on(s, agent, task):
    """The last request of the model has the conversation of the first attempt, in the same session."""
    heard = list(texts(agent.model.requests[-1]))
    check(TOLD in heard and 'I begin.' in heard and 'continue' in heard, 'the conversation goes on', heard)
    same(task['agent']['session_id'], task['attempts'][0]['session_id'])
    same(task['session_id'], task['agent']['session_id'])


def begun(agent):
    """The model has said something, and was asked again: the session is on the disk."""
    until(lambda: len(agent.model.requests) >= 2, 'the first answer is in the session')


def start(s, agent, gate):
    task_id = s.api.create_from(agent.request(TOLD, **agent.allow('Bash')))
    gate.reach()
    begun(agent)
    return task_id


def turns(gate):
    return [[say('I begin.'), use('Bash', command='echo 1')], [gate, say('Hm.')], [say('Done.')]]


def test_resumed_by_hand_it_goes_on_with_its_session(s):
    gate = Gate()
    with Agent(s, *turns(gate)) as agent:
        task_id = start(s, agent, gate)
        until(lambda: s.api.task(task_id)['agent']['session_id'], 'it has told its session')
        first = s.api.task(task_id)
        same(first['agent']['session_id'], first['session_id'], 'it is the one that was chosen')
        same(s.api.cancel(task_id).status, 200)
        same(s.api.wait(task_id)['result'], 'cancelled')
        same(s.api.resume(task_id).status, 200)
        task = s.api.wait(task_id)
        check_completed(task)
        same(task['session_id'], first['session_id'])
        check_goes_on(s, agent, task)


def test_killed_it_goes_on_with_its_session(s):
    gate = Gate()
    with Agent(s, *turns(gate)) as agent:
        task_id = start(s, agent, gate)
        s.systemctl('kill', '--signal=SIGKILL', s.unit(task_id))
        check_failed(s.api.wait(task_id), 'signal', 'SIGKILL')
        same(s.api.resume(task_id).status, 200)
        task = s.api.wait(task_id)
        check_completed(task)
        check_goes_on(s, agent, task)


def test_killed_before_its_model_answered_it_begins_a_new_session(s):
    gate = Gate()
    with Agent(s, [gate, say('Hm.')], [say('Done.')]) as agent:
        task_id = s.api.create_from(agent.request(TOLD))
        gate.reach()
        first = until(lambda: s.api.task(task_id)['agent']['session_id'], 'it has told its session')
        s.systemctl('kill', '--signal=SIGKILL', s.unit(task_id))
        check_failed(s.api.wait(task_id), 'signal', 'SIGKILL')
        same(s.api.resume(task_id).status, 200)
        task = s.api.wait(task_id)
        check_completed(task)
        check(task['session_id'] != first, 'it is another session')
        contains(list(texts(agent.model.requests[-1])), TOLD)


def test_a_session_that_is_gone_is_begun_anew_by_itself(s):
    s.configure(recovery={'resume_pause': 1})
    with Agent(s, [say('I begin.')], [say('Done.')]) as agent:
        config = agent.allow('Bash')
        task_id = s.api.create_from(agent.request(TOLD, **config))
        check_completed(s.api.wait(task_id))
        for path in (agent.place / 'settings' / 'projects').rglob('*.jsonl'):
            path.unlink()
        same(s.api.resume(task_id).status, 200)
        task = s.api.wait(task_id)
        check_completed(task)
        same((task['attempt'], [a['result'] for a in task['attempts']]), (3, ['completed', 'failed']))
        contains(task['attempts'][1]['error'], 'No conversation found')
        contains(list(texts(agent.model.requests[-1])), TOLD)


def create(s, agent):
    return s.api.create_from({**agent.request(TOLD, **agent.allow('Bash'), **SUBSCRIPTION),
                              'resume_after_limit': True})


def after_limit(s, agent):
    """A task whose agent has begun and reached a limit; returns when it waits."""
    task_id = create(s, agent)
    until(lambda: s.api.task(task_id)['status'] == 'waiting_limit', 'it waits for the limit to be over')
    return task_id


def limited(seconds):
    return [[say('I begin.'), use('Bash', command='echo 1')], usage_limit(int(time.time()) + seconds), [say('Done.')]]


def test_after_a_usage_limit_it_goes_on_by_itself(s):
    """Its end is past when it is told: the pause of an interruption is made, for which a test can wait."""
    s.configure(recovery={'resume_pause': 1})
    with Agent(s, *limited(-5)) as agent:
        task = s.api.wait(create(s, agent))
        check_completed(task)
        same((task['attempt'], task['automatic_attempts']), (2, 1))
        same(task['attempts'][0]['reason'], 'agent-error')
        contains(task['attempts'][0]['error'], '5-hour limit')
        check_goes_on(s, agent, task)


def test_it_waits_until_the_limits_end_also_over_a_restart(s):
    with Agent(s, *limited(3600)) as agent:
        ends = time.time() + 3600
        task_id = after_limit(s, agent)
        waiting = s.api.task(task_id)
        first, last = (time.strftime('%Y-%m-%dT%H:%M', time.gmtime(ends + plus)) for plus in (-2, 60))
        check(first <= waiting['resume_at'][:16] <= last, 'its end and up to a minute', waiting['resume_at'], first)
        same((waiting['is_running'], waiting['state'], waiting['result']), (True, 'queued', None))
        s.restart()
        again = s.api.task(task_id)
        same((again['status'], again['resume_at'], again['attempt']), ('waiting_limit', waiting['resume_at'], 2))
        same(s.api.cancel(task_id).status, 200)
        same(s.api.wait(task_id)['status'], 'cancelled')


@accepts_failures
def test_it_goes_on_when_the_limit_ended_while_the_service_was_down(s):
    with Agent(s, *limited(8)) as agent:
        task_id = after_limit(s, agent)
        os.kill(s.main_pid(), signal.SIGKILL)
        s.stop_all()
        # Up to a minute after the end; as if somebody had come back later.
        path = s.state / f'{task_id}.json'
        resume_at = s.document(task_id)['resume_at']
        path.write_text(path.read_text().replace(resume_at, '2026-01-01T00:00:00.000000Z'))
        s.listen()
        task = s.api.wait(task_id)
        check_completed(task)
        check_goes_on(s, agent, task)
