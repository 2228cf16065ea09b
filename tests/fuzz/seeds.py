#!/usr/bin/env python3
"""Writes the seeds that no editor can: files of the journal, entries of it, the kernel's answers, and texts with a check.

    tests/fuzz/seeds.py        into corpus/, over what is there of the same names
"""
import hashlib
import pathlib
import struct
import subprocess

CORPUS = pathlib.Path(__file__).parent / "corpus"
TASK = "task-1700000000-abcdef"
UNIT = f"remote-developer-{TASK}.service"


def write(target, name, data):
    path = CORPUS / target / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())


# --- files of the journal: https://systemd.io/JOURNAL_FILE_FORMAT, without the tables that only libsystemd reads

HEADER_SIZE = 272
DATA, ENTRY, ENTRY_ARRAY = 1, 3, 6
COMPACT, ZSTD = 1 << 4, 1 << 3
OBJECT_ZSTD = 4
SEQNUM_ID, BOOT_ID = bytes(range(16)), bytes(range(16, 32))


def zstd(data):
    return subprocess.run(["zstd", "--quiet", "--stdout", "--no-check", "--stream-size=%d" % len(data)],
                          input=data, stdout=subprocess.PIPE, check=True).stdout


class JournalFile:
    """Entries of values; each entry array but the last is full, as journald's are."""

    def __init__(self, compact=False, array_size=4):
        self.compact, self.array_size = compact, array_size
        self.data = bytearray(HEADER_SIZE)
        self.values = {}   # payload: (offset, [entries])
        self.entries = []  # offsets
        self.tail = HEADER_SIZE

    def add_object(self, kind, body, flags=0):
        self.data += b"\0" * (-len(self.data) % 8)
        self.tail = len(self.data)
        self.data += struct.pack("<BB6xQ", kind, flags, 16 + len(body)) + body
        return self.tail

    def add_value(self, payload, packed):
        if payload not in self.values:
            body = bytes(48 + (8 if self.compact else 0)) + (zstd(payload) if packed else payload)
            self.values[payload] = (self.add_object(DATA, body, OBJECT_ZSTD if packed else 0), [])
        return self.values[payload]

    def add_entry(self, fields, packed=()):
        number = len(self.entries) + 1
        found = sorted((self.add_value(v.encode(), v.split("=")[0] in packed) for v in fields), key=lambda v: v[0])
        form = "<I" if self.compact else "<QQ"
        items = b"".join(struct.pack(form, *((at,) if self.compact else (at, 0))) for at, _ in found)
        at = self.add_object(ENTRY, struct.pack("<QQQ16sQ", number, 1700000000000000 + number, number, BOOT_ID, number)
                             + items)
        self.entries.append(at)
        for _, entries in found:
            entries.append(at)

    def add_array(self, entries):
        """Where the first array is, where the last one is, and how many items that has."""
        form, first, last, count = "<I" if self.compact else "<Q", 0, 0, 0
        for begin in range(0, len(entries), self.array_size):
            items = entries[begin:begin + self.array_size]
            count = len(items)
            items = items + [0] * (self.array_size - count)
            at = self.add_object(ENTRY_ARRAY, struct.pack("<Q", 0) + b"".join(struct.pack(form, i) for i in items))
            if last:
                struct.pack_into("<Q", self.data, last + 16, at)
            first, last = first or at, at
        return first, last, count

    def link_values(self):
        for at, entries in self.values.values():
            first, last, count = self.add_array(entries[1:])
            struct.pack_into("<QQQ", self.data, at + 40, entries[0], first, len(entries))
            if self.compact:
                struct.pack_into("<II", self.data, at + 64, last, count)

    def to_bytes(self):
        self.link_values()
        array, _, _ = self.add_array(self.entries)
        n = len(self.entries)
        struct.pack_into("<8sIIB7x16s16s16s16s", self.data, 0, b"LPKSHHRH", 0, (COMPACT if self.compact else 0) | ZSTD,
                         1, b"F" * 16, b"M" * 16, BOOT_ID, SEQNUM_ID)
        struct.pack_into("<15Q", self.data, 88, HEADER_SIZE, len(self.data) - HEADER_SIZE, 0, 0, 0, 0, self.tail,
                         len(self.values) + n, n, n, 1, array, 1700000000000001, 1700000000000000 + n, n)
        return bytes(self.data)


def write_journal_files():
    own = [f"_SYSTEMD_UNIT={UNIT}", f"_SYSTEMD_USER_UNIT={UNIT}", f"SYSLOG_IDENTIFIER={TASK}", "_TRANSPORT=stdout"]
    for compact in False, True:
        name = "compact" if compact else "wide"
        lines = JournalFile(compact)
        for number in range(9):
            lines.add_entry(own + [f"MESSAGE=line {number % 5}"])
        write("journal-file", f"lines-{name}", lines.to_bytes())
        mixed = JournalFile(compact)
        for number in range(5):
            mixed.add_entry(own + ["MESSAGE=" + "long " * 120 + str(number)], packed=("MESSAGE",))
            mixed.add_entry(["_SYSTEMD_UNIT=other.service", "MESSAGE=of another"])
        write("journal-file", f"packed-{name}", mixed.to_bytes())
        write("journal-file", f"cut-{name}", lines.to_bytes()[:1000])
    write("journal-file", "no-entry", JournalFile().to_bytes())
    write("journal-file", "empty", b"")


# --- entries of the journal, as fuzz-journal-entry.c has them

def entry(*fields):
    return b"".join((f if isinstance(f, bytes) else f.encode()) + b"\x1e" for f in fields) + b"\x1d"


def write_journal_entries():
    for scope, unit in ("system", f"_SYSTEMD_UNIT={UNIT}"), ("user", f"_SYSTEMD_USER_UNIT={UNIT}"):
        own = unit, f"SYSLOG_IDENTIFIER={TASK}", "_TRANSPORT=stdout", "_STREAM_ID=" + "a" * 32, "PRIORITY=6"
        manager = ("_PID=1", "_SYSTEMD_UNIT=init.scope") if scope == "system" else ("_SYSTEMD_USER_UNIT=init.scope",)
        about = f"UNIT={UNIT}" if scope == "system" else f"USER_UNIT={UNIT}"
        write("journal-entry", f"{scope}-line", entry(*own, "MESSAGE=a line"))
        write("journal-entry", f"{scope}-parts",
              entry(*own, "_LINE_BREAK=line-max", "MESSAGE=a long ") + entry(*own, "MESSAGE=line, and ")
              + entry(*own, "_LINE_BREAK=nul", b"MESSAGE=\xff\xfe") + entry(*own, "_LINE_BREAK=eof", "MESSAGE=end")
              + entry(*own, "_LINE_BREAK=pid-change", "MESSAGE=never ended"))
        write("journal-entry", f"{scope}-manager", entry(*manager, about, "MESSAGE=Started \"it\"\n\u2028\\"))
        write("journal-entry", f"{scope}-starter",
              entry(unit, about, "MESSAGE_ID=6f0a2c5e9d3b4e1f8a7c4d2b9e6f1a35", "MESSAGE=A step"))
    for mark in pathlib.Path(__file__).parents[2].joinpath("src/model/line-mark.c").read_text().split('"')[1::2]:
        text = mark.encode().decode("unicode_escape").encode("latin-1")
        if len(text) == 3:
            write("journal-entry", f"mark-{text.hex()}",
                  entry(f"_SYSTEMD_UNIT={UNIT}", "_TRANSPORT=stdout", "_STREAM_ID=" + "b" * 32, b"MESSAGE=x  " + text)
                  + entry(f"_SYSTEMD_UNIT={UNIT}", "_TRANSPORT=stdout", "_STREAM_ID=" + "b" * 32, b"MESSAGE=" + text))
    write("journal-entry", "suppressed",
          entry("MESSAGE_ID=a596d6fe7bfa4994828e72309e95d61e", "_TRANSPORT=driver", f"OBJECT_SYSTEMD_UNIT={UNIT}",
                "N_DROPPED=18446744073709551615", "MESSAGE=Suppressed"))
    write("journal-entry", "suppressed-user",
          entry("MESSAGE_ID=a596d6fe7bfa4994828e72309e95d61e", "_TRANSPORT=driver", "OBJECT_SYSTEMD_UNIT=user@0.service",
                "N_DROPPED=-1", "MESSAGE=Suppressed"))
    write("journal-entry", "odd",
          entry(f"_SYSTEMD_UNIT={UNIT}", "MESSAGE=", "M", "", "PRIORITY=99", "_STREAM_ID=" + "c" * 99) + b"MESSAGE")


# --- what the kernel says of a socket: struct nlmsghdr and inet_diag_msg

def answer(state=1, inode=4711, uid=1000, sender=0, kind=20, size=None, address=b"\x7f\0\0\1", family=2):
    ends = b"\xff\xff\xff\xff" + 2 * (address + bytes(12)) + bytes(12)
    message = struct.pack("<BBBB", family, state, 0, 0) + ends + struct.pack("<IIIII", 0, 0, 0, uid, inode)
    header = struct.pack("<IHHII", 16 + len(message) if size is None else size, kind, 0, 0, 0)
    return struct.pack("<I", sender) + header + message


def write_peers():
    for name, data in {
            "known": answer(), "root": answer(uid=0), "listening": answer(state=10), "closed": answer(inode=0),
            "overflow": answer(uid=65534), "foreign-sender": answer(sender=4711), "error": answer(kind=2),
            "short": answer()[:60], "too-long": answer(size=4000), "too-short": answer(size=17),
            "elsewhere": answer(address=b"\x7f\0\0\2"), "ipv6": answer(family=10), "state-40": answer(state=40)}.items():
        write("peer", name, data)


# --- cursors, tokens, messages to the launcher

def cursor(task, journal_cursor):
    check = 2166136261
    for byte in (task + journal_cursor).encode():
        check = (check ^ byte) * 16777619 & 0xffffffff
    return journal_cursor.translate(str.maketrans(";=", "._")) + f".c_{check:08x}"


def write_cursors():
    whole = "s=0123456789abcdef0123456789abcdef;i=1f;b=fedcba9876543210fedcba9876543210;m=a1;t=60a1b2c3d4e5f;x=ab"
    other = whole.replace("i=1f", "i=ff").replace("t=6", "t=7")
    for name, text in {
            "valid": cursor(TASK, whole), "foreign": cursor("task-1700000000-fedcba", whole),
            "short": cursor(TASK, "s="), "long": cursor(TASK, whole + ";y=" + "0" * 160), "time": "s=;t=60a1b2c3d4e5f",
            "order": f"{whole}\n{other}", "boot": f"{whole}\n{other.replace('s=0', 's=1')}",
            "times": f"{whole}\n{other.replace('s=0', 's=1').replace('b=f', 'b=e')}", "empty": "", "fields": ";;;s;i=;="
            }.items():
        write("cursor", name, text)


def write_tokens():
    digest = hashlib.sha256(b"rdt_" + b"0123456789abcdef" * 4).hexdigest()
    row = f'"sha256": "{digest}", "created_at": "2026-11-22T12:30:29Z"'
    one = f'{{"name": "ci", "scope": "run", {row}, "expires_at": "2027-11-22T12:30:29.5Z"}}'
    never = f'{{"name": "root.1-x_y", "scope": "admin", {row}, "never_expires": true}}'
    for name, rows in {
            "two": f"{one}, {never}", "none": "", "twice": f"{one}, {one}", "no-number": "1, null",
            "both": one.replace("}", ', "never_expires": true}'), "neither": one.split(', "expires')[0] + "}",
            "scope-none": one.replace('"run"', '"none"'), "digest": one.replace(digest, digest[1:]),
            "name": one.replace('"ci"', '"../ci"'), "unknown": one.replace('"name"', '"alias"'),
            "many": ", ".join(never.replace("root.1", f"n{n}") for n in range(65))}.items():
        write("tokens", f"{name}.json", f'{{"version": 1, "tokens": [{rows}]}}')
    write("tokens", "version.json", '{"version": 2, "tokens": []}')


def write_launches():
    spec = '"spec": {"command": ["make", "-C", "{workspace}"], "working_directory": "/tmp", "timeout": 60}'
    claude = '"spec": {"recipe": "claude", "github_repo": "https://github.com/o/n", "task_description": "Do \\u00e4"}'
    task = f'"task_id": "{TASK}"'
    for name, fields in {
            "start": f'"verb": "start", {task}, "attempt": 1, {spec}, "secrets": {{"TOKEN": "x y"}}',
            "session": f'"verb": "start", {task}, "attempt": 3, {claude}, "session_id": "0-1", "session_resumes": true',
            "bound": f'"verb": "start", {task}, "attempt": 2, {spec}, "bound_to_service": true',
            "operate": f'"verb": "operate", {task}, "kind": "commit", "operation": "0f", "text": "a\\n", {claude}',
            "stop": f'"verb": "stop", "unit": "{UNIT}"', "reset": f'"verb": "reset", "unit": "{UNIT}"',
            "kill": f'"verb": "kill", "unit": "{UNIT}", "whom": "all"', "probe": '"verb": "probe"',
            "kill-operation": f'"verb": "kill", "unit": "{UNIT.replace("task", "create-pr-task", 1)}", "whom": "main"',
            "foreign-unit": '"verb": "stop", "unit": "sshd.service"', "foreign-field": f'"verb": "probe", {task}',
            "attempt-0": f'"verb": "start", {task}, "attempt": 0, {spec}', "spec-number": f'"verb": "start", {task}, '
            '"attempt": 1, "spec": 5', "user": f'"verb": "start", {task}, "attempt": 1, "user": "root", {spec}',
            "answer": '"error": 22, "sentence": "no"'}.items():
        write("launch", f"{name}.json", f'{{"number": 7, {fields}}}')


if __name__ == "__main__":
    write_journal_files()
    write_journal_entries()
    write_peers()
    write_cursors()
    write_tokens()
    write_launches()
