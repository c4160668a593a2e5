#include "agent/service/signatures.h"

#include <algorithm>
#include <array>

#include "base/guid.h"

namespace rpcmarshal::agent {
namespace {

constexpr int kMaxDepth = 5;
constexpr std::uint32_t kInterpretedVersion = 0x20000;

// Format characters (ndrtypes.h), as IDL or Windows calls what they stand for.
const char* name_of(std::uint8_t format) {
  static constexpr std::array<const char*, 0x31> kNames = [] {
    std::array<const char*, 0x31> names{};
    names[0x01] = "byte";
    names[0x02] = "char";
    names[0x03] = "small";
    names[0x04] = "usmall";
    names[0x05] = "wchar";
    names[0x06] = "short";
    names[0x07] = "ushort";
    names[0x08] = "long";
    names[0x09] = "ulong";
    names[0x0a] = "float";
    names[0x0b] = "hyper";
    names[0x0c] = "double";
    names[0x0d] = "enum";
    names[0x0e] = "enum32";
    names[0x10] = "error_status";
    names[0x15] = names[0x16] = names[0x17] = names[0x18] = names[0x19] = names[0x1a] = "struct";
    names[0x1b] = names[0x1c] = names[0x1d] = names[0x1e] = names[0x1f] = names[0x20] =
        names[0x21] = "array";
    names[0x22] = names[0x26] = "string";
    names[0x23] = names[0x27] = "byte_string";
    names[0x24] = names[0x28] = "struct_string";
    names[0x25] = names[0x29] = "wstring";
    names[0x2a] = names[0x2b] = "union";
    names[0x2c] = "byte_count_pointer";
    names[0x2d] = "transmit_as";
    names[0x2e] = "represent_as";
    names[0x2f] = "interface_pointer";
    names[0x30] = "context_handle";
    return names;
  }();
  switch (format) {
    case 0xb4:
      return "user_marshal";
    case 0xb5:
      return "pipe";
    case 0xb8:
      return "int3264";
    case 0xb9:
      return "uint3264";
    default:
      return format < kNames.size() ? kNames[format] : nullptr;
  }
}

const char* pointer_name(std::uint8_t format) {
  switch (format) {
    case 0x11:
      return "ref ";
    case 0x12:
    case 0x13:
      return "unique ";
    case 0x14:
      return "ptr ";
    default:
      return nullptr;
  }
}

// Of a parameter (PARAM_ATTRIBUTES).
constexpr std::uint16_t kIsIn = 0x0008, kIsOut = 0x0010, kIsReturn = 0x0020, kIsBase = 0x0040,
                        kIsSimpleRef = 0x0100;
// Of a procedure: Oi flags and, in the later header, its own.
constexpr std::uint8_t kHasRpcFlags = 0x08, kHasExtensions = 0x40;
constexpr std::uint8_t kBindPrimitive = 0x32;

struct Strings {
  std::uint64_t procedures = 0, offsets = 0, types = 0;
};

class Reader {
 public:
  Reader(const AddressSpace& memory, const Strings& strings) : memory_(memory), strings_(strings) {}

  std::string operation(std::uint32_t opnum) const {
    const auto offset =
        read_value<std::uint16_t>(memory_, strings_.offsets + std::uint64_t{opnum} * 2);
    if (!offset || *offset == 0xFFFF) return {};
    // Header and parameters at once: at most 256 parameters of six bytes.
    std::byte bytes[64 + 256 * 6];
    std::size_t size = sizeof bytes;
    while (size >= 16 && !memory_.read(strings_.procedures + *offset, std::span(bytes, size)))
      size /= 2;  // the string may end with the readable memory
    if (size < 16) return {};
    ByteReader in{Bytes(bytes, size)};
    const std::uint8_t handle = in.u8(), flags = in.u8();
    if (flags & kHasRpcFlags) in.skip(4);
    if (in.u16() != opnum) return {};  // no such header
    in.skip(2);                        // size of the stack
    if (handle == 0) in.skip(in.u8() == kBindPrimitive ? 3 : 5);
    in.skip(4);  // sizes of buffers
    const std::uint8_t more = in.u8(), count = in.u8();
    if (more & kHasExtensions) {
      const std::uint8_t extension = in.u8();
      if (extension == 0) return {};
      in.skip(extension - std::size_t{1});
    }
    if (!in.ok()) return {};
    std::string text = "(", result = "void";
    for (int i = 0; i < count; ++i) {
      const std::uint16_t attributes = in.u16();
      in.skip(2);
      const std::uint16_t type = in.u16();
      if (!in.ok()) return {};
      const std::string shown = attributes & kIsBase
                                    ? base(static_cast<std::uint8_t>(type), attributes)
                                    : type_name(type);
      if (attributes & kIsReturn) {
        result = shown;
        continue;
      }
      if (text.size() > 1) text += ", ";
      text += attributes & kIsIn ? (attributes & kIsOut ? "in out " : "in ") : "out ";
      text += shown;
    }
    return text + ") -> " + result;
  }

 private:
  static std::string base(std::uint8_t format, std::uint16_t attributes) {
    const char* name = name_of(format);
    return std::string(attributes & kIsSimpleRef ? "ref " : "") + (name ? name : "?");
  }

  // Type at an offset of the type string; pointers are followed.
  std::string type_name(std::uint16_t start) const {
    std::string text;
    std::uint32_t at = start;
    for (int depth = 0; depth < kMaxDepth; ++depth) {
      std::byte head[4];
      if (at > 0xFFFF || !memory_.read(strings_.types + at, head)) break;
      const auto format = static_cast<std::uint8_t>(head[0]);
      const auto flags = static_cast<std::uint8_t>(head[1]);
      const char* pointer = pointer_name(format);
      if (!pointer) {
        const char* name = name_of(format);
        if (!name) break;
        text += name;
        // Structures: alignment, then size in memory.
        if (format >= 0x15 && format <= 0x1a)
          text += "(" + std::to_string(load<std::uint16_t>(head + 2, ByteOrder::kLittle)) + ")";
        return text;
      }
      text += pointer;
      if (flags & 0x08) {  // simple: the type itself follows
        const char* name = name_of(static_cast<std::uint8_t>(head[2]));
        return text + (name ? name : "?");
      }
      // Relative to where it stands.
      const auto relative = load<std::int16_t>(head + 2, ByteOrder::kLittle);
      const std::int64_t next = std::int64_t{at} + 2 + relative;
      if (next < 0) break;
      at = static_cast<std::uint32_t>(next);
    }
    return text + "?";
  }

  const AddressSpace& memory_;
  const Strings strings_;
};

}  // namespace

std::vector<std::string> read_signatures(const AddressSpace& memory, std::uint64_t server_info,
                                         std::uint32_t operations) {
  std::byte info[0x40];
  if (server_info == 0 || !memory.read(server_info, info)) return {};
  const auto word = [](const std::byte* from) {
    return load<std::uint64_t>(from, ByteOrder::kLittle);
  };
  std::byte description[0x50];
  if (!memory.read(word(info), description)) return {};
  if (load<std::uint32_t>(description + 0x4c, ByteOrder::kLittle) < kInterpretedVersion) return {};
  Strings strings{word(info + 0x10), word(info + 0x18), word(description + 0x40)};
  // With several syntaxes the strings of NDR stand in its own entry.
  const std::uint64_t syntaxes = word(info + 0x38),
                      count = std::min<std::uint64_t>(word(info + 0x30), 8);
  for (std::uint64_t i = 0; syntaxes != 0 && i < count; ++i) {
    std::byte entry[0x50];
    if (!memory.read(syntaxes + i * sizeof entry, entry)) break;
    ByteReader in{Bytes(entry)};
    if (Guid::read(in) != kNdr20Syntax) continue;
    strings = {word(entry + 0x20), word(entry + 0x28), word(entry + 0x30)};
  }
  if (strings.procedures == 0 || strings.offsets == 0 || strings.types == 0) return {};
  const Reader reader(memory, strings);
  std::vector<std::string> all;
  for (std::uint32_t opnum = 0; opnum < operations; ++opnum) all.push_back(reader.operation(opnum));
  return all;
}

}  // namespace rpcmarshal::agent
