#include "agent/hook/windows/process_memory.h"

#include <algorithm>
#include <cstring>

#include "agent/hook/windows/guard.h"

namespace rpcmarshal::agent {
namespace {

constexpr DWORD kReadable = PAGE_READONLY | PAGE_READWRITE | PAGE_WRITECOPY | PAGE_EXECUTE_READ |
                            PAGE_EXECUTE_READWRITE | PAGE_EXECUTE_WRITECOPY;
constexpr DWORD kExecutable =
    PAGE_EXECUTE | PAGE_EXECUTE_READ | PAGE_EXECUTE_READWRITE | PAGE_EXECUTE_WRITECOPY;

const IMAGE_NT_HEADERS* headers_of(HMODULE module) {
  const auto* base = reinterpret_cast<const std::byte*>(module);
  const auto* dos = reinterpret_cast<const IMAGE_DOS_HEADER*>(base);
  if (dos->e_magic != IMAGE_DOS_SIGNATURE || dos->e_lfanew < 0 || dos->e_lfanew > 4096)
    return nullptr;
  const auto* nt = reinterpret_cast<const IMAGE_NT_HEADERS*>(base + dos->e_lfanew);
  return nt->Signature == IMAGE_NT_SIGNATURE &&
                 nt->OptionalHeader.Magic == IMAGE_NT_OPTIONAL_HDR_MAGIC
             ? nt
             : nullptr;
}

}  // namespace

const ProcessMemory::Region& ProcessMemory::region_of(std::uintptr_t at) {
  for (const Region& region : recent_) {
    if (at >= region.begin && at < region.end) return region;
  }
  Region& region = recent_[next_++ % std::size(recent_)];
  MEMORY_BASIC_INFORMATION info{};
  if (VirtualQuery(reinterpret_cast<void*>(at), &info, sizeof info) == 0) {
    region = {at, at + 1, false, false, nullptr};
    return region;
  }
  region.begin = reinterpret_cast<std::uintptr_t>(info.BaseAddress);
  region.end = region.begin + info.RegionSize;
  const bool there = info.State == MEM_COMMIT && !(info.Protect & (PAGE_GUARD | PAGE_NOACCESS));
  region.readable = there && (info.Protect & kReadable);
  region.executable = there && (info.Protect & kExecutable);
  region.module = there && info.Type == MEM_IMAGE ? info.AllocationBase : nullptr;
  return region;
}

bool ProcessMemory::readable(const void* at, std::size_t size) {
  auto from = reinterpret_cast<std::uintptr_t>(at);
  if (from == 0 || size == 0 || from + size < from) return false;
  for (const std::uintptr_t end = from + size; from < end;) {
    const Region& region = region_of(from);
    if (!region.readable) return false;
    from = region.end;
  }
  return true;
}

bool ProcessMemory::executable(const void* at) {
  return region_of(reinterpret_cast<std::uintptr_t>(at)).executable;
}

const void* ProcessMemory::module(const void* at) {
  return region_of(reinterpret_cast<std::uintptr_t>(at)).module;
}

HeapScan scan_private_memory(std::vector<FoundTable>& tables) {
  constexpr std::size_t kPiece = std::size_t{256} << 10, kOverlap = sizeof(RpcServerInterface) - 8;
  HeapScan scan;
  ProcessMemory space;
  const ULONGLONG until = GetTickCount64() + kMaxScanMilliseconds;
  MEMORY_BASIC_INFORMATION info{};
  std::uintptr_t at = 0;
  while (VirtualQuery(reinterpret_cast<void*>(at), &info, sizeof info) != 0) {
    auto from = reinterpret_cast<std::uintptr_t>(info.BaseAddress);
    const std::uintptr_t end = from + info.RegionSize;
    if (end <= at) break;
    at = end;
    // Guard pages have another protection: they are not touched.
    if (info.State != MEM_COMMIT || info.Type != MEM_PRIVATE || info.Protect != PAGE_READWRITE)
      continue;
    for (; from < end; from += kPiece) {
      if (scan.bytes >= kMaxScanBytes || GetTickCount64() >= until) return scan;
      const std::size_t size = std::min<std::uintptr_t>(kPiece + kOverlap, end - from);
      scan.bytes += size;
      // In place, and what vanishes meanwhile ends the piece. Not by ReadProcessMemory: under Wine
      // that stops the threads of the process, and calls that they are in fail.
      const auto look = [&] {
        scan_interfaces({reinterpret_cast<const std::byte*>(from), size}, Found::kOnHeap, space,
                        tables);
      };
      probed(look);
    }
  }
  scan.whole = true;
  return scan;
}

std::vector<DataSection> data_sections(HMODULE module) {
  std::vector<DataSection> sections;
  const IMAGE_NT_HEADERS* nt = headers_of(module);
  if (!nt) return sections;
  const auto* base = reinterpret_cast<const std::byte*>(module);
  const IMAGE_SECTION_HEADER* section = IMAGE_FIRST_SECTION(nt);
  for (unsigned i = 0; i < std::min<unsigned>(nt->FileHeader.NumberOfSections, 96);
       ++i, ++section) {
    // Code too: some linkers put constants there (.text of MSVC's /MERGE:.rdata=.text).
    if (section->Misc.VirtualSize < sizeof(RpcServerInterface) ||
        section->VirtualAddress % 8 != 0 ||
        section->VirtualAddress > nt->OptionalHeader.SizeOfImage ||
        section->Misc.VirtualSize > nt->OptionalHeader.SizeOfImage - section->VirtualAddress)
      continue;
    if (std::memcmp(section->Name, ".rsrc", 5) == 0 || std::memcmp(section->Name, ".reloc", 6) == 0)
      continue;
    sections.push_back({base + section->VirtualAddress, section->Misc.VirtualSize});
  }
  return sections;
}

std::uint64_t identity_of(HMODULE module) {
  std::uint64_t identity = 0;
  const auto look = [&] {
    if (const IMAGE_NT_HEADERS* nt = headers_of(module))
      identity = std::uint64_t{nt->FileHeader.TimeDateStamp} << 32 | nt->OptionalHeader.SizeOfImage;
  };
  probed(look);
  return identity;
}

std::vector<HMODULE> loaded_modules() {
  std::vector<HMODULE> modules(1024);
  for (;;) {
    DWORD needed = 0;
    const auto size = static_cast<DWORD>(modules.size() * sizeof(HMODULE));
    if (!K32EnumProcessModules(GetCurrentProcess(), modules.data(), size, &needed)) return {};
    const std::size_t count = needed / sizeof(HMODULE);
    if (count <= modules.size() || modules.size() >= 4096) {
      modules.resize(std::min(count, modules.size()));
      return modules;
    }
    modules.resize(4096);
  }
}

bool replace_pointer(void** slot, void* expected, void* value) {
  bool replaced = false;
  const auto change = [&] {
    DWORD before = 0;
    // Of an image's page this makes a private copy of it: other processes see nothing.
    if (!VirtualProtect(slot, sizeof *slot, PAGE_READWRITE, &before)) return;
    replaced = InterlockedCompareExchangePointer(slot, value, expected) == expected;
    DWORD ours = 0;
    VirtualProtect(slot, sizeof *slot, before, &ours);
  };
  return probed(change) == 0 && replaced;
}

namespace {

/// An import directory of `module`, in place; null when it has none.
template <typename Descriptor>
const Descriptor* directory_of(char* base, const IMAGE_NT_HEADERS& nt, unsigned which,
                               std::size_t& count) {
  if (nt.OptionalHeader.NumberOfRvaAndSizes <= which) return nullptr;
  const auto& directory = nt.OptionalHeader.DataDirectory[which];
  count = std::min<std::size_t>(directory.Size / sizeof(Descriptor), 4096);
  return directory.VirtualAddress != 0
             ? reinterpret_cast<const Descriptor*>(base + directory.VirtualAddress)
             : nullptr;
}

/// The slot of `name` in a pair of import tables; null when it is not there.
void** slot_of_import(char* base, DWORD names_at, DWORD slots_at, const char* name) {
  const auto* names = reinterpret_cast<const IMAGE_THUNK_DATA*>(base + names_at);
  auto* slots = reinterpret_cast<void**>(base + slots_at);
  for (int k = 0; k < 65536 && names[k].u1.AddressOfData != 0; ++k) {
    if (IMAGE_SNAP_BY_ORDINAL(names[k].u1.Ordinal)) continue;
    const auto* by_name =
        reinterpret_cast<const IMAGE_IMPORT_BY_NAME*>(base + names[k].u1.AddressOfData);
    if (std::strcmp(reinterpret_cast<const char*>(by_name->Name), name) == 0) return &slots[k];
  }
  return nullptr;
}

}  // namespace

void* replace_import(HMODULE module, const char* dll, const char* name, void* expected,
                     void* value) {
  void* before = nullptr;
  const auto replace = [&](void** slot) {
    void* const now = slot ? *slot : value;
    if (now != value && (!expected || now == expected) && replace_pointer(slot, now, value))
      before = now;
  };
  const auto look = [&] {
    const IMAGE_NT_HEADERS* nt = headers_of(module);
    if (!nt) return;
    auto* const base = reinterpret_cast<char*>(module);
    std::size_t count = 0;
    const auto* import =
        directory_of<IMAGE_IMPORT_DESCRIPTOR>(base, *nt, IMAGE_DIRECTORY_ENTRY_IMPORT, count);
    // The size of this directory is not to be relied on; its end is an empty entry.
    for (int i = 0; import && i < 4096 && import->Name != 0; ++i, ++import) {
      if (_stricmp(base + import->Name, dll) == 0 && import->OriginalFirstThunk != 0)
        replace(slot_of_import(base, import->OriginalFirstThunk, import->FirstThunk, name));
    }
    // What is loaded at its first call: a slot leads to code that looks the function up, or to the
    // function. Either way ours takes its place, and calls the runtime's itself.
    const auto* late = directory_of<IMAGE_DELAYLOAD_DESCRIPTOR>(
        base, *nt, IMAGE_DIRECTORY_ENTRY_DELAY_IMPORT, count);
    for (; late && count != 0 && late->DllNameRVA != 0; --count, ++late) {
      if (late->Attributes.RvaBased && _stricmp(base + late->DllNameRVA, dll) == 0 &&
          late->ImportNameTableRVA != 0 && late->ImportAddressTableRVA != 0)
        replace(slot_of_import(base, late->ImportNameTableRVA, late->ImportAddressTableRVA, name));
    }
  };
  probed(look);
  return before;
}

}  // namespace rpcmarshal::agent
