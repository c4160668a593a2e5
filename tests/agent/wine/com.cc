// A COM object in a process of its own, and its client, for the hook's tests:
//
//   com server       registers the class, prints "ready PID"; at each line of input says "ok" and
//   goes
//                    on: first line: hands the class object to COM; second: ends
//   com client       creates the object there and calls it as automation does
//
// The object's interface is IDispatch, whose stubs are the system's own.
#include <cstdio>
#include <cstring>
#include <cwchar>
#include <string>

#define INITGUID
// clang-format off
#include <windows.h>
#include <oleauto.h>
// clang-format on

// {5A0E6B91-2C47-4F0D-9E35-D7F1A6C8B302}
DEFINE_GUID(kClass, 0x5a0e6b91, 0x2c47, 0x4f0d, 0x9e, 0x35, 0xd7, 0xf1, 0xa6, 0xc8, 0xb3, 0x02);
static constexpr wchar_t kKey[] =
    L"Software\\Classes\\CLSID\\{5A0E6B91-2C47-4F0D-9E35-D7F1A6C8B302}\\LocalServer32";

namespace {

/// Lives as long as the process; counting references would serve nobody.
template <typename Interface>
struct Immortal : Interface {
  HRESULT STDMETHODCALLTYPE QueryInterface(REFIID iid, void** out) override {
    const bool known = IsEqualGUID(iid, IID_IUnknown) || IsEqualGUID(iid, __uuidof(Interface));
    *out = known ? static_cast<Interface*>(this) : nullptr;
    return known ? S_OK : E_NOINTERFACE;
  }
  ULONG STDMETHODCALLTYPE AddRef() override { return 2; }
  ULONG STDMETHODCALLTYPE Release() override { return 1; }
};

struct Object final : Immortal<IDispatch> {
  HRESULT STDMETHODCALLTYPE GetTypeInfoCount(UINT* count) override {
    *count = 0;
    return S_OK;
  }
  HRESULT STDMETHODCALLTYPE GetTypeInfo(UINT, LCID, ITypeInfo**) override { return E_NOTIMPL; }
  HRESULT STDMETHODCALLTYPE GetIDsOfNames(REFIID, LPOLESTR* names, UINT count, LCID,
                                          DISPID* ids) override {
    for (UINT i = 0; i < count; ++i) ids[i] = static_cast<DISPID>(std::wcslen(names[i]));
    return ids[0] ? S_OK : DISP_E_UNKNOWNNAME;
  }
  HRESULT STDMETHODCALLTYPE Invoke(DISPID, REFIID, LCID, WORD, DISPPARAMS* arguments,
                                   VARIANT* result, EXCEPINFO*, UINT*) override {
    V_VT(result) = VT_I4;
    V_I4(result) = arguments->cArgs == 1 && V_VT(&arguments->rgvarg[0]) == VT_BSTR
                       ? static_cast<LONG>(SysStringLen(V_BSTR(&arguments->rgvarg[0])))
                       : -1;
    return S_OK;
  }
};

struct Factory final : Immortal<IClassFactory> {
  HRESULT STDMETHODCALLTYPE CreateInstance(IUnknown*, REFIID iid, void** out) override {
    static Object object;
    return object.QueryInterface(iid, out);
  }
  HRESULT STDMETHODCALLTYPE LockServer(BOOL) override { return S_OK; }
};

int fail(const char* what, HRESULT status) {
  std::printf("%s: %08lx\n", what, static_cast<unsigned long>(status));
  return 1;
}

int serve() {
  wchar_t path[1024];
  GetModuleFileNameW(nullptr, path, 1024);
  const std::wstring command = std::wstring(path) + L" server";
  HKEY key;
  if (RegCreateKeyW(HKEY_LOCAL_MACHINE, kKey, &key) != 0 ||
      RegSetValueExW(key, nullptr, 0, REG_SZ, reinterpret_cast<const BYTE*>(command.c_str()),
                     static_cast<DWORD>((command.size() + 1) * sizeof(wchar_t))) != 0)
    return fail("registry", 0);
  RegCloseKey(key);
  std::printf("ready %lu\n", GetCurrentProcessId());
  std::getchar();
  static Factory factory;
  DWORD cookie = 0;
  const HRESULT status =
      CoRegisterClassObject(kClass, &factory, CLSCTX_LOCAL_SERVER, REGCLS_MULTIPLEUSE, &cookie);
  if (FAILED(status)) return fail("CoRegisterClassObject", status);
  std::printf("ok\n");
  std::getchar();
  CoRevokeClassObject(cookie);
  return 0;
}

int call() {
  IDispatch* object = nullptr;
  HRESULT status = CoCreateInstance(kClass, nullptr, CLSCTX_LOCAL_SERVER, IID_IDispatch,
                                    reinterpret_cast<void**>(&object));
  if (FAILED(status)) return fail("CoCreateInstance", status);
  wchar_t name[] = L"Marshal", empty[] = L"";
  LPOLESTR names[] = {name};
  DISPID id = 0;
  const GUID none{};
  status = object->GetIDsOfNames(none, names, 1, LOCALE_USER_DEFAULT, &id);
  if (FAILED(status) || id != 7) return fail("GetIDsOfNames", status);
  VARIANT argument, result;
  VariantInit(&argument);
  VariantInit(&result);
  V_VT(&argument) = VT_BSTR;
  V_BSTR(&argument) = SysAllocString(L"calc.exe /x");
  DISPPARAMS arguments{&argument, nullptr, 1, 0};
  status = object->Invoke(id, none, LOCALE_USER_DEFAULT, DISPATCH_METHOD, &arguments, &result,
                          nullptr, nullptr);
  if (FAILED(status)) return fail("Invoke", status);
  if (V_VT(&result) != VT_I4 || V_I4(&result) != 11) return fail("result", V_I4(&result));
  names[0] = empty;
  if (object->GetIDsOfNames(none, names, 1, LOCALE_USER_DEFAULT, &id) != DISP_E_UNKNOWNNAME)
    return fail("GetIDsOfNames of nothing", 0);
  std::printf("ok\n");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IONBF, 0);
  const bool server = argc > 1 && std::strcmp(argv[1], "server") == 0;
  const HRESULT status = CoInitializeEx(nullptr, COINIT_MULTITHREADED);
  if (FAILED(status)) return fail("CoInitializeEx", status);
  return server ? serve() : call();
}
