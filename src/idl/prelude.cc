#include "idl/prelude.h"

#include <algorithm>
#include <array>

#include "base/unicode.h"

namespace rpcmarshal::idl {
namespace {

// Pointer names (LPWSTR, PDWORD) carry no [unique]: at top level they are then [ref], as in MIDL.
constexpr std::string_view kPrelude = R"idl(
const long TRUE = 1;
const long FALSE = 0;
const long NULL = 0;

typedef void VOID;
typedef unsigned char BYTE, UCHAR, BOOLEAN, UINT8;
typedef unsigned char *PBYTE, *LPBYTE, *PUCHAR, *PBOOLEAN, *PUINT8;
typedef char CHAR, INT8, CCHAR;
typedef char *PCHAR, *LPCHAR;
typedef short SHORT, INT16;
typedef short *PSHORT, *LPSHORT;
typedef unsigned short USHORT, WORD, UINT16, ATOM;
typedef unsigned short *PUSHORT, *LPWORD, *PWORD, *PUINT16;
typedef long LONG, LONG32, INT, INT32, BOOL;
typedef long *PLONG, *LPLONG, *PINT, *LPINT, *PINT32, *PBOOL, *LPBOOL;
typedef unsigned long ULONG, DWORD, UINT, UINT32, ULONG32, DWORD32, LCID, COLORREF, SECURITY_INFORMATION;
typedef unsigned long *PULONG, *LPULONG, *PDWORD, *LPDWORD, *PUINT, *LPUINT, *PUINT32, *PULONG32,
                      *PSECURITY_INFORMATION;
typedef /*@hex*/ unsigned long ACCESS_MASK;
typedef ACCESS_MASK *PACCESS_MASK;
typedef hyper LONGLONG, INT64, LONG64;
typedef hyper *PLONGLONG, *PINT64, *PLONG64;
typedef unsigned hyper ULONGLONG, UINT64, DWORD64, ULONG64, DWORDLONG, QWORD;
typedef unsigned hyper *PULONGLONG, *PUINT64, *PDWORD64, *PDWORDLONG;
typedef __int3264 INT_PTR, LONG_PTR;
typedef unsigned __int3264 UINT_PTR, ULONG_PTR, DWORD_PTR, SIZE_T;
typedef ULONG_PTR *PULONG_PTR;
typedef DWORD_PTR *PDWORD_PTR;
typedef float FLOAT;
typedef double DOUBLE;
typedef double DATE;
typedef void *PVOID, *LPVOID;
typedef void *HANDLE, *HINSTANCE, *HWND;
typedef handle_t RPC_BINDING_HANDLE;
typedef [context_handle] void *PCONTEXT_HANDLE;
typedef [ref] PCONTEXT_HANDLE *PPCONTEXT_HANDLE;
typedef wchar_t TCHAR, UNICODE;
typedef wchar_t *PWCHAR, *LPWCHAR, *PWCH, *LPWCH;
typedef [string] wchar_t *LPWSTR, *PWSTR, *LPCWSTR, *PCWSTR, *LPTSTR, *LPCTSTR, *LMSTR, *LPOLESTR, *LPCOLESTR,
                         *PUNICODE;
typedef [string] char *LPSTR, *PSTR, *LPCSTR, *PCSTR;

typedef /*@status("hresult")*/ long HRESULT, SCODE;
typedef /*@status("ntstatus")*/ long NTSTATUS;
typedef /*@status("win32")*/ unsigned long NET_API_STATUS;
typedef /*@status("win32")*/ unsigned long RPC_STATUS;

typedef short VARIANT_BOOL;
typedef unsigned short VARTYPE;
typedef unsigned long PROPID;
typedef long DISPID, MEMBERID, HREFTYPE;
typedef DISPID *LPDISPID;
typedef struct tagCURRENCY { hyper int64; } CURRENCY, CY;
typedef struct tagDEC {
  unsigned short wReserved;
  byte scale;
  byte sign;
  unsigned long Hi32;
  unsigned hyper Lo64;
} DECIMAL;
typedef struct tagBLOB {
  unsigned long cbSize;
  [size_is(cbSize)] byte *pBlobData;
} BLOB;

typedef struct _GUID {
  unsigned long Data1;
  unsigned short Data2;
  unsigned short Data3;
  byte Data4[8];
} GUID, UUID, uuid_t, IID, CLSID, FMTID, *PGUID, *LPGUID, *PUUID, *REFGUID, *REFIID, *REFCLSID, *REFFMTID, *LPCLSID, *LPIID;

typedef /*@semantic("filetime")*/ struct _FILETIME {
  unsigned long dwLowDateTime;
  unsigned long dwHighDateTime;
} FILETIME, *PFILETIME, *LPFILETIME;
typedef struct _SYSTEMTIME {
  unsigned short wYear;
  unsigned short wMonth;
  unsigned short wDayOfWeek;
  unsigned short wDay;
  unsigned short wHour;
  unsigned short wMinute;
  unsigned short wSecond;
  unsigned short wMilliseconds;
} SYSTEMTIME, *PSYSTEMTIME, *LPSYSTEMTIME;
typedef struct _LARGE_INTEGER { hyper QuadPart; } LARGE_INTEGER, *PLARGE_INTEGER;
typedef struct _ULARGE_INTEGER { unsigned hyper QuadPart; } ULARGE_INTEGER, *PULARGE_INTEGER;
typedef struct _LUID {
  unsigned long LowPart;
  long HighPart;
} LUID, *PLUID;
typedef struct _UINT128 {
  unsigned hyper lower;
  unsigned hyper upper;
} UINT128, *PUINT128;

typedef struct _RPC_UNICODE_STRING {
  unsigned short Length;
  unsigned short MaximumLength;
  [size_is(MaximumLength / 2), length_is(Length / 2)] wchar_t *Buffer;
} RPC_UNICODE_STRING, *PRPC_UNICODE_STRING;
typedef struct _RPC_STRING {
  unsigned short Length;
  unsigned short MaximumLength;
  [size_is(MaximumLength), length_is(Length)] char *Buffer;
} RPC_STRING, *PRPC_STRING;
typedef struct _OBJECT_TYPE_LIST {
  unsigned short Level;
  unsigned long Remaining;
  GUID *ObjectType;
} OBJECT_TYPE_LIST, *POBJECT_TYPE_LIST;

typedef struct _RPC_SID_IDENTIFIER_AUTHORITY { byte Value[6]; } RPC_SID_IDENTIFIER_AUTHORITY;
typedef struct _SID_IDENTIFIER_AUTHORITY { byte Value[6]; } SID_IDENTIFIER_AUTHORITY;
typedef struct _RPC_SID {
  unsigned char Revision;
  unsigned char SubAuthorityCount;
  RPC_SID_IDENTIFIER_AUTHORITY IdentifierAuthority;
  [size_is(SubAuthorityCount)] unsigned long SubAuthority[];
} RPC_SID, SID, *PRPC_SID, *PSID;

typedef struct _ACL {
  unsigned char AclRevision;
  unsigned char Sbz1;
  unsigned short AclSize;
  unsigned short AceCount;
  unsigned short Sbz2;
} ACL, *PACL;
typedef struct _SECURITY_DESCRIPTOR {
  unsigned char Revision;
  unsigned char Sbz1;
  unsigned short Control;
  PSID Owner;
  PSID Group;
  PACL Sacl;
  PACL Dacl;
} SECURITY_DESCRIPTOR, *PSECURITY_DESCRIPTOR;

typedef struct _FLAGGED_WORD_BLOB {
  unsigned long cBytes;
  unsigned long clSize;
  [size_is(clSize)] unsigned short asData[];
} FLAGGED_WORD_BLOB;
typedef struct _BYTE_SIZEDARR {
  unsigned long clSize;
  [size_is(clSize)] byte *pData;
} BYTE_SIZEDARR;
typedef struct tagMInterfacePointer {
  unsigned long ulCntData;
  [size_is(ulCntData)] byte abData[];
} MInterfacePointer, *PMInterfacePointer;

typedef struct tagDISPPARAMS {
  [size_is(cArgs)] VARIANT *rgvarg;
  [size_is(cNamedArgs)] DISPID *rgdispidNamedArgs;
  unsigned int cArgs;
  unsigned int cNamedArgs;
} DISPPARAMS;
typedef struct tagEXCEPINFO {
  unsigned short wCode;
  unsigned short wReserved;
  BSTR bstrSource;
  BSTR bstrDescription;
  BSTR bstrHelpFile;
  unsigned long dwHelpContext;
  ULONG_PTR pvReserved;
  ULONG_PTR pfnDeferredFillIn;
  long scode;
} EXCEPINFO;

[object, uuid(00000000-0000-0000-C000-000000000046), pointer_default(unique)]
interface IUnknown {
  HRESULT QueryInterface([in] REFIID riid, [out, iid_is(riid)] void **ppvObject);
  unsigned long AddRef();
  unsigned long Release();
}
[object, uuid(00020400-0000-0000-C000-000000000046), pointer_default(unique)]
interface IDispatch : IUnknown {
  HRESULT GetTypeInfoCount([out] unsigned int *pctinfo);
  HRESULT GetTypeInfo([in] unsigned int iTInfo, [in] LCID lcid, [out] ITypeInfo **ppTInfo);
  HRESULT GetIDsOfNames([in] REFIID riid, [in, size_is(cNames)] LPOLESTR *rgszNames,
                        [in, range(0, 16384)] unsigned int cNames, [in] LCID lcid,
                        [out, size_is(cNames)] DISPID *rgDispId);
  HRESULT Invoke([in] DISPID dispIdMember, [in] REFIID riid, [in] LCID lcid, [in] DWORD dwFlags,
                 [in] DISPPARAMS *pDispParams, [out] VARIANT *pVarResult, [out] EXCEPINFO *pExcepInfo,
                 [out] unsigned int *puArgErr, [in] unsigned int cVarRef,
                 [in, size_is(cVarRef)] unsigned int *rgVarRefIdx,
                 [in, out, size_is(cVarRef)] VARIANT *rgVarRef);
}
[object] interface ITypeInfo : IUnknown {}
[object] interface ITypeLib : IUnknown {}
[object] interface ITypeComp : IUnknown {}
[object] interface IRecordInfo : IUnknown {}
[object] interface IStream : IUnknown {}
[object] interface IStorage : IUnknown {}
[object] interface IMoniker : IUnknown {}
[object] interface IClassFactory : IUnknown {}
[object] interface IEnumVARIANT : IUnknown {}
[object] interface IEnumUnknown : IUnknown {}
[object] interface IEnumString : IUnknown {}
[object] interface IPersist : IUnknown {}
[object] interface IErrorInfo : IUnknown {}
typedef IUnknown *LPUNKNOWN;
typedef IDispatch *LPDISPATCH;
)idl";

// Without ".idl" and in lower case.
constexpr std::array<std::string_view, 24> kCovered{
    "ms-dtyp", "msdtyp",  "dtyp",       "unknwn",  "unknwnbase", "oaidl",
    "ocidl",   "objidl",  "objidlbase", "wtypes",  "wtypesbase", "basetsd",
    "guiddef", "ms-oaut", "ms-dcom",    "ms-rpce", "propidl",    "propidlbase",
    "rpc",     "rpcndr",  "oleidl",     "windows", "hstring",    "inspectable"};

}  // namespace

std::string_view prelude_text() { return kPrelude; }

bool prelude_covers(std::string_view import_name) {
  std::string name = to_lower(import_name);
  if (name.ends_with(".idl")) name.resize(name.size() - 4);
  if (const std::size_t slash = name.find_last_of("/\\"); slash != std::string::npos)
    name.erase(0, slash + 1);
  return std::ranges::find(kCovered, name) != kCovered.end();
}

}  // namespace rpcmarshal::idl
