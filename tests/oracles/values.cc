// oracle_values: what our decoder makes of a stub, as plain leaves that a script can compare with
// another decoder's. Nothing is presented: numbers stay numbers, text keeps its NULs.
//
//   oracle_values read FILE...               every readable stub of captures (unsealed ones only)
//   oracle_values decode [--interfaces P]... stubs from standard input, a line each:
//       UUID MAJOR OPNUM request|response ndr|ndr64 little|big HEX [HEX-of-the-request]
//   oracle_values table [--interfaces P]...  the catalogue: UUID, version, name, procedures
//   oracle_values parse FILE...              the same of IDL files, each by itself, and counts of
//   errors
//
// One line of JSON per stub (read, decode). "leaves" is in the order of the declaration; each leaf
// is [path, kind, value...]:
//   int: value as an unsigned number of its size      real: number        bool: 0 or 1
//   text: text                                        counted: text or null, Length, MaximumLength
//   bytes, handle, interface: hexadecimal             guid, sid: usual notation
//   time: FILETIME as a number                        null, missing: nothing
//   ints: array of numbers (a whole list of integers) union: discriminant (its arm follows)
//   list: number of elements (they follow)            alias: path of the target
#include <bit>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <map>
#include <sstream>

#include "builtin/builtin.h"
#include "capture/capture_file.h"
#include "ndr/decode.h"
#include "ndr/format.h"
#include "sensor/sensor.h"
#include "sink/json_writer.h"

namespace rpcmarshal {
namespace {

using ndr::Value;
using ndr::ValueKind;

constexpr std::string_view kKinds[] = {"missing", "null",  "bool",   "int",       "int",  "real",
                                       "text",    "bytes", "guid",   "sid",       "time", "record",
                                       "list",    "union", "handle", "interface", "alias"};

/// Bits above the size of the value are the sign's: cut off, so that one number has one notation.
std::uint64_t unsigned_of(const Value& value) {
  const std::size_t size = value.bytes().size();
  const std::uint64_t number = value.as_uint();
  return size == 0 || size >= 8 ? number : number & ((std::uint64_t{1} << (8 * size)) - 1);
}

bool is_integer(const Value& value) {
  return value.kind() == ValueKind::kInt || value.kind() == ValueKind::kUInt;
}

class LeafWriter {
 public:
  explicit LeafWriter(JsonWriter& json) : json_(json) {}

  void write(const Value& root) {
    json_.begin_array();
    walker_.start(root);
    while (walker_.next()) {
      const Value& value = walker_.value();
      const std::size_t depth = walker_.depth();
      if (walker_.event() == ndr::Walker::Event::kClose) continue;
      path_.resize(depth);
      if (depth > 0) {
        path_.push_back(value.name().empty() ? std::to_string(walker_.index())
                                             : std::string(value.name()));
      }
      if (walker_.event() == ndr::Walker::Event::kLeaf) {
        leaf(value);
      } else if (value.kind() == ValueKind::kList && value.size() > 0 && integers(value)) {
        walker_.skip();
      } else if (value.kind() == ValueKind::kList || value.kind() == ValueKind::kUnion) {
        open(value);
        if (value.kind() == ValueKind::kList) {
          json_.number(value.size());
        } else {
          json_.number(value.as_uint());
        }
        json_.end_array();
      }
    }
    json_.end_array();
  }

 private:
  void open(const Value& value, std::string_view kind = {}) {
    json_.begin_array();
    text_.clear();
    for (const std::string& part : path_) {
      if (!text_.empty()) text_ += '.';
      text_ += part;
    }
    json_.string(text_);
    json_.plain_string(kind.empty() ? kKinds[static_cast<std::size_t>(value.kind())] : kind);
  }

  bool integers(const Value& list) {
    for (const Value element : list) {
      if (!is_integer(element)) return false;
    }
    open(list, "ints");
    json_.begin_array();
    for (const Value element : list) json_.number(unsigned_of(element));
    json_.end_array();
    json_.end_array();
    return true;
  }

  void leaf(const Value& value) {
    const bool counted = value.is_counted() && !value.is_missing();
    open(value, counted ? "counted" : "");
    switch (value.kind()) {
      case ValueKind::kBool:
      case ValueKind::kTime:
        json_.number(value.as_uint());
        break;
      case ValueKind::kInt:
      case ValueKind::kUInt:
        json_.number(unsigned_of(value));
        break;
      case ValueKind::kReal:
        json_.real(value.as_real());
        break;
      case ValueKind::kText:
        json_.string(value.text());
        break;
      case ValueKind::kNull:
        if (counted) json_.null();
        break;
      case ValueKind::kBytes:
      case ValueKind::kHandle:
      case ValueKind::kInterface:
        json_.hex_string(value.bytes());
        break;
      case ValueKind::kGuid:
        json_.string(value.as_guid().to_string());
        break;
      case ValueKind::kSid:
        text_.clear();
        if (!ndr::append_sid(text_, value.bytes(), value.order())) text_ = "?";
        json_.string(text_);
        break;
      default:
        break;
    }
    if (counted) {
      json_.number(value.counted_length());
      json_.number(value.counted_maximum());
    }
    json_.end_array();
  }

  JsonWriter& json_;
  ndr::Walker walker_;
  std::vector<std::string> path_;
  std::string text_;
};

void write_result(JsonWriter& json, const ndr::DecodeResult& result, const Value& values) {
  json.member("status", result.complete() ? "complete" : "partial");
  json.member_number("trailing", result.trailing);
  json.member_number("mismatches", result.mismatches);
  if (!result.complete()) {
    json.member_number("failed_at", result.failed_at);
    json.member("reason", result.reason);
  }
  json.key("leaves");
  LeafWriter(json).write(values);
}

void write_stub(const Event& event, ndr::Half half, std::string& out) {
  const EventHalf& from = half == ndr::Half::kRequest ? event.request : event.response;
  const bool readable =
      from.status == DecodeStatus::kComplete || from.status == DecodeStatus::kPartial;
  if (!readable || !event.interface_id || !event.opnum) return;
  JsonWriter json(out);
  json.begin_object();
  json.member("uuid", event.interface_id->uuid.to_string());
  json.member_number("major", event.interface_id->major);
  json.member("interface", event.interface ? event.interface->name : "");
  json.member_number("opnum", *event.opnum);
  json.member("operation", event.operation());
  json.member("half", half == ndr::Half::kRequest ? "request" : "response");
  json.member_bool("ndr64", event.transfer_syntax.uuid == kNdr64Syntax);
  json.member_bool("big", from.order == ByteOrder::kBig);
  json.member_number("id", event.id);
  json.key("stub");
  json.hex_string(from.stub);
  if (from.has_values) {
    write_result(json, from.result, from.values);
  } else {
    json.member("status", "partial");
  }
  json.end_object();
  out += '\n';
}

int read(int count, char** files) {
  const LoadedCatalogue loaded = load_catalogue({});
  std::string out;
  for (int i = 0; i < count; ++i) {
    const CaptureFile::Opened opened = CaptureFile::open(files[i]);
    if (!opened.file) {
      std::fprintf(stderr, "%s\n", opened.error.c_str());
      return 1;
    }
    Sensor sensor(loaded.catalogue, {}, [&](const Event& event) {
      write_stub(event, ndr::Half::kRequest, out);
      write_stub(event, ndr::Half::kResponse, out);
      if (out.size() > 65536) {
        std::fwrite(out.data(), 1, out.size(), stdout);
        out.clear();
      }
    });
    RawPacket packet;
    while (opened.file->next(packet)) sensor.packet(packet);
    sensor.finish();
  }
  std::fwrite(out.data(), 1, out.size(), stdout);
  return 0;
}

std::optional<std::vector<std::byte>> from_hex(std::string_view text) {
  if (text == "-") text = {};
  std::vector<std::byte> bytes;
  const auto digit = [](char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    const int high = digit(text[i]), low = digit(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes.push_back(static_cast<std::byte>(high * 16 + low));
  }
  return text.size() % 2 == 0 ? std::optional(std::move(bytes)) : std::nullopt;
}

int decode(const Catalogue& catalogue) {
  const ndr::Codec codec(catalogue);
  ndr::Tape request_tape, tape;
  std::string line, out;
  while (std::getline(std::cin, line)) {
    std::istringstream in(line);
    std::string uuid, half, syntax, order, hex, request_hex = "-";
    unsigned major = 0, opnum = 0;
    in >> uuid >> major >> opnum >> half >> syntax >> order >> hex >> request_hex;
    const std::optional<Guid> id = Guid::parse(uuid);
    const auto stub = from_hex(hex), request = from_hex(request_hex);
    out.clear();
    JsonWriter json(out);
    json.begin_object();
    const Interface* iface = id ? catalogue.find(*id, static_cast<std::uint16_t>(major)) : nullptr;
    const bool is_request = half == "request";
    const auto wide = syntax == "ndr64" ? ndr::Syntax::kNdr64 : ndr::Syntax::kNdr20;
    const auto program = [&](ndr::Half which) {
      return iface ? codec.program(*iface, static_cast<std::uint16_t>(opnum), which, wide)
                   : nullptr;
    };
    const ndr::Program* code = program(is_request ? ndr::Half::kRequest : ndr::Half::kResponse);
    if (!stub || !request || !code) {
      json.member("status", !iface ? "unknown interface" : !code ? "unknown operation" : "bad hex");
    } else {
      ndr::DecodeInput input;
      input.order = order == "big" ? ByteOrder::kBig : ByteOrder::kLittle;
      if (!is_request && !request->empty()) {
        input.stub = *request;
        ndr::decode(*program(ndr::Half::kRequest), input, request_tape);
        input.request = &request_tape;
      }
      input.stub = *stub;
      json.member("operation", iface->find(static_cast<std::uint16_t>(opnum))->name);
      const ndr::DecodeResult result = ndr::decode(*code, input, tape);
      write_result(json, result, tape.root());
    }
    json.end_object();
    out += '\n';
    std::fwrite(out.data(), 1, out.size(), stdout);
    std::fflush(stdout);
  }
  return 0;
}

void describe(const Interface& iface, std::string_view file, std::string& out) {
  JsonWriter json(out);
  json.begin_object();
  if (!file.empty()) json.member("file", file);
  json.member("uuid", iface.id.uuid.to_string());
  json.member_number("major", iface.id.major);
  json.member_number("minor", iface.id.minor);
  json.member("name", iface.name);
  json.member("document", iface.document);
  json.key("procedures");
  json.begin_array();
  for (const Procedure& procedure : iface.procedures) {
    json.begin_array();
    json.string(procedure.name);
    json.boolean(procedure.typed);
    json.boolean(procedure.reserved);
    json.end_array();
  }
  json.end_array();
  json.end_object();
  out += '\n';
}

int table(const Catalogue& catalogue) {
  std::string out;
  for (const Interface* iface : catalogue.all()) describe(*iface, {}, out);
  std::fwrite(out.data(), 1, out.size(), stdout);
  return 0;
}

int parse(int count, char** files) {
  for (int i = 0; i < count; ++i) {
    const idl::ParseResult result = idl::parse_file(files[i], {});
    std::string out;
    for (const Interface& iface : result.module.interfaces) describe(iface, files[i], out);
    std::size_t counts[3] = {};
    for (const idl::Diagnostic& d : result.diagnostics) ++counts[static_cast<int>(d.severity)];
    JsonWriter json(out);
    json.begin_object();
    json.member("file", files[i]);
    json.member_number("errors", counts[static_cast<int>(idl::Diagnostic::Severity::kError)]);
    json.member_number("warnings", counts[static_cast<int>(idl::Diagnostic::Severity::kWarning)]);
    json.end_object();
    out += '\n';
    std::fwrite(out.data(), 1, out.size(), stdout);
  }
  return 0;
}

}  // namespace
}  // namespace rpcmarshal

int main(int argc, char** argv) {
  using namespace rpcmarshal;
  const std::string_view what = argc > 1 ? argv[1] : "";
  if (what == "read") return read(argc - 2, argv + 2);
  if (what == "parse") return parse(argc - 2, argv + 2);
  std::vector<std::string> definitions;
  for (int i = 2; i + 1 < argc; i += 2) definitions.emplace_back(argv[i + 1]);
  if (what != "decode" && what != "table") {
    std::fputs("usage: oracle_values read|parse FILE... | decode|table [--interfaces PATH]...\n",
               stderr);
    return 2;
  }
  const LoadedCatalogue loaded = load_catalogue(definitions);
  for (const idl::Diagnostic& d : loaded.diagnostics) {
    if (d.severity == idl::Diagnostic::Severity::kError)
      std::fprintf(stderr, "%s\n", d.to_string().c_str());
  }
  return what == "table" ? table(loaded.catalogue) : decode(loaded.catalogue);
}
