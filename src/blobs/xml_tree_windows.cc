// read_xml() with XmlLite, which every Windows since XP has, and Wine. It is loaded when the first
// XML comes, from the system's folder only; without it, XML is not read. Nothing here keeps a lock
// or calls back into COM, so it may run on a thread of the server that is hooked.
#include <windows.h>
// After windows.h:
#include <xmllite.h>

#include <algorithm>
#include <atomic>
#include <cstring>

#include "base/unicode.h"
#include "blobs/xml_tree.h"

namespace rpcmarshal::blobs {
namespace {

using CreateReader = HRESULT(STDMETHODCALLTYPE*)(REFIID, void**, IMalloc*);

/// Null when there is none. What failed for want of memory is tried again with the next document.
CreateReader create_reader() {
  static std::atomic<CreateReader> found{nullptr};
  CreateReader create = found.load(std::memory_order_acquire);
  if (create) return create;
  const HMODULE library = LoadLibraryExW(L"xmllite.dll", nullptr, LOAD_LIBRARY_SEARCH_SYSTEM32);
  if (!library) return nullptr;
  const FARPROC address = GetProcAddress(library, "CreateXmlReader");
  static_assert(sizeof address == sizeof create);
  std::memcpy(&create, &address, sizeof create);
  found.store(create, std::memory_order_release);  // the library stays loaded
  return create;
}

// Written out: the header declares them without a definition to link with.
constexpr GUID kReaderId{
    0x7279fc81, 0x709d, 0x4095, {0xb6, 0x3d, 0x69, 0xfe, 0x4b, 0x0d, 0x90, 0x30}};
constexpr GUID kUnknownId{0, 0, 0, {0xc0, 0, 0, 0, 0, 0, 0, 0x46}};
constexpr GUID kSequentialStreamId{
    0x0c733a30, 0x2a1c, 0x11ce, {0xad, 0xe5, 0x00, 0xaa, 0x00, 0x44, 0x77, 0x3d}};

#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"  // COM's way: nobody deletes by such a pointer
/// Bytes as a stream. It lives on the stack of read_xml(), which outlives the reader.
class MemoryStream final : public ISequentialStream {
 public:
  explicit MemoryStream(std::string_view bytes) : rest_(bytes) {}

  HRESULT STDMETHODCALLTYPE QueryInterface(REFIID id, void** object) override {
    if (std::memcmp(&id, &kUnknownId, sizeof id) == 0 ||
        std::memcmp(&id, &kSequentialStreamId, sizeof id) == 0) {
      *object = static_cast<ISequentialStream*>(this);
      return S_OK;
    }
    *object = nullptr;
    return E_NOINTERFACE;
  }
  ULONG STDMETHODCALLTYPE AddRef() override { return 2; }
  ULONG STDMETHODCALLTYPE Release() override { return 1; }
  HRESULT STDMETHODCALLTYPE Read(void* to, ULONG size, ULONG* read) override {
    const ULONG count = static_cast<ULONG>(std::min<std::size_t>(size, rest_.size()));
    std::memcpy(to, rest_.data(), count);
    rest_.remove_prefix(count);
    if (read) *read = count;
    return count == size ? S_OK : S_FALSE;
  }
  HRESULT STDMETHODCALLTYPE Write(const void*, ULONG, ULONG*) override { return E_NOTIMPL; }

 private:
  std::string_view rest_;
};

struct Release {
  void operator()(IUnknown* object) const { object->Release(); }
};

/// Whether every element that begins also ends, by their number. Wine 8's XmlLite invents ends,
/// some without end, when the input stops early: such documents are not given to it.
bool ends_where_it_should(std::string_view xml) {
  std::size_t open = 0;
  for (std::size_t at = xml.find('<'); at != std::string_view::npos; at = xml.find('<', at)) {
    const std::string_view rest = xml.substr(at);
    const std::string_view until = rest.starts_with("<!--")        ? "-->"
                                   : rest.starts_with("<![CDATA[") ? "]]>"
                                   : rest.starts_with("<?")        ? "?>"
                                                                   : "";
    if (!until.empty()) {
      const auto end = xml.find(until, at + 2);
      if (end == std::string_view::npos) return false;
      at = end + until.size();
      continue;
    }
    if (rest.starts_with("<!")) return false;  // a document type
    char quote = 0;
    std::size_t end = at + 1;
    for (; end < xml.size() && (quote != 0 || xml[end] != '>'); ++end) {
      if (quote != 0 && xml[end] == quote) {
        quote = 0;
      } else if (quote == 0 && (xml[end] == '"' || xml[end] == '\'')) {
        quote = xml[end];
      }
    }
    if (end >= xml.size()) return false;
    if (rest.starts_with("</")) {
      if (open == 0) return false;
      --open;
    } else if (xml[end - 1] != '/') {
      ++open;
    }
    at = end + 1;
  }
  return open == 0;
}

class Walker {
 public:
  explicit Walker(IXmlReader& reader) : reader_(reader) {}

  /// Whether the input was well-formed to its end.
  bool run(XmlBuilder& builder) {
    for (;;) {
      XmlNodeType type = XmlNodeType_None;
      const HRESULT result = reader_.Read(&type);
      if (result != S_OK) return result == S_FALSE;  // S_FALSE: the end
      switch (type) {
        case XmlNodeType_Element:
          element(builder);
          break;
        case XmlNodeType_EndElement:
          builder.close();
          break;
        case XmlNodeType_Text:
        case XmlNodeType_CDATA:
        case XmlNodeType_Whitespace: {
          const wchar_t* text = nullptr;
          UINT length = 0;
          if (reader_.GetValue(&text, &length) != S_OK) return false;
          builder.text(utf8(text, length));
          break;
        }
        default:
          break;
      }
    }
  }

 private:
  void element(XmlBuilder& builder) {
    const wchar_t* name = nullptr;
    UINT length = 0;
    const bool empty = reader_.IsEmptyElement() != FALSE;  // before going to attributes
    if (reader_.GetLocalName(&name, &length) != S_OK) length = 0;
    builder.open(utf8(name, length));
    for (HRESULT more = reader_.MoveToFirstAttribute(); more == S_OK;
         more = reader_.MoveToNextAttribute()) {
      if (reader_.GetQualifiedName(&name, &length) != S_OK) break;
      const std::string key(utf8(name, length));
      if (reader_.GetValue(&name, &length) != S_OK) break;
      builder.attribute(key, utf8(name, length));
    }
    if (empty) builder.close();
  }

  /// Valid until the next call.
  std::string_view utf8(const wchar_t* text, UINT length) {
    text_.clear();
    append_utf8(text_, Bytes(reinterpret_cast<const std::byte*>(text), std::size_t{length} * 2));
    return text_;
  }

  IXmlReader& reader_;
  std::string text_;
};

}  // namespace

std::unique_ptr<XmlDocument> read_xml(std::string_view xml) {
  if (xml.size() > kMaxXml) return nullptr;
  const CreateReader create = create_reader();
  void* object = nullptr;
  if (!create || create(kReaderId, &object, nullptr) != S_OK) return nullptr;
  xml = skip_xml_declaration(xml);
  const std::unique_ptr<IXmlReader, Release> reader(static_cast<IXmlReader*>(object));
  if (!ends_where_it_should(xml)) return nullptr;
  MemoryStream stream(xml);
  if (reader->SetProperty(XmlReaderProperty_DtdProcessing, DtdProcessing_Prohibit) != S_OK ||
      reader->SetInput(&stream) != S_OK) {
    return nullptr;
  }
  XmlBuilder builder;
  const bool well_formed = Walker(*reader).run(builder);
  return builder.take(well_formed);
}

}  // namespace rpcmarshal::blobs
