"""The real Gemini CLI as a task, in the recipe that README.md has for it, against the stand-in for its model.

What it writes, and how it ends, do not depend on who runs the task: in one mode."""

import contextlib
import json
import os
import pathlib

from agent import find_program, stub
from case import check, contains, modes, same
from test_claude import AWKWARD, check_completed, check_failed

Refusal, say, use = stub.Refusal, stub.say, stub.use

COMMAND = pathlib.Path('/usr/local/bin/gemini')
WORDS = ['gemini', '--model', 'gemini-2.5-pro', '--output-format', 'stream-json', '--approval-mode', 'auto_edit',
         '--skip-trust']
RECIPE = {'agent': 'gemini', 'resume': [*WORDS, '--resume', '{session_id}'], 'resume_input': 'continue',
          'work': {'command': [*WORDS, '--session-id', '{session_id}'], 'input': '{task_description}'}}
# Else it would take the gateway's way to log in, look for newer versions of itself, and fetch a program.
SETTINGS = {'security': {'auth': {'selectedType': 'gemini-api-key'}}, 'general': {'enableAutoUpdate': False},
            'privacy': {'usageStatisticsEnabled': False}, 'tools': {'useRipgrep': False}}


@contextlib.contextmanager
def gemini(s, *turns):
    """A model with these turns, and what a request for it needs."""
    model, place, home = stub.ModelStub({'model': list(turns)}), s.scratch(), s.scratch()
    real = find_program('gemini')
    (home / '.gemini').mkdir()
    (home / '.gemini/settings.json').write_text(json.dumps(SETTINGS))
    os.chown(home / '.gemini', s.runner.pw_uid, s.runner.pw_gid)
    COMMAND.unlink(missing_ok=True)
    COMMAND.symlink_to(real)
    s.configure(recipes={'gemini': RECIPE})
    model.request = {'recipe': 'gemini', 'working_directory': str(place), 'environment': {
        'HOME': str(home), 'GEMINI_CLI_NO_RELAUNCH': 'true', 'GEMINI_API_KEY': 'none',
        'GOOGLE_GEMINI_BASE_URL': model.url('model')}}
    try:
        yield model
    finally:
        COMMAND.unlink()
        model.close()


def create(s, model, description='Do what has to be done'):
    return s.api.create_from({**model.request, 'task_description': description})


def told(model):
    return [part.get('text') for content in model.requests[-1]['contents'] for part in content['parts']]


@modes('system')
def test_it_is_told_untouched_and_its_account_tells_what_it_did(s):
    description = f'--version\n{AWKWARD}\n' * 100 + 'the end.\0'
    with gemini(s) as model:
        new = pathlib.Path(model.request['working_directory']) / 'new.txt'
        model.scripts['model'] = [[say('I '), say('will.'), use('write_file', file_path=str(new), content='hello\n')],
                                  [use('read_file', file_path=str(new))], [say('Do'), say('ne.')]]
        task = s.api.wait(create(s, model, description))
        check_completed(task)
        same(any(description in (text or '') for text in told(model)), True, 'one of the texts is the description')
        agent = task['agent']
        same((agent['kind'], agent['name'], agent['outcome'], agent['error']), ('gemini', 'Gemini', 'succeeded', None))
        same((agent['session_id'], agent['final_text']), (task['session_id'], 'Done.'))
        same((agent['tool_calls'], agent['last_tool'], agent['files']), (2, 'read_file', [str(new)]))
        same((agent['turns'], agent['tokens']['input'], agent['tokens']['output']), (2, 30, 60))
        same(new.read_text(), 'hello\n')


@modes('system')
def test_what_its_model_refuses_is_a_failure_in_its_own_words_and_its_session_goes_on(s):
    with gemini(s, [say('I begin.'), use('list_directory', dir_path='.')],
                Refusal(400, 'invalid_request_error', 'no such thing'), [say('Done.')]) as model:
        task = s.api.wait(create(s, model, 'Find out what 4716 means'))
        check_failed(task, 'agent-error', 'no such thing')
        check(task['exit_code'] != 0, 'it does not end well', task['exit_code'])
        same(s.api.resume(task['task_id']).status, 200)
        task = s.api.wait(task['task_id'])
        check_completed(task)
        contains('\n'.join(text or '' for text in told(model)), 'Find out what 4716 means', 'I begin.', 'continue')
        same(task['agent']['session_id'], task['attempts'][0]['session_id'])
