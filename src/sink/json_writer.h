// A JSON writer for one line at a time: appends to a caller's buffer, puts the commas, escapes
// strings. It knows nothing of events. Output is always valid UTF-8 and valid JSON: bytes that are
// no UTF-8 become \ufffd, lone surrogates (WTF-8, base/unicode.h) become their \udXXX escape, so
// nothing is lost.
#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace rpcmarshal {

class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  void begin_object() { open('{'); }
  void end_object() { close('}'); }
  void begin_array() { open('['); }
  void end_array() { close(']'); }

  /// The name of the next value in an object. Names of the schema are ASCII and are written as they
  /// are; use key_escaped for names from users' files. True: its value must follow (other writers
  /// may not want it, event_tree.h).
  bool key(std::string_view name) {
    comma();
    out_ += '"';
    out_ += name;
    out_ += "\":";
    return fresh_ = true;
  }
  bool key_escaped(std::string_view name) {
    comma();
    string_body(name);
    out_ += ':';
    return fresh_ = true;
  }

  void string(std::string_view utf8) {
    comma();
    string_body(utf8);
  }
  /// UTF-16 text straight from the wire.
  void string_utf16(Bytes utf16, ByteOrder order);
  /// Text that needs no escaping (hex, GUIDs, numbers as text, names of the schema).
  void plain_string(std::string_view ascii) {
    comma();
    out_ += '"';
    out_ += ascii;
    out_ += '"';
  }
  void hex_string(Bytes bytes);
  void number(std::uint64_t value) { digits(value); }
  void number_signed(std::int64_t value) { digits(value); }
  void real(double value);
  void boolean(bool value) { literal(value ? "true" : "false"); }
  void null() { literal("null"); }
  void raw(std::string_view json) { literal(json); }
  /// The same of something that a value must follow: "{\"name\":".
  void raw_before_value(std::string_view json) {
    literal(json);
    fresh_ = true;
  }

  // Shorthands for a named member.
  void member(std::string_view name, std::string_view value) {
    key(name);
    string(value);
  }
  void member_number(std::string_view name, std::uint64_t value) {
    key(name);
    number(value);
  }
  void member_bool(std::string_view name, bool value) {
    key(name);
    boolean(value);
  }

 private:
  void comma() {
    if (!fresh_) out_ += ',';
    fresh_ = false;
  }
  void open(char c) {
    comma();
    out_ += c;
    fresh_ = true;
  }
  void close(char c) {
    out_ += c;
    fresh_ = false;
  }
  void literal(std::string_view text) {
    comma();
    out_ += text;
  }
  template <typename T>
  void digits(T value) {
    comma();
    char text[24];
    const auto end = std::to_chars(text, text + sizeof text, value).ptr;
    out_.append(text, end);
  }
  void string_body(std::string_view utf8);

  std::string& out_;
  bool fresh_ = true;
};

/// What a reader (logs/json.h) has of string(utf8), appended: bytes that are no UTF-8, and lone
/// surrogates, are U+FFFD; two surrogates that make a pair are the character they stand for.
void append_as_read(std::string& out, std::string_view utf8);

}  // namespace rpcmarshal
