#include "agent/service/pe_image.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace rpcmarshal::agent {
namespace {

constexpr std::uint16_t kDosMagic = 0x5a4d;     // "MZ"
constexpr std::uint32_t kPeSignature = 0x4550;  // "PE\0\0"
constexpr std::uint16_t kPe32 = 0x10b, kPe32Plus = 0x20b;
constexpr std::uint16_t kMaxSections = 96;
constexpr std::uint32_t kMaxExports = 65536;
constexpr std::uint16_t kIsDll = 0x2000;
constexpr std::uint32_t kExecute = 0x20000000, kRead = 0x40000000, kWrite = 0x80000000;

}  // namespace

const char* to_string(Machine machine) {
  switch (machine) {
    case Machine::kX86:
      return "x86";
    case Machine::kArm:
      return "ARM";
    case Machine::kX64:
      return "x64";
    case Machine::kArm64:
      return "ARM64";
    case Machine::kUnknown:
      break;
  }
  return "unknown";
}

std::string_view LoadedModule::file_name() const {
  const std::string_view text = path;
  const std::size_t slash = text.find_last_of("\\/");
  return slash == std::string_view::npos ? text : text.substr(slash + 1);
}

std::optional<std::string> read_c_string(const AddressSpace& memory, std::uint64_t address,
                                         std::size_t limit) {
  std::string text;
  // In pieces that end with a page: the page after the string may not be readable.
  while (text.size() < limit) {
    std::byte piece[256];
    const std::size_t to_page = 4096 - (address & 4095);
    const std::size_t size = std::min({sizeof piece, to_page, limit - text.size()});
    if (!memory.read(address, std::span(piece, size))) return std::nullopt;
    const std::string_view read = as_text(Bytes(piece, size));
    const std::size_t end = read.find('\0');
    text += read.substr(0, end);
    if (end != std::string_view::npos) return text;
    address += size;
  }
  return std::nullopt;
}

std::optional<PeImage> read_pe(const AddressSpace& memory, std::uint64_t base) {
  std::byte dos[64];
  if (!memory.read(base, dos)) return std::nullopt;
  if (load<std::uint16_t>(dos, ByteOrder::kLittle) != kDosMagic) return std::nullopt;
  const auto header_at = load<std::uint32_t>(dos + 0x3c, ByteOrder::kLittle);
  if (header_at > 0x10000) return std::nullopt;
  // Signature, COFF header, and the optional header up to and with the first data directory.
  std::byte header[24 + 120];
  if (!memory.read(base + header_at, header)) return std::nullopt;
  ByteReader in{Bytes(header)};
  PeImage image;
  if (in.u32() != kPeSignature) return std::nullopt;
  image.machine = static_cast<Machine>(in.u16());
  const std::uint16_t section_count = in.u16();
  in.skip(12);
  const std::uint16_t optional_size = in.u16();
  image.dll = (in.u16() & kIsDll) != 0;
  const std::uint16_t magic = in.u16();
  if (magic != kPe32 && magic != kPe32Plus) return std::nullopt;
  if (section_count > kMaxSections) return std::nullopt;
  in.seek(24 + 56);
  image.size = in.u32();
  in.seek(24 + (magic == kPe32Plus ? 108 : 92));
  const std::uint32_t directories = in.u32();
  if (directories > 0) image.exports = in.u32();

  const std::uint64_t table = base + header_at + 24 + optional_size;
  for (std::uint16_t i = 0; i < section_count; ++i) {
    std::byte entry[40];
    if (!memory.read(table + std::uint64_t{i} * sizeof entry, entry)) break;
    PeSection section;
    const std::string_view name = as_text(Bytes(entry, 8));
    section.name = name.substr(0, name.find('\0'));
    section.size = load<std::uint32_t>(entry + 8, ByteOrder::kLittle);
    section.address = load<std::uint32_t>(entry + 12, ByteOrder::kLittle);
    const auto flags = load<std::uint32_t>(entry + 36, ByteOrder::kLittle);
    section.executable = flags & kExecute;
    section.readable = flags & kRead;
    section.writable = flags & kWrite;
    // Sections lie in the image, whatever their header says.
    if (section.address >= image.size) continue;
    section.size = std::min(section.size, image.size - section.address);
    image.sections.push_back(std::move(section));
  }
  return image;
}

std::optional<std::uint64_t> find_export(const AddressSpace& memory, std::uint64_t base,
                                         const PeImage& image, std::string_view name) {
  if (image.exports == 0 || name.size() > 255) return std::nullopt;
  std::byte directory[40];
  if (!memory.read(base + image.exports, directory)) return std::nullopt;
  const auto word = [&](std::size_t at) {
    return load<std::uint32_t>(directory + at, ByteOrder::kLittle);
  };
  const std::uint32_t functions = word(20), names = std::min(word(24), kMaxExports);
  const std::uint64_t addresses = base + word(28), name_table = base + word(32),
                      ordinals = base + word(36);
  // Names are sorted; a table that is not finds nothing, which is an answer too.
  std::uint32_t low = 0, high = names;
  while (low < high) {
    const std::uint32_t middle = low + (high - low) / 2;
    const auto name_at = read_value<std::uint32_t>(memory, name_table + std::uint64_t{middle} * 4);
    if (!name_at) return std::nullopt;
    const auto text = read_c_string(memory, base + *name_at, 256);
    if (!text) return std::nullopt;
    if (*text == name) {
      const auto ordinal = read_value<std::uint16_t>(memory, ordinals + std::uint64_t{middle} * 2);
      if (!ordinal || *ordinal >= functions) return std::nullopt;
      const auto at = read_value<std::uint32_t>(memory, addresses + std::uint64_t{*ordinal} * 4);
      // An address inside the directory's section that is not executable is a forwarder's text.
      if (!at || *at >= image.size || !memory.executable(base + *at)) return std::nullopt;
      return base + *at;
    }
    if (*text < name) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return std::nullopt;
}

FileHeaders::FileHeaders(const std::string& utf8_path) {
  const std::u8string name(utf8_path.begin(), utf8_path.end());
  std::ifstream file(std::filesystem::path(name), std::ios::binary);
  bytes_.resize(64u << 10);
  file.read(reinterpret_cast<char*>(bytes_.data()), static_cast<std::streamsize>(bytes_.size()));
  bytes_.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
}

bool FileHeaders::read(std::uint64_t address, std::span<std::byte> out) const {
  if (address > bytes_.size() || out.size() > bytes_.size() - address) return false;
  std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(address), out.size(), out.begin());
  return true;
}

}  // namespace rpcmarshal::agent
