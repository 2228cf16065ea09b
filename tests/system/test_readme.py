"""The journeys of the README, as they are typed: each ```sh block of its chapter "Journeys", in order, in one shell.

A block that is for one mode alone is marked behind the word: ```sh system or ```sh user.
"""

import pathlib
import re
import subprocess

from case import Failure, Skip, contains, note, seconds

README = pathlib.Path(__file__).parents[2] / 'README.md'
# Who types does not look within milliseconds at what was begun.
TYPING = ('while [ -n "${id-}" ] && curl -s "$api/task-status/$id" | grep -q \'"status":"initializing"\'; do\n'
          '    sleep 0.05\ndone\n')
# What the README tells those to do whose systemd is their own.
USERS_OWN = 'systemctl() { command systemctl --user "$@"; }\njournalctl() { command journalctl --user "$@"; }\n'
# A person goes on after an error; a test must not. 28 is curl's own time limit, where the README asks for one.
STRICT = 'set -uE\ntrap \'s=$?; [ $s = 28 ] || { echo "=== a command ended with $s"; exit $s; }\' ERR\n'
BLOCK = re.compile(r'^```sh *(system|user|)\n(.*?)^```$', re.M | re.S)


def blocks(text, mode):
    """The code of the chapter for this mode; empty without the chapter."""
    chapter = re.search(r'^## Journeys\n(.*?)(?=^## |\Z)', text, re.M | re.S)
    return [code for word, code in BLOCK.findall(chapter[1] if chapter else '') if word in ('', mode)]


@seconds(120)
def test_the_journeys_can_be_typed_as_they_stand(s):
    found = blocks(README.read_text(encoding='utf-8'), s.mode)
    if not found:
        raise Skip('README.md has no chapter "Journeys" with ```sh blocks yet')
    prelude = STRICT + (USERS_OWN if s.is_user else '')
    script = prelude + ''.join(f'echo "=== block {n}"\n{code}{TYPING}' for n, code in enumerate(found, 1))
    done = subprocess.run(s.as_user(s.owner, 'bash', '-c', script), cwd=s.owner.pw_dir, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors='replace', check=False)
    note(f'{len(found)} blocks')
    if done.returncode:
        raise Failure(f'ended with {done.returncode}:\n' + done.stdout[-3000:])
    contains(done.stdout, 'Active: active (running)', '"status": "completed", "complete": true', '"is_alive":true',
             '"status": "cancelled", "complete": true', '"attempt":2')
