// Finds the interface of a call whose bind was not captured, from the pipe's name, from what is
// known to be served at the endpoint, and from whether the arguments read as one interface and no
// other defines them. A guess needs evidence that an accident would hardly give; without it the
// interface stays unknown.
//
// Evidence is weighed: a call whose request and response both decode to the last byte counts by
// what in them could have contradicted (texts, SIDs, enumerations with a known value), not by size.
// It adds up over the calls of one presentation context, while the interfaces that fit all of them
// become fewer.
#pragma once

#include <cstdint>
#include <list>
#include <unordered_map>
#include <vector>

#include "dcerpc/call.h"
#include "event/context.h"
#include "ndr/decode.h"
#include "sensor/endpoint_memory.h"

namespace rpcmarshal {

class InterfaceGuess {
 public:
  /// Both outlive it.
  InterfaceGuess(const Catalogue& catalogue, const EndpointMemory& endpoints)
      : catalogue_(catalogue), endpoints_(endpoints), codec_(catalogue) {}

  /// `call.bind_seen` is false. Sets interface and inferred, or clears them where the pipe's name
  /// gave an interface that the arguments contradict; transfer_syntax where only one is possible.
  void infer(Call& call, const CallContext& context);
  /// Guesses not tried because too many were asked for at once.
  std::uint64_t skipped() const { return skipped_; }

 private:
  struct Candidate {
    const Interface* interface = nullptr;
    ndr::Syntax syntax{};
    int weight = 0;  ///< of the calls so far, each operation once
  };
  /// What is known about one presentation context of one connection.
  struct Context {
    std::uint64_t key = 0;
    std::optional<SyntaxId> decided;
    SyntaxId transfer;  ///< nil while calls read in both
    const char* how = "";
    unsigned tries = 0;
    bool started = false;
    std::vector<Candidate> fitting;     ///< all calls so far
    std::vector<std::uint16_t> opnums;  ///< weighed
  };
  struct Fit {
    bool fits = false;
    int weight = 0;
  };
  enum class Care : std::uint8_t { kContradiction, kEvidence };

  Context& context_of(const Call& call);
  Fit fit(const Interface& interface, const Call& call, ndr::Syntax syntax, Care care);
  void weigh(const ndr::Value& root, Fit& fit);
  std::optional<SyntaxId> readable(const Interface& interface, const Call& call);
  bool by_pipe(Call& call);
  bool by_endpoint(Call& call, const CallContext& where, Context& context);
  bool by_evidence(Call& call, const CallContext& where, Context& context);
  bool may_try(const Call& call, Context& context);
  static void decide(Call& call, Context& context, const SyntaxId& interface,
                     const SyntaxId& transfer, const char* how);

  static constexpr std::size_t kMaxContexts = 16384;
  static constexpr unsigned kMaxTries = 24;              ///< per context
  static constexpr std::size_t kMaxStub = 64u << 10;     ///< longer stubs are not tried
  static constexpr std::uint32_t kTriesPerSecond = 400;  ///< in all, of capture time
  static constexpr int kEnough = 8;
  static constexpr int kEnoughAtEndpoint = 4;

  const Catalogue& catalogue_;
  const EndpointMemory& endpoints_;
  ndr::Codec codec_;
  std::vector<const Interface*> all_;  ///< of the catalogue, once asked for
  ndr::Tape request_, response_;
  ndr::Walker walker_;
  std::string text_;
  std::list<Context> contexts_;  // longest unused first
  std::unordered_map<std::uint64_t, std::list<Context>::iterator> index_;
  Timestamp second_ = 0;
  std::uint32_t tries_ = 0;  ///< in that second
  std::uint64_t skipped_ = 0;
};

}  // namespace rpcmarshal
