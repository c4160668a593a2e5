// A writer of one's own: values of one's own interface as XML.
//
//     write_values            decodes the stub below, in NDR and in NDR64, and prints both
//
// Shows how to use IDL text without any file, how to walk values, and how values that mean more
// than their bytes (enumerations, flags, times, SIDs, status codes) are named.
#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>

#include "base/unicode.h"
#include "idl/parser.h"
#include "interface/status.h"
#include "ndr/decode.h"
#include "ndr/format.h"

namespace {

using namespace rpcmarshal;

constexpr std::string_view kIdl = R"idl(
  import "ms-dtyp.idl";
  typedef enum { PRIO_LOW = 0, PRIO_HIGH = 9 } PRIORITY;
  enum MODES { MODE_READ = 1, MODE_WRITE = 2 };
  typedef struct {
    PRIORITY priority;
    /*@flags("MODES")*/ unsigned long mode;
    FILETIME due;
    [string, unique] wchar_t* note;
  } JOB;
  [uuid(0d3a1f2c-5b1e-4c55-9d5e-1f0c5f3d2a10), version(1.0), pointer_default(unique)]
  /*@status("win32")*/
  interface jobs {
    error_status_t Submit([in, string] wchar_t* queue,
                          [in] unsigned long count,
                          [in, size_is(count)] JOB* list);
  }
)idl";

/// Appends little-endian integers and UTF-16, aligned as NDR (4) or NDR64 (8) want it.
class Stub {
 public:
  explicit Stub(std::size_t word) : word_(word) {}
  Bytes bytes() const { return as_bytes(bytes_); }
  Stub& align(std::size_t to) {
    bytes_.resize((bytes_.size() + to - 1) / to * to);
    return *this;
  }
  Stub& number(std::uint64_t value, std::size_t size) {
    align(size);
    for (; size > 0; --size, value >>= 8) bytes_ += static_cast<char>(value & 0xFF);
    return *this;
  }
  Stub& word(std::uint64_t value) { return number(value, word_); }  // a count or a referent id
  Stub& text(std::u16string_view text) {
    word(text.size() + 1).word(0).word(text.size() + 1);
    for (const char16_t c : text) number(c, 2);
    return number(0, 2);
  }

 private:
  std::string bytes_;
  std::size_t word_;
};

std::string make_stub(ndr::Syntax syntax) {
  const bool wide = syntax == ndr::Syntax::kNdr64;
  Stub stub(wide ? 8 : 4);
  stub.text(u"night <shift>").number(2, 4).word(2);
  for (unsigned i = 0; i < 2; ++i) {
    if (wide) stub.align(8);
    stub.align(4)
        .number(9 * i, wide ? 4 : 2)
        .number(i + 2, 4);  // NDR64's enumerations have 32 bits
    stub.number(0xD5D4A000, 4).number(0x01DA9BB1, 4).word(i == 0 ? 0x20000 : 0);
  }
  stub.text(u"back up C:\\");
  return std::string(as_text(stub.bytes()));
}

/// Values to XML. Nothing here knows the interface.
class XmlWriter {
 public:
  std::string write(const Procedure& procedure, const ndr::Value& root) {
    out_ = "<" + procedure.name + ">\n";
    walker_.start(root);
    while (walker_.next()) {
      const ndr::Value& value = walker_.value();
      if (walker_.depth() == 0) continue;  // the parameters' record itself
      const std::string name(value.name().empty() ? "item" : value.name());
      out_.append(2 * walker_.depth(), ' ');
      switch (walker_.event()) {
        case ndr::Walker::Event::kOpen:
          out_ += "<" + name + ">\n";
          break;
        case ndr::Walker::Event::kClose:
          out_ += "</" + name + ">\n";
          break;
        case ndr::Walker::Event::kLeaf:
          if (value.is_null()) {
            out_ += "<" + name + " null=\"true\"/>\n";
          } else {
            out_ += "<" + name + ">";
            leaf(value);
            out_ += "</" + name + ">\n";
          }
          break;
      }
    }
    return std::move(out_) + "</" + procedure.name + ">\n";
  }

 private:
  void leaf(const ndr::Value& value) {
    switch (value.kind()) {
      case ndr::ValueKind::kText:
        for (const char c : value.text()) {
          if (c == '<') {
            out_ += "&lt;";
          } else if (c == '&') {
            out_ += "&amp;";
          } else {
            out_ += c;
          }
        }
        break;
      case ndr::ValueKind::kBool:
      case ndr::ValueKind::kInt:
      case ndr::ValueKind::kUInt:
        if (!ndr::append_symbol(out_, value)) out_ += std::to_string(value.as_int());
        break;
      case ndr::ValueKind::kTime:
        ndr::append_filetime(out_, value.as_uint());
        break;
      case ndr::ValueKind::kSid:
        if (!ndr::append_sid(out_, value.bytes(), value.order())) append_hex(out_, value.bytes());
        break;
      default:
        append_hex(out_, value.bytes());
        break;
    }
  }

  ndr::Walker walker_;
  std::string out_;
};

}  // namespace

int main() {
  idl::ParseResult parsed = idl::parse_text(std::string(kIdl), "jobs.idl");
  for (const idl::Diagnostic& finding : parsed.diagnostics) {
    std::fprintf(stderr, "%s\n", finding.to_string().c_str());
  }
  Catalogue catalogue;
  catalogue.add(std::move(parsed.module));
  const Interface* jobs = catalogue.find_by_name("jobs");
  if (!jobs) return 1;

  const ndr::Codec codec(catalogue);
  ndr::Tape tape;
  XmlWriter writer;
  for (const auto syntax : {ndr::Syntax::kNdr20, ndr::Syntax::kNdr64}) {
    const ndr::Program* program = codec.program(*jobs, 0, ndr::Half::kRequest, syntax);
    const std::string stub = make_stub(syntax);
    if (!program || !ndr::decode(*program, {.stub = as_bytes(stub)}, tape).complete()) return 1;
    std::printf("%s", writer.write(*program->procedure, tape.root()).c_str());
  }
  return 0;
}
