"""What the stories across a power cut or a reboot ask in the machine; `run` tells them."""

import json
import pathlib

import test_reboot
from case import check, same, until
from kinds import KINDS, LINES


def serve(s, _):
    """From now on the service comes up with the machine."""
    s.systemctl('enable', '--now', 'remote-developer.socket', 'remote-developer.service')
    until(lambda: s.api.get('/api/health').status == 200, 'it serves')


def before_reboot(s, _):
    notes = test_reboot.before_reboot(s, None)
    notes['document'] = s.api.task(notes['ended'])
    notes['talked'] = s.api.run('for i in 1 2 3; do echo "line $i"; done')['task_id']
    return notes


def after_reboot(s, notes):
    check(pathlib.Path('/proc/sys/kernel/random/boot_id').read_text() != notes['boot'], 'it is another boot')
    test_reboot.after_reboot(s, notes)
    same(s.api.task(notes['ended']), notes['document'])
    same(s.api.lines(notes['talked']), ['line 1', 'line 2', 'line 3'])
    same(s.api.lines(notes['runs']), ['up'])


def all_tasks(s):
    found, page = {}, s.api.tasks('?limit=200')
    while page:
        found |= {task['task_id']: task for task in page}
        page = s.api.tasks(f'?limit=200&after={page[-1]["task_id"]}')
    return found


def sleeps(s, task_id):
    """Known by what it does: of the last task of a round nobody may have been told."""
    return KINDS['sleeper'].script in json.dumps(s.document(task_id))


def settled(s):
    """All tasks, when none but sleepers runs."""
    found = all_tasks(s)
    running = [task_id for task_id, task in found.items() if not task['finished_at']]
    return found if all(sleeps(s, task_id) for task_id in running) else None


def hole(lines):
    """A log that lost its end in the power cut is no lie; one with a hole is."""
    return lines != [f'line {i + 1}' for i in range(len(lines))] or len(lines) > LINES


def after_power_cut(s, talkers):
    """The verdict of every task that there is; of the last round's talkers also the log."""
    until(lambda: s.api.get('/api/health').status == 200, 'it serves')
    found = until(lambda: settled(s), 'whoever does not sleep comes to an end', 40)
    for task_id, task in found.items():
        if not task['finished_at']:
            until(lambda: s.show(s.unit(task_id), 'ActiveState') == 'active', f'the sleeper {task_id} runs')
            check(s.api.alive(task_id)['is_alive'], 'a sleeper that runs lives', task)
    same(s.api.get('/api/health').json['broken_files'], 0)
    same([path.name for path in s.state.rglob('*.broken*')], [])
    return {'verdicts': {i: (t['status'], t['reason'], t['exit_code']) for i, t in found.items()},
            'holes': [i for i in talkers if i in found and hole(s.api.lines(i))]}


def end(s, _):
    """Nothing stays running for ever."""
    for task in settled(s).values():
        if not task['finished_at']:
            s.api.cancel(task['task_id'])
            same(s.api.wait(task['task_id'])['status'], 'cancelled')
    until(lambda: not s.task_units(), 'every unit is released')
    same(s.active_tasks(), [])
