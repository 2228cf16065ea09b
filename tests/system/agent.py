"""The real Claude Code as a task's agent, and the stand-in for its model: what the cases of test_claude.py start from.

The agent's model is tests/lib/model-stub.py in this process; the executable was fetched by tests/lib/agent-program
before the machine was booted, and `claude` on the units' search path is tests/lib/claude-wrapper.
"""

import importlib.util
import json
import os
import pathlib
import shutil
import subprocess

from case import Skip, same
from marks import decode

LIB = pathlib.Path(__file__).resolve().parent.parent / 'lib'
COMMAND = pathlib.Path('/usr/local/bin/claude')
TOKEN = 'a-token-that-nobody-may-see-4711'
# It speaks to nobody but its model, and gives up on that soon.
VARIABLES = {'ANTHROPIC_API_KEY': 'none', 'CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC': '1', 'DISABLE_AUTOUPDATER': '1',
             'CLAUDE_CODE_MAX_RETRIES': '1'}


def load_stub():
    spec = importlib.util.spec_from_file_location('model_stub', LIB / 'model-stub.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


stub = load_stub()


def find_program(name):
    """The path of the real one; skips the case where it cannot be had."""
    found = subprocess.run([LIB / 'agent-program', name, '--cached'], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           text=True, check=False)
    if found.returncode:
        raise Skip(found.stderr.strip())
    return found.stdout.strip()


class Agent:
    """Context manager: a model with these turns, and a working directory."""

    def __init__(self, service, *turns):
        self.service = service
        self.real = find_program('claude')
        self.model = stub.ModelStub({'model': list(turns)})
        self.place = service.scratch()
        self.record = self.place / 'record'

    def __enter__(self):
        # A file of its own: there may be a link to somebody's real one.
        COMMAND.unlink(missing_ok=True)
        shutil.copyfile(LIB / 'claude-wrapper', COMMAND)
        COMMAND.chmod(0o755)
        return self

    def __exit__(self, *_):
        COMMAND.unlink(missing_ok=True)
        self.model.close()

    def write(self, name, text):
        """A file in the working directory."""
        path = self.place / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding='utf-8')
        return path

    def allow(self, *tools):
        """The environment in which the agent uses these tools as it likes. Settings in the working directory would not
        be believed."""
        settings = self.write('settings/settings.json', json.dumps({'permissions': {'allow': tools}}))
        os.chown(settings.parent, self.service.runner.pw_uid, self.service.runner.pw_gid)
        return {'CLAUDE_CONFIG_DIR': str(settings.parent)}

    def request(self, description='Do what has to be done', **environment):
        """What an agent's task needs, and where its agent shall work with which model."""
        environment = {**VARIABLES, 'ANTHROPIC_BASE_URL': self.model.url('model'), 'CLAUDE_TEST_REAL': self.real,
                       **environment}
        return {'github_token': TOKEN, 'task_description': description, 'working_directory': str(self.place),
                'environment': environment}

    def create(self, *arguments, **environment):
        return self.service.api.create_from(self.request(*arguments, **environment))

    def create_recorded(self):
        """The record has what the agent wrote, byte for byte, without the journal."""
        return self.create(CLAUDE_TEST_RECORD=str(self.record))

    def run(self, *arguments, **environment):
        """Creates, waits, returns the document."""
        return self.service.api.wait(self.create(*arguments, **environment))

    # --- what it wrote ---

    def recorded(self):
        return self.record.read_bytes()

    def journalled(self, task_id):
        """What the journal has of the unit's output, put together by nothing of ours."""
        unit = '_SYSTEMD_USER_UNIT' if self.service.is_user else '_SYSTEMD_UNIT'
        entries = self.service.journal(f'{unit}={self.service.unit(task_id)}', '_TRANSPORT=stdout')
        return decode(entries)[0]


def streamed(events):
    """The bytes that a viewer has put together of its log events."""
    return b''.join(event.json['log'].encode() + b'\n' for event in events if event.kind == 'log')


def same_bytes(actual, expected, what):
    """Says where they part, not what they are: these are long."""
    if actual != expected:
        place = len(os.path.commonprefix([actual, expected]))
        same(actual[place:][:80], expected[place:][:80],
             f'{what}, {len(actual)} bytes for {len(expected)}, from byte {place} on')
