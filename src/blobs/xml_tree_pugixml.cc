// read_xml() with pugixml.
#include <pugixml.hpp>

#include "blobs/xml_tree.h"

namespace rpcmarshal::blobs {

std::unique_ptr<XmlDocument> read_xml(std::string_view xml) {
  if (xml.size() > kMaxXml) return nullptr;
  xml = skip_xml_declaration(xml);
  pugi::xml_document document;
  const pugi::xml_parse_result result =
      document.load_buffer(xml.data(), xml.size(),
                           pugi::parse_cdata | pugi::parse_escapes | pugi::parse_eol |
                               pugi::parse_ws_pcdata | pugi::parse_wconv_attribute,
                           pugi::encoding_utf8);
  XmlBuilder builder;
  // Along the links of the tree, for its depth is the input's.
  pugi::xml_node node = document.first_child();
  while (node) {
    pugi::xml_node next;
    if (node.type() == pugi::node_element) {
      builder.open(node.name());
      for (const pugi::xml_attribute attribute : node.attributes())
        builder.attribute(attribute.name(), attribute.value());
      next = node.first_child();
      if (!next) builder.close();
    } else if (node.type() == pugi::node_pcdata || node.type() == pugi::node_cdata) {
      builder.text(node.value());
    }
    while (!next) {
      next = node.next_sibling();
      if (next) break;
      node = node.parent();
      if (!node || node.type() != pugi::node_element) break;
      builder.close();
    }
    node = next;
  }
  return builder.take(result.status == pugi::status_ok);
}

}  // namespace rpcmarshal::blobs
