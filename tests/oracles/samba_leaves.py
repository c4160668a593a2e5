"""Leaf values of stubs as Samba's own NDR code (python3-samba, libndr) decodes them, in process.

leaves.py says what leaves and tokens are. "sd" is a security descriptor, packed anew, so that two
layouts of the same one are equal.
"""

import contextlib
import importlib
import os
import pickle
import pkgutil

import samba.dcerpc
from samba.dcerpc import misc, security
from samba.ndr import ndr_pack, ndr_unpack

from leaves import text_token

# (interface UUID, major version) -> (module, {opnum: class}). Interfaces for messages between
# Samba's own processes are of no interest.
_OWN = {"irpc", "winbind"}


def load_interfaces():
    found = {}
    for module in pkgutil.iter_modules(samba.dcerpc.__path__):
        if module.name in _OWN:
            continue
        loaded = importlib.import_module(f"samba.dcerpc.{module.name}")
        for name, value in list(vars(loaded).items()):
            if not name.endswith("_abstract_syntax"):
                continue
            syntax = value()
            calls = {}
            for call in vars(loaded).values():
                if isinstance(call, type) and callable(getattr(call, "opnum", None)):
                    calls.setdefault(call.opnum(), call)
            if calls:
                found[str(syntax.uuid), syntax.if_version & 0xFFFF] = (module.name, calls)
    return found


def unsigned(number):
    """One notation for one bit pattern: negative numbers as the smallest size that holds them."""
    if number >= 0:
        return number
    return number + (1 << 32 if number >= -(1 << 31) else 1 << 64)


def descriptor_token(data):
    """The token of bytes that are a self-relative security descriptor, or None."""
    if len(data) < 20 or data[0] != 1 or not data[3] & 0x80:
        return None
    try:
        return ("sd", ndr_pack(ndr_unpack(security.descriptor, bytes(data))))
    except Exception:
        return None


def bytes_token(data):
    return descriptor_token(data) or ("ints", tuple(data))


def fields_of(value):
    return [name for name, kind in type(value).__dict__.items()
            if type(kind).__name__ == "getset_descriptor"]


def leaves_of(path, value):
    """(path, token) of everything below a value of Samba's bindings, without recursion."""
    stack = [(path, value)]
    while stack:
        path, value = stack.pop()
        if value is None:
            yield path, ("null",)
        elif isinstance(value, (bool, int)):
            yield path, ("int", unsigned(int(value)))
        elif isinstance(value, float):
            yield path, ("real", value)
        elif isinstance(value, str):
            yield path, text_token(value)
        elif isinstance(value, (bytes, bytearray)):
            if value:
                yield path, bytes_token(value)
        elif isinstance(value, tuple):  # a status: number and text
            yield path, ("int", unsigned(value[0]))
        elif isinstance(value, list):
            if not value:
                continue  # ours says "list 0", or bytes without any
            if all(type(item) is int for item in value):
                plain = tuple(unsigned(item) for item in value)
                small = max(plain) < 256
                yield path, bytes_token(plain) if small else ("ints", plain)
            else:
                stack += [(f"{path}.{at}", item) for at, item in reversed(list(enumerate(value)))]
        elif isinstance(value, misc.GUID):
            yield path, ("guid", str(value))
        elif isinstance(value, security.dom_sid):
            yield path, ("sid", str(value))
        elif isinstance(value, security.descriptor):
            yield path, ("sd", ndr_pack(value))
        elif isinstance(value, misc.policy_handle):
            yield path, ("handle", value.handle_type, str(value.uuid))
        else:
            names = [name for name in fields_of(value) if not name.startswith("__")]
            if names == ["low", "high"]:
                yield path, ("int", value.high << 32 | value.low)
                continue
            if names == ["uuid", "if_version"]:  # two numbers in the definition
                yield f"{path}.uuid", ("guid", str(value.uuid))
                yield f"{path}.major", ("int", value.if_version & 0xFFFF)
                yield f"{path}.minor", ("int", value.if_version >> 16)
                continue
            below = []
            for name in names:
                try:
                    below.append((f"{path}.{name}", getattr(value, name)))
                except Exception as error:  # pylint: disable=broad-except
                    below.append((f"{path}.{name}", Unreadable(error)))
            stack += reversed(below)
            if isinstance(value, Unreadable):
                yield path, ("unreadable", str(value.args))


class Unreadable:
    """A value that Samba's bindings cannot show."""

    def __init__(self, error):
        self.args = error.args


@contextlib.contextmanager
def quiet_stderr():
    """libndr says what it does not like on standard error, from C."""
    saved, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(null)


class SambaDecoder:
    """Decodes one half of a call at a time; a response needs its request for sizes."""

    def __init__(self):
        self.interfaces = load_interfaces()

    def knows(self, uuid, major, opnum):
        known = self.interfaces.get((uuid, major))
        return known is not None and opnum in known[1]

    def decode(self, stub, request=None, encode=None):
        """`stub`, `request`: lines of oracle_values. Returns the leaves; with `encode`, a dict of
        bigendian and ndr64, also the same values encoded anew. Raises what Samba raises."""
        _, calls = self.interfaces[stub["uuid"], stub["major"]]
        call = calls[stub["opnum"]]()
        with quiet_stderr():
            # Each half says its own byte order: servers answer in theirs.
            for half in filter(None, (request, stub)):
                unpack = (call.__ndr_unpack_in__ if half["half"] == "request"
                          else call.__ndr_unpack_out__)
                unpack(bytes.fromhex(half["stub"]), bigendian=half["big"], ndr64=half["ndr64"],
                       allow_remaining=True)
            if encode:
                pack = (call.__ndr_pack_in__ if stub["half"] == "request"
                        else call.__ndr_pack_out__)
                encoded = pack(**encode)
            prefix = "in_" if stub["half"] == "request" else "out_"
            found = []
            for name in fields_of(call):
                if name.startswith(prefix) or (name == "result" and prefix == "out_"):
                    path = "return" if name == "result" else name[len(prefix):]
                    try:
                        value = getattr(call, name)
                    except Exception as error:
                        value = Unreadable(error)
                    found += leaves_of(path, value)
        return (found, encoded) if encode else found


class Worker:
    """A SambaDecoder in a process of its own: libndr crashes on some stubs that do not fit."""

    def __init__(self):
        self.decoder = SambaDecoder()
        self.process = None

    def _start(self):
        ask_read, ask_write = os.pipe()
        answer_read, answer_write = os.pipe()
        self.process = os.fork()
        if self.process == 0:
            os.close(ask_write)
            os.close(answer_read)
            with os.fdopen(ask_read, "rb") as asked, os.fdopen(answer_write, "wb") as answers:
                while True:
                    try:
                        question = pickle.load(asked)
                    except EOFError:
                        os._exit(0)
                    try:
                        answer = self.decoder.decode(*question)
                    except Exception as error:  # pylint: disable=broad-except
                        answer = str(error)
                    pickle.dump(answer, answers)
                    answers.flush()
        os.close(ask_read)
        os.close(answer_write)
        self.ask, self.answers = os.fdopen(ask_write, "wb"), os.fdopen(answer_read, "rb")

    def decode(self, *question):
        """As SambaDecoder.decode, but a refusal or a crash is a text."""
        if self.process is None:
            self._start()
        try:
            pickle.dump(question, self.ask)
            self.ask.flush()
            return pickle.load(self.answers)
        except (EOFError, OSError, pickle.UnpicklingError):
            _, status = os.waitpid(self.process, 0)
            self.process = None
            return f"Samba's decoder ended with signal {os.WTERMSIG(status)}"
