// Reading DER ([X.690]) from untrusted bytes, as far as SPNEGO, Kerberos and certificate requests
// need it: single-byte tags, definite lengths of at most four bytes; BER's indefinite lengths on
// request. A DerReader walks the elements of one constructed value; going down is making another
// reader, so depth is the caller's code and never the input's.
#pragma once

#include <optional>
#include <string_view>

#include "base/bytes.h"

namespace rpcmarshal {

/// Tags used here: universal, and the constructed context and application classes.
inline constexpr std::uint8_t kDerInteger = 0x02;
inline constexpr std::uint8_t kDerBitString = 0x03;
inline constexpr std::uint8_t kDerOctetString = 0x04;
inline constexpr std::uint8_t kDerOid = 0x06;
inline constexpr std::uint8_t kDerEnumerated = 0x0a;
inline constexpr std::uint8_t kDerGeneralString = 0x1b;
inline constexpr std::uint8_t kDerSequence = 0x30;
constexpr std::uint8_t der_context(unsigned number) {
  return static_cast<std::uint8_t>(0xa0 | number);
}
constexpr std::uint8_t der_application(unsigned number) {
  return static_cast<std::uint8_t>(0x60 | number);
}

struct DerElement {
  std::uint8_t tag = 0;
  Bytes content;  ///< without tag and length; lives as long as the input
  Bytes whole;    ///< with them
};

class DerReader {
 public:
  enum class Lengths : std::uint8_t { kDefinite, kAny };

  /// kAny: constructed elements may end with end-of-contents octets ([X.690] 8.1.3.6), which are
  /// in `whole` but not in `content`.
  explicit DerReader(Bytes data, Lengths lengths = Lengths::kDefinite)
      : data_(data), lengths_(lengths) {}

  /// False once an element did not fit or its length was not allowed; next() then gives nothing.
  bool ok() const { return ok_; }
  bool at_end() const { return data_.empty(); }
  /// The next element, or nullopt at the end and on malformed input.
  std::optional<DerElement> next();
  /// The content of the next element when it has this tag; otherwise fails and is empty.
  Bytes expect(std::uint8_t tag);

 private:
  Bytes data_;
  Lengths lengths_;
  bool ok_ = true;
};

/// A DER INTEGER or ENUMERATED of at most eight bytes, from its content; nullopt when longer or
/// empty.
std::optional<std::int64_t> der_integer(Bytes content);
/// The content of the only element of an explicit tag, when that element has `tag`; else empty.
Bytes der_inner(Bytes content, std::uint8_t tag);

}  // namespace rpcmarshal
