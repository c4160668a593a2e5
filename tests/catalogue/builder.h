// Stubs written by hand in the order of the specification: alignment is implied by what is written,
// and every pointer that is not null gets the next referent. NDR20, little-endian.
#pragma once

#include <initializer_list>
#include <string_view>

#include "catalogue/stub.h"

namespace rpcmarshal::catalogue::test {

class Stub {
 public:
  /// What opens every request to an object ([MS-DCOM] 2.2.13.3), without extensions.
  Stub& orpcthis() {
    word(5).word(7).number(0).number(0);
    return guid("00112233-4455-6677-8899-aabbccddeeff").null();
  }
  /// What opens every answer ([MS-DCOM] 2.2.13.4).
  Stub& orpcthat() { return number(0).null(); }
  Stub& handle() {
    number(0);
    for (int i = 1; i <= 16; ++i) wire_.u8(static_cast<std::uint8_t>(i));
    return *this;
  }
  Stub& pointer() { return number(referent_ += 4); }
  Stub& pointers(int count) {
    for (int i = 0; i < count; ++i) pointer();
    return *this;
  }
  Stub& null() { return number(0); }
  Stub& byte(std::uint8_t v) {
    wire_.u8(v);
    return *this;
  }
  Stub& word(std::uint16_t v) {
    wire_.align(2).u16(v);
    return *this;
  }
  Stub& number(std::uint32_t v) {
    wire_.align(4).u32(v);
    return *this;
  }
  Stub& numbers(std::initializer_list<std::uint32_t> values) {
    for (const std::uint32_t v : values) number(v);
    return *this;
  }
  Stub& wide(std::uint64_t v) {
    wire_.align(8).u64(v);
    return *this;
  }
  Stub& guid(std::string_view text) {
    wire_.align(4).guid(*Guid::parse(text));
    return *this;
  }
  /// A [string] of 16-bit characters: counts, characters, NUL.
  Stub& text(std::u16string_view v) {
    wire_.wstring(v);
    return *this;
  }
  /// The same of 8-bit characters.
  Stub& narrow(std::string_view v) {
    const auto n = static_cast<std::uint32_t>(v.size() + 1);
    number(n).number(0).number(n);
    wire_.raw(v).u8(0);
    return *this;
  }
  /// Bytes as they are.
  Stub& raw(std::string_view v) {
    wire_.raw(v);
    return *this;
  }
  /// 16-bit characters as they are.
  Stub& raw16(std::u16string_view v) {
    wire_.align(2).text16(v);
    return *this;
  }
  /// What the pointer of a BSTR leads to ([MS-OAUT] 2.2.23).
  Stub& blob(std::u16string_view v) {
    const auto n = static_cast<std::uint32_t>(v.size());
    number(n).number(2 * n).number(n);
    wire_.text16(v);
    return *this;
  }
  /// A BSTR parameter.
  Stub& bstr(std::u16string_view v) { return pointer().blob(v); }
  Stub& align(std::size_t n) {
    wire_.align(n);
    return *this;
  }
  /// A count and a pointer: one of the many lists.
  Stub& list(std::uint32_t count) {
    return count == 0 ? number(0).null() : number(count).pointer();
  }
  const Wire& wire() const { return wire_; }

 private:
  Wire wire_;
  std::uint32_t referent_ = 0x00020000;
};

}  // namespace rpcmarshal::catalogue::test
