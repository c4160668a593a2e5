// Stub bytes to values: find the compiled program of a procedure, run it over the stub, look at the
// tape. Small complete example:
//
//     Codec codec(catalogue);
//     Tape tape;                                              // reuse it
//     const Interface* svcctl = catalogue.find(uuid, 2);
//     if (const Program* p = codec.program(*svcctl, 12, Half::kRequest, Syntax::kNdr20)) {
//       DecodeResult result = decode(*p, {.stub = bytes}, tape);
//       for (Value argument : tape.root()) ...
//     }
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "interface/model.h"
#include "ndr/program.h"
#include "ndr/value.h"

namespace rpcmarshal::ndr {

/// Compiles one half of a procedure. `iface` gives defaults (status); `catalogue` names sets of
/// values. Never fails: a type that cannot be decoded is an Op::kUnknown node.
std::unique_ptr<Program> compile(const Catalogue& catalogue, const Interface& iface,
                                 const Procedure& procedure, Half half, Syntax syntax);

/// Programs of a catalogue's procedures, compiled when first asked for and then kept. Thread-safe;
/// programs live as long as the Codec. The catalogue must outlive it and stay as it is.
class Codec {
 public:
  explicit Codec(const Catalogue& catalogue);
  ~Codec();
  Codec(const Codec&) = delete;
  Codec& operator=(const Codec&) = delete;

  /// nullptr when the interface has no such procedure, or its types are not known
  /// (Procedure::typed is false) or it is reserved.
  const Program* program(const Interface& iface, std::uint16_t opnum, Half half,
                         Syntax syntax) const;

 private:
  struct Cache;
  const Catalogue& catalogue_;
  std::unique_ptr<Cache> cache_;
};

struct DecodeInput {
  Bytes stub;  ///< must outlive the tape's values
  ByteOrder order = ByteOrder::kLittle;
  /// From the PDU's data representation ([C706] 14.1): EBCDIC characters; floating-point format 0
  /// is IEEE, others (1 VAX, 2 Cray, 3 IBM) are kept as kBytes, not guessed.
  bool ebcdic = false;
  std::uint8_t float_format = 0;
  /// For a response: the decoded request, which sizes may refer to. May be nullptr.
  const Tape* request = nullptr;
};

struct DecodeResult {
  enum class Status : std::uint8_t { kComplete, kPartial };
  Status status = Status::kComplete;
  std::size_t consumed = 0;        ///< bytes of the stub that values and their padding took
  std::size_t trailing = 0;        ///< bytes left when complete; up to 15 are ordinary padding
  std::size_t failed_at = 0;       ///< partial: offset where decoding stopped
  std::uint32_t failed_entry = 0;  ///< partial: for Tape::path()
  std::string_view reason;         ///< partial: static text, e.g. "the stub ends within an array"
  std::uint32_t mismatches = 0;    ///< counts that disagree with size_is, length_is or range

  bool complete() const { return status == Status::kComplete; }
};

/// Decodes a stub. Never throws but for memory, never reads outside the stub; work and memory are
/// bounded by the stub's size. What was decoded before a failure stays on the tape; the rest is
/// kMissing. A stub longer than 2 GiB is refused.
DecodeResult decode(const Program& program, const DecodeInput& input, Tape& tape);

}  // namespace rpcmarshal::ndr
