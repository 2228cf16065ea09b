"""A task that has ended is run again: when somebody asks for it, and by the service itself after an interruption."""

from case import check, contains, same, until


def ladder(s, exits):
    """A task whose n-th attempt writes "attempt n" and ends with the n-th of these codes."""
    count = s.scratch() / 'count'
    codes = ' '.join(f'{n}) exit {code};;' for n, code in enumerate(exits, 1))
    return s.api.create(f'echo x >>{count}; n=$(wc -l <{count}); echo "attempt $n"; case $n in {codes} esac')


def verdicts(task):
    return [(a['attempt'], a['result'], a['reason'], a['exit_code']) for a in task['attempts']]


def test_a_failed_task_is_run_again_and_its_log_goes_on(s):
    task_id = ladder(s, [3, 0])
    first = s.api.wait(task_id)
    same((first['status'], first['attempt'], first['attempts']), ('failed', 1, []))
    reply = s.api.resume(task_id)
    same((reply.status, reply.json['task_id'], reply.json['attempt']), (200, task_id, 2), reply.body)
    second = s.api.wait(task_id)
    same((second['status'], second['exit_code'], second['attempt']), ('completed', 0, 2), second)
    same(verdicts(second), [(1, 'failed', 'exit-code', 3)])
    same(second['attempts'][0]['invocation_id'], first['invocation_id'])
    check(second['invocation_id'] != first['invocation_id'], 'it is another invocation')
    same(s.api.lines(task_id), ['attempt 1', 'attempt 2'])
    same(s.api.lines(task_id, second['attempts'][0]['log_cursor']), ['attempt 2'], 'behind the first attempt')
    same((second['attempts'][0]['log_lines'], second['log_lines']), (1, 2))
    s.restart()
    same(s.api.task(task_id), second)
    until(lambda: not s.task_units(), 'the unit is released')
    s.api.delete(f'/api/task/{task_id}')
    same({name for name in s.task_files() if name.startswith(task_id)}, set())


def test_attempts_follow_each_other_at_once(s):
    codes = [n % 5 for n in range(1, 13)]
    task_id = ladder(s, codes)
    s.api.wait(task_id)
    for _ in codes[1:]:
        same(s.api.resume(task_id).status, 200)
        s.api.wait(task_id)
    task = s.api.task(task_id)
    same([a['exit_code'] for a in task['attempts']] + [task['exit_code']], codes)
    same(s.api.lines(task_id), [f'attempt {n}' for n in range(1, 13)])


def test_an_attempt_that_was_cancelled_may_be_resumed(s):
    task_id = s.api.create('echo up; exec sleep 1000')
    for _ in range(2):
        s.api.wait_line(task_id, 'up')
        until(lambda: s.api.alive(task_id)['is_alive'], 'it lives')
        s.api.cancel(task_id)
        task = s.api.wait(task_id)
        same((task['status'], task['reason']), ('cancelled', 'cancelled'))
        s.api.resume(task_id)
    s.api.cancel(task_id)
    same(verdicts(s.api.wait(task_id)), [(n, 'cancelled', 'cancelled', None) for n in (1, 2)])


def test_what_runs_or_is_not_there_is_refused(s):
    task_id = s.api.create('exec sleep 1000')
    reply = s.api.resume(task_id)
    same(reply.status, 409)
    contains(reply.json['error'], 'has not ended')
    same(s.api.resume('task-1700000000-000000').status, 404)
    same(s.api.task(task_id)['attempt'], 1)


def test_attempts_survive_a_crash_of_the_service(s):
    gate = s.scratch() / 'gate'
    task_id = s.api.create(f'echo up; while [ ! -e {gate} ]; do sleep 0.05; done; rm {gate}; exit 4')
    gate.touch()
    s.api.wait(task_id)
    s.api.resume(task_id)
    until(lambda: s.api.task(task_id)['status'] == 'executing_task', 'it runs')
    s.stop_all()
    gate.touch()
    until(lambda: not gate.exists(), 'it ends unseen')
    until(lambda: f'{task_id}.2.result' in s.task_files(), 'the recorder has written')
    s.listen()
    task = s.api.wait(task_id)
    same((task['status'], task['exit_code'], verdicts(task)), ('failed', 4, [(1, 'failed', 'exit-code', 4)]))


def test_interrupted_tasks_are_resumed_when_told_so(s):
    """use_daemon_threads: a stop of the service ends its tasks, which is an interruption."""
    s.configure(task_execution={'use_daemon_threads': True},
                recovery={'orphaned_task_action': 'resume', 'resume_pause': 1, 'max_automatic_attempts': 2})
    task_id = s.api.create('echo up; exec sleep 1000')
    s.api.wait_line(task_id, 'up')
    for n in 2, 3:
        s.restart()
        with s.api.follow(task_id) as stream:
            stream.until(lambda e, n=n: e.name == 'attempt' and e.json['attempt'] == n)
        until(lambda: s.api.task(task_id)['status'] == 'executing_task', 'it runs again')
        until(lambda n=n: s.api.task(task_id)['log_lines'] == n, 'it writes again')
    s.restart()
    task = s.api.wait(task_id)
    same((task['status'], task['reason'], task['attempt']), ('interrupted', 'service-stopped', 3))
    contains(task['error'], 'max_automatic_attempts')
    same(s.api.lines(task_id), ['up'] * 3)
    same(s.api.resume(task_id).status, 200)
    until(lambda: s.api.task(task_id)['log_lines'] == 4, 'somebody resumes it all the same')
    same(s.api.task(task_id)['automatic_attempts'], 0)


def test_a_stream_goes_on_into_the_next_attempt(s):
    task_id = ladder(s, [3, 0])
    s.api.wait(task_id)
    last = s.api.log_events(task_id)[-1].id
    s.api.resume(task_id)
    events = s.api.events(task_id, last)
    same([e.json['log'] for e in events if e.kind == 'log'], ['attempt 2'])
    same([e.json['status'] for e in events if e.kind == 'final'], ['completed'])
