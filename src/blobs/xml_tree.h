// A small XML tree, for the formats of xml.h. The text itself is read by a parser of the platform
// (pugixml; XmlLite on Windows), which feeds an XmlBuilder: what is kept, and how much of hostile
// input, is decided there, once for both. Prefixes of names are dropped; document types are skipped
// or end the reading, and entities, but for the five of XML, are never expanded.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rpcmarshal::blobs {

struct XmlElement {
  std::string name;  ///< UTF-8, without prefix
  std::string text;  ///< character data directly below it, CDATA too; comments cut nothing out
  std::vector<std::pair<std::string, std::string>>
      attributes;  ///< without a prefix; no more than 8
  std::vector<XmlElement> children;

  /// The first of that name, or nullptr.
  const XmlElement* child(std::string_view of_name) const;
  /// Text of that child, without white space around it; empty when there is none.
  std::string_view text_of(std::string_view of_name) const;
  /// Empty when absent.
  std::string_view attribute(std::string_view of_name) const;
};

struct XmlDocument {
  XmlElement root;
  bool complete = false;  ///< well-formed to its end, and nothing was left out
};

/// Collects one document from the events of a parser. May throw std::bad_alloc.
class XmlBuilder {
 public:
  /// Levels below the root that are kept. The formats have five.
  static constexpr std::size_t kMaxDepth = 12;
  static constexpr std::size_t kMaxElements = 20000;
  static constexpr std::size_t kMaxAttributes = 8;

  /// `name` as it is written; the prefix is cut off here.
  void open(std::string_view name);
  void attribute(std::string_view name, std::string_view value);
  void text(std::string_view characters);
  void close();

  /// Whether there is a root and it was closed.
  bool ended() const { return rooted_ && depth_ == 0; }
  /// `well_formed`: what the parser says in the end. Without value when there was no element.
  std::unique_ptr<XmlDocument> take(bool well_formed);

 private:
  XmlDocument document_;
  std::vector<XmlElement*> open_;  ///< those that are kept; siblings are added to the last only
  std::size_t depth_ = 0;          ///< of the parser: may be deeper than open_
  std::size_t elements_ = 0;
  bool rooted_ = false, left_out_ = false;
};

inline constexpr std::size_t kMaxXml = 1u << 20;

/// Reads UTF-8, whatever its declaration says of the encoding. What stands before a mistake is
/// kept. Null when there is no element, more than kMaxXml bytes, or no parser (an old Windows
/// without xmllite.dll). May throw std::bad_alloc.
std::unique_ptr<XmlDocument> read_xml(std::string_view xml);

/// `xml` without byte-order mark, XML declaration and the space after it: it was UTF-16 on the
/// wire, and says so.
std::string_view skip_xml_declaration(std::string_view xml);

}  // namespace rpcmarshal::blobs
