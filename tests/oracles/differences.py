"""Differences between our decoder and Samba's that are no mistakes of ours, each with its reason.

A difference that no row explains fails the test. Patterns are regular expressions that match from
the beginning; `where` is "interface.Operation half"; a leaf is "path:kind" with list indices as *,
"-" where one side has none.
"""

import re

# (where, our leaf, Samba's leaf, reason)
LEAVES = [
    (r"", r".*:text$", r"-$", "a text of no characters: Samba has an empty array"),
    (r"winspool\.RpcGetForm response", r"pForm:|-$", r"info\.|-$",
     "Samba decodes the structures in the buffer, which the definition has as bytes"),
    (r"winspool\.RpcGetPrinter response", r"pPrinter:|-$", r"info\.|-$",
     "Samba decodes the structures in the buffer, which the definition has as bytes"),
    (r"winspool\.Rpc(Enum\w+|GetPrint(er|Process)\w*Directory|GetJob) response",
     r"p\w+:(ints|text|null|int)$|return:int$|-$", r"(info|key_buffer|_ndr_size|count|needed|return)\b|-$",
     "Samba decodes the structures in the buffer and gives their number first"),
    (r"drsuapi\.IDL_DRSBind ", r"p+ext(Client|Server)\.rgb:|-$", r"bind_info\.|-$",
     "Samba decodes the extensions, which the definition has as bytes"),
    (r"logon\.NetrDatabaseRedo request", r"ChangeLogEntry:|-$", r"change_log_entry\.|-$",
     "Samba decodes the change log entry, which the definition has as bytes"),
    (r"logon\.NetrServer(TrustPasswordsGet|PasswordSet) ", r".*\.data\.\*\.data:ints|-$",
     r"new_\w+\.hash:|old_\w+\.hash:|-$",
     "two blocks of 8 bytes ([MS-NRPC] CYPHER_BLOCK), one of 16 in Samba's definition"),
    (r"logon\.NetrAccountSync request", r"-$", r"recordid\.",
     "Samba sends a record id, which [MS-NRPC] does not have in the request"),
    (r"srvsvc\.NetrShareEnumSticky ", r"(InfoStruct\.ShareInfo|PreferedMaximumLength|TotalEntries|"
     r"ResumeHandle|return):missing$|-$", r"",
     "levels 1004 to 1007 are none of an enumeration ([MS-SRVS] 2.2.3.5)"),
    (r"srvsvc\.NetrShareGetInfo response", r"return:int$|-$", r"info\.|return:int$|-$",
     "level 1007 is not in [MS-SRVS] 2.2.3.6"),
    (r"lsarpc\.LsarQueryInformationPolicy2? response", r"(PolicyInformation|return):missing$|-$",
     r"info\.(paged_pool|non_paged_pool|min_wss|max_wss|pagefile|unknown):|return:|-$",
     "class 8 is not used on the wire ([MS-LSAD] 2.2.4.1)"),
    (r"atsvc\.NetrJobAdd request", r"pAtInfo\.Flags:", r"job_info\.flags:",
     "NDR64, from Windows: JobTime is a DWORD_PTR, 64 bits, and 32 in Samba's definition"),
    (r"mgmt\.rpc__mgmt_inq_stats request", r"-$", r"unknown:",
     "Samba's definition has a second number; [C706] appendix Q has one"),
]

# (where, Samba's error, reason)
REFUSALS = [
    (r"mgmt\.rpc__mgmt_inq_stats request", r".*Buffer Size",
     "Samba's definition has a second number; [C706] appendix Q has one"),
    (r"(winreg\.BaseRegQueryInfoKey|wkssvc\.NetrUseDel) ", r".*Buffer Size",
     "a [string] without a character: Samba takes off a NUL that is not there"),
    (r"winreg\.BaseRegEnumKey ", r".*Bad Array Size",
     "Samba cannot read the key name's buffer as it encoded it"),
    (r"winspool\.RpcEnum", r"Samba's decoder ended with signal",
     "Samba's decoder crashes on the structures in the buffer"),
    (r"(epmapper\.ept_map|lsarpc\.LsarRetrievePrivateData) ", r".*NDR.* assertion",
     "NDR64, from Windows: Samba takes a length of 32 bits for one of 64"),
    (r"epmapper\.ept_lookup response", r".*Character Conversion",
     "Samba's character conversion fails on the annotation"),
    (r"epmapper\.ept_\w+ response", r".*Bad Array Size",
     "Samba holds the array against the request's maximum, and the request was not captured"),
    (r"svcctl\.R(OpenServiceA|CreateServiceA|OpenSCManagerA) ", r".*",
     "Samba has the characters of the A operations as 16 bits"),
    (r"svcctl\.RGetService(KeyName|DisplayName)W ", r".*Bad Array Size",
     "Samba has a pointer where the definition, and the client, have none"),
    (r"srvsvc\.NetrShareGetInfo ", r".*Bad Array Size",
     "NDR64 without a bind that was captured: both take it for NDR20"),
]

# (interface.Operation, also big-endian, reason): not compared when Samba has encoded them,
# because its encoding is not what the definition says.
NOT_ANEW = [
    (r"epmapper\.", False, "NDR64: Samba writes a tower's count as a nested buffer's length"),
    (r"mgmt\.rpc__mgmt_inq_if_ids", True, "big-endian: Samba has both versions in one number"),
    (r"lsarpc\.LsarOpenPolicy2?$", False,
     "NDR64: Samba has the impersonation level as 16 bits; it is an enumeration, 32 bits"),
    (r"atsvc\.NetrJob", False,
     "NDR64: Samba has JobTime as 32 bits; it is a DWORD_PTR, 64 bits ([MS-TSCH] 2.3.4)"),
]


def explain(where, ours, theirs):
    """The reason of one difference, or None."""
    for place, mine, other, reason in LEAVES:
        if re.match(place, where) and re.match(mine, ours) and re.match(other, theirs):
            return reason
    return None


def explain_refusal(where, error):
    """Why Samba does not decode a stub that we decode in full, or None."""
    for place, message, reason in REFUSALS:
        if re.match(place, where) and re.match(message, error):
            return reason
    return None


def not_anew(stub, how):
    """Whether Samba's own encoding of these values is known to be another's."""
    name = f"{stub['interface']}.{stub['operation']}"
    return any(re.match(place, name) and (how["ndr64"] or big) for place, big, _ in NOT_ANEW)
