#!/usr/bin/env python3
"""WMI objects: our decoder against what was written, and against impacket's decoder.

usage: compare_wmio.py [--verbose] [--rounds N] ORACLE_WMIO CAPTURE...

Random classes and instances of every type, written by tests/lab/server/wmio.py, must come back from
ours exactly as they went in. Then they, and every object found in the captures, are compared with
what impacket 0.10 makes of them, property by property. impacket's own mistakes are in EXPLAINED,
each with its reason; any other difference fails.
Last line "N passed, N failed, N skipped", where an object is one test. Exit status 1 with
unexplained differences, 77 without impacket.
"""

import argparse
import ast
import collections
import gzip
import json
import os
import random
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lab", "server"))

import wmio

try:
    from impacket.dcerpc.v5.dcom import wmi
except ImportError as error:
    print(f"skipped: python3-impacket is not installed ({error})")
    sys.exit(77)

SCALARS = [wmio.SINT8, wmio.SINT16, wmio.SINT32, wmio.SINT64, wmio.UINT8, wmio.UINT16, wmio.UINT32,
           wmio.UINT64, wmio.REAL32, wmio.REAL64, wmio.BOOLEAN, wmio.STRING, wmio.DATETIME,
           wmio.REFERENCE, wmio.CHAR16]
SPELLING = {wmio.REFERENCE: "reference"}
TEXT = "abcXYZ019\\ \"='\u00e4\u00ff\u20ac\u65e5"


# ---- What goes in ----

def random_value(chance, kind):
    if kind & wmio.ARRAY:
        return [random_value(chance, kind & 0xFFF) for _ in range(chance.randrange(5))]
    if kind == wmio.BOOLEAN:
        return chance.random() < 0.5
    if kind in (wmio.REAL32, wmio.REAL64):
        return chance.randrange(-1000, 1000) / 8
    if kind in wmio.FORMATS:
        size = struct.calcsize(wmio.FORMATS[kind]) * 8
        low, high = (-(1 << size - 1), (1 << size - 1) - 1) if wmio.FORMATS[kind][1].islower() else \
            (0, (1 << size) - 1)
        return chance.choice([low, high, 0, 1, chance.randint(low, high)])
    return "".join(chance.choice(TEXT) for _ in range(chance.randrange(12)))


def random_properties(chance, most):
    made = []
    for number in range(chance.randrange(most)):
        kind = chance.choice(SCALARS) | chance.choice([0, 0, wmio.ARRAY])
        default = random_value(chance, kind) if chance.random() < 0.2 else None
        made.append(wmio.Property(f"{chance.choice('AbCz')}{number}", kind | chance.choice(
            [0, 0, wmio.INHERITED]), default, key=chance.random() < 0.1))
    return made


def random_class(chance):
    methods = [wmio.Method(f"Do{n}", random_properties(chance, 4), random_properties(chance, 4))
               for n in range(chance.randrange(3))]
    return wmio.Class(f"Lab_{chance.randrange(100)}", ["Lab_Base", "Lab_Root"][:chance.randrange(3)],
                      random_properties(chance, 12), methods,
                      {"dynamic": True, "Locale": 1033, "provider": "Lab\u00e4"})


def expected_properties(properties, values=None):
    """`values` is None for a class."""
    rows = []
    for item in properties:
        what, default = (item.default, False) if values is None else (values.get(item.name), False)
        if values is not None and what is None and item.default is not None:
            what, default = item.default, True
        kind = item.type & 0xFFF
        rows.append({"name": item.name, "type": SPELLING.get(kind, wmio.NAMES[kind]),
                     "array": bool(item.type & wmio.ARRAY),
                     "inherited": bool(item.type & wmio.INHERITED), "default": default,
                     "value": what})
    return rows


def expected(what, values=None):
    result = {"kind": "class" if values is None else "instance", "class": what.name,
              "superclasses": what.superclasses, "properties": expected_properties(what.properties, values)}
    if values is None:
        result["methods"] = [
            {"name": m.name, "in": expected_properties(m.inputs), "out": expected_properties(m.outputs)}
            for m in what.methods]
    return result


def simplified(ours):
    """Our JSON without what `expected` does not say."""
    def rows(owner):
        return [{k: p[k] for k in ("name", "type", "array", "inherited", "default", "value")}
                for p in owner["properties"]] if owner else []
    result = {k: ours[k] for k in ("kind", "class", "superclasses")} | {"properties": rows(ours)}
    if ours["kind"] == "class":
        result["methods"] = [{"name": m["name"], "in": rows(m["in"]), "out": rows(m["out"])}
                             for m in ours["methods"]]
    return result


def random_objects(rounds):
    chance = random.Random(20261121)
    for number in range(rounds):
        what = random_class(chance)
        if number % 2:
            yield wmio.unit(wmio.class_block(what)), expected(what)
        else:
            values = {p.name: random_value(chance, p.type & ~wmio.INHERITED) for p in what.properties
                      if chance.random() < 0.7}
            yield wmio.unit(wmio.instance_block(what, values)), expected(what, values)


def tcp_streams(path):
    """The bytes of each direction of the connections in a sound pcap file of Ethernet and IPv4."""
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rb") as file:
        data = file.read()
    streams, at = collections.defaultdict(bytes), 24
    if data[:4] != bytes.fromhex("d4c3b2a1") or data[20] != 1:
        return streams
    while at + 16 <= len(data):
        (size,) = struct.unpack_from("<I", data, at + 8)
        packet = data[at + 16:at + 16 + size]
        at += 16 + size
        if packet[12:14] != b"\x08\0" or packet[23:24] != b"\x06":
            continue
        end = 14 + struct.unpack_from(">H", packet, 16)[0]
        tcp = 14 + (packet[14] & 15) * 4
        streams[packet[26:34] + packet[tcp:tcp + 4]] += packet[tcp + (packet[tcp + 12] >> 4) * 4:end]
    return streams


def captured_objects(path):
    """EncodingUnits in custom OBJREFs, found without any RPC decoder: these lie whole in a PDU."""
    mark = struct.pack("<II", 0x574F454D, 4) + wmi.IID_IWbemClassObject[:16]
    for data in tcp_streams(path).values():
        at = 0
        while (at := data.find(mark, at)) >= 0:
            # The OBJREF's own size is that of the object before it was filled in, with impacket.
            (size,) = struct.unpack_from("<I", data, at + 52)
            unit = data[at + 48:at + 56 + size]
            at += 48
            if unit[:4] == wmio.u32(0x12345678):
                yield unit


# ---- What impacket makes of them ----

def as_text(p, theirs):
    """Whether a text of impacket's says our value."""
    if p["type"] in ("string", "datetime", "reference") and not p["array"]:
        return theirs == p["value"]
    said = ast.literal_eval(theirs)
    return said == p["value"] or (p["array"] and p["type"] == "boolean" and
                                  [bool(x) for x in said] == p["value"])


# Reason: whether it explains their value of our property p of an object of that kind.
EXPLAINED = {
    "impacket reads no floating point outside arrays":
        lambda p, theirs, kind: p["type"].startswith("real") and not p["array"],
    "impacket has booleans as texts, those of null ones too":
        lambda p, theirs, kind: p["type"] == "boolean" and not p["array"] and
        (p["value"] is None or theirs in ("True", "False", None)),
    "impacket reads arrays of booleans as numbers":
        lambda p, theirs, kind: p["type"] == "boolean" and isinstance(theirs, list) and
        [bool(x) for x in theirs] == p["value"],
    "impacket reads arrays of dates, references and inherited texts as heap offsets":
        lambda p, theirs, kind: p["array"] and p["type"] in ("datetime", "reference", "string"),
    "impacket has a class's defaults as texts":
        lambda p, theirs, kind: (kind == "class" or p["default"]) and isinstance(theirs, str) and
        as_text(p, theirs),
    "impacket shows no default that is not positive":
        lambda p, theirs, kind: (kind == "class" or p["default"]) and theirs is None,
    "impacket shows the set bits of a class's null":
        lambda p, theirs, kind: p["value"] is None and isinstance(theirs, str) and
        int(theirs) in (0xFF, 0xFFFF, 0xFFFFFFFF, (1 << 64) - 1),
    "impacket takes a number of a class's default for 0":
        lambda p, theirs, kind: p["default"] and theirs == 0,
    "impacket takes 0xFFFFFFFF for no value, in numbers too":
        lambda p, theirs, kind: p["value"] == 0xFFFFFFFF and theirs is None,
}


def compare_with_impacket(unit, ours, note):
    """True when all that impacket reads is what we read, or is explained."""
    try:
        block = wmi.ENCODING_UNIT(unit)["ObjectBlock"]
        block.parseObject()
        theirs = block.ctCurrent["properties"]
    except Exception as error:  # Whatever its decoder trips over.
        reason = None
        if any(p["type"].startswith("real") for p in every_property(ours)):
            reason = "impacket reads no floating point"
        elif isinstance(error, (struct.error, UnicodeDecodeError, TypeError, IndexError)) and any(
                p["array"] or p["value"] is None for p in every_property(ours)):
            reason = "impacket takes null arrays of a class for offsets, or texts for the wrong bytes"
        note(reason or f"UNEXPLAINED {type(error).__name__}: {error}")
        return reason is not None
    good = True
    if [p["name"] for p in ours["properties"]] != list(theirs):
        note(f"UNEXPLAINED names: {list(theirs)}")
        good = False
    for p in ours["properties"]:
        value = theirs.get(p["name"], {}).get("value")
        if value == p["value"]:
            note("equal")
            continue
        reason = next((r for r, fits in EXPLAINED.items() if fits(p, value, ours["kind"])), None)
        note(reason or f"UNEXPLAINED {p}: {value!r}")
        good = good and reason is not None
    if ours["kind"] == "class":
        names = [m["name"] for m in ours["methods"]]
        if names != list(block.ctCurrent["methods"]):
            note(f"UNEXPLAINED methods {names}")
            good = False
    return good


def every_property(ours):
    yield from ours["properties"]
    for method in ours.get("methods", []):
        for side in ("in", "out"):
            yield from (method[side] or {"properties": []})["properties"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("program")
    parser.add_argument("captures", nargs="*")
    options = parser.parse_args()
    wmi.LOG.disabled = True
    cases = [(f"random {n}", unit, want) for n, (unit, want) in enumerate(random_objects(options.rounds))]
    for path in options.captures:
        cases += [(f"{os.path.basename(path)} {n}", unit, None)
                  for n, unit in enumerate(captured_objects(path))]
    captured = len(cases) - options.rounds
    run = subprocess.run([options.program], input="".join(unit.hex() + "\n" for _, unit, _ in cases),
                         stdout=subprocess.PIPE, check=True, encoding="utf-8")
    notes, failed = collections.Counter(), 0
    for (name, unit, want), line in zip(cases, run.stdout.splitlines(), strict=True):
        ours, problems = json.loads(line), []
        if not ours or ours["reason"]:
            problems.append(f"not read: {ours and ours['reason']}")
        else:
            if want is not None and simplified(ours) != want:
                problems.append(f"written {want}\nread    {simplified(ours)}")
            said = []
            if not compare_with_impacket(unit, ours, said.append):
                problems += [s for s in said if s.startswith("UNEXPLAINED")]
            notes.update(s for s in said if not s.startswith("UNEXPLAINED"))
        failed += bool(problems)
        for problem in problems[:3] if failed <= 10 else []:
            print(f"{name}: {problem}")
    if options.verbose:
        for note, count in notes.most_common():
            print(f"{count:7d}  {note}")
    if options.captures and captured == 0:
        print("no object in the captures")
        failed += 1
    print(f"{options.rounds} random objects, {captured} captured, {notes['equal']} values equal")
    print(f"{len(cases) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
