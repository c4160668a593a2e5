"""Procedures of Windows services that Samba does not serve, with valid NDR answers.

A small model of one host: services, scheduled tasks, AT jobs, a registry, an encrypting file
system that tries to reach whatever path it is given. impacket's structures do the marshalling.
Each procedure takes an rpc_server.Call and gives the response's stub.
"""

import uuid

from impacket.dcerpc.v5 import atsvc, rrp, scmr, tsch
from impacket.dcerpc.v5.dtypes import LPWSTR, NULL, ULONG, WSTR
from impacket.dcerpc.v5.ndr import NDRCALL
from impacket.dcerpc.v5.rpcrt import DCERPCException

OK = 0
FILE_NOT_FOUND, INVALID_HANDLE, BAD_NETPATH = 2, 6, 53
SERVICE_DOES_NOT_EXIST, SERVICE_EXISTS, SERVICE_TIMEOUT = 1060, 1073, 1053
MORE_ITEMS, MORE_DATA = 259, 234
HRESULT_FILE_NOT_FOUND = 0x80070002


class Handles:
    """Context handles: 20 bytes on the wire, an object here."""

    def __init__(self):
        self.objects = {}

    def open(self, thing):
        handle = bytes(4) + uuid.uuid4().bytes_le
        self.objects[handle] = thing
        return handle

    def get(self, field):
        return self.objects.get(field.getData()[:20])

    def close(self, field):
        return self.objects.pop(field.getData()[:20], None)


HANDLES = Handles()


def text(value):
    """A string argument without its terminating NUL."""
    return value[:-1] if isinstance(value, str) and value.endswith("\0") else value


def procedure(request_class, response_class):
    """Makes Call -> stub of a function(request, response)."""
    def wrap(function):
        def answer(call):
            response = response_class()
            function(request_class(call.stub), response)
            return response.getData()
        return answer
    return wrap


# ---- svcctl ([MS-SCMR]) ----

SERVICES = {}
for _name, _display in (("Spooler", "Print Spooler"), ("Schedule", "Task Scheduler"),
                        ("RemoteRegistry", "Remote Registry"), ("W32Time", "Windows Time")):
    SERVICES[_name.lower()] = {
        "name": _name, "display": _display, "path": rf"C:\Windows\System32\{_name}.exe",
        "account": "LocalSystem", "type": 0x10, "start": 2, "error": 1, "state": 4}


def _fill_status(status, service):
    status["dwServiceType"] = service["type"]
    status["dwCurrentState"] = service["state"]
    status["dwControlsAccepted"] = 5 if service["state"] == 4 else 0
    status["dwWin32ExitCode"] = 0 if service["state"] == 4 else 1077


@procedure(scmr.ROpenSCManagerW, scmr.ROpenSCManagerWResponse)
def open_sc_manager(request, response):
    response["lpScHandle"] = HANDLES.open("scm")
    response["ErrorCode"] = OK


@procedure(scmr.RCreateServiceW, scmr.RCreateServiceWResponse)
def create_service(request, response):
    name = text(request["lpServiceName"])
    response["lpdwTagId"] = NULL
    if name.lower() in SERVICES:
        response["lpServiceHandle"] = bytes(20)
        response["ErrorCode"] = SERVICE_EXISTS
        return
    SERVICES[name.lower()] = service = {
        "name": name, "display": text(request["lpDisplayName"]),
        "path": text(request["lpBinaryPathName"]), "account": "LocalSystem",
        "type": request["dwServiceType"], "start": request["dwStartType"],
        "error": request["dwErrorControl"], "state": 1}
    response["lpServiceHandle"] = HANDLES.open(service)
    response["ErrorCode"] = OK


@procedure(scmr.ROpenServiceW, scmr.ROpenServiceWResponse)
def open_service(request, response):
    service = SERVICES.get(text(request["lpServiceName"]).lower())
    response["lpServiceHandle"] = HANDLES.open(service) if service else bytes(20)
    response["ErrorCode"] = OK if service else SERVICE_DOES_NOT_EXIST


@procedure(scmr.RStartServiceW, scmr.RStartServiceWResponse)
def start_service(request, response):
    service = HANDLES.get(request.fields["hService"])
    # A shell command is no service program: it runs, and the manager times out waiting for it.
    shell = service and "cmd" in service["path"].lower()
    if service and not shell:
        service["state"] = 4
    response["ErrorCode"] = INVALID_HANDLE if not service else SERVICE_TIMEOUT if shell else OK


@procedure(scmr.RControlService, scmr.RControlServiceResponse)
def control_service(request, response):
    service = HANDLES.get(request.fields["hService"])
    if service and request["dwControl"] == 1:
        service["state"] = 1
    if service:
        _fill_status(response["lpServiceStatus"], service)
    response["ErrorCode"] = OK if service else INVALID_HANDLE


@procedure(scmr.RDeleteService, scmr.RDeleteServiceResponse)
def delete_service(request, response):
    service = HANDLES.get(request.fields["hService"])
    if service:
        SERVICES.pop(service["name"].lower(), None)
    response["ErrorCode"] = OK if service else INVALID_HANDLE


@procedure(scmr.RQueryServiceStatus, scmr.RQueryServiceStatusResponse)
def query_service_status(request, response):
    service = HANDLES.get(request.fields["hService"])
    if service:
        _fill_status(response["lpServiceStatus"], service)
    response["ErrorCode"] = OK if service else INVALID_HANDLE


@procedure(scmr.RQueryServiceConfigW, scmr.RQueryServiceConfigWResponse)
def query_service_config(request, response):
    service = HANDLES.get(request.fields["hService"])
    config = response["lpServiceConfig"]
    for field in ("lpLoadOrderGroup", "lpDependencies"):
        config[field] = "\0"
    config["dwServiceType"], config["dwStartType"] = service["type"], service["start"]
    config["dwErrorControl"] = service["error"]
    config["lpBinaryPathName"] = service["path"] + "\0"
    config["lpServiceStartName"] = service["account"] + "\0"
    config["lpDisplayName"] = service["display"] + "\0"
    response["pcbBytesNeeded"] = 8192 if request["cbBufSize"] == 0 else 0
    response["ErrorCode"] = OK


@procedure(scmr.RChangeServiceConfigW, scmr.RChangeServiceConfigWResponse)
def change_service_config(request, response):
    service = HANDLES.get(request.fields["hService"])
    if service and isinstance(request["lpBinaryPathName"], str):
        service["path"] = text(request["lpBinaryPathName"])
    response["lpdwTagId"] = NULL
    response["ErrorCode"] = OK if service else INVALID_HANDLE


@procedure(scmr.RCloseServiceHandle, scmr.RCloseServiceHandleResponse)
def close_service_handle(request, response):
    found = HANDLES.close(request.fields["hSCObject"])
    response["hSCObject"] = bytes(20)
    response["ErrorCode"] = OK if found else INVALID_HANDLE


SVCCTL = {0: close_service_handle, 1: control_service, 2: delete_service, 6: query_service_status,
          11: change_service_config, 12: create_service, 15: open_sc_manager, 16: open_service,
          17: query_service_config, 19: start_service}

# ---- ITaskSchedulerService, atsvc ([MS-TSCH]) ----

TASKS, JOBS = {}, {}


@procedure(tsch.SchRpcHighestVersion, tsch.SchRpcHighestVersionResponse)
def highest_version(request, response):
    response["pVersion"] = 0x00010005
    response["ErrorCode"] = OK


@procedure(tsch.SchRpcRegisterTask, tsch.SchRpcRegisterTaskResponse)
def register_task(request, response):
    path = text(request["path"])
    TASKS[path] = text(request["xml"])
    response["pActualPath"] = path + "\0"
    response["pErrorInfo"] = NULL
    response["ErrorCode"] = OK


@procedure(tsch.SchRpcRetrieveTask, tsch.SchRpcRetrieveTaskResponse)
def retrieve_task(request, response):
    xml = TASKS.get(text(request["path"]))
    response["pXml"] = xml + "\0" if xml else NULL
    response["ErrorCode"] = OK if xml else HRESULT_FILE_NOT_FOUND


@procedure(tsch.SchRpcEnumTasks, tsch.SchRpcEnumTasksResponse)
def enum_tasks(request, response):
    names = [path.rsplit("\\", 1)[-1] for path in sorted(TASKS)]
    first = request["startIndex"]
    for name in names[first:first + request["cRequested"]]:
        item = tsch.LPWSTR()
        item["Data"] = name + "\0"
        response["pNames"].append(item)
    response["startIndex"] = len(names)
    response["pcNames"] = len(response["pNames"])
    response["ErrorCode"] = 1  # S_FALSE: no more.


@procedure(tsch.SchRpcRun, tsch.SchRpcRunResponse)
def run_task(request, response):
    found = text(request["path"]) in TASKS
    response["pGuid"] = uuid.uuid4().bytes_le if found else bytes(16)
    response["ErrorCode"] = OK if found else HRESULT_FILE_NOT_FOUND


@procedure(tsch.SchRpcDelete, tsch.SchRpcDeleteResponse)
def delete_task(request, response):
    found = TASKS.pop(text(request["path"]), None)
    response["ErrorCode"] = OK if found else HRESULT_FILE_NOT_FOUND


@procedure(tsch.SchRpcGetLastRunInfo, tsch.SchRpcGetLastRunInfoResponse)
def last_run_info(request, response):
    for field, value in (("wYear", 2026), ("wMonth", 11), ("wDayOfWeek", 6), ("wDay", 21),
                         ("wHour", 15), ("wMinute", 4), ("wSecond", 5), ("wMilliseconds", 678)):
        response["pLastRuntime"][field] = value
    response["ErrorCode"] = OK


TSCH = {0: highest_version, 1: register_task, 2: retrieve_task, 7: enum_tasks, 12: run_task,
        13: delete_task, 16: last_run_info}


@procedure(atsvc.NetrJobAdd, atsvc.NetrJobAddResponse)
def job_add(request, response):
    info = request["pAtInfo"]
    number = max(JOBS, default=0) + 1
    JOBS[number] = {field: info[field] for field in
                    ("JobTime", "DaysOfMonth", "DaysOfWeek", "Flags", "Command")}
    response["pJobId"] = number
    response["ErrorCode"] = OK


@procedure(atsvc.NetrJobDel, atsvc.NetrJobDelResponse)
def job_delete(request, response):
    numbers = [n for n in JOBS if request["MinJobId"] <= n <= request["MaxJobId"]]
    for number in numbers:
        del JOBS[number]
    response["ErrorCode"] = OK if numbers else 3806  # APE_AT_ID_NOT_FOUND


@procedure(atsvc.NetrJobEnum, atsvc.NetrJobEnumResponse)
def job_enum(request, response):
    for number, job in JOBS.items():
        entry = atsvc.AT_ENUM()
        entry["JobId"] = number
        for field, value in job.items():
            entry[field] = value
        response["pEnumContainer"]["Buffer"].append(entry)
    response["pEnumContainer"]["EntriesRead"] = response["pTotalEntries"] = len(JOBS)
    response["pResumeHandle"] = 0
    response["ErrorCode"] = OK


ATSVC = {0: job_add, 1: job_delete, 2: job_enum}

# ---- winreg ([MS-RRP]) ----

REG_SZ, REG_DWORD = 1, 4


class Key:
    """A registry key: case-preserving, case-insensitive names."""

    def __init__(self, name):
        self.name, self.keys, self.values = name, {}, {}

    def child(self, path, create=False):
        key = self
        for part in filter(None, path.split("\\")):
            if part.lower() not in key.keys:
                if not create:
                    return None
                key.keys[part.lower()] = Key(part)
            key = key.keys[part.lower()]
        return key


HKLM, HKU = Key("HKLM"), Key("HKU")
HKLM.child(r"SOFTWARE\Microsoft\Windows\CurrentVersion\Run", create=True).values["VMTray"] = (
    REG_SZ, '"C:\\Program Files\\VMTray\\vmtray.exe"\0'.encode("utf-16le"))
HKLM.child(r"SYSTEM\CurrentControlSet\Control\Lsa", create=True).values["LmCompatibilityLevel"] = (
    REG_DWORD, (3).to_bytes(4, "little"))
HKLM.child(r"SYSTEM\CurrentControlSet\Control\ComputerName\ComputerName", create=True).values[
    "ComputerName"] = (REG_SZ, "FS1\0".encode("utf-16le"))
HKLM.child("SAM", create=True)
HKLM.child("SECURITY", create=True)


def _put_key(response, field, handle):
    """RPC_HKEY is a structure in impacket, not 20 opaque bytes as svcctl's handle."""
    response[field]["context_handle_attributes"] = int.from_bytes(handle[:4], "little")
    response[field]["context_handle_uuid"] = handle[4:]


def _root(request_class, response_class, key):
    @procedure(request_class, response_class)
    def open_root(request, response):
        _put_key(response, "phKey", HANDLES.open(key))
        response["ErrorCode"] = OK
    return open_root


@procedure(rrp.BaseRegOpenKey, rrp.BaseRegOpenKeyResponse)
def open_key(request, response):
    parent = HANDLES.get(request.fields["hKey"])
    key = parent.child(text(request["lpSubKey"])) if parent else None
    _put_key(response, "phkResult", HANDLES.open(key) if key else bytes(20))
    response["ErrorCode"] = OK if key else FILE_NOT_FOUND if parent else INVALID_HANDLE


@procedure(rrp.BaseRegCreateKey, rrp.BaseRegCreateKeyResponse)
def create_key(request, response):
    parent, path = HANDLES.get(request.fields["hKey"]), text(request["lpSubKey"])
    existed = parent.child(path) is not None
    _put_key(response, "phkResult", HANDLES.open(parent.child(path, create=True)))
    response["lpdwDisposition"] = 2 if existed else 1
    response["ErrorCode"] = OK


@procedure(rrp.BaseRegSetValue, rrp.BaseRegSetValueResponse)
def set_value(request, response):
    key = HANDLES.get(request.fields["hKey"])
    if key:
        key.values[text(request["lpValueName"])] = (request["dwType"], b"".join(request["lpData"]))
    response["ErrorCode"] = OK if key else INVALID_HANDLE


def _fill_value(response, kind, data, room):
    response["lpType"] = kind
    if room >= len(data):
        response["lpData"] = data
        response["lpcbLen"] = len(data)
    else:
        response["lpData"] = NULL
        response["lpcbLen"] = 0
    response["lpcbData"] = len(data)
    return OK if room >= len(data) else MORE_DATA


@procedure(rrp.BaseRegQueryValue, rrp.BaseRegQueryValueResponse)
def query_value(request, response):
    key = HANDLES.get(request.fields["hKey"])
    value = key.values.get(text(request["lpValueName"])) if key else None
    if value is None:
        for field in ("lpType", "lpData", "lpcbData", "lpcbLen"):
            response[field] = NULL
        response["ErrorCode"] = FILE_NOT_FOUND
        return
    response["ErrorCode"] = _fill_value(response, *value, request["lpcbData"])


@procedure(rrp.BaseRegEnumKey, rrp.BaseRegEnumKeyResponse)
def enum_key(request, response):
    key = HANDLES.get(request.fields["hKey"])
    names = [child.name for child in key.keys.values()]
    found = request["dwIndex"] < len(names)
    response["lpNameOut"] = names[request["dwIndex"]] + "\0" if found else NULL
    response["lplpClassOut"] = NULL
    response["lpftLastWriteTime"] = NULL
    response["ErrorCode"] = OK if found else MORE_ITEMS


@procedure(rrp.BaseRegQueryInfoKey, rrp.BaseRegQueryInfoKeyResponse)
def query_info_key(request, response):
    key = HANDLES.get(request.fields["hKey"])
    response["lpClassOut"] = NULL
    response["lpcSubKeys"], response["lpcValues"] = len(key.keys), len(key.values)
    response["lpcbMaxSubKeyLen"] = max((2 * len(k.name) for k in key.keys.values()), default=0)
    response["lpcbMaxValueNameLen"] = max((2 * len(name) for name in key.values), default=0)
    response["lpcbMaxValueLen"] = max((len(data) for _, data in key.values.values()), default=0)
    response["ErrorCode"] = OK


@procedure(rrp.BaseRegSaveKey, rrp.BaseRegSaveKeyResponse)
def save_key(request, response):
    response["ErrorCode"] = OK if HANDLES.get(request.fields["hKey"]) else INVALID_HANDLE


@procedure(rrp.BaseRegDeleteValue, rrp.BaseRegDeleteValueResponse)
def delete_value(request, response):
    key = HANDLES.get(request.fields["hKey"])
    found = key and key.values.pop(text(request["lpValueName"]), None)
    response["ErrorCode"] = OK if found else FILE_NOT_FOUND


@procedure(rrp.BaseRegGetVersion, rrp.BaseRegGetVersionResponse)
def get_version(request, response):
    response["lpdwVersion"] = 6
    response["ErrorCode"] = OK


@procedure(rrp.BaseRegCloseKey, rrp.BaseRegCloseKeyResponse)
def close_key(request, response):
    found = HANDLES.close(request.fields["hKey"])
    _put_key(response, "hKey", bytes(20))
    response["ErrorCode"] = OK if found else INVALID_HANDLE


WINREG = {2: _root(rrp.OpenLocalMachine, rrp.OpenLocalMachineResponse, HKLM),
          4: _root(rrp.OpenUsers, rrp.OpenUsersResponse, HKU),
          5: close_key, 6: create_key, 8: delete_value, 9: enum_key, 15: open_key,
          16: query_info_key, 17: query_value, 20: save_key, 22: set_value, 26: get_version}

# ---- efsrpc ([MS-EFSR]): impacket has no module for it ----


class DCERPCSessionError(DCERPCException):
    """impacket's client looks for this name to report a non-zero return of this interface."""

    def __str__(self):
        return f"EFSR error 0x{self.error_code:x}"


class EfsRpcOpenFileRaw(NDRCALL):
    opnum = 0
    structure = (("FileName", WSTR), ("Flags", ULONG))


class EfsRpcOpenFileRawResponse(NDRCALL):
    structure = (("hContext", "20s"), ("ErrorCode", ULONG))


class EfsRpcFileName(NDRCALL):
    """EfsRpcEncryptFileSrv (4), EfsRpcQueryUsersOnFile (6), EfsRpcQueryRecoveryAgents (7)."""
    opnum = 4
    structure = (("FileName", WSTR),)


class EfsRpcDecryptFileSrv(NDRCALL):
    opnum = 5
    structure = (("FileName", WSTR), ("OpenFlag", ULONG))


class EfsRpcUsersResponse(NDRCALL):
    structure = (("Users", LPWSTR), ("ErrorCode", ULONG))


class EfsRpcErrorResponse(NDRCALL):
    structure = (("ErrorCode", ULONG),)


def _efs_status(path):
    """A UNC path makes a real server connect out; the share is never there in the lab."""
    return BAD_NETPATH if path.startswith("\\\\") else FILE_NOT_FOUND


@procedure(EfsRpcOpenFileRaw, EfsRpcOpenFileRawResponse)
def efs_open(request, response):
    response["hContext"] = bytes(20)
    response["ErrorCode"] = _efs_status(text(request["FileName"]))


@procedure(EfsRpcFileName, EfsRpcErrorResponse)
def efs_encrypt(request, response):
    response["ErrorCode"] = _efs_status(text(request["FileName"]))


@procedure(EfsRpcDecryptFileSrv, EfsRpcErrorResponse)
def efs_decrypt(request, response):
    response["ErrorCode"] = _efs_status(text(request["FileName"]))


@procedure(EfsRpcFileName, EfsRpcUsersResponse)
def efs_users(request, response):
    response["Users"] = NULL
    response["ErrorCode"] = _efs_status(text(request["FileName"]))


EFSR = {0: efs_open, 4: efs_encrypt, 5: efs_decrypt, 6: efs_users, 7: efs_users}

INTERFACES = {
    ("367abb81-9844-35f1-ad32-98f038001003", 2): SVCCTL,
    ("86d35949-83c9-4044-b424-db363231fd0c", 1): TSCH,
    ("1ff70682-0a51-30e8-076d-740be8cee98b", 1): ATSVC,
    ("338cd001-2244-31f1-aaaa-900038001003", 1): WINREG,
    ("c681d488-d850-11d0-8c52-00c04fd90f7e", 1): EFSR,
    ("df1941c5-fe89-4e79-bf10-463657acf44d", 1): EFSR,
}
