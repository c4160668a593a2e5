"""A WMI service ([MS-WMI]) with a handful of classes: enough for clients to go their way."""

import re
import struct

from impacket.dcerpc.v5.dcom import wmi as client

import sinks
import wmio
from objects import FALSE, OK, Thing, answer, binary, custom_objref, interface_pointer, \
    pointer_to_pointer
from wmio import ARRAY, BOOLEAN, DATETIME, INHERITED, OBJECT, REFERENCE, SINT8, SINT16, SINT32, \
    SINT64, STRING, UINT8, UINT16, UINT32, UINT64, REAL32, REAL64, Class, Method, Property

NOT_FOUND, INVALID_METHOD, INVALID_CLASS = 0x80041002, 0x8004102E, 0x80041010
OBJECT_IID = binary("dc12a681-737f-11cf-884d-00aa004b2e24")
OBJECT_CLSID = binary("4590f812-1d3a-11d0-891f-00aa004b2e24")

STARTUP = wmio.class_block(Class("Win32_ProcessStartup", ["Win32_MethodParameterClass"], [
    Property("CreateFlags", UINT32), Property("ShowWindow", UINT16)]), decorated=False)
PROCESS = Class(
    "Win32_Process", ["CIM_Process", "CIM_LogicalElement", "CIM_ManagedSystemElement"], [
        Property("Caption", STRING | INHERITED, qualifiers={"read": True}),
        Property("CreationDate", DATETIME | INHERITED),
        Property("Handle", STRING | INHERITED, key=True),
        Property("Name", STRING | INHERITED),
        Property("Priority", UINT32 | INHERITED),
        Property("WorkingSetSize", UINT64 | INHERITED),
        Property("CommandLine", STRING),
        Property("ExecutablePath", STRING),
        Property("ParentProcessId", UINT32),
        Property("ProcessId", UINT32)],
    [Method("Create", [Property("CommandLine", STRING, qualifiers={"in": True}),
                       Property("CurrentDirectory", STRING, qualifiers={"in": True}),
                       Property("ProcessStartupInformation", OBJECT, qualifiers={"in": True})],
            [Property("ProcessId", UINT32, qualifiers={"out": True}),
             Property("ReturnValue", UINT32, qualifiers={"out": True})]),
     Method("Terminate", [Property("Reason", UINT32, qualifiers={"in": True})],
            [Property("ReturnValue", UINT32, qualifiers={"out": True})])],
    {"dynamic": True, "provider": "CIMWin32", "Locale": 1033})
# One property of every type, for what decoders make of them.
SAMPLE = Class("Lab_Sample", [], [
    Property("Name", STRING, key=True), Property("Signed8", SINT8), Property("Signed16", SINT16),
    Property("Signed32", SINT32), Property("Signed64", SINT64), Property("Unsigned8", UINT8),
    Property("Unsigned16", UINT16), Property("Unsigned64", UINT64), Property("Single", REAL32),
    Property("Double", REAL64), Property("Flag", BOOLEAN), Property("When", DATETIME),
    Property("Where", REFERENCE), Property("Bytes", UINT8 | ARRAY),
    Property("Numbers", SINT32 | ARRAY), Property("Texts", STRING | ARRAY),
    Property("Other", STRING), Property("Default", STRING, "as the class says")])
SAMPLE_VALUES = {
    "Name": "Größe", "Signed8": -5, "Signed16": -300, "Signed32": -70000, "Signed64": -5000000000,
    "Unsigned8": 200, "Unsigned16": 50000, "Unsigned64": 1 << 40, "Single": 0.5, "Double": -2.25,
    "Flag": True, "When": "20261121152035.000000+000", "Where": "Win32_Process.Handle=\"4312\"",
    "Bytes": [1, 2, 255], "Numbers": [1, -1, 70000], "Texts": ["eins", "zwei", ""],
    "Other": "\u65e5\u672c\u8a9e"}


def consumer(name, *properties):
    return Class(name, ["__EventConsumer", "__IndicationRelated", "__SystemClass"], [
        Property("CreatorSID", UINT8 | ARRAY | INHERITED),
        Property("MachineName", STRING | INHERITED),
        Property("MaximumQueueSize", UINT32 | INHERITED),
        Property("Name", STRING, key=True), *properties])


CLASSES = {what.name.lower(): what for what in (
    PROCESS, SAMPLE,
    Class("__EventFilter", ["__IndicationRelated", "__SystemClass"], [
        Property("CreatorSID", UINT8 | ARRAY), Property("EventAccess", STRING),
        Property("EventNamespace", STRING), Property("Name", STRING, key=True),
        Property("Query", STRING), Property("QueryLanguage", STRING)]),
    Class("__FilterToConsumerBinding", ["__IndicationRelated", "__SystemClass"], [
        Property("Consumer", REFERENCE, key=True), Property("CreatorSID", UINT8 | ARRAY),
        Property("DeliverSynchronously", BOOLEAN, False),
        Property("DeliveryQoS", UINT32), Property("Filter", REFERENCE, key=True)]),
    consumer("CommandLineEventConsumer", Property("CommandLineTemplate", STRING),
             Property("ExecutablePath", STRING), Property("RunInteractively", BOOLEAN, False),
             Property("WorkingDirectory", STRING)),
    consumer("ActiveScriptEventConsumer", Property("ScriptFileName", STRING),
             Property("ScriptingEngine", STRING), Property("ScriptText", STRING)),
)}

PROCESSES = [
    {"Caption": "System", "Handle": "4", "Name": "System", "Priority": 8, "ProcessId": 4,
     "ParentProcessId": 0, "WorkingSetSize": 151552},
    {"Caption": "lsass.exe", "Handle": "636", "Name": "lsass.exe", "Priority": 9,
     "CreationDate": "20261121080112.345678+000", "ProcessId": 636, "ParentProcessId": 508,
     "CommandLine": r"C:\Windows\system32\lsass.exe", "WorkingSetSize": 21553152,
     "ExecutablePath": r"C:\Windows\system32\lsass.exe"},
    {"Caption": "größe.exe", "Handle": "2048", "Name": "größe.exe", "Priority": 8,
     "CreationDate": "20261121091500.000000+000", "ProcessId": 2048, "ParentProcessId": 636,
     "CommandLine": "größe.exe \u65e5\u672c", "WorkingSetSize": 5 << 32}]
INSTANCES = {"win32_process": PROCESSES, "lab_sample": [SAMPLE_VALUES]}


def by_value(block):
    return custom_objref(OBJECT_IID, OBJECT_CLSID, wmio.unit(block))


def text(blob):
    value = blob["asData"]
    return value[:-1] if value.endswith("\0") else value


class CallResult(Thing):
    iid = binary("44aca675-e8fc-11d0-a07c-00c04fb68820")

    def status(self, call):
        return answer(bytes(4), OK)

    methods = {6: status}


class Rows(Thing):
    """What a query found, and how much of it was given out."""

    def __init__(self, what, instances, name_space):
        self.what, self.instances, self.name_space = what, list(instances), name_space
        self.sent = 0

    def take(self, count):
        taken = self.instances[self.sent:self.sent + count]
        self.sent += len(taken)
        return taken


class SmartEnumerator(Rows):
    """IWbemWCOSmartEnum: packets that name the class once."""
    iid = binary("423ec01e-2e35-11d2-b604-00104b703efd")

    def next(self, call):
        (count,) = struct.unpack_from("<I", call.stub, 52)
        known = self.sent > 0
        taken = self.take(count)
        packet = wmio.object_array(self.what, taken, self.name_space, known) if taken else b""
        body = struct.pack("<II", len(taken), len(packet))
        if packet:
            body += struct.pack("<II", 0x20000, len(packet)) + packet
        else:
            body += bytes(4)
        return answer(body, OK if len(taken) == count else FALSE)

    methods = {3: next}


class SmartSource(Rows):
    """IWbemFetchSmartEnum, which an enumerator answers to when asked."""
    iid = binary("1c1c45ee-4395-11d2-b60b-00104b703efd")

    def smart(self, call):
        inner = SmartEnumerator(self.what, self.instances, self.name_space)
        return answer(interface_pointer(inner.reference(call)), OK)

    methods = {3: smart}


class Enumerator(Rows):
    iid = binary("027947e1-d731-11ce-a357-000000000001")

    @property
    def interfaces(self):
        return (self.iid, SmartSource.iid)

    def next(self, call):
        _, count = struct.unpack_from("<iI", call.stub, 32)
        taken = self.take(count)
        body = struct.pack("<III", count, 0, len(taken))
        body += b"".join(struct.pack("<I", 0x20000 + 4 * n) for n in range(len(taken)))
        for values in taken:
            data = by_value(wmio.instance_block(self.what, values, self.name_space))
            body += struct.pack("<II", len(data), len(data)) + data + bytes(-len(data) % 4)
        body += struct.pack("<I", len(taken))
        return answer(body, OK if len(taken) == count else FALSE)

    methods = {4: next, 3: SmartSource.smart}


class Namespace(Thing):
    """IWbemServices"""
    iid = binary("9556dc99-828c-11cf-a37e-00aa003240c7")

    def __init__(self, name):
        self.name = name

    def get_object(self, call):
        path = text(client.IWbemServices_GetObject(call.stub)["strObjectPath"])
        what = CLASSES.get(path.split(".")[0].lower())
        if what is None:
            return answer(bytes(8), NOT_FOUND)
        return answer(pointer_to_pointer(by_value(wmio.class_block(what, self.name))) + bytes(4), OK)

    def put_instance(self, call):
        return answer(pointer_to_pointer(CallResult().reference(call)), OK)

    delete_instance = put_instance

    def queried(self, request):
        """The class that a query names, or None."""
        name = re.search(r"\bfrom\s+(\w+)", text(request["strQuery"]), re.IGNORECASE)
        return name and CLASSES.get(name[1].lower())

    def query(self, call):
        what = self.queried(client.IWbemServices_ExecQuery(call.stub))
        if what is None:
            return answer(bytes(4), INVALID_CLASS)
        found = Enumerator(what, INSTANCES.get(what.name.lower(), []), self.name)
        return answer(interface_pointer(found.reference(call)), OK)

    def query_async(self, call):
        request = client.IWbemServices_ExecQueryAsync(call.stub)
        what = self.queried(request)
        if what is None:
            return answer(b"", INVALID_CLASS)
        sinks.complete(b"".join(request["pResponseHandler"]["abData"]), [
            by_value(wmio.instance_block(what, values, self.name))
            for values in INSTANCES.get(what.name.lower(), [])])
        return answer(b"", OK)

    def method(self, call):
        data = self.run(client.IWbemServices_ExecMethod(call.stub))
        if data is None:
            return answer(bytes(8), INVALID_METHOD)
        return answer(pointer_to_pointer(data) + bytes(4), OK)

    def method_async(self, call):
        request = client.IWbemServices_ExecMethodAsync(call.stub)
        data = self.run(request)
        if data is None:
            return answer(b"", INVALID_METHOD)
        sinks.complete(b"".join(request["pResponseHandler"]["abData"]), [data])
        return answer(b"", OK)

    def run(self, request):
        """OBJREF of the results of ExecMethod or ExecMethodAsync; None when there is no such method."""
        path, name = text(request["strObjectPath"]), text(request["strMethodName"])
        what = CLASSES.get(path.split(".")[0].lower())
        method = next((m for m in what.methods if m.name == name), None) if what else None
        if method is None:
            return None
        results = {"ReturnValue": 0}
        if name == "Create":
            results["ProcessId"] = 4312
        shape = Class("__PARAMETERS", properties=method.outputs)
        return by_value(wmio.instance_block(shape, results, decorated=False))

    methods = {6: get_object, 14: put_instance, 16: delete_instance, 20: query, 21: query_async,
               24: method, 25: method_async}


class Login(Thing):
    """IWbemLevel1Login"""
    iid = binary("f309ad18-d86a-11d0-a075-00c04fb68820")

    def login(self, call):
        resource = client.IWbemLevel1Login_NTLMLogin(call.stub)["wszNetworkResource"]
        name = resource.rstrip("\0").replace("/", "\\").removeprefix("\\\\.\\")
        return answer(interface_pointer(Namespace(name).reference(call)), OK)

    methods = {6: login}
