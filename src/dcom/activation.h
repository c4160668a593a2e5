// What an activation asks for and gets: the properties inside the OBJREFs of RemoteCreateInstance
// and RemoteGetClassObject ([MS-DCOM] 2.2.22), decoded by the definitions in
// interfaces/ms-dcom.idl.
#pragma once

#include <string>
#include <vector>

#include "dcom/objref.h"
#include "interface/model.h"
#include "ndr/decode.h"

namespace rpcmarshal::dcom {

struct Activation {
  Guid clsid;                   ///< of the class; nil when not found
  std::vector<Guid> requested;  ///< interfaces, in order
  std::string machine;          ///< the server as the client calls it
  /// Of an answer: one OBJREF per interface that was granted; views of the bytes read.
  std::vector<Bytes> objects;
  DualStrings bindings;  ///< of an answer: where the objects' process listens
  Guid rem_unknown;  ///< of an answer: the IPID that counts references there; nil when not found
};

class ActivationReader {
 public:
  /// Both outlive the reader.
  ActivationReader(const Catalogue& catalogue, const ndr::Codec& codec);

  /// `blob` is the data of a custom OBJREF of class ActivationPropertiesIn or -Out. Adds what it
  /// finds to `out`; a property that cannot be read costs only itself. False when the header
  /// cannot.
  bool read(Bytes blob, Activation& out);

 private:
  enum Structure : std::uint16_t { kHeader, kInstantiation, kLocation, kSecurity, kOut, kReply };
  /// The value of a serialised structure ([MS-RPCE] 2.2.6); missing when it cannot be decoded.
  ndr::Value decode(Structure structure, Bytes serialised, ndr::Tape& tape) const;

  const Interface* structures_;
  const ndr::Codec& codec_;
  ndr::Tape header_tape_, tape_;
};

}  // namespace rpcmarshal::dcom
