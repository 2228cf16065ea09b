"""Whenever the service dies, no acknowledged task is lost, none runs twice, every verdict is true, and nothing is left
over: at each of its calls that change something, one after the other, and at random with many tasks on their way.

The default run does a part of it, another one each time; REMOTE_DEVELOPER_TEST_LONG=1 all.
REMOTE_DEVELOPER_TEST_SEED=N repeats the random choices of a run, though not the order in which the machine answers.
"""

import contextlib
import itertools
import os
import random
import re
import threading
import time

from case import accepts_failures, check, note, same, seconds, until
from chaos import World
from fault import FaultPoint
from strace import trace

LONG = bool(os.environ.get('REMOTE_DEVELOPER_TEST_LONG'))
SEED = int(os.environ.get('REMOTE_DEVELOPER_TEST_SEED') or random.randrange(10**6))
ROUNDS = 500 if LONG else 30
STRIDE = 1 if LONG else 8  # every so manieth call is died at; the seed says from which on
PACE = 1.2  # seconds: what the service writes at a pace, active_tasks.json, is at most one late
SETTLE_ROUNDS = 50 if LONG else 15  # after so many, all is compared

# What the fault point calls these calls; what it does not name changes nothing that outlives the service.
CALLS = {'openat': 'create', 'write': 'write', 'pwrite64': 'write', 'fsync': 'fsync', 'fdatasync': 'fsync',
         'ftruncate': 'truncate', 'rename': 'rename', 'renameat': 'rename', 'renameat2': 'rename', 'link': 'link',
         'linkat': 'link', 'unlink': 'unlink', 'unlinkat': 'unlink', 'mkdir': 'mkdir', 'mkdirat': 'mkdir',
         'sendmsg': 'send', 'sendto': 'send', 'writev': 'send', 'sendfile': 'send', 'sendmmsg': 'send'}


@contextlib.contextmanager
def chaos(s):
    """A service with the fault point in it, and a world around it."""
    s.configure(task_execution={'cancel_grace': 1})
    with World(s, SEED) as world, FaultPoint(s) as fault:
        yield world, fault


def kind_of(line):
    """What the fault point should call a call that strace saw, or None."""
    match = re.match(r'(\w+)\((?:\d+|AT_FDCWD)?(?:<([\w-]+))?', line)
    if not match or match[1] not in CALLS:
        return None
    kind, on = CALLS[match[1]], match[2]
    if kind == 'create':
        return kind if 'O_CREAT' in line else None
    if kind in ('write', 'send') and on:
        return {'UNIX-STREAM': 'bus', 'TCP': 'reply'}.get(on)
    return kind if kind != 'write' or '</' in line else None


def test_the_fault_point_sees_every_call_that_changes_something(s):
    """strace, which sees all of them, is the measure."""
    with chaos(s) as (world, fault):
        world.up()
        fault.rest(PACE)
        before = {row.name: row.calls for row in fault.rows()}
        with trace(fault.pid, ','.join(CALLS), '-yy') as lines:
            for name in 'exit 1', 'agent', 'cancel':
                world.create(name, 'watched')
                world.settle()
            world.forget()
            fault.rest(PACE)
        counted = {row.name: row.calls - before[row.name] for row in fault.rows()}
        seen = dict.fromkeys(counted, 0)
        for kind in filter(None, map(kind_of, lines)):
            seen[kind] = seen.get(kind, 0) + 1
        same(counted, seen)
        check(all(seen[name] for name in ('create', 'write', 'fsync', 'rename', 'link', 'unlink', 'bus', 'reply')),
              'all of these were made', seen)


def test_the_fault_point_does_not_reach_the_tasks(s):
    with chaos(s):
        environment = s.api.lines(s.api.create('env; cat /proc/self/maps'))
        same([line for line in environment if 'fault-point' in line or 'LD_PRELOAD' in line], [])
        s.forget_tasks()


# --- one call after the other ---

def end(world, name, story):
    attempt = world.create(name, story)
    if attempt.kind.cancel and attempt.task_id:
        world.cancel(attempt)


def forget(world, fault, faults):
    """Its own end is nothing to be hit: the faults come behind it."""
    world.create('exit 1', 'to be forgotten')
    world.settle()
    fault.arm(*faults)
    world.forget()


def resume(world, fault, faults, name, story):
    """A further attempt of what has ended, and one of that."""
    attempt = world.create(name, story)
    world.settle()
    fault.arm(*faults)
    world.resume(attempt)
    world.settle()
    world.resume(attempt)


def has_begun(service, task_id):
    """The unit is there, or its end: a task that is only on disk is not started by a service that is frozen."""
    return (service.state / f'{task_id}.result').exists() or \
        service.show(service.unit(task_id), 'LoadState') == 'loaded'


def come_back(world, fault, faults, story):
    """One task runs, one ends and one fails while the service is frozen; then it is killed, and meets its faults while
    it takes them up."""
    runs = world.create('cancel', story)
    gone = [world.create('a while', story), world.create('agent fails', story)]
    until(lambda: all(has_begun(world.service, a.task_id) for a in (runs, *gone)), 'their units are asked for')
    fault.freeze()
    until(lambda: all((world.service.state / f'{a.task_id}.result').exists() for a in gone), 'both end unnoticed')
    fault.arm(*faults)
    fault.kill()
    world.cancel(runs)


def in_life(name):
    def phase(world, fault, faults, story):
        fault.arm(*faults)
        end(world, name, story)
    return phase


PHASES = {  # what is done while the faults are armed
    'a task completes': in_life('success'),
    'a task fails': in_life('exit 75'),
    'a task cannot be started': in_life('no program'),
    'an agent completes': in_life('agent'),
    'a task is cancelled': in_life('cancel'),
    'a task is forgotten': lambda world, fault, faults, story: forget(world, fault, faults),
    'a task is resumed': lambda world, fault, faults, story: resume(world, fault, faults, 'exit 75', story),
    'an agent is resumed': lambda world, fault, faults, story: resume(world, fault, faults, 'agent', story),
    'the service comes back': come_back,
}
LONG_PHASES = {'an agent is resumed'}


def sweep(world, fault, phase, after):
    """Dies at the first call of the phase, at the second, and so on, until that is one more than there are; or at every
    STRIDE-th, which are others for each phase. Returns how many that were."""
    for points in itertools.count():
        n = 1 + (SEED + list(PHASES).index(phase)) % STRIDE + points * STRIDE
        deaths = fault.deaths
        PHASES[phase](world, fault, [(n, after)], f'{phase}, {"after" if after else "before"} call {n}')
        world.settle()
        if fault.deaths == deaths:
            fault.disarm()
            return points


@accepts_failures
@seconds(3600 if LONG else 800)
def test_a_death_at_any_call_harms_nothing(s):
    begun = time.monotonic()
    note(f'seed {SEED}')
    with chaos(s) as (world, fault):
        points = {}
        for phase in PHASES if LONG else [phase for phase in PHASES if phase not in LONG_PHASES]:
            # Before each call is between each pair of them. After it is sooner, which matters only to who got it.
            for after in (False, True) if LONG else (False,):
                points[phase] = points.get(phase, 0) + sweep(world, fault, phase, after)
                world.up()
                world.verify()
                world.forget()
        note(f'{sum(points.values())} points{", a part" if STRIDE > 1 else ""}: ' + ', '.join(f'{n} while {phase}' for phase, n in points.items()))
        tell(world, fault, 0, begun)


# --- at random ---

def strike(world, fault):
    """Arranges at least one death: at calls that are near, some of them in the next lives; or soon, from outside."""
    if world.random.random() < 0.6:
        n, faults = 0, []
        for _ in range(world.random.choice((1, 1, 2, 3))):
            n += world.random.randrange(1, 60)
            faults.append((n, world.random.random() < 0.5))
        fault.arm(*faults)
        return None
    fault.disarm()
    killer = threading.Timer(world.random.uniform(0, 0.06), fault.kill)
    killer.start()
    return killer


def do_something(world, story):
    action = world.random.random()
    if action < 0.85:
        world.create(world.pick(), story)
    elif action < 0.92:
        world.cancel_what_is_to_be()
    elif action < 0.98 and world.attempts:
        world.resume(world.random.choice(world.attempts))
    else:
        world.reload()


def one_round(world, fault, number):
    """Returns how many times the service was killed from outside."""
    pid, killed = fault.pid, 0
    killer = strike(world, fault)
    for _ in range(world.random.randrange(1, 5)):
        do_something(world, f'round {number}')
    if killer:
        killer.join()
        killed = 1
    if fault.pid == pid and not killer:
        killed = fault.kill()
    until(lambda: fault.pid != pid, f'the service comes back in round {number}')
    return killed


def compare(world, fault):
    fault.disarm()
    world.settle()
    world.verify()
    fault.arm((world.random.randrange(1, 40), True))
    world.forget()
    fault.disarm()


@accepts_failures
@seconds(3600 if LONG else 500)
def test_deaths_at_random_harm_nothing(s):
    begun, killed = time.monotonic(), 0
    with chaos(s) as (world, fault):
        for number in range(1, ROUNDS + 1):
            killed += one_round(world, fault, number)
            if number % SETTLE_ROUNDS == 0:
                compare(world, fault)
        compare(world, fault)
        note(f'{ROUNDS} rounds, {killed} kills from outside')
        tell(world, fault, killed, begun)


def tell(world, fault, killed, begun):
    """The figures."""
    deaths = ', '.join(f'{row.name} {row.deaths_before}+{row.deaths_after}' for row in fault.rows() if row.deaths)
    note(f'{world.forgotten + len(world.attempts)} tasks asked for, {world.lost} requests without an answer; '
         f'{killed + fault.deaths} deaths, before and after calls: {deaths}; '
         f'{time.monotonic() - begun:.1f} s, seed {SEED}')
