// Writes CIM classes and instances in the encoding of [MS-WMIO], by its rules and for tests only:
// the decoder's other half. Layout follows sections 2.2.15 (class), 2.2.53 (instance), 2.2.38
// (methods).
#pragma once

#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "dcom/wmio.h"

namespace rpcmarshal::dcom::test {

class ByteWriter {
 public:
  ByteWriter& u8(std::uint64_t v) { return number(v, 1); }
  ByteWriter& u16(std::uint64_t v) { return number(v, 2); }
  ByteWriter& u32(std::uint64_t v) { return number(v, 4); }
  ByteWriter& u64(std::uint64_t v) { return number(v, 8); }
  ByteWriter& raw(std::string_view text) {
    data_ += text;
    return *this;
  }
  /// With a length in front that counts itself.
  ByteWriter& counted(std::string_view text) { return u32(text.size() + 4).raw(text); }
  const std::string& text() const { return data_; }
  std::size_t size() const { return data_.size(); }

 private:
  ByteWriter& number(std::uint64_t v, int bytes) {
    for (int i = 0; i < bytes; ++i) data_ += static_cast<char>(v >> (8 * i));
    return *this;
  }
  std::string data_;
};

/// Latin-1 when it fits (and is given as such), UTF-16 for u"" texts.
inline std::string encoded(std::string_view text) {
  return std::string(1, '\0') + std::string(text) + '\0';
}
inline std::string encoded(std::u16string_view text) {
  ByteWriter w;
  w.u8(1);
  for (const char16_t c : text) w.u16(c);
  w.u16(0);
  return w.text();
}

class HeapWriter {
 public:
  std::uint32_t add(std::string_view bytes) {
    const auto at = static_cast<std::uint32_t>(data_.size());
    data_ += bytes;
    return at;
  }
  std::string finished() const {
    ByteWriter w;
    w.u32(data_.size() | 0x80000000u).raw(data_);
    return w.text();
  }

 private:
  std::string data_;
};

/// What stands in a value table: bytes that go inline, or bytes that go to the heap.
struct Slot {
  std::string inline_bytes;
  std::optional<std::string> in_heap;
  bool null = false;
  bool use_default = false;  ///< instance: the class's value

  static Slot none(std::size_t size) {
    return {std::string(size, '\xff'), std::nullopt, true, false};
  }
  static Slot inherited(std::size_t size) {
    return {std::string(size, '\xff'), std::nullopt, false, true};
  }
  static Slot number(std::uint64_t v, int size) {
    ByteWriter w;
    for (int i = 0; i < size; ++i) w.u8(v >> (8 * i));
    return {w.text(), std::nullopt, false, false};
  }
  template <typename Text>
  static Slot text(Text t) {
    return {{}, encoded(t), false, false};
  }
  static Slot heap(std::string bytes) { return {{}, std::move(bytes), false, false}; }
  /// Array of numbers of `size` bytes.
  static Slot numbers(const std::vector<std::uint64_t>& v, int size) {
    ByteWriter w;
    w.u32(v.size());
    for (const std::uint64_t n : v)
      for (int i = 0; i < size; ++i) w.u8(n >> (8 * i));
    return heap(w.text());
  }
  /// An embedded object, given as ObjectBlock.
  static Slot object(const std::string& block) {
    ByteWriter w;
    w.u32(block.size()).raw(block);
    return heap(w.text());
  }
};

struct PropertySpec {
  std::string name;
  std::uint32_t type;  ///< with flags
  Slot value;          ///< default in the class
  int order = -1;      ///< of declaration, when it is not the order here (none may be null then)
};

struct MethodSpec {
  std::string name, in, out;  ///< ObjectBlocks of the parameters' classes
};

inline std::string qualifier_set(HeapWriter& heap, const std::vector<std::string>& names) {
  ByteWriter set;
  for (const std::string& name : names) {
    if (name == "key") {
      set.u32(0x80000001u);
    } else {
      set.u32(heap.add(encoded(name)));
    }
    set.u8(3).u32(11).u16(0xFFFF);
  }
  ByteWriter out;
  return out.counted(set.text()).text();
}

/// The value table and its bits; what goes to the heap is added to it.
inline std::string tables(const std::vector<Slot>& slots, HeapWriter& heap,
                          std::vector<std::uint32_t>* offsets) {
  std::string bits((slots.size() + 3) / 4, '\0');
  ByteWriter table;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const Slot& slot = slots[i];
    const int state = (slot.null ? 1 : 0) | (slot.use_default ? 2 : 0);
    bits[i / 4] = static_cast<char>(bits[i / 4] | state << (i % 4 * 2));
    if (offsets) offsets->push_back(static_cast<std::uint32_t>(table.size()));
    if (slot.in_heap) {
      table.u32(heap.add(*slot.in_heap));
    } else {
      table.raw(slot.inline_bytes);
    }
  }
  return bits + table.text();
}

inline std::string class_part(const std::string& name, const std::vector<std::string>& superclasses,
                              const std::vector<PropertySpec>& properties,
                              const std::vector<std::string>& qualifiers = {}) {
  HeapWriter heap;
  const std::uint32_t name_ref = name.empty() ? 0xFFFFFFFFu : heap.add(encoded(name));
  ByteWriter derivation;
  for (const std::string& s : superclasses) derivation.raw(encoded(s)).u32(encoded(s).size());
  const std::string set = qualifier_set(heap, qualifiers);
  std::vector<Slot> slots;
  for (const PropertySpec& p : properties) slots.push_back(p.value);
  std::vector<std::uint32_t> offsets;
  const std::string values = tables(slots, heap, &offsets);
  ByteWriter lookups;
  for (std::size_t i = 0; i < properties.size(); ++i) {
    lookups.u32(heap.add(encoded(properties[i].name)));
    ByteWriter info;
    info.u32(properties[i].type)
        .u16(properties[i].order < 0 ? i : properties[i].order)
        .u32(offsets[i])
        .u32(0);
    info.raw(qualifier_set(heap, {"key"}));
    lookups.u32(heap.add(info.text()));
  }
  ByteWriter body;
  body.u8(0).u32(name_ref).u32(values.size()).counted(derivation.text()).raw(set);
  body.u32(properties.size()).raw(lookups.text()).raw(values).raw(heap.finished());
  ByteWriter out;
  return out.counted(body.text()).text();
}

inline std::string methods_part(const std::vector<MethodSpec>& methods) {
  HeapWriter heap;
  ByteWriter table;
  const auto signature = [&](const std::string& block) {
    ByteWriter w;
    w.u32(block.size()).raw(block);
    return block.empty() ? 0xFFFFFFFFu : heap.add(w.text());
  };
  for (const MethodSpec& m : methods) {
    table.u32(heap.add(encoded(m.name))).u8(0).u8(0).u16(0).u32(0);
    table.u32(heap.add(qualifier_set(heap, {"key"})));
    table.u32(signature(m.in)).u32(signature(m.out));
  }
  ByteWriter body;
  body.u16(methods.size()).u16(0).raw(table.text()).raw(heap.finished());
  ByteWriter out;
  return out.counted(body.text()).text();
}

/// An ObjectBlock of a class.
inline std::string class_block(const std::string& part, const std::vector<MethodSpec>& methods = {},
                               bool decorated = false) {
  ByteWriter w;
  w.u8(decorated ? 5 : 1);
  if (decorated) w.raw(encoded("FS1")).raw(encoded("root\\cimv2"));
  w.raw(class_part("", {}, {})).raw(methods_part({}));
  w.raw(part).raw(methods_part(methods));
  return w.text();
}

/// What follows the class part of an instance.
inline std::string instance_part(const std::string& name, const std::vector<Slot>& slots) {
  HeapWriter heap;
  const std::uint32_t name_ref = heap.add(encoded(name));
  const std::string values = tables(slots, heap, nullptr);
  ByteWriter body;
  body.u8(0).u32(name_ref).raw(values).u32(4).u8(1).raw(heap.finished());
  ByteWriter out;
  return out.counted(body.text()).text();
}
inline std::string instance_block(const std::string& part, const std::string& name,
                                  const std::vector<Slot>& slots, bool decorated = false) {
  ByteWriter w;
  w.u8(decorated ? 6 : 2);
  if (decorated) w.raw(encoded("FS1")).raw(encoded("root\\cimv2"));
  return w.raw(part).raw(instance_part(name, slots)).text();
}

inline std::string unit(const std::string& block) {
  ByteWriter w;
  return w.u32(Wmio::kSignature).u32(block.size()).raw(block).text();
}

}  // namespace rpcmarshal::dcom::test
