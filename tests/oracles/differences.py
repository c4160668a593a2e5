"""Differences between our decoder and Samba's that are no mistakes of ours, each with its reason.

A difference that no row explains fails the test. Patterns are regular expressions that match from
the beginning; `where` is "interface.Operation half"; a leaf is "path:kind" with list indices as *,
"-" where one side has none.
"""

import re

# (where, our leaf, Samba's leaf, reason)
LEAVES = [
    (r"", r".*:text$", r"-$", "a text of no characters: Samba has an empty array"),
]

# (where, Samba's error, reason)
REFUSALS = [
    (r"mgmt\.rpc__mgmt_inq_stats request", r".*Buffer Size",
     "Samba's definition has a second number; [C706] appendix Q has one"),
    (r"winreg\.BaseRegQueryInfoKey ", r".*Buffer Size",
     "a [string] without a character: Samba takes off a NUL that is not there"),
    (r"winreg\.BaseRegEnumKey ", r".*Bad Array Size",
     "Samba cannot read the key name's buffer as it encoded it"),
]

# (interface.Operation, also big-endian, reason): not compared when Samba has encoded them anew,
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
