"""The fault point: a library preloaded into the service (tests/lib/fault-point.c) kills it at calls chosen here.

The plan is a file mapped by both sides. Calls are numbered through all lives of the service, and arming means: from
now on the n-th. Nothing of this is in the product: a drop-in of the unit brings the library in.
"""

import mmap
import os
import pathlib
import shutil
import signal
import struct
import time
from dataclasses import dataclass

from case import until
from service import ROOT, SERVICE, SOCKET

# Where the service can read it whatever its unit hides from it (homes, /tmp), and where it comes from.
LIBRARY = pathlib.Path('/usr/local/lib/remote-developer-fault-point.so')
BUILT = 'REMOTE_DEVELOPER_TEST_FAULT_POINT'

# struct Plan
HEAD = struct.Struct('=III')
FAULT = struct.Struct('=II')
FAULTS_MAX = 8
ROW = struct.Struct('=16sIII')
ROWS_AT = HEAD.size + FAULTS_MAX * FAULT.size
SIZE = 4096

# Not a moment between two lives: what the first has under way meets the second. With the 100 ms that it has else no
# socket would come to its limit, however often the service dies; without them it would, with 20 deaths in 2 s.
DROP_IN = '''[Service]
Environment=LD_PRELOAD={library} FAULT_POINT={plan}
RestartSec=0
'''
WRITABLE = 'ReadWritePaths={directory}\n'
SOCKET_DROP_IN = '''[Socket]
TriggerLimitIntervalSec=0
'''


@dataclass
class Row:
    name: str
    calls: int
    deaths_before: int
    deaths_after: int

    @property
    def deaths(self):
        return self.deaths_before + self.deaths_after


class FaultPoint:
    """Context manager: within the block the service, or root's part of it, runs with the library."""

    def __init__(self, service, unit=SERVICE):
        self.service = service
        self.unit = unit
        self.directory = service.runtime / 'fault-point'
        self.plan = self.directory / 'plan'
        text = DROP_IN if service.is_user else DROP_IN + WRITABLE
        self.drop_ins = {
            self.drop_in(unit): text.format(library=LIBRARY, plan=self.plan, directory=self.directory),
            self.drop_in(SOCKET): SOCKET_DROP_IN,
        }

    def drop_in(self, unit):
        return pathlib.Path('/etc/systemd', self.service.mode, f'{unit}.d/fault-point.conf')

    def __enter__(self):
        owner = self.service.server if self.unit == SERVICE else ROOT
        shutil.copyfile(os.environ[BUILT], LIBRARY)
        self.directory.mkdir(exist_ok=True)
        self.plan.write_bytes(bytes(SIZE))
        for path in self.directory, self.plan:
            os.chown(path, owner.pw_uid, owner.pw_gid)
        for path, text in self.drop_ins.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        with self.plan.open('r+b') as file:
            self.map = mmap.mmap(file.fileno(), SIZE)
        self.reload()
        if self.unit != SERVICE:
            self.service.api.run(['true']) # which needs it
        until(lambda: self.pid, 'the library is in the service')
        return self

    def __exit__(self, *_):
        self.disarm()
        for path in self.drop_ins:
            path.unlink()
            path.parent.rmdir()
        self.reload()
        self.map.close()
        shutil.rmtree(self.directory)
        LIBRARY.unlink()

    def reload(self):
        self.service.systemctl('daemon-reload')
        self.service.restart()

    # --- what it says ---

    @property
    def pid(self):
        """Of the service that runs, or ran last; a later life has another."""
        return HEAD.unpack_from(self.map)[0]

    @property
    def calls(self):
        return HEAD.unpack_from(self.map)[1]

    def rows(self):
        found = [ROW.unpack_from(self.map, ROWS_AT + i * ROW.size) for i in range(HEAD.unpack_from(self.map)[2])]
        return [Row(name.rstrip(b'\0').decode(), *numbers) for name, *numbers in found]

    @property
    def deaths(self):
        return sum(row.deaths for row in self.rows())

    # --- what it is told ---

    def arm(self, *faults):
        """Each of the faults is (n, after): the service dies at its n-th call from here on, before or after it."""
        calls = self.calls
        for i in range(FAULTS_MAX):
            n, after = faults[i] if i < len(faults) else (0, False)
            FAULT.pack_into(self.map, HEAD.size + i * FAULT.size, calls + n if n else 0, after)

    def disarm(self):
        self.arm()

    def rest(self, quiet=0.1):
        """Returns when it has made no calls for so many seconds."""
        calls = None
        while calls != self.calls:
            calls = self.calls
            time.sleep(quiet)

    # --- by hand ---

    def kill(self):
        """SIGKILL from outside; it may be dead already, or dying of a fault."""
        pid = self.pid
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True

    def freeze(self):
        """It notices nothing any more, until it is killed."""
        os.kill(self.pid, signal.SIGSTOP)
