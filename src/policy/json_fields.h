// The fields of a call from its event as JSON (docs/event.md), as the event writer makes it on
// Linux and in the agent. A policy therefore sees exactly what an analyst sees: same names, same
// notation. Walks the text once, keeps only what the policy asks for, and says of the rest whether
// it is absent or cannot be known:
//
//   - arguments and what is derived from them, when the request was not decoded to its end;
//   - the name behind a context handle whose opening was not seen;
//   - bytes of which only the first are shown, arrays that were cut;
//   - a structure inside an argument (details.task, ...) that its operation carries but nobody
//     could read, or only in part (`incomplete`);
//   - interface and operation, when whoever watched missed the bind or the request;
//   - who the caller is (user.name), when the wire did not show it, and what only the host can see
//     (user.sid, user.groups, client.process, client.pid), in events from the wire;
//   - what the runtime does not tell a server of every call: addresses and user names of calls over
//     named pipes, in events from the host;
//   - UNC hosts beyond those that are kept.
//
// A call is decided before it is made. Of an event that has the response, too (simulation), what
// was found in the response's arguments - entries of details and handles, UNC hosts - is left out.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "policy/evaluator.h"

namespace rpcmarshal::policy {

class JsonFields final : public FieldSource {
 public:
  static constexpr std::size_t kMaxDepth = 64;
  static constexpr std::size_t kMaxSize = 64u << 20;

  /// The policy must outlive this.
  explicit JsonFields(const Policy& policy);

  /// Takes the fields of one event, a JSON object, which must live as long as they are used. False:
  /// it is no such thing (error() says why); every field is then unknown. Allocates only when an
  /// event is larger than those before.
  bool parse(std::string_view json);
  const std::string& error() const { return error_; }

  FieldValues lookup(FieldId field) override;

 private:
  static constexpr std::uint32_t kNowhere = 0xFFFFFFFF;
  struct Node {
    std::vector<std::pair<std::string, std::uint32_t>> children;
    std::uint32_t field = kNowhere;  // index into fields_
  };
  struct Field {
    std::vector<match::Value> values;
    bool unknown = false;
  };
  /// An object or array that is open while walking.
  struct Frame {
    enum class Role : std::uint8_t {
      kOther,
      kRequest,
      kDetails,
      kList,
      kEntry
    } role = Role::kOther;
    std::uint32_t node = kNowhere;
    bool array = false;
    bool has_handle = false, has_name = false;
    std::int64_t size = -1;  // of bytes: { "size": n, "hex": "..." }
    std::int64_t shown = -1;
  };

  std::uint32_t add(std::string_view name);
  std::uint32_t child(std::uint32_t node, std::string_view key) const;
  std::string_view text_of(std::uint32_t field) const;
  bool walk(std::string_view json);
  bool string(std::string_view json, std::size_t& at, std::string_view& out);
  void note_key(std::string_view json, std::size_t at, std::string_view key, Frame& frame);
  bool open(std::string_view json, std::size_t& at, std::uint32_t node, std::string_view key);
  bool of_response(std::string_view json, std::size_t at, std::string_view key) const;
  void forget_hosts(std::string_view json);
  bool scalar(std::string_view json, std::size_t& at, std::uint32_t node);
  void close(const Frame& frame);
  void mark_below(std::uint32_t node);
  void judge();
  void mark(std::string_view prefix, bool only_absent);

  const Policy& policy_;
  std::vector<Node> nodes_;
  std::vector<Field> fields_;  // of the policy, then our own
  std::vector<std::string> names_;
  std::uint32_t sensor_, status_, operation_, interface_, protocol_, anonymous_, level_, uuid_,
      opnum_, offered_;
  std::string decoded_, error_;
  std::vector<Frame> open_;
  std::vector<std::string_view> arguments_;  // of the request
  std::vector<std::string_view> details_;    // kinds that are there
  std::size_t request_begin_ = 0, request_end_ = 0;
  bool good_ = false;
};

}  // namespace rpcmarshal::policy
