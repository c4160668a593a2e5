#include "dcom/wmio.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <optional>

#include "base/unicode.h"

namespace rpcmarshal::dcom {
namespace {

constexpr std::uint32_t kNoReference = 0xFFFFFFFFu;
constexpr std::uint32_t kTopBit = 0x80000000u;
constexpr std::uint32_t kArrayFlag = 0x2000, kInheritedFlag = 0x4000;
constexpr std::uint8_t kFlagClass = 0x01, kFlagInstance = 0x02, kFlagDecoration = 0x04;
constexpr std::size_t kMethodSize = 24;

/// Bytes a value takes where it stands: in a value table, a qualifier, an array. 0: no such type.
std::size_t size_of(CimType type) {
  switch (type) {
    case CimType::kSint8:
    case CimType::kUint8:
      return 1;
    case CimType::kSint16:
    case CimType::kUint16:
    case CimType::kChar16:
    case CimType::kBoolean:
      return 2;
    case CimType::kSint32:
    case CimType::kUint32:
    case CimType::kReal32:
    case CimType::kString:
    case CimType::kDatetime:
    case CimType::kReference:
    case CimType::kObject:
      return 4;
    case CimType::kSint64:
    case CimType::kUint64:
    case CimType::kReal64:
      return 8;
  }
  return 0;
}

/// The parts of a ClassPart (2.2.15), located but not read.
struct ClassPart {
  Bytes whole, derivation, qualifiers, lookups, null_defaults, table, heap;
  std::uint32_t name = kNoReference;
  std::uint32_t count = 0;
};

class Parser {
 public:
  Parser(Wmio& out, Bytes bytes) : out_(out), all_(bytes), budget_(bytes.size() * 16 + 65536) {}

  void run(Wmio::Form form, Bytes class_part) {
    ByteReader r(all_);
    Bytes block = all_;
    if (form == Wmio::Form::kUnit) {
      if (r.u32() != Wmio::kSignature || !r.ok()) return fail("the signature is missing", all_);
      const std::uint32_t length = r.u32();
      if (!r.ok() || length > r.remaining()) return fail("the object is cut short", all_);
      block = r.take(length);
    }
    enqueue(block);
    for (std::size_t at = 0; at < out_.objects.size() && ok(); ++at) {
      const bool refreshed = form == Wmio::Form::kRefreshed;
      if (at == 0 && (refreshed || form == Wmio::Form::kInstanceWithoutClass)) {
        // The caller's class part may be as large as the object itself: it counts too.
        budget_ += class_part.size() * 16;
        refreshed ? read_refreshed(block, class_part) : read_block(at, class_part, true);
      } else {
        read_block(at, {}, false);
      }
    }
  }

 private:
  bool ok() const { return out_.reason.empty(); }
  void fail(std::string_view reason, Bytes where) {
    if (!ok()) return;
    out_.reason = reason;
    out_.stopped_at = where.data() >= all_.data() && where.data() <= all_.data() + all_.size()
                          ? static_cast<std::size_t>(where.data() - all_.data())
                          : 0;
  }
  bool charge(std::size_t cost, Bytes where) {
    if (cost > budget_) {
      fail("too many references to the same bytes", where);
      return false;
    }
    budget_ -= cost;
    return true;
  }
  static std::uint32_t number(std::size_t size) { return static_cast<std::uint32_t>(size); }

  std::uint32_t enqueue(Bytes block) {
    if (out_.objects.size() >= Wmio::kMaxObjects) {
      fail("too many embedded objects", block);
      return WmioMethod::kNone;
    }
    if (!charge(block.size(), block)) return WmioMethod::kNone;
    out_.objects.emplace_back();
    blocks_.push_back(block);
    return number(out_.objects.size() - 1);
  }

  /// An Encoded-String (2.2.78) that starts at the reader.
  WmioText encoded_string(ByteReader& r) {
    WmioText text;
    const std::uint8_t flag = r.u8();
    const std::size_t start = r.offset();
    const Bytes rest = r.rest();
    if (flag > 1) {
      fail("a text is neither Latin-1 nor UTF-16", rest);
      return text;
    }
    std::size_t size = 0;
    bool ended = false;
    if (flag == 0) {
      const void* end = rest.empty() ? nullptr : std::memchr(rest.data(), 0, rest.size());
      ended = end != nullptr;
      if (ended) size = static_cast<std::size_t>(static_cast<const std::byte*>(end) - rest.data());
    } else {
      while (size + 2 <= rest.size() && load<std::uint16_t>(rest.data() + size, ByteOrder::kLittle))
        size += 2;
      ended = size + 2 <= rest.size();
    }
    if (!ended) {
      fail("a text has no end", rest);
      return text;
    }
    if (!charge(size + 8, rest)) return text;
    text.bytes = rest.first(size);
    text.wide = flag == 1;
    text.present = true;
    r.seek(start + size + (flag == 0 ? 1 : 2));
    return text;
  }

  WmioText text_at(Bytes heap, std::uint32_t reference) {
    static constexpr std::array<std::string_view, 11> kDictionary = {
        "\"",       "key",     "",         "read",  "write",  "volatile",
        "provider", "dynamic", "cimwin32", "DWORD", "CIMTYPE"};
    WmioText text;
    if (reference == kNoReference) return text;
    if (reference & kTopBit) {
      const std::uint32_t word = reference & ~kTopBit;
      if (word >= kDictionary.size()) {
        fail("a reference to a word that the dictionary does not have", heap);
        return text;
      }
      text.bytes = as_bytes(kDictionary[word]);
      text.present = true;
      return text;
    }
    if (reference >= heap.size()) {
      fail("a reference outside the heap", heap);
      return text;
    }
    ByteReader r(heap.subspan(reference));
    return encoded_string(r);
  }

  /// A block that begins with its own length (which counts itself): what lies behind the length.
  Bytes counted(ByteReader& r) {
    const std::uint32_t length = r.u32();
    if (!r.ok() || length < 4 || length - 4 > r.remaining()) {
      fail("a length that cannot be", all_.subspan(all_.size()));
      return {};
    }
    return r.take(length - 4);
  }
  Bytes heap(ByteReader& r, Bytes whole) {
    const std::uint32_t length = r.u32() & ~kTopBit;
    if (!r.ok() || length > r.remaining()) {
      fail("a heap is cut short", whole);
      return {};
    }
    return r.take(length);
  }

  std::optional<ClassPart> class_part(Bytes bytes) {
    ClassPart part;
    ByteReader start(bytes);
    const std::uint32_t length = start.u32();
    if (!start.ok() || length < 13 || length > bytes.size()) {
      fail("a class is cut short", bytes);
      return std::nullopt;
    }
    part.whole = bytes.first(length);
    ByteReader r(part.whole);
    r.skip(5);
    part.name = r.u32();
    const std::uint32_t tables = r.u32();
    part.derivation = counted(r);
    part.qualifiers = counted(r);
    part.count = r.u32();
    if (!r.ok() || part.count > r.remaining() / 8) {
      fail("a class has more properties than bytes", part.whole);
      return std::nullopt;
    }
    part.lookups = r.take(std::size_t{part.count} * 8);
    if (tables > r.remaining()) {
      fail("a class's values are cut short", part.whole);
      return std::nullopt;
    }
    const std::size_t bits = std::min<std::size_t>((std::size_t{part.count} + 3) / 4, tables);
    part.null_defaults = r.take(bits);
    part.table = r.take(tables - bits);
    part.heap = heap(r, part.whole);
    if (!ok()) return std::nullopt;
    return part;
  }

  WmioRange qualifiers(Bytes set, Bytes heap) {
    WmioRange range{number(out_.qualifiers.size()), number(out_.qualifiers.size())};
    ByteReader r(set);
    while (!r.at_end() && ok()) {
      WmioQualifier q;
      const std::uint32_t name = r.u32();
      q.flavor = r.u8();
      const std::uint32_t type = r.u32();
      if (!r.ok()) {
        fail("a qualifier is cut short", set);
        break;
      }
      q.name = text_at(heap, name);
      q.value = value(type, r, heap, set);
      if (!ok()) break;
      out_.qualifiers.push_back(q);
      ++range.end;
    }
    return range;
  }

  /// A value as it stands in a table, a qualifier or an array.
  WmioValue scalar(CimType type, ByteReader& r, Bytes heap, Bytes where) {
    WmioValue v;
    v.type = type;
    const auto integer = [&](bool is_signed, std::uint64_t bits) {
      v.kind = is_signed ? WmioValue::Kind::kInt : WmioValue::Kind::kUInt;
      v.bits = bits;
    };
    const auto extend = [](auto n) {
      return static_cast<std::uint64_t>(static_cast<std::int64_t>(n));
    };
    switch (type) {
      case CimType::kSint8:
        integer(true, extend(static_cast<std::int8_t>(r.u8())));
        break;
      case CimType::kUint8:
        integer(false, r.u8());
        break;
      case CimType::kSint16:
        integer(true, extend(static_cast<std::int16_t>(r.u16())));
        break;
      case CimType::kUint16:
      case CimType::kChar16:
        integer(false, r.u16());
        break;
      case CimType::kSint32:
        integer(true, extend(static_cast<std::int32_t>(r.u32())));
        break;
      case CimType::kUint32:
        integer(false, r.u32());
        break;
      case CimType::kSint64:
        integer(true, r.u64());
        break;
      case CimType::kUint64:
        integer(false, r.u64());
        break;
      case CimType::kBoolean:
        v.kind = WmioValue::Kind::kBool;
        v.bits = r.u16() != 0;
        break;
      case CimType::kReal32:
        v.kind = WmioValue::Kind::kReal;
        v.bits = std::bit_cast<std::uint64_t>(double{std::bit_cast<float>(r.u32())});
        break;
      case CimType::kReal64:
        v.kind = WmioValue::Kind::kReal;
        v.bits = r.u64();
        break;
      case CimType::kString:
      case CimType::kDatetime:
      case CimType::kReference: {
        const std::uint32_t reference = r.u32();
        v.text = text_at(heap, reference);
        if (v.text.present) v.kind = WmioValue::Kind::kText;
        break;
      }
      case CimType::kObject: {
        const std::uint32_t reference = r.u32();
        if (reference == kNoReference) break;
        if (const auto index = object_at(heap, reference); index != WmioMethod::kNone) {
          v.kind = WmioValue::Kind::kObject;
          v.bits = index;
        }
        break;
      }
    }
    if (!r.ok()) fail("a value is cut short", where);
    return v;
  }

  /// ObjectEncodingLength and ObjectBlock in a heap. kNone when empty.
  std::uint32_t object_at(Bytes heap, std::uint32_t reference) {
    if (reference >= heap.size()) {
      fail("a reference outside the heap", heap);
      return WmioMethod::kNone;
    }
    ByteReader r(heap.subspan(reference));
    const std::uint32_t length = r.u32();
    if (!r.ok() || length > r.remaining()) {
      fail("an embedded object is cut short", heap.subspan(reference));
      return WmioMethod::kNone;
    }
    return length == 0 ? WmioMethod::kNone : enqueue(r.take(length));
  }

  WmioValue value(std::uint32_t raw_type, ByteReader& r, Bytes heap, Bytes where) {
    const auto type = static_cast<CimType>(raw_type & 0x0FFF);
    const std::size_t size = size_of(type);
    WmioValue v;
    v.type = type;
    if (size == 0) {
      fail("a type that CIM does not have", where);
      return v;
    }
    if ((raw_type & kArrayFlag) == 0) return scalar(type, r, heap, where);
    const std::uint32_t reference = r.u32();
    if (!r.ok()) {
      fail("a value is cut short", where);
      return v;
    }
    if (reference == kNoReference) return v;
    if (reference >= heap.size()) {
      fail("a reference outside the heap", where);
      return v;
    }
    ByteReader items(heap.subspan(reference));
    const std::uint32_t count = items.u32();
    if (!items.ok() || count > items.remaining() / size) {
      fail("an array is cut short", heap.subspan(reference));
      return v;
    }
    if (!charge(std::size_t{count} * 8 + 8, heap.subspan(reference))) return v;
    v.kind = WmioValue::Kind::kList;
    v.items = {number(out_.values.size()), number(out_.values.size() + count)};
    for (std::uint32_t i = 0; i < count; ++i)
      out_.values.push_back(ok() ? scalar(type, items, heap, where) : WmioValue{});
    return v;
  }

  /// Where the values of an object are, and where those it does not have itself.
  struct Tables {
    Bytes null_defaults, table, heap;
  };

  /// `instance` is null for a class.
  WmioRange properties(const ClassPart& part, const Tables* instance) {
    WmioRange range{number(out_.properties.size()), number(out_.properties.size())};
    const Tables own{part.null_defaults, part.table, part.heap};
    const auto bits = [](const Tables& tables, std::uint16_t order) -> unsigned {
      if (order / 4u >= tables.null_defaults.size()) return 1;
      return std::to_integer<unsigned>(tables.null_defaults[order / 4u]) >> (order % 4u * 2) & 3;
    };
    ByteReader lookups(part.lookups);
    for (std::uint32_t i = 0; i < part.count && ok(); ++i) {
      WmioProperty p;
      const std::uint32_t name = lookups.u32(), info = lookups.u32();
      p.name = text_at(part.heap, name);
      if (!ok()) break;
      if (info >= part.heap.size()) {
        fail("a property without description", part.whole);
        break;
      }
      ByteReader r(part.heap.subspan(info));
      const std::uint32_t type = r.u32();
      p.order = r.u16();
      const std::uint32_t offset = r.u32();
      r.skip(4);  // class of origin: how many superclasses up
      const Bytes set = counted(r);
      if (!ok() || !charge(24, part.whole)) break;
      p.type = static_cast<CimType>(type & 0x0FFF);
      p.array = (type & kArrayFlag) != 0;
      p.inherited = (type & kInheritedFlag) != 0;
      p.value.type = p.type;
      const Tables* from = instance != nullptr ? instance : &own;
      unsigned state = bits(*from, p.order);
      if (instance != nullptr && (state & 2) != 0) {
        p.from_default = true;
        from = &own;
        state |= bits(own, p.order) & 1;
      }
      if ((state & 1) == 0) {
        if (offset > from->table.size()) {
          fail("a value outside the table of values", from->table);
          break;
        }
        ByteReader at(from->table.subspan(offset));
        p.value = value(type, at, from->heap, from->table);
      }
      if (instance == nullptr) {
        if (!charge(set.size(), set)) break;
        p.qualifiers = qualifiers(set, part.heap);
      }
      out_.properties.push_back(p);
      ++range.end;
    }
    return range;
  }

  void class_head(const ClassPart& part, WmioObject& object) {
    object.class_part = part.whole;
    object.class_name = text_at(part.heap, part.name);
    object.derivation = {number(out_.names.size()), number(out_.names.size())};
    ByteReader r(part.derivation);
    while (!r.at_end() && ok()) {
      const WmioText name = encoded_string(r);
      r.skip(4);  // how long the text was, to read the list from its end
      if (!ok()) break;
      if (!r.ok()) return fail("a superclass is cut short", part.derivation);
      if (object.derivation.size() == 0) object.superclass = name;
      out_.names.push_back(name);
      ++object.derivation.end;
    }
  }

  WmioRange read_methods(Bytes part) {
    WmioRange range{number(out_.methods.size()), number(out_.methods.size())};
    ByteReader r(part);
    const std::uint16_t count = r.u16();
    r.skip(2);
    const Bytes table = r.take(count * kMethodSize);
    if (!r.ok()) {
      fail("the methods are cut short", part);
      return range;
    }
    const Bytes heap_bytes = heap(r, part);
    ByteReader m(table);
    for (std::uint16_t i = 0; i < count && ok(); ++i) {
      WmioMethod method;
      const std::uint32_t name = m.u32();
      method.flags = m.u8();
      m.skip(7);  // padding, and how many superclasses up it was declared
      const std::uint32_t set = m.u32(), in = m.u32(), out = m.u32();
      method.name = text_at(heap_bytes, name);
      if (set != kNoReference && ok()) {
        if (set >= heap_bytes.size()) return fail("a reference outside the heap", part), range;
        ByteReader q(heap_bytes.subspan(set));
        const Bytes bytes = counted(q);
        if (!ok() || !charge(bytes.size(), bytes)) break;
        method.qualifiers = qualifiers(bytes, heap_bytes);
      }
      if (in != kNoReference && ok()) method.in = object_at(heap_bytes, in);
      if (out != kNoReference && ok()) method.out = object_at(heap_bytes, out);
      out_.methods.push_back(method);
      ++range.end;
    }
    return range;
  }

  /// The table of properties is sorted by name; people declare them in an order that means
  /// something.
  void by_declaration(WmioRange range) {
    std::ranges::stable_sort(out_.properties.begin() + range.begin,
                             out_.properties.begin() + range.end, {}, &WmioProperty::order);
  }

  void read_instance(ByteReader& r, const ClassPart& part, WmioObject& object) {
    const Bytes body = counted(r);
    if (!ok()) return;
    ByteReader b(body);
    b.skip(1);
    const std::uint32_t name = b.u32();
    Bytes own_qualifiers;
    Tables tables = instance_tables(b, body, part, own_qualifiers);
    if (!ok()) return;
    tables.heap = heap(b, body);
    if (!ok()) return;
    object.kind = WmioObject::Kind::kInstance;
    if (const WmioText own = text_at(tables.heap, name); own.present) object.class_name = own;
    instance_values(tables, part, own_qualifiers, object);
  }

  /// NdTable, ValueTable and InstanceQualifierSet (2.2.53 and on), up to the heap.
  Tables instance_tables(ByteReader& b, Bytes body, const ClassPart& part, Bytes& own_qualifiers) {
    Tables tables;
    tables.null_defaults = b.take(part.null_defaults.size());
    tables.table = b.take(part.table.size());
    if (!b.ok()) return fail("an instance's values are cut short", body), tables;
    own_qualifiers = counted(b);
    const std::uint8_t per_property = b.u8();
    sets_.clear();
    if (per_property == 2) {
      for (std::uint32_t i = 0; i < part.count && ok(); ++i) sets_.push_back(counted(b));
    }
    if (!ok() || !b.ok()) fail("an instance's qualifiers are cut short", body);
    return tables;
  }

  void instance_values(const Tables& tables, const ClassPart& part, Bytes own_qualifiers,
                       WmioObject& object) {
    object.qualifiers = qualifiers(own_qualifiers, tables.heap);
    object.properties = properties(part, &tables);
    for (std::size_t i = 0; i < sets_.size() && i < object.properties.size() && ok(); ++i) {
      out_.properties[object.properties.begin + i].qualifiers = qualifiers(sets_[i], tables.heap);
    }
    by_declaration(object.properties);
  }

  /// The size of the heap, then the instance from its NdTable on. The document leaves open whether
  /// the heap comes with its own length in front; what remains tells.
  void read_refreshed(Bytes block, Bytes given_class) {
    WmioObject object;
    const auto part = class_part(given_class);
    if (!part) return;
    class_head(*part, object);
    if (!ok()) return;
    ByteReader r(block);
    const std::uint32_t heap_size = r.u32() & ~kTopBit;
    if (!r.ok()) return fail("an object without bytes", block);
    Bytes own_qualifiers;
    Tables tables = instance_tables(r, block, *part, own_qualifiers);
    if (!ok()) return;
    if (r.remaining() >= heap_size + std::size_t{4}) {
      tables.heap = heap(r, block);
      if (tables.heap.size() != heap_size) fail("two lengths of a heap disagree", block);
    } else {
      tables.heap = r.take(heap_size);
      if (!r.ok()) fail("a heap is cut short", block);
    }
    if (!ok()) return;
    object.kind = WmioObject::Kind::kInstance;
    instance_values(tables, *part, own_qualifiers, object);
    out_.objects[0] = object;
  }

  void read_block(std::size_t at, Bytes given_class, bool without_class) {
    // Assigned at the end: reading may add objects and move the vector.
    WmioObject object;
    const Bytes block = blocks_[at];
    ByteReader r(block);
    object.flags = r.u8();
    if (!r.ok()) return fail("an object without bytes", block);
    if (object.flags & kFlagDecoration) {
      object.server = encoded_string(r);
      if (ok()) object.name_space = encoded_string(r);
    }
    if (!ok()) return;
    if (without_class) {
      const auto part = class_part(given_class);
      if (part) {
        class_head(*part, object);
        if (ok()) read_instance(r, *part, object);
      }
    } else if (object.flags & kFlagClass) {
      object.kind = WmioObject::Kind::kClass;
      read_class(r, block, object);
    } else if (object.flags & kFlagInstance) {
      const auto part = class_part(block.subspan(r.offset()));
      if (part) {
        r.skip(part->whole.size());
        class_head(*part, object);
        if (ok()) read_instance(r, *part, object);
      }
    } else {
      fail("neither a class nor an instance", block);
    }
    out_.objects[at] = object;
  }

  void read_class(ByteReader& r, Bytes block, WmioObject& object) {
    // ParentClass: what the superclass has, all of which the class repeats.
    if (const auto parent = class_part(block.subspan(r.offset()))) r.skip(parent->whole.size());
    if (ok()) counted(r);
    if (!ok()) return;
    const auto part = class_part(block.subspan(r.offset()));
    if (!part) return;
    r.skip(part->whole.size());
    class_head(*part, object);
    if (!ok()) return;
    object.qualifiers = qualifiers(part->qualifiers, part->heap);
    if (ok()) object.properties = properties(*part, nullptr);
    by_declaration(object.properties);
    if (!ok() || r.at_end()) return;  // an inner class may come without methods
    const Bytes methods = counted(r);
    if (ok()) object.methods = read_methods(methods);
  }

  Wmio& out_;
  Bytes all_;
  std::size_t budget_;
  std::vector<Bytes> blocks_;  ///< of out_.objects, by index
  std::vector<Bytes> sets_;
};

}  // namespace

std::string_view cim_type_name(CimType type) {
  switch (type) {
    case CimType::kSint16:
      return "sint16";
    case CimType::kSint32:
      return "sint32";
    case CimType::kReal32:
      return "real32";
    case CimType::kReal64:
      return "real64";
    case CimType::kString:
      return "string";
    case CimType::kBoolean:
      return "boolean";
    case CimType::kObject:
      return "object";
    case CimType::kSint8:
      return "sint8";
    case CimType::kUint8:
      return "uint8";
    case CimType::kUint16:
      return "uint16";
    case CimType::kUint32:
      return "uint32";
    case CimType::kSint64:
      return "sint64";
    case CimType::kUint64:
      return "uint64";
    case CimType::kDatetime:
      return "datetime";
    case CimType::kReference:
      return "reference";
    case CimType::kChar16:
      return "char16";
  }
  return "unknown";
}

void WmioText::append_utf8(std::string& out) const {
  if (wide) {
    rpcmarshal::append_utf8(out, bytes);
  } else {
    append_utf8_latin1(out, bytes);
  }
}

std::string WmioText::utf8() const {
  std::string out;
  append_utf8(out);
  return out;
}

bool same_name(const WmioText& text, std::string_view name) {
  if (!text.wide) return equal_ignoring_case(as_text(text.bytes), name);
  return equal_ignoring_case(text.utf8(), name);
}

double WmioValue::as_real() const { return std::bit_cast<double>(bits); }

bool Wmio::decode(Form form, Bytes bytes, Bytes class_part) {
  objects.clear();
  properties.clear();
  qualifiers.clear();
  methods.clear();
  values.clear();
  names.clear();
  reason = {};
  stopped_at = 0;
  Parser(*this, bytes).run(form, class_part);
  return complete();
}

const WmioProperty* Wmio::property(const WmioObject& object, std::string_view name) const {
  for (std::uint32_t i = object.properties.begin; i < object.properties.end; ++i) {
    if (same_name(properties[i].name, name)) return &properties[i];
  }
  return nullptr;
}

bool read_object_array(Bytes packet, std::vector<ObjectArrayItem>& items) {
  // Each header says its own size, so that later versions may add to it.
  ByteReader r(packet);
  const auto header = [&](std::size_t least, Bytes& rest) {
    const std::size_t start = r.offset();
    const std::uint32_t size = r.u32();
    if (!r.ok() || size < least || size > r.remaining() + 4) return false;
    rest = packet.subspan(start + 4, size - 4);
    r.seek(start + size);
    return r.ok();
  };
  r.skip(4);  // byte ordering: 0
  if (as_text(r.take(8)) != "WBEMDATA" || !r.ok()) return false;
  const std::uint32_t first = r.u32();
  if (!r.ok() || first < 26 || first > packet.size()) return false;
  r.seek(first);
  Bytes rest;
  if (!header(8, rest) || !header(12, rest)) return false;
  const std::uint32_t count = ByteReader(rest.subspan(4)).u32();
  for (std::uint32_t i = 0; i < count && i < Wmio::kMaxObjects; ++i) {
    if (!header(9, rest)) return false;
    ByteReader h(rest);
    const std::uint32_t size = h.u32();
    const std::uint8_t type = h.u8();
    const Bytes data = r.take(size);
    if (!r.ok() || type < 1 || type > 3) return false;
    ObjectArrayItem item{};
    item.type = static_cast<ObjectArrayItem::Type>(type);
    ByteReader d(data);
    const std::uint32_t inner = d.u32(), bytes = d.u32();
    if (item.type != ObjectArrayItem::Type::kClass) item.class_id = d.take(16);
    if (!d.ok() || inner > data.size() || bytes > data.size() - inner) return false;
    item.object = data.subspan(inner, bytes);
    items.push_back(item);
  }
  return true;
}

}  // namespace rpcmarshal::dcom
