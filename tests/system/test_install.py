"""What the installation brings: users, directories, sockets, units, and a service that its socket starts."""

from case import same


def test_the_socket_answers_a_connection_that_came_before_the_service_was_up(s):
    s.stop()
    same(s.is_active(), False)
    same(s.api.get('/api/health').status, 200)
    same(s.is_active(), True)


def test_a_task_runs(s):
    task = s.api.run('echo hello')
    same(task['status'], 'completed')
    same(s.api.lines(task['task_id']), ['hello'])
