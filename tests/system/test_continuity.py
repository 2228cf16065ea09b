"""Restarting, stopping and killing the service drops nothing: no connection, no request, no acknowledged task."""

import contextlib
import threading
import time

from case import accepts_failures, check, note, same, until
from service import SERVICE


class Asker(threading.Thread):
    """Asks again and again, each time over a connection of its own, and notes what came."""

    def __init__(self, s, path):
        super().__init__()
        self.s, self.path = s, path
        self.answers, self.wrong, self.slowest = 0, [], 0
        self.enough = threading.Event()

    def run(self):
        while not self.enough.is_set():
            begun = time.monotonic()
            try:
                status = self.s.api.get(self.path).status
            except OSError as error:
                status = repr(error)
            except Exception as error:  # pylint: disable=broad-except
                status = repr(error)
            self.slowest = max(self.slowest, time.monotonic() - begun)
            self.answers += 1
            if status != 200:
                self.wrong.append(status)


def refuse_nothing(s, rounds, change):
    s.start()
    askers = [Asker(s, path) for path in ('/api/health', '/api/tasks', '/api/dashboard', '/api/health')]
    for asker in askers:
        asker.start()
    try:
        for _ in range(rounds):
            change()
    finally:
        for asker in askers:
            asker.enough.set()
        for asker in askers:
            asker.join()
    note(f'{sum(a.answers for a in askers)} requests over {rounds} rounds, the slowest took '
         f'{max(a.slowest for a in askers):.2f} s')
    same([w for a in askers for w in a.wrong], [])


def test_restarting_refuses_no_connection_and_drops_no_request(s):
    refuse_nothing(s, 8, lambda: s.systemctl('restart', SERVICE))


def test_stopping_refuses_no_connection_and_drops_no_request(s):
    """The next connection starts it again, and may so cancel the very job that is stopping it."""
    refuse_nothing(s, 8, lambda: s.systemctl('stop', SERVICE, check=False))


class Allowance:
    """How many tasks may still be created: a fast machine creates more in one restart than it then runs in a minute."""

    def __init__(self):
        self.left, self.enough = threading.Semaphore(0), False

    def grant(self, n):
        for _ in range(n):
            self.left.release()

    def end(self, takers):
        self.enough = True
        self.grant(takers)

    def take(self):
        """Waits for it. False: there will be no more."""
        return self.left.acquire() and not self.enough  # pylint: disable=consider-using-with


def test_tasks_created_while_it_restarts_exist_once(s):
    """A create that got its answer has its task; none runs twice."""
    s.start()
    marks = s.scratch()
    made, allowance = [], Allowance()

    def create():
        while allowance.take():
            n = len(made)
            made.append(s.api.create(f'echo {n} >> {marks}/{n}'))
    creator = threading.Thread(target=create)
    creator.start()
    for _ in range(6):
        allowance.grant(25)
        s.systemctl('restart', SERVICE)
    allowance.end(1)
    creator.join()
    note(f'{len(made)} tasks were created over 6 restarts')
    for n, task_id in enumerate(made):
        same(s.api.wait(task_id)['status'], 'completed', task_id)
        same((marks / str(n)).read_text(), f'{n}\n', 'ran once')


@accepts_failures
def test_acknowledged_tasks_outlive_a_sudden_death_of_the_service(s):
    """Whatever was answered exists; what was cut off may or may not."""
    s.start()
    made, allowance = [], Allowance()

    def create():
        while allowance.take():
            with contextlib.suppress(OSError, Exception):
                made.append(s.api.create(['true']))
    creators = [threading.Thread(target=create) for _ in range(3)]
    for creator in creators:
        creator.start()
    for _ in range(4):
        allowance.grant(40)
        s.kill()
    allowance.end(len(creators))
    for creator in creators:
        creator.join()
    note(f'{len(made)} tasks were acknowledged over 4 deaths')
    check(len(made) > 10, 'many were acknowledged', len(made))
    for task_id in made:
        same(s.api.wait(task_id)['status'], 'completed', task_id)
    until(lambda: not s.task_units(), 'no unit is left')
