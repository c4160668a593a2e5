#include "blobs/xml_tree.h"

namespace rpcmarshal::blobs {
namespace {

bool is_space(char c) { return static_cast<unsigned char>(c) <= ' '; }

std::string_view local_name(std::string_view name) {
  const auto colon = name.find(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

}  // namespace

const XmlElement* XmlElement::child(std::string_view of_name) const {
  for (const XmlElement& element : children) {
    if (element.name == of_name) return &element;
  }
  return nullptr;
}

std::string_view XmlElement::text_of(std::string_view of_name) const {
  const XmlElement* element = child(of_name);
  if (!element) return {};
  std::string_view out = element->text;
  while (!out.empty() && is_space(out.front())) out.remove_prefix(1);
  while (!out.empty() && is_space(out.back())) out.remove_suffix(1);
  return out;
}

std::string_view XmlElement::attribute(std::string_view of_name) const {
  for (const auto& [key, value] : attributes) {
    if (key == of_name) return value;
  }
  return {};
}

void XmlBuilder::open(std::string_view name) {
  ++depth_;
  if (depth_ == 1) {
    if (rooted_) {  // a second root: no document has one
      left_out_ = true;
      return;
    }
    rooted_ = true;
    document_.root.name = local_name(name);
    open_.push_back(&document_.root);
    return;
  }
  if (open_.size() + 1 != depth_ || depth_ > kMaxDepth + 1 || elements_ == kMaxElements) {
    left_out_ = true;
    return;
  }
  ++elements_;
  XmlElement& element = open_.back()->children.emplace_back();
  element.name = local_name(name);
  open_.push_back(&element);
}

void XmlBuilder::attribute(std::string_view name, std::string_view value) {
  if (open_.size() != depth_ || depth_ == 0 || name.find(':') != std::string_view::npos) return;
  auto& attributes = open_.back()->attributes;
  if (attributes.size() < kMaxAttributes) attributes.emplace_back(name, value);
}

void XmlBuilder::text(std::string_view characters) {
  if (open_.size() == depth_ && depth_ != 0) open_.back()->text += characters;
}

void XmlBuilder::close() {
  if (depth_ == 0) return;
  if (open_.size() == depth_) open_.pop_back();
  --depth_;
}

std::unique_ptr<XmlDocument> XmlBuilder::take(bool well_formed) {
  if (!rooted_) return nullptr;
  document_.complete = well_formed && ended() && !left_out_;
  open_.clear();
  return std::make_unique<XmlDocument>(std::move(document_));
}

std::string_view skip_xml_declaration(std::string_view xml) {
  if (xml.starts_with("\xEF\xBB\xBF")) xml.remove_prefix(3);
  if (xml.starts_with("<?xml") && xml.size() > 5 && is_space(xml[5])) {
    const auto end = xml.find("?>");
    xml = end == std::string_view::npos ? std::string_view() : xml.substr(end + 2);
  }
  // Space before the root is allowed, but Wine's XmlLite takes it after a declaration only.
  while (!xml.empty() && is_space(xml.front())) xml.remove_prefix(1);
  return xml;
}

}  // namespace rpcmarshal::blobs
