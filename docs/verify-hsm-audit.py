#!/usr/bin/env python3
"""Checks an audit log of hsmd without any code of hsmd: Python's own library and openssl(1), 3.0 or later.

usage: verify-hsm-audit.py audit-key.pub [--head audit.head] FILE...      (files of the log, oldest first)

The chain of SHA-256 ties each line to the one before it, so the signature of the last line of a file vouches for all lines up to there.
Exit code: 0 when all is well, 1 when something is wrong.
"""
import base64
import hashlib
import json
import subprocess
import sys
import tempfile


def signature_is_good(key_file, signed, signature):
    with tempfile.NamedTemporaryFile() as data, tempfile.NamedTemporaryFile() as sig:
        data.write(signed)
        data.flush()
        sig.write(base64.b64decode(signature))
        sig.flush()
        command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", key_file, "-rawin", "-in", data.name,
                   "-sigfile", sig.name]
        return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def main(words):
    if len(words) < 2:
        sys.exit(__doc__)
    key_file, words = words[0], words[1:]
    head_file = None
    if words[0] == "--head":
        head_file, words = words[1], words[2:]
    faults = 0
    number, previous = 0, "0" * 64

    def fault(text):
        nonlocal faults
        faults += 1
        print(text, file=sys.stderr)

    for name in words:
        with open(name, "rb") as file:
            lines = file.read().split(b"\n")
        if lines.pop() != b"":
            fault(f"{name}: its last line is cut")
        for count, line in enumerate(lines, 1):
            where = f"{name}:{count}"
            number += 1
            try:
                signed, signature = line.rsplit(b',"sig":"', 1)
                event = json.loads(line)
            except ValueError:
                fault(f"{where}: it is no line of an audit log")
                previous = hashlib.sha256(line).hexdigest()
                continue
            if event.get("n") != number:
                fault(f"{where}: number {event.get('n')} stands where {number} belongs")
                number = event.get("n") if isinstance(event.get("n"), int) else number
            if event.get("prev") != previous:
                fault(f"{where}: it does not follow from the line before")
            if count == len(lines) and not signature_is_good(key_file, signed, signature[:-2]):
                fault(f"{where}: its signature does not fit")
            previous = hashlib.sha256(line).hexdigest()
    if head_file:
        best = None
        with open(head_file, "rb") as file:
            content = file.read()
        for slot in (content[:256], content[256:512]):
            words = slot.decode("latin-1").split()
            if len(words) == 3 and signature_is_good(key_file, " ".join(words[:2]).encode(), words[2]):
                if best is None or int(words[0]) > best[0]:
                    best = (int(words[0]), words[1])
        if best is None:
            fault(f"{head_file}: it is damaged")
        elif number < best[0]:
            fault(f"lines {number + 1} to {best[0]} were cut off at the end")
        elif number == best[0] and previous != best[1]:
            fault(f"line {number} is not the one that {head_file} knows")
    print(f"{number} lines, {faults} faults")
    sys.exit(1 if faults else 0)


main(sys.argv[1:])
