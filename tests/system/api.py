"""The verbs in which the cases tell their stories: create, follow, wait, look."""

from case import same
from client import Client


class Api(Client):
    def create(self, command, **fields):
        """Returns the new task's id. A command that is a string is a script for the shell."""
        if isinstance(command, str):
            command = ['/bin/sh', '-c', command]
        return self.create_from({'command': command, **fields})

    def create_from(self, body):
        reply = self.post('/api/create-task', body)
        same(reply.status, 200, reply.body)
        return reply.json['task_id']

    def task(self, task_id):
        reply = self.get(f'/api/task-status/{task_id}')
        same(reply.status, 200, reply.body)
        return reply.json

    def alive(self, task_id):
        reply = self.get(f'/api/task/{task_id}/check-alive')
        same(reply.status, 200, reply.body)
        return reply.json

    def tasks(self, query=''):
        reply = self.get(f'/api/tasks{query}')
        same(reply.status, 200, reply.body)
        return reply.json

    def running(self):
        return self.tasks('?status=running')

    def cancel(self, task_id):
        return self.post(f'/api/task/{task_id}/cancel')

    def resume(self, task_id):
        return self.post(f'/api/task/{task_id}/resume')

    def follow(self, task_id, last=None, query=''):
        """The stream of a task's log; as a context manager it closes itself."""
        headers = {'Last-Event-ID': last} if last else {}
        return self.stream(f'/api/task-logs/{task_id}/stream{query}', headers)

    def events(self, task_id, last=None, query=''):
        """All events until the stream ends."""
        with self.follow(task_id, last, query) as stream:
            same(stream.status, 200)
            found = list(stream)
            same(stream.ended, True, 'the stream ends properly')
        return found

    def log_events(self, task_id, last=None, query=''):
        return [e for e in self.events(task_id, last, query) if e.kind == 'log']

    def lines(self, task_id, last=None, query=''):
        return [e.json['log'] for e in self.log_events(task_id, last, query)]

    def wait_line(self, task_id, text):
        """Returns the event when the task has written this line."""
        with self.follow(task_id) as stream:
            return stream.until_line(text)

    def wait(self, task_id, timeout=120):
        """Returns the task's document when it is finished. The stream's end is what is waited for."""
        with self.follow(task_id, query='?tail=1') as stream:
            stream.until(lambda e: e.kind == 'final', timeout)
        return self.task(task_id)

    def run(self, command, **fields):
        """Creates, waits, returns the document."""
        return self.wait(self.create(command, **fields))
