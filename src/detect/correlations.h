// Correlations of several threads: one state for all of them, fed in the order in which one thread
// alone would have seen the matches. Each thread tells how far it is; a match waits until all are
// beyond it. So the number of workers does not change what is found.
//
// When rules are replaced, the new ones go on with the state of the old (succeed()), and threads
// that have not noticed yet hand over to the new, through the old.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "sigma/correlation.h"

namespace rpcmarshal::detect {

/// Rules that matched one event, and what correlations need of it.
struct Observation {
  std::uint64_t place = 0;  ///< of the packet that completed the event, in the order of all packets
  std::int64_t time = 0;    ///< of the event, nanoseconds; 0: unknown
  std::vector<std::uint32_t> rules;
  sigma::FieldTexts values;
};

class Correlations {
 public:
  /// Behind all packets: what ends with the input. Among those, the event's time decides.
  static constexpr std::uint64_t kEnd = std::numeric_limits<std::uint64_t>::max();
  /// Matches that wait; beyond that the first are taken before their turn.
  static constexpr std::size_t kMaxWaiting = 1u << 20;

  /// `correlator` outlives this. With one thread nothing waits but what is at kEnd.
  Correlations(sigma::Correlator& correlator, int threads);

  // From any thread. `out` gets the correlations that fire now.
  void add(const Observation& observation, std::vector<sigma::CorrelationMatch>& out);
  /// Thread `thread` has handed over everything before the packet `place`, which came at `time`.
  void progress(int thread, std::uint64_t place, std::int64_t time,
                std::vector<sigma::CorrelationMatch>& out);
  /// All threads are done.
  void finish(std::vector<sigma::CorrelationMatch>& out);

  /// Goes on where `old` is: its state, as far as the same is counted here, and what waits there.
  /// `old` passes on to `self`, which is this and kept by it, what it is told from now on.
  void succeed(Correlations& old, std::shared_ptr<Correlations> self);

 private:
  struct Position {
    std::uint64_t place = 0;
    std::int64_t time = 0;
  };
  void take_first(std::vector<sigma::CorrelationMatch>& out);
  void feed(const Observation& observation, std::vector<sigma::CorrelationMatch>& out);
  void wait(Observation observation, std::vector<sigma::CorrelationMatch>& out);
  /// By the successor's numbers of rules and fields.
  Observation translated(Observation observation) const;

  sigma::Correlator& correlator_;
  std::mutex mutex_;
  std::vector<Position> positions_;   // of the threads
  std::vector<Observation> waiting_;  // a heap, the first in order on top
  // Neither changes once they are there.
  std::shared_ptr<Correlations> successor_;
  sigma::Correlator::Handover handover_;
};

}  // namespace rpcmarshal::detect
