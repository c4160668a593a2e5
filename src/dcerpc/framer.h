// Cuts one direction of a byte stream into PDUs. A PDU that lies whole in the data given is handed
// on without copying; others are collected (at most 64 KiB: frag_length has 16 bits). After a gap,
// or where no header stands, the next plausible header is searched for, so one bad PDU costs only
// itself. How the stream was segmented never changes what comes out.
#pragma once

#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "dcerpc/call.h"
#include "dcerpc/pdu.h"

namespace rpcmarshal {

class PduFramer {
 public:
  /// What the framer found. `time` is that of the PDU's first byte.
  class Sink {
   public:
    /// A PDU; shorter than header.length when bytes of it were lost.
    virtual void on_pdu(const PduHeader& header, Timestamp time, Bytes pdu) = 0;
    /// Bytes that belong to no PDU, or a gap: PDUs may be missing between the last and the next.
    virtual void on_lost() = 0;

   protected:
    ~Sink() = default;
  };

  void data(Timestamp time, Bytes data, Sink& sink, DceStatistics& statistics);
  void gap(std::uint64_t missing, Sink& sink);
  std::size_t memory() const { return partial_.capacity(); }

 private:
  void drop_partial();
  Bytes search(Timestamp time, Bytes data, DceStatistics& statistics);
  Bytes search_partial(Timestamp time, Bytes data, DceStatistics& statistics);

  std::vector<std::byte>
      partial_;  ///< start of a PDU, or while searching fewer bytes than a header
  Timestamp partial_time_ = 0;
  PduHeader header_;  ///< of partial_, once it holds a header
  bool has_header_ = false;
  bool searching_ = false;
  bool started_ = false;
  bool framed_ = false;     ///< a PDU was seen; before, what is none is perhaps not RPC at all
  std::uint32_t skip_ = 0;  ///< bytes of a damaged PDU still to come
};

}  // namespace rpcmarshal
