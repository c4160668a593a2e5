#include "logs/event_xml.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <vector>

#include "base/code_point.h"
#include "base/unicode.h"
#include "sink/json_writer.h"

namespace rpcmarshal::logs {
namespace {

constexpr std::size_t kMaxDepth = 32, kMaxElements = 20'000;

struct Element {
  std::string_view name;
  std::vector<std::pair<std::string_view, std::string>> attributes;
  std::string text;
  std::vector<std::uint32_t> children;
};

void append_unescaped(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const std::size_t amp = text.find('&');
    out += text.substr(0, amp);
    if (amp == std::string_view::npos) return;
    text.remove_prefix(amp);
    const std::size_t end = text.substr(0, 12).find(';');
    const std::string_view name =
        end == std::string_view::npos ? std::string_view() : text.substr(1, end - 1);
    std::uint32_t code = 0;
    if (name == "amp") {
      code = '&';
    } else if (name == "lt") {
      code = '<';
    } else if (name == "gt") {
      code = '>';
    } else if (name == "quot") {
      code = '"';
    } else if (name == "apos") {
      code = '\'';
    } else if (name.starts_with('#')) {
      const bool hex = name.size() > 1 && name[1] == 'x';
      const char* from = name.data() + (hex ? 2 : 1);
      const char* last = name.data() + name.size();
      const auto r = std::from_chars(from, last, code, hex ? 16 : 10);
      if (r.ec != std::errc() || r.ptr != last || code > 0x10FFFF) code = 0;
    }
    if (code == 0) {
      out += '&';
      text.remove_prefix(1);
    } else {
      append_code_point(out, code);
      text.remove_prefix(end + 1);
    }
  }
}

bool space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

class Parser {
 public:
  explicit Parser(std::string_view xml) : xml_(xml) {}

  /// Elements in the order they open; the first is the root.
  bool parse(std::vector<Element>& out) {
    std::vector<std::uint32_t> open;
    while (at_ < xml_.size()) {
      if (xml_[at_] != '<') {
        const std::size_t end = std::min(xml_.find('<', at_), xml_.size());
        if (!open.empty()) append_unescaped(out[open.back()].text, xml_.substr(at_, end - at_));
        at_ = end;
      } else if (starts("<!--")) {
        if (!skip_past("-->")) return false;
      } else if (starts("<![CDATA[")) {
        const std::size_t end = xml_.find("]]>", at_);
        if (end == std::string_view::npos || open.empty()) return false;
        out[open.back()].text += xml_.substr(at_ + 9, end - at_ - 9);
        at_ = end + 3;
      } else if (starts("<?") || starts("<!")) {
        if (!skip_past(">")) return false;
      } else if (starts("</")) {
        if (open.empty() || !skip_past(">")) return false;
        open.pop_back();
      } else {
        if (open.size() >= kMaxDepth || out.size() >= kMaxElements) return false;
        if (open.empty() && !out.empty()) return false;  // a second root
        const auto index = static_cast<std::uint32_t>(out.size());
        bool closed = false;
        Element element;
        if (!tag(element, closed)) return false;
        out.push_back(std::move(element));
        if (!open.empty()) out[open.back()].children.push_back(index);
        if (!closed) open.push_back(index);
      }
    }
    return open.empty() && !out.empty();
  }

 private:
  bool starts(std::string_view what) const { return xml_.substr(at_).starts_with(what); }
  bool skip_past(std::string_view what) {
    const std::size_t end = xml_.find(what, at_);
    if (end == std::string_view::npos) return false;
    at_ = end + what.size();
    return true;
  }
  std::string_view name() {
    const std::size_t from = at_;
    while (at_ < xml_.size() && !space(xml_[at_]) && xml_[at_] != '=' && xml_[at_] != '>' &&
           xml_[at_] != '/') {
      ++at_;
    }
    return xml_.substr(from, at_ - from);
  }
  bool tag(Element& out, bool& closed) {
    ++at_;
    out.name = name();
    if (out.name.empty()) return false;
    while (true) {
      while (at_ < xml_.size() && space(xml_[at_])) ++at_;
      if (at_ >= xml_.size()) return false;
      if (xml_[at_] == '>') {
        ++at_;
        return true;
      }
      if (xml_[at_] == '/') {
        closed = true;
        ++at_;
        continue;
      }
      const std::string_view attribute = name();
      if (attribute.empty() || at_ + 1 >= xml_.size() || xml_[at_] != '=') return false;
      const char quote = xml_[++at_];
      if (quote != '"' && quote != '\'') return false;
      const std::size_t end = xml_.find(quote, at_ + 1);
      if (end == std::string_view::npos) return false;
      std::string value;
      append_unescaped(value, xml_.substr(at_ + 1, end - at_ - 1));
      out.attributes.emplace_back(attribute, std::move(value));
      at_ = end + 1;
    }
  }

  std::string_view xml_;
  std::size_t at_ = 0;
};

class Writer {
 public:
  Writer(const std::vector<Element>& elements, std::string& out)
      : elements_(elements), json_(out) {}

  void document() {
    json_.begin_object();
    json_.key_escaped(elements_[0].name);
    element(elements_[0]);
    json_.end_object();
  }

 private:
  /// The key a child has in its parent's object: the name an event gives its datum.
  static std::string_view key_of(const Element& e) {
    if (e.name == "Data" || e.name == "ComplexData") {
      for (const auto& [name, value] : e.attributes) {
        if (name == "Name" && !value.empty()) return value;
      }
    }
    return e.name;
  }

  /// No deeper than kMaxDepth.
  void element(const Element& e) {
    const bool named_datum = key_of(e).data() != e.name.data();
    const bool attributes = !e.attributes.empty() && !named_datum;
    if (e.children.empty() && !attributes) {
      if (e.text.empty() && !named_datum) {
        json_.null();
      } else {
        json_.string(e.text);
      }
      return;
    }
    json_.begin_object();
    if (attributes) {
      json_.key("#attributes");
      json_.begin_object();
      for (const auto& [name, value] : e.attributes) {
        json_.key_escaped(name);
        json_.string(value);
      }
      json_.end_object();
    }
    if (std::any_of(e.text.begin(), e.text.end(), [](char c) { return !space(c); }))
      json_.member("#text", e.text);
    // Children of one name are one array, where the first of them stands.
    std::vector<bool> done(e.children.size(), false);
    for (std::size_t i = 0; i < e.children.size(); ++i) {
      if (done[i]) continue;
      const std::string_view key = key_of(elements_[e.children[i]]);
      std::vector<std::uint32_t> same{e.children[i]};
      // Long lists of different names are not worth a search for repetitions.
      for (std::size_t j = i + 1; j < e.children.size() && j < i + 256; ++j) {
        if (done[j] || key_of(elements_[e.children[j]]) != key) continue;
        done[j] = true;
        same.push_back(e.children[j]);
      }
      json_.key_escaped(key);
      if (same.size() > 1) json_.begin_array();
      for (const std::uint32_t child : same) element(elements_[child]);
      if (same.size() > 1) json_.end_array();
    }
    json_.end_object();
  }

  const std::vector<Element>& elements_;
  JsonWriter json_;
};

}  // namespace

bool event_xml_to_json(std::string_view xml, std::string& out) {
  while (!xml.empty() && (xml.back() == '\0' || space(xml.back()))) xml.remove_suffix(1);
  std::vector<Element> elements;
  if (!Parser(xml).parse(elements)) return false;
  Writer(elements, out).document();
  return true;
}

}  // namespace rpcmarshal::logs
