// How fast stubs become values, and values text. RCreateServiceW's request is the yardstick: 520
// bytes of stub, 560 of JSON. The share enumeration (1,000 entries) shows the cost per byte of
// large responses, the list how referents behave. The JSON here is the least that could be written;
// the product's is sink/'s.
#include <benchmark/benchmark.h>

#include <charconv>
#include <string>

#include "ndr/build.h"

namespace rpcmarshal::ndr::test {
namespace {

/// Escapes in place from the end: strings that need no escape (most) cost one scan.
void append_escaped(std::string& out, const Value& value) {
  static constexpr char kDigits[] = "0123456789abcdef";
  const auto needs = [](char c) {
    return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20;
  };
  const std::size_t start = out.size();
  value.append_text(out);
  std::size_t more = 0;
  for (std::size_t i = start; i < out.size(); ++i) {
    const char c = out[i];
    more += static_cast<std::size_t>((c == '"') | (c == '\\')) +
            (static_cast<unsigned char>(c) < 0x20 ? 5u : 0u);
  }
  if (more == 0) return;
  std::size_t from = out.size();
  out.resize(out.size() + more);
  std::size_t to = out.size();
  while (to != from) {
    const char c = out[--from];
    if (!needs(c)) {
      out[--to] = c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out[--to] = kDigits[c & 15];
      out[--to] = kDigits[c >> 4];
      for (const char e : {'0', '0', 'u', '\\'}) out[--to] = e;
    } else {
      out[--to] = c;
      out[--to] = '\\';
    }
  }
}

template <typename Number>
void append_number(std::string& out, Number number) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

void append_leaf(std::string& out, const Value& value) {
  static constexpr char kDigits[] = "0123456789abcdef";
  switch (value.kind()) {
    case ValueKind::kText:
      out += '"';
      append_escaped(out, value);
      out += '"';
      return;
    case ValueKind::kUInt:
      append_number(out, value.as_uint());
      return;
    case ValueKind::kInt:
      append_number(out, value.as_int());
      return;
    case ValueKind::kBool:
      out += value.as_bool() ? "true" : "false";
      return;
    case ValueKind::kHandle:
    case ValueKind::kBytes:
      out += '"';
      for (const std::byte b : value.bytes()) {
        out += kDigits[std::to_integer<int>(b) >> 4];
        out += kDigits[std::to_integer<int>(b) & 15];
      }
      out += '"';
      return;
    default:
      out += "null";
      return;
  }
}

void append_json(std::string& out, Walker& walker, const Value& root) {
  walker.start(root);
  while (walker.next()) {
    const Value& value = walker.value();
    const bool list = value.kind() == ValueKind::kList;
    if (walker.event() == Walker::Event::kClose) {
      out += list ? ']' : '}';
      continue;
    }
    if (walker.index() > 0) out += ',';
    if (!value.name().empty()) {
      out += '"';
      out += value.name();
      out += "\":";
    }
    if (walker.event() == Walker::Event::kOpen) {
      out += list ? '[' : '{';
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
  std::string out;
  DecodeInput input;
  input.stub = call.wire.bytes();
  for (auto _ : state) {
    decode(*call.program, input, tape);
    out.clear();
    append_json(out, walker, tape.root());
    benchmark::DoNotOptimize(out.data());
  }
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
  std::string out;
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
