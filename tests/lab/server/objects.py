"""Objects by IPID, and the pieces of NDR that all answers of objects are made of."""

import struct
import threading
import uuid

PORT = 49700
OK, FALSE = 0, 1
NO_INTERFACE = 0x80004002
OXID = 0x5A17C0DE00000001
IUNKNOWN = uuid.UUID("00000000-0000-0000-c000-000000000046").bytes_le

_OBJECTS = {}
_LOCK = threading.Lock()


def binary(text):
    return uuid.UUID(text).bytes_le


REMUNKNOWN = binary("00008000-0a34-0000-5f27-c9a42b6d13e8")


def hand_out(thing):
    """The IPID of a reference to an object."""
    with _LOCK:
        number = len(_OBJECTS) + 1
        ipid = struct.pack("<IHH", 0x8000 + number, 0x0A34, 0x0B1C) + REMUNKNOWN[8:]
        _OBJECTS[ipid] = thing
    return ipid


def find(ipid):
    return _OBJECTS.get(ipid)


def bindings(address, host="FS1", port=PORT):
    """DUALSTRINGARRAY ([MS-DCOM] 2.2.19): its strings, and where the security bindings begin."""
    where = b"".join(struct.pack("<H", 7) + f"{name}[{port}]\0".encode("utf-16le")
                     for name in (host, address)) + bytes(2)
    security = struct.pack("<HH", 10, 0xFFFF) + bytes(2) + bytes(2)
    return where + security, len(where) // 2


def objref(iid, ipid, address, host="FS1", port=PORT):
    """A standard OBJREF (2.2.18.4)."""
    strings, security_offset = bindings(address, host, port)
    return (struct.pack("<II", 0x574F454D, 1) + iid + struct.pack("<IIQQ", 0, 5, OXID, 1) + ipid +
            struct.pack("<HH", len(strings) // 2, security_offset) + strings)


def custom_objref(iid, clsid, data):
    """An object by value (2.2.18.6)."""
    return (struct.pack("<II", 0x574F454D, 4) + iid + clsid +
            struct.pack("<II", 0, len(data)) + data)


def referent(data):
    """MInterfacePointer, what an interface pointer points to."""
    return struct.pack("<II", len(data), len(data)) + data + bytes(-len(data) % 4)


def interface_pointer(data):
    return struct.pack("<I", 0x20000) + referent(data)


def pointer_to_pointer(data):
    """[in, out, unique] Interface **: none when `data` is."""
    return struct.pack("<I", 0x20004) + interface_pointer(data) if data else bytes(4)


def answer(body, status):
    """ORPCTHAT (2.2.13.4), the out parameters, and the HRESULT."""
    return bytes(8) + body + bytes(-len(body) % 4) + struct.pack("<I", status)


class Thing:
    """An object: `iid` of its main interface; `methods`: opnum to function(self, call)."""
    iid = IUNKNOWN
    methods = {}

    @property
    def interfaces(self):
        return (self.iid, IUNKNOWN)

    def reference(self, call):
        return objref(self.iid, hand_out(self), call.address)
