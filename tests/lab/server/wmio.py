"""Writes CIM classes and instances as they travel ([MS-WMIO]): the test server's half.

    process = Class("Win32_Process", ["CIM_Process"], [Property("Handle", STRING, key=True), ...])
    unit(class_block(process))                   # answers GetObject
    unit(instance_block(process, {"Handle": "4"}))  # what an enumeration gives

Layouts: 2.2.15 (class), 2.2.38 (methods), 2.2.53 (instance). Written by the rules of the format, not
by what decoders accept: all texts Latin-1 unless they do not fit, values in the order of declaration.
"""

import struct
from dataclasses import dataclass, field

SINT16, SINT32, REAL32, REAL64, STRING, BOOLEAN, OBJECT = 2, 3, 4, 5, 8, 11, 13
SINT8, UINT8, UINT16, UINT32, SINT64, UINT64 = 16, 17, 18, 19, 20, 21
DATETIME, REFERENCE, CHAR16 = 101, 102, 103
ARRAY, INHERITED = 0x2000, 0x4000

NAMES = {SINT16: "sint16", SINT32: "sint32", REAL32: "real32", REAL64: "real64", STRING: "string",
         BOOLEAN: "boolean", OBJECT: "object", SINT8: "sint8", UINT8: "uint8", UINT16: "uint16",
         UINT32: "uint32", SINT64: "sint64", UINT64: "uint64", DATETIME: "datetime",
         REFERENCE: "ref", CHAR16: "char16"}
FORMATS = {SINT16: "<h", SINT32: "<i", REAL32: "<f", REAL64: "<d", SINT8: "<b", UINT8: "<B",
           UINT16: "<H", UINT32: "<I", SINT64: "<q", UINT64: "<Q", CHAR16: "<H"}
DICTIONARY = {"key": 1, "read": 3, "write": 4, "volatile": 5, "provider": 6, "dynamic": 7,
              "cimwin32": 8, "CIMTYPE": 10}
NONE = 0xFFFFFFFF
TO_INSTANCE_AND_CLASS = 3  # QualifierFlavor (2.2.62).


@dataclass
class Property:
    name: str
    type: int  # With ARRAY, INHERITED.
    default: object = None
    key: bool = False
    qualifiers: dict = field(default_factory=dict)


@dataclass
class Method:
    name: str
    inputs: list  # Properties
    outputs: list


@dataclass
class Class:
    name: str
    superclasses: list = field(default_factory=list)  # Nearest first.
    properties: list = field(default_factory=list)
    methods: list = field(default_factory=list)
    qualifiers: dict = field(default_factory=dict)


def u32(value):
    return struct.pack("<I", value)


def counted(data):
    """With its length in front, which counts itself."""
    return u32(len(data) + 4) + data


def text(value):
    """Encoded-String (2.2.78)."""
    try:
        return b"\0" + value.encode("latin-1") + b"\0"
    except UnicodeEncodeError:
        return b"\1" + value.encode("utf-16le") + b"\0\0"


class Heap:
    def __init__(self):
        self.data = b""

    def add(self, data):
        self.data += data
        return len(self.data) - len(data)

    def word(self, value):
        if value in DICTIONARY:
            return 0x80000000 | DICTIONARY[value]
        return self.add(text(value))

    def finished(self):
        return u32(len(self.data) | 0x80000000) + self.data


def width(kind):
    if kind & ARRAY:
        return 4
    kind &= 0xFFF
    return 2 if kind == BOOLEAN else struct.calcsize(FORMATS[kind]) if kind in FORMATS else 4


def value(kind, what, heap):
    """What stands in a value table or a qualifier; the rest goes to the heap."""
    base = kind & 0xFFF
    if kind & ARRAY:
        at = len(heap.data)
        size = width(base)
        heap.data += u32(len(what)) + bytes(size * len(what))  # Elements may need the heap too.
        for number, item in enumerate(what):
            start = at + 4 + number * size
            item = value(base, item, heap)
            heap.data = heap.data[:start] + item + heap.data[start + size:]
        return u32(at)
    if base == BOOLEAN:
        return b"\xff\xff" if what else b"\0\0"
    if base in FORMATS:
        return struct.pack(FORMATS[base], what)
    if base == OBJECT:
        return u32(heap.add(u32(len(what)) + what))
    return u32(heap.add(text(what)))


def qualifier_set(qualifiers, heap):
    records = b""
    for name, what in qualifiers.items():
        kind = BOOLEAN if isinstance(what, bool) else SINT32 if isinstance(what, int) else STRING
        records += u32(heap.word(name)) + bytes([TO_INSTANCE_AND_CLASS]) + u32(kind)
        records += u32(heap.word(what)) if kind == STRING else value(kind, what, heap)
    return counted(records)


def tables(properties, values, heap, own_defaults):
    """NdTable and ValueTable (2.2.26, 2.2.29); the offsets of the values in the latter."""
    bits, table, offsets = [0] * ((len(properties) + 3) // 4), b"", []
    for number, item in enumerate(properties):
        what = values.get(item.name)
        offsets.append(len(table))
        if what is not None:
            table += value(item.type, what, heap)
            continue
        # Nothing of its own: null, and in an instance "as in the class" when the class has a value.
        state = 1 if own_defaults or item.default is None else 2
        bits[number // 4] |= state << (number % 4 * 2)
        table += (b"\xff" if own_defaults else b"\0") * width(item.type)
    return bytes(bits) + table, offsets


def class_part(what):
    heap = Heap()
    name = heap.add(text(what.name)) if what.name else NONE
    derivation = b"".join(text(s) + u32(len(text(s))) for s in what.superclasses)
    qualifiers = qualifier_set(what.qualifiers, heap)
    defaults = {item.name: item.default for item in what.properties}
    values, offsets = tables(what.properties, defaults, heap, own_defaults=True)
    lookups = {}
    for order, (item, offset) in enumerate(zip(what.properties, offsets)):
        own = {"CIMTYPE": NAMES[item.type & 0xFFF]} | ({"key": True} if item.key else {})
        name_at = heap.add(text(item.name))
        own = qualifier_set(own | item.qualifiers, heap)
        info = struct.pack("<IHII", item.type, order, offset, 0) + own
        lookups[item.name.upper()] = u32(name_at) + u32(heap.add(info))
    body = b"\0" + u32(name) + u32(len(values)) + counted(derivation) + qualifiers
    body += u32(len(lookups)) + b"".join(lookups[name] for name in sorted(lookups))
    return counted(body + values + heap.finished())


def parameters(properties):
    """The class of a method's parameters; empty when it has none."""
    if not properties:
        return b""
    numbered = [Property(p.name, p.type, p.default, qualifiers=p.qualifiers | {"ID": number})
                for number, p in enumerate(properties)]
    return class_block(Class("__PARAMETERS", properties=numbered), decorated=False)


def methods_part(methods):
    heap, table = Heap(), b""
    for method in methods:
        def signature(block):
            return heap.add(u32(len(block)) + block) if block else NONE
        table += u32(heap.add(text(method.name))) + bytes(4) + u32(0)
        table += u32(heap.add(qualifier_set({"Implemented": True}, heap)))
        table += u32(signature(parameters(method.inputs)))
        table += u32(signature(parameters(method.outputs)))
    return counted(struct.pack("<HH", len(methods), 0) + table + heap.finished())


def decoration(name_space):
    return text("FS1") + text(name_space)


def class_block(what, name_space="root\\cimv2", decorated=True):
    """ObjectBlock (2.2.5) of a class: its superclass is empty, it repeats all that it has."""
    block = bytes([5]) + decoration(name_space) if decorated else bytes([1])
    return (block + class_part(Class("")) + methods_part([]) + class_part(what) +
            methods_part(what.methods))


def instance_part(what, values):
    heap = Heap()
    name = heap.add(text(what.name))
    table, _ = tables(what.properties, values, heap, own_defaults=False)
    return counted(b"\0" + u32(name) + table + u32(4) + b"\1" + heap.finished())


def instance_block(what, values, name_space="root\\cimv2", decorated=True):
    block = bytes([6]) + decoration(name_space) if decorated else bytes([2])
    return block + class_part(what) + instance_part(what, values)


def unit(block):
    """EncodingUnit (2.2.1)."""
    return u32(0x12345678) + u32(len(block)) + block


def object_array(what, instances, name_space, known):
    """One packet of smart enumeration ([MS-WMI] 2.2.14): the class goes with the first instance.

    `known` says that the client has the class from an earlier packet.
    """
    identity, data = bytes(range(1, 17)), b""
    for values in instances:
        if known:
            block = bytes([6]) + decoration(name_space) + instance_part(what, values)
        else:
            block = instance_block(what, values, name_space)
        inner = struct.pack("<II", 24, len(block)) + identity + block
        data += struct.pack("<IIB", 9, len(inner), 3 if known else 2) + inner
        known = True
    whole = struct.pack("<III", 12, len(data), len(instances)) + data
    whole = struct.pack("<II", 8, len(whole)) + whole
    return struct.pack("<I8sIIIBB", 0, b"WBEMDATA", 26, len(whole), 0, 1, 1) + whole
