// How fast stubs become values, and values text. RCreateServiceW's request is the yardstick: 520
// bytes of stub, 560 of JSON. The share enumeration (1,000 entries) shows the cost per byte of
// large responses, the list how referents behave. The JSON here is the least that could be written;
// the product's is sink/'s.
#include <benchmark/benchmark.h>

#include <bit>
#include <charconv>
#include <cstring>
#include <string>

#include "ndr/build.h"

namespace rpcmarshal::ndr::test {
namespace {

/// A buffer with room for the whole text: the caller sees to that once, as a writer does per event.
class Out {
 public:
  explicit Out(std::size_t size) : buffer_(size), at_(buffer_.data()) {}
  void clear() { at_ = buffer_.data(); }
  std::size_t size() const { return static_cast<std::size_t>(at_ - buffer_.data()); }
  const char* data() const { return buffer_.data(); }
  void put(char c) { *at_++ = c; }
  void put(std::string_view text) {
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  template <typename Number>
  void number(Number number) {
    at_ = std::to_chars(at_, at_ + 24, number).ptr;
  }
  void hex(Bytes bytes) {
    static constexpr char kDigits[] = "0123456789abcdef";
    for (const std::byte b : bytes) {
      *at_++ = kDigits[std::to_integer<int>(b) >> 4];
      *at_++ = kDigits[std::to_integer<int>(b) & 15];
    }
  }
  /// Little-endian UTF-16 as a JSON string's body: eight ASCII characters at a time, then those
  /// that need an escape one by one. False at the first that is not ASCII.
  bool ascii(Bytes text) {
    constexpr std::uint64_t kOnes = 0x0101010101010101u, kHighs = 0x8080808080808080u;
    static constexpr char kDigits[] = "0123456789abcdef";
    const auto zeros = [](std::uint64_t v) { return (v - kOnes) & ~v & kHighs; };
    const std::byte* from = text.data();
    const std::byte* const end = from + text.size() / 2 * 2;
    char* const start = at_;
    while (from != end) {
      std::uint64_t eight = 0;
      const auto left = static_cast<std::size_t>(end - from) / 2;
      std::size_t some = 8;
      if (left >= 8) {
        std::uint64_t low, high;
        std::memcpy(&low, from, 8);
        std::memcpy(&high, from + 8, 8);
        if ((low | high) & 0xFF80FF80FF80FF80u) break;
        low = (low | low >> 8) & 0x0000FFFF0000FFFFu;
        high = (high | high >> 8) & 0x0000FFFF0000FFFFu;
        eight = ((low | low >> 16) & 0xFFFFFFFFu) | (high | high >> 16) << 32;
      } else {
        some = left;
        bool all = true;
        for (std::size_t i = 0; i < some; ++i) {
          const auto c = load<std::uint16_t>(from + 2 * i, ByteOrder::kLittle);
          all = all && c < 0x80;
          eight |= std::uint64_t{c & 0x7Fu} << (8 * i);
        }
        if (!all) break;
      }
      std::uint64_t special = zeros(eight ^ kOnes * '"') | zeros(eight ^ kOnes * '\\') |
                              ((eight - kOnes * 0x20) & ~eight & kHighs);
      if (some < 8) special &= (std::uint64_t{1} << (8 * some)) - 1;
      from += 2 * some;
      // The lowest flagged byte is exact; bytes above it are looked at again.
      while (special != 0) {
        const auto clean = static_cast<std::size_t>(std::countr_zero(special)) / 8;
        std::memcpy(at_, &eight, 8);
        at_ += clean;
        const auto c = static_cast<unsigned char>(eight >> (8 * clean));
        if (c < 0x20) {
          put("\\u00");
          put(kDigits[c >> 4]);
          put(kDigits[c & 15]);
        } else if (c == '"' || c == '\\') {
          put('\\');
          put(static_cast<char>(c));
        } else {
          put(static_cast<char>(c));
        }
        some -= clean + 1;
        if (clean == 7) {
          eight = special = 0;
        } else {
          eight >>= 8 * (clean + 1);
          special >>= 8 * (clean + 1);
        }
      }
      std::memcpy(at_, &eight, 8);
      at_ += some;
    }
    if (from == end) return true;
    at_ = start;
    return false;
  }

 private:
  std::vector<char> buffer_;
  char* at_;
};

void append_leaf(Out& out, const Value& value) {
  switch (value.kind()) {
    case ValueKind::kText:
      out.put('"');
      if (!value.is_text16() || value.order() != ByteOrder::kLittle || !out.ascii(value.bytes())) {
        for (const char c : value.text()) {
          if (c == '"' || c == '\\') out.put('\\');
          out.put(static_cast<unsigned char>(c) < 0x20 ? ' ' : c);
        }
      }
      out.put('"');
      return;
    case ValueKind::kUInt:
      out.number(value.as_uint());
      return;
    case ValueKind::kInt:
      out.number(value.as_int());
      return;
    case ValueKind::kBool:
      out.put(value.as_bool() ? "true" : "false");
      return;
    case ValueKind::kHandle:
    case ValueKind::kBytes:
      out.put('"');
      out.hex(value.bytes());
      out.put('"');
      return;
    default:
      out.put("null");
      return;
  }
}

void append_json(Out& out, Walker& walker, const Value& root) {
  walker.start(root);
  while (walker.next()) {
    const Value& value = walker.value();
    const bool list = value.kind() == ValueKind::kList;
    if (walker.event() == Walker::Event::kClose) {
      out.put(list ? ']' : '}');
      continue;
    }
    if (walker.index() > 0) out.put(',');
    if (!value.name().empty()) {
      out.put('"');
      out.put(value.name());
      out.put("\":");
    }
    if (walker.event() == Walker::Event::kOpen) {
      out.put(list ? '[' : '{');
    } else {
      append_leaf(out, value);
    }
  }
}

struct CreateService {
  Idl idl;
  Wire wire;
  const Program* program;
  explicit CreateService(Syntax syntax = Syntax::kNdr20) {
    const auto sized = [&](const char* n) {
      return idl.pointer(idl.array(idl.byte(), {Idl::conformant(n)}));
    };
    const auto text = [&] { return idl.pointer(idl.wstring()); };
    idl.procedure({{kIn, "hSCManager", idl.handle()},
                   {kIn, "lpServiceName", idl.ref(idl.wstring())},
                   {kIn, "lpDisplayName", text()},
                   {kIn, "dwDesiredAccess", idl.u32()},
                   {kIn, "dwServiceType", idl.u32()},
                   {kIn, "dwStartType", idl.u32()},
                   {kIn, "dwErrorControl", idl.u32()},
                   {kIn, "lpBinaryPathName", idl.ref(idl.wstring())},
                   {kIn, "lpLoadOrderGroup", text()},
                   {kInOut, "lpdwTagId", idl.pointer(idl.u32())},
                   {kIn, "lpDependencies", sized("dwDependSize")},
                   {kIn, "dwDependSize", idl.u32()},
                   {kIn, "lpServiceStartName", text()},
                   {kIn, "lpPassword", sized("dwPwSize")},
                   {kIn, "dwPwSize", idl.u32()}},
                  idl.u32());
    const std::u16string path =
        u"%COMSPEC% /Q /c echo cd  ^> \\\\127.0.0.1\\C$\\__output 2^>^&1 > %TEMP%\\execute.bat & "
        u"%COMSPEC% /Q /c %TEMP%\\execute.bat & del %TEMP%\\execute.bat and a little more to make "
        u"it as long";
    const bool wide = syntax == Syntax::kNdr64;
    const auto put = [&](std::u16string_view s) { wide ? wire.wstring64(s) : wire.wstring(s); };
    const auto pointer = [&](std::uint32_t id) {
      wide ? wire.align(8).u64(id) : wire.align(4).u32(id);
    };
    wire.u32(0);
    for (int i = 0; i < 16; ++i) wire.u8(static_cast<std::uint8_t>(i * 7));
    put(u"BTOBTO");
    pointer(1);
    put(u"BTOBTO");
    wire.align(4).u32(0xF01FF).u32(0x10).u32(3).u32(0);
    put(path);
    for (int i = 0; i < 3; ++i) pointer(0);
    wire.u32(0);
    for (int i = 0; i < 2; ++i) pointer(0);
    wire.u32(0);
    program = idl.program(Half::kRequest, syntax);
  }
};

template <Syntax syntax>
void CreateServiceDecode(benchmark::State& state) {
  const CreateService call(syntax);
  Tape tape;
  DecodeInput input;
  input.stub = call.wire.bytes();
  for (auto _ : state) {
    const DecodeResult result = decode(*call.program, input, tape);
    if (!result.complete()) state.SkipWithError("partial");
    benchmark::DoNotOptimize(tape.entry_count());
  }
  state.counters["stub"] = static_cast<double>(call.wire.size());
}
BENCHMARK(CreateServiceDecode<Syntax::kNdr20>);
BENCHMARK(CreateServiceDecode<Syntax::kNdr64>);

void CreateServiceJson(benchmark::State& state) {
  const CreateService call;
  Tape tape;
  Walker walker;
  Out out(std::size_t{1} << 20);
  DecodeInput input;
  input.stub = call.wire.bytes();
  for (auto _ : state) {
    decode(*call.program, input, tape);
    out.clear();
    append_json(out, walker, tape.root());
    benchmark::DoNotOptimize(out.data());
  }
  state.SetLabel(std::string(out.data() + 64, 60));
  state.counters["stub"] = static_cast<double>(call.wire.size());
  state.counters["json"] = static_cast<double>(out.size());
}
BENCHMARK(CreateServiceJson);

struct ShareEnum {
  Idl idl;
  Wire wire;
  const Program* program;
  ShareEnum() {
    const Type* info = idl.record("SHARE_INFO_1", {{"shi1_netname", idl.pointer(idl.wstring())},
                                                   {"shi1_type", idl.u32()},
                                                   {"shi1_remark", idl.pointer(idl.wstring())}});
    const Type* container =
        idl.record("SHARE_INFO_1_CONTAINER",
                   {{"EntriesRead", idl.u32()},
                    {"Buffer", idl.pointer(idl.array(info, {Idl::conformant("EntriesRead")}))}});
    const Type* choice = idl.choice(idl.u32(), {{{1}, "Level1", idl.pointer(container)}});
    const Type* structure =
        idl.record("SHARE_ENUM_STRUCT", {{"Level", idl.u32()}, {"ShareInfo", choice}});
    idl.procedure(
        {{kInOut, "InfoStruct", idl.ref(structure)}, {kOut, "TotalEntries", idl.ref(idl.u32())}},
        idl.u32());
    constexpr std::uint32_t kShares = 1000;
    wire.u32(1).u32(1).u32(1).u32(kShares).u32(1).u32(kShares);
    for (std::uint32_t i = 0; i < kShares; ++i) wire.u32(1).u32(0).u32(1);
    for (std::uint32_t i = 0; i < kShares; ++i)
      wire.wstring(u"SHARE" + std::u16string(i % 7, u'x')).wstring(u"A remark of some length");
    wire.align(4).u32(kShares).u32(0);
    program = idl.program(Half::kResponse);
  }
};

void ShareEnumDecode(benchmark::State& state) {
  const ShareEnum call;
  Tape tape;
  DecodeInput input;
  input.stub = call.wire.bytes();
  for (auto _ : state) {
    const DecodeResult result = decode(*call.program, input, tape);
    if (!result.complete() || result.mismatches) state.SkipWithError("partial");
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * call.wire.size()));
}
BENCHMARK(ShareEnumDecode);

void ShareEnumJson(benchmark::State& state) {
  const ShareEnum call;
  Tape tape;
  Walker walker;
  Out out(std::size_t{1} << 20);
  DecodeInput input;
  input.stub = call.wire.bytes();
  for (auto _ : state) {
    decode(*call.program, input, tape);
    out.clear();
    append_json(out, walker, tape.root());
    benchmark::DoNotOptimize(out.data());
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * call.wire.size()));
}
BENCHMARK(ShareEnumJson);

/// A linked list through unique pointers, as deep replies have it.
void LinkedListDecode(benchmark::State& state) {
  Idl idl;
  Type* node = idl.record("NODE", {{"v", idl.u32()}, {"name", idl.pointer(idl.wstring())}});
  idl.add_field(node, "next", idl.pointer(node));
  idl.procedure({{kIn, "p", idl.pointer(node)}});
  Wire wire;
  constexpr std::uint32_t kNodes = 1000;
  wire.u32(1);
  for (std::uint32_t i = 0; i < kNodes; ++i) {
    wire.align(4).u32(i).u32(1).u32(i + 1 < kNodes).wstring(u"attribute");
  }
  const Program* program = idl.program();
  Tape tape;
  DecodeInput input;
  input.stub = wire.bytes();
  for (auto _ : state) {
    if (!decode(*program, input, tape).complete()) state.SkipWithError("partial");
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * wire.size()));
}
BENCHMARK(LinkedListDecode);

}  // namespace
}  // namespace rpcmarshal::ndr::test
