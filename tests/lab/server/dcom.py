"""DCOM as far as a client needs it ([MS-DCOM]): activation, IRemUnknown, and objects by IPID.

ACTIVATION is what port 135 serves, OBJECTS what the objects' port does. What an object does is in
wmi.py (namespaces) and automation.py (IDispatch). Answers are NDR written out by hand: impacket's
structures for answers leave out what its client does not read.
"""

import struct
import uuid

from impacket.dcerpc.v5 import dcomrt

import automation
import rpc_server
import wmi
from objects import NO_INTERFACE, OK, OXID, REMUNKNOWN, answer, binary, bindings, \
    custom_objref, find, hand_out, interface_pointer, objref, referent

CLASS_NOT_REGISTERED = 0x80040154
# Class: the function that makes one.
CLASSES = {
    binary("8bc3f05e-d86b-11d0-a075-00c04fb68820"): wmi.Login,
    binary("49b2791a-b1ae-4c90-9b8e-e860ba07f889"): automation.Application,
}
SCM_REPLY, PROPERTIES_OUT = (binary(f"{n:08x}-0000-0000-c000-000000000046") for n in (0x1B6, 0x339))


def u32(*values):
    return struct.pack(f"<{len(values)}I", *values)


def serialised(data):
    """A structure serialised on its own ([MS-RPCE] 2.2.6), in whole 8 bytes."""
    data += bytes(-len(data) % 8)
    return bytes.fromhex("01100800cccccccc") + u32(len(data), 0) + data


def activation_answer(call, iid, thing):
    """The OBJREF of the properties that RemoteCreateInstance gives back ([MS-DCOM] 2.2.22)."""
    data = objref(iid, hand_out(thing), call.address)
    out = u32(1, 0x20000, 0x20004, 0x20008) + u32(1) + iid + u32(1, OK) + u32(1, 0x2000C)
    out += referent(data)
    strings, security_offset = bindings(call.address)
    entries = len(strings) // 2
    # authnHint, what the client is to use for the objects: what it used here.
    reply = u32(0, 0x20000) + struct.pack("<QI", OXID, 0x20004) + REMUNKNOWN + u32(call.level)
    reply += struct.pack("<HHIHH", 5, 7, entries, entries, security_offset) + strings
    parts = [serialised(out), serialised(reply)]
    def header(size):
        return serialised(u32(size + sum(map(len, parts)), size, 0, 2, len(parts)) + bytes(16) +
                          u32(0x20000, 0x20004, 0) + u32(len(parts)) + PROPERTIES_OUT + SCM_REPLY +
                          u32(len(parts), *map(len, parts)))
    blob = header(len(header(0))) + b"".join(parts)
    return custom_objref(dcomrt.IID_IActivationPropertiesOut[:16],
                         dcomrt.CLSID_ActivationPropertiesOut, u32(len(blob), 0) + blob)


def create_instance(call):
    request = dcomrt.RemoteCreateInstance(call.stub)
    custom = dcomrt.OBJREF_CUSTOM(b"".join(request["pActProperties"]["abData"]))
    blob = dcomrt.ACTIVATION_BLOB(custom["pObjectData"])
    size = blob["CustomHeader"]["pSizes"][0]["Data"]
    wanted = dcomrt.InstantiationInfoData()
    read = wanted.fromString(blob["Property"][:size])
    wanted.fromStringReferents(blob["Property"][read:size])
    make = CLASSES.get(wanted["classId"])
    if make is None:
        return answer(u32(0), CLASS_NOT_REGISTERED)
    iid = wanted["pIID"][0]["Data"]
    return answer(interface_pointer(activation_answer(call, iid, make())), OK)


def query_interface(call):
    """IRemUnknown::RemQueryInterface: any object here answers with itself under a new IPID."""
    ipid, (count,) = call.stub[32:48], struct.unpack_from("<H", call.stub, 52)
    thing = find(ipid)
    results = b""
    for number in range(count):
        iid = call.stub[60 + 16 * number:76 + 16 * number]
        known = thing is not None and iid in thing.interfaces
        results += struct.pack("<II", OK if known else NO_INTERFACE, 0)
        results += struct.pack("<IIQQ", 0, 5, OXID, 1) + (hand_out(thing) if known else bytes(16))
    pointer = u32(0x20000) + u32(count)
    return answer(pointer + results, OK)


def add_references(call):
    (count,) = struct.unpack_from("<H", call.stub, 32)
    return answer(u32(count) + bytes(4 * count), OK)


def release(call):
    return answer(b"", OK)


def on_object(opnum):
    """Finds the object of the call's IPID and has it answer."""
    def serve(call):
        thing = find(call.object)
        if thing is None:
            raise rpc_server.Fault(0x80010108)  # RPC_E_DISCONNECTED
        return thing.methods[opnum](thing, call)
    return serve


def interface(kind):
    return {opnum: on_object(opnum) for opnum in kind.methods}


ACTIVATION = {("000001a0-0000-0000-c000-000000000046", 0): {4: create_instance}}
REM_UNKNOWN = {3: query_interface, 4: add_references, 5: release}
OBJECTS = {
    ("00000131-0000-0000-c000-000000000046", 0): REM_UNKNOWN,
    ("00000143-0000-0000-c000-000000000046", 0): REM_UNKNOWN,
}
for _kind in (wmi.Login, wmi.Namespace, wmi.Enumerator, wmi.SmartSource, wmi.SmartEnumerator,
              wmi.CallResult, automation.Automation):
    OBJECTS[(str(uuid.UUID(bytes_le=_kind.iid)), 0)] = interface(_kind)
