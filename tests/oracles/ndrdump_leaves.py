"""Leaf values of a stub as Samba's ndrdump prints them.

ndrdump knows interfaces that have no Python bindings (eventlog, dssetup, efs, DCOM, FSRVP). Its text
is for people; what a line's value is, its form tells:

    domain                   : *                        a pointer: what follows is its referent
    domain                   : NULL
    name                     : 'LAB'
    flags                    : 0x01000000 (16777216)    numbers, in parentheses when they have a name too
           1: DS_ROLE_PRIMARY_DS_GUID_PRESENT           one bit of the number above
    domain_guid              : 4f9b...-...
    sids                     : ARRAY(2)                 elements follow, "[0] : ..." or "sids: ..."
    [0000] 4C 00 41 00 ...   L.A.                       bytes
"""

import calendar
import re
import subprocess
import tempfile
import time

from samba import ntstatus, werror

from leaves import bytes_token, text_token

GUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
LINE = re.compile(r"^ *(?P<name>[\w\[\]]+) *: (?P<value>.*)$")
BYTES = re.compile(r"^ *\[[0-9A-F]{4,8}\] ((?:[0-9A-F]{2} ? ?)+)")
BIT = re.compile(r"^ {2,}(?:\d|0x[0-9a-fA-F]+): \w+ *(?:\(\d+\))? *$")


def token_of(value):
    """The token of a value's text; None for what only announces others."""
    if value == "NULL":
        return ("null",)
    if value.startswith("'"):
        return text_token(value[1:-1].replace("\x01", "\n") if value.endswith("'") else value[1:])
    number = re.fullmatch(r"(?:.*\()?(-?\d+|0x[0-9a-fA-F]+)\)?", value)
    if re.fullmatch(GUID, value):
        return ("guid", value)
    if value.startswith("S-1-"):
        return ("sid", value.split(" ")[0])
    if value.startswith(("struct ", "union ", "ARRAY(", "DATA_BLOB", "*")) or value == "":
        return None
    if value == "(time_t)0" or value == "NTTIME(0)":
        return ("int", 0)
    if re.fullmatch(r"\w{3} \w{3} +\d+ [\d:]{8}(?: [AP]M)? \d{4} \w+", value):
        # As strftime writes it; the lab's clock is UTC's.
        return ("time", calendar.timegm(time.strptime(value.rsplit(" ", 1)[0], "%a %b %d %H:%M:%S %Y")))
    if value.startswith("NT code "):
        return ("int", int(value[8:], 16))
    if value.startswith(("NT_STATUS_", "WERR_")):
        known = getattr(ntstatus, value, getattr(werror, value, 0 if value.endswith("_OK") else None))
        return ("other", value) if known is None else ("int", known)
    if number:
        parsed = int(number[1], 0)
        return ("int", parsed if parsed >= 0 else parsed + (1 << 32))
    return ("other", value)


def parse(text):
    """(path, token) of what ndrdump printed; the path is the line's name alone."""
    leaves, data, numbers = [], bytearray(), []

    def flush():
        if data:
            leaves.append(("bytes", bytes_token(bytes(data))))
            data.clear()

    def flush_numbers():
        if numbers:
            small = max(numbers) < 256
            leaves.append(("[]", bytes_token(bytes(numbers)) if small else ("ints", tuple(numbers))))
            numbers.clear()
    handle = array = None
    # A text may hold line breaks: it goes on to the quote that ends a line.
    for line in re.sub(r"(: '[^'\n]*)\n+(?=[^\n]*'$)", "\\1\x01", text, flags=re.M).splitlines():
        row = BYTES.match(line)
        if row:
            data += bytes.fromhex(row[1].replace(" ", ""))
            continue
        flush()
        if BIT.match(line):
            continue
        found = LINE.match(line)
        if not found:
            continue
        name, value = found["name"], found["value"].strip()
        if value.startswith("struct policy_handle"):
            handle = []
            continue
        token = token_of(value)
        if value.startswith("ARRAY("):
            array = name
        if token is not None and token[0] == "int" and (name == array or re.fullmatch(r"\[\d+\]", name)):
            numbers.append(token[1])
            continue
        flush_numbers()
        if token is None:
            continue
        if handle is not None and name in ("handle_type", "uuid"):
            handle.append(token[1])
            if len(handle) == 2:
                leaves.append((name, ("handle", handle[0], handle[1])))
                handle = None
            continue
        leaves.append((name, token))
    flush()
    flush_numbers()
    return leaves


def dump(pipe, opnum, stub, request=None, ndr64=False):
    """What ndrdump makes of a stub: leaves, or a text saying why not. `request` is the request's
    stub, when `stub` is a response."""
    command = ["ndrdump", pipe, str(opnum), "out" if request is not None else "in"]
    if ndr64:
        command.append("--ndr64")
    with tempfile.NamedTemporaryFile() as file, tempfile.NamedTemporaryFile() as context:
        file.write(stub)
        file.flush()
        if request is not None:
            context.write(request)
            context.flush()
            command += ["-c", context.name]
        run = subprocess.run(command + [file.name], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             check=False)
    text = run.stdout.decode("utf-8", "replace")
    if run.returncode != 0 or "pull returned Success" not in text:
        said = re.search(r"pull returned (.*)", text)
        return said[1] if said else f"ndrdump ended with {run.returncode}"
    # What is left over is dumped before the values.
    values = re.sub(r"WARNING! \d+ unread bytes\n(?:\[[0-9A-F]+\].*\n)*", "",
                    text.split("pull returned Success", 1)[1])
    return parse(values)
