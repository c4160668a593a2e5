// Which endpoints a process listens on, and which of the interfaces compiled into it answer there:
// put together from what Windows says in public (sockets and pipes by process, the endpoint
// mapper's list, the interfaces that RpcMgmtInqIfIds names). No private structure of rpcrt4 is
// read, so that "registered" here means that a server answered for it, not that a list in its
// memory says so.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agent/service/interface_scan.h"
#include "agent/service/process_facts.h"
#include "base/guid.h"
#include "interface/model.h"

namespace rpcmarshal::agent {

/// What the system was asked, for all processes at once.
struct EndpointFacts {
  struct Listener {  ///< a TCP port
    std::uint32_t pid = 0;
    std::uint16_t port = 0;
  };
  struct Pipe {
    std::uint32_t pid = 0;
    std::string name;  ///< "\pipe\svcctl"
  };
  struct MapElement {  ///< of the endpoint mapper
    SyntaxId id;
    std::string sequence;  ///< "ncacn_ip_tcp"
    std::string endpoint;  ///< "49664", "\pipe\eventlog", "LRPC-5a0e..."
    std::string annotation;
  };
  struct Answer {  ///< of RpcMgmtInqIfIds at an endpoint
    std::string sequence, endpoint;
    std::vector<SyntaxId> interfaces;
  };
  std::vector<Listener> listeners;
  std::vector<Pipe> pipes;
  std::vector<MapElement> elements;
  std::vector<Answer> answers;
  std::vector<std::string> unavailable;  ///< what could not be asked, and why
};

/// What is known of an interface in a process.
enum class Presence : std::uint8_t {
  kCompiledIn,  ///< found in a module; nobody was asked, or nobody answers for it
  kMapped,      ///< the endpoint mapper lists it at an endpoint of the process
  kRegistered,  ///< an endpoint of the process names it (every endpoint of a process serves all of
                ///< its interfaces, unless they were registered with a protocol sequence)
};
const char* to_string(Presence presence);

struct ReportedInterface {
  FoundInterface found;  ///< only `id` when it is in no module (built on the heap)
  bool in_module = false;
  Presence presence = Presence::kCompiledIn;
  std::string annotation;            ///< of the endpoint mapper
  const Interface* known = nullptr;  ///< of the catalogue
};

struct ReportedEndpoint {
  std::string sequence, endpoint;
  /// How it was found: "socket", "pipe", "endpoint mapper", "compiled in".
  std::string how;
};

struct ProcessReport {
  ProcessFacts process;
  std::vector<ReportedEndpoint> endpoints;
  std::vector<ReportedInterface> interfaces;
  std::string refusal;     ///< why it cannot be protected; empty: it can
  std::string hook;        ///< state of the hook; empty: not there
  std::string unreadable;  ///< why its memory could not be read; empty: it could
};

/// The named pipes that are worth asking for their server: those of interfaces' compiled-in
/// endpoints and of `known` definitions.
std::vector<std::string> pipes_to_ask(const std::vector<FoundInterface>& found,
                                      const std::vector<const Interface*>& known);

/// Puts facts and found interfaces of one process together. An endpoint of the mapper belongs to
/// the process when its port or pipe does; one of ncalrpc when no other process of `elsewhere` has
/// the interface compiled in too.
ProcessReport make_report(ProcessFacts process, std::vector<FoundInterface> found,
                          const EndpointFacts& facts, const std::vector<SyntaxId>& elsewhere,
                          const Catalogue& catalogue);

}  // namespace rpcmarshal::agent
