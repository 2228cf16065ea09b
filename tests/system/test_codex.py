"""The real Codex as a task, against the stand-in for its model: what it is told reaches that, its own account of how it
ended counts, and its thread goes on whatever ended an attempt. Its sandbox is the one of the shipped recipe.

What is between it and its model, and its words, do not depend on who runs the task: those cases are run in one mode."""

import json
import os
import pathlib
import signal
import time

from agent import TOKEN, find_program, stub
from case import accepts_failures, check, contains, modes, same, until
from test_claude import AWKWARD, account, check_completed, check_failed
from test_workspace import repository

Gate, Refusal, patch, say, use = stub.Gate, stub.Refusal, stub.patch, stub.say, stub.use

COMMAND = pathlib.Path('/usr/local/bin/codex')
# A model that it knows: to others it does not offer its own tool for files. It gives up soon, and speaks to nobody else:
# where there is no network it would wait for that at its end.
CONFIG = '''model = "gpt-5.5"
model_provider = "stub"
check_for_update_on_startup = false
[analytics]
enabled = false
[otel]
metrics_exporter = "none"
[features]
plugins = false
apps = false
[model_providers.stub]
name = "stub"
base_url = "{url}/v1"
request_max_retries = 0
stream_max_retries = 1
{more}
'''
NEW = patch('*** Begin Patch\n*** Add File: new.txt\n+hello\n*** End Patch\n')
EDIT = patch('*** Begin Patch\n*** Update File: file\n@@\n-one\n+two\n*** End Patch\n')


class Codex:
    """Context manager: a model with these turns, a home of the agent, and a working directory, which is none of
    Git's."""

    def __init__(self, service, *turns, more=''):
        self.service = service
        self.real = find_program('codex')
        self.model = stub.ModelStub({'model': list(turns)})
        self.place, self.home = service.scratch(), service.scratch()
        (self.home / 'config.toml').write_text(CONFIG.format(url=self.model.url('model'), more=more))

    def __enter__(self):
        COMMAND.unlink(missing_ok=True)
        COMMAND.symlink_to(self.real)
        return self

    def __exit__(self, *_):
        COMMAND.unlink(missing_ok=True)
        self.model.close()

    def request(self, description='Do what has to be done', **fields):
        return {'recipe': 'codex', 'github_token': TOKEN, 'task_description': description,
                'environment': {'CODEX_HOME': str(self.home)},
                **({} if 'github_repo' in fields else {'working_directory': str(self.place)}), **fields}

    def create(self, *arguments, **fields):
        return self.service.api.create_from(self.request(*arguments, **fields))

    def run(self, *arguments, **fields):
        return self.service.api.wait(self.create(*arguments, **fields))

    def told(self, number=-1):
        """The texts that the model was told for the user in one of its requests."""
        return [part['text'] for item in self.model.requests[number]['input'] if item.get('role') == 'user'
                for part in item['content']]

    def answered(self):
        """What the model was told of its last command."""
        return [item['output'] for item in self.model.requests[-1]['input'] if item['type'] == 'function_call_output'][-1]


# ---- what it is told

@modes('system')
def test_the_description_reaches_its_model_untouched(s):
    """Quotes, newlines, NUL bytes, what a shell or an option parser would take for its own, other scripts, and long."""
    description = f'--version\n{AWKWARD}\0\n' + ''.join(f'{i}: {AWKWARD}\n' for i in range(1800)) + 'the end.\0'
    check(len(description.encode()) > 200_000, 'the text is long', len(description.encode()))
    with Codex(s, [say('I see.')]) as codex:
        check_completed(codex.run(description))
        same(description in codex.told(), True, 'one of the texts is the description')


# ---- its work, and its own account of it

def test_it_edits_a_file_in_its_work_tree_and_its_account_tells_so(s):
    turns = [say('I will.'), EDIT], [NEW], [use('exec_command', cmd='cat file new.txt')], [say('Done.')]
    with Codex(s, *turns) as codex:
        task = codex.run(github_repo=str(repository(s)))
        check_completed(task)
        same((task['modified_files'], task['has_changes']), ([' M file', '?? new.txt'], True))
        agent = task['agent']
        same((agent['kind'], agent['name'], agent['outcome'], agent['error']), ('codex', 'Codex', 'succeeded', None))
        same((agent['turns'], agent['tool_calls'], agent['last_tool']), (1, 3, 'command_execution'))
        same([pathlib.Path(path).name for path in agent['files']], ['file', 'new.txt'])
        same((agent['files_edited'], agent['final_text'], agent['cost_usd']), (2, 'Done.', None))
        same(agent['tokens'], {'input': 40, 'output': 80, 'cache_read': 0, 'cache_creation': 0})
        same(len(agent['session_id']), 36)
        contains(codex.answered(), 'two\nhello')


def test_its_sandbox_lets_it_write_where_it_works_and_nowhere_else(s):
    outside = pathlib.Path(s.runner.pw_dir) / 'outside-4717'
    command = f'echo in >inside; echo out >{outside}; echo "ended $?"'
    with Codex(s, [use('exec_command', cmd=command)], [say('Done.')]) as codex:
        check_completed(codex.run())
        same((codex.place / 'inside').read_text(), 'in\n')
        same(outside.exists(), False)
        contains(codex.answered(), 'Read-only file system', 'ended 1')


@modes('system')
def test_a_turn_that_failed_is_a_failure_in_its_own_words(s):
    with Codex(s, [say('I begin.'), NEW], Refusal(400, 'invalid_request_error', 'no such thing')) as codex:
        task = codex.run()
        check_failed(task, 'agent-error', 'no such thing')
        same((task['agent']['outcome'], task['agent']['files_edited']), ('failed', 1))


@modes('system')
def test_it_is_shown_while_it_asks_its_model_again(s):
    gate = Gate()
    with Codex(s, Refusal(529, 'overloaded_error', 'Later'), [gate, say('Done.')]) as codex:
        task_id = codex.create()
        gate.reach()
        retry = until(lambda: s.api.task(task_id)['agent']['retry'], 'it says that it waits')
        same((retry['attempt'], retry['max_retries'], retry['status']), (1, 1, 529), retry)
        gate.open()
        task = s.api.wait(task_id)
        check_completed(task)
        same((task['agent']['retry'], task['agent']['turns']), (None, 1))


@modes('system')
def test_too_many_requests_end_it_and_are_a_limit(s):
    """It does not ask again by itself."""
    with Codex(s, Refusal(429, 'rate_limit_error', 'Later'), [say('Done.')]) as codex:
        task = codex.run()
        check_failed(task, 'agent-error', '429 Too Many Requests')
        same(task['agent']['limit'], {'type': 'rate_limit', 'status': 'rejected', 'resets_at': None})


def test_without_a_login_it_says_so_and_can_go_on_with_one(s):
    """It asks its model all the same, and is refused."""
    turns = [*[Refusal(401, 'authentication_error', 'Missing bearer authentication')] * 2, [say('Done.')]]
    with Codex(s, *turns, more='requires_openai_auth = true') as codex:
        task = codex.run()
        check_failed(task, 'agent-error', '401 Unauthorized')
        same(task['agent']['needs_login'], True)
        same(s.api.post(f'/api/task/{task["task_id"]}/continue').status, 200)
        task = s.api.wait(task['task_id'])
        check_completed(task)
        same((task['attempt'], task['agent']['needs_login']), (2, False))


@modes('system')
def test_a_usage_limit_is_told_and_waited_for(s):
    limit = Refusal(429, 'usage_limit_reached', 'The usage limit has been reached')
    limit.body['error'] |= {'plan_type': 'plus', 'resets_at': int(time.time()) + 3600}
    with Codex(s, limit, [say('Done.')]) as codex:
        task_id = codex.create(resume_after_limit=True)
        until(lambda: s.api.task(task_id)['status'] == 'waiting_limit', 'it waits for the limit to be over')
        ended = s.api.task(task_id)['attempts'][0]
        contains(ended['error'], 'hit your usage limit')
        same(s.api.cancel(task_id).status, 200)
        same(s.api.wait(task_id)['result'], 'cancelled')


# ---- over deaths of the service, and attempts

@accepts_failures
def test_its_account_is_whole_when_the_service_was_killed_in_the_middle(s):
    gate = Gate()
    with Codex(s, [say('I will.'), NEW], [gate, use('exec_command', cmd='cat new.txt')], [say('Done.')]) as codex:
        task_id = codex.create()
        gate.reach()
        account(s, task_id, files_edited=1)
        s.kill()
        account(s, task_id, files_edited=1, tool_calls=1)
        os.kill(s.main_pid(), signal.SIGKILL)
        s.stop_all()
        gate.open()
        until(lambda: s.show(s.unit(task_id), 'ActiveState') == 'inactive', 'the task ends by itself')
        s.listen()
        task = s.api.wait(task_id)
        check_completed(task)
        agent = task['agent']
        same((agent['turns'], agent['tool_calls'], agent['files_edited'], agent['final_text']), (1, 2, 1, 'Done.'))
        same(agent['tokens'], {'input': 30, 'output': 60, 'cache_read': 0, 'cache_creation': 0})


def check_goes_on(codex, task, *words):
    """The model is told all that was said, in the same thread, in the same directory."""
    said = json.dumps(codex.model.requests[-1]['input'])
    contains(said, 'Find out what 4716 means', 'I begin.', *words)
    same(codex.told()[-1], 'continue')
    same(task['agent']['session_id'], task['attempts'][0]['session_id'])
    same(task['session_id'], task['agent']['session_id'])


def begin(codex, gate):
    task_id = codex.create('Find out what 4716 means')
    gate.reach()
    until(lambda: codex.service.api.task(task_id)['agent']['tool_calls'], 'it has worked')
    return task_id


def test_cancelled_and_then_killed_it_goes_on_with_its_thread(s):
    gates = Gate(), Gate()
    turns = [say('I begin.'), NEW], [gates[0], say('Hm.')], [gates[1], say('Hm.')], [say('Done.')]
    with Codex(s, *turns) as codex:
        task_id = begin(codex, gates[0])
        same(s.api.cancel(task_id).status, 200)
        same(s.api.wait(task_id)['result'], 'cancelled')
        same(s.api.resume(task_id).status, 200)
        gates[1].reach()
        s.systemctl('kill', '--signal=SIGKILL', s.unit(task_id))
        check_failed(s.api.wait(task_id), 'signal', 'SIGKILL')
        same(s.api.resume(task_id).status, 200)
        task = s.api.wait(task_id)
        check_completed(task)
        same(task['attempt'], 3)
        check_goes_on(codex, task, 'new.txt')


@modes('system')
def test_a_thread_that_is_gone_is_begun_anew_by_itself(s):
    s.configure(recovery={'resume_pause': 1})
    with Codex(s, [say('I begin.')], [say('Done.')]) as codex:
        task_id = codex.create('Find out what 4716 means')
        check_completed(s.api.wait(task_id))
        for path in codex.home.rglob('rollout-*.jsonl*'):
            path.unlink()
        same(s.api.resume(task_id).status, 200)
        task = s.api.wait(task_id)
        check_completed(task)
        same((task['attempt'], [a['result'] for a in task['attempts']]), (3, ['completed', 'failed']))
        contains(codex.told(), 'Find out what 4716 means')
