// What a client did on a share, as Zeek's smb_files and smb_mapping logs have it: said once for
// what rules see (FieldWriter) and for the JSON of alerts (JsonWriter).
// [Zeek: scripts/base/protocols/smb, the logs smb_files and smb_mapping]
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "sink/sink.h"
#include "smb/pipe.h"

namespace rpcmarshal::detect {

/// What is the same for many: where it is logged, and how it is called there.
struct ShareKind {
  bool mapping = false;     ///< smb_mapping, else smb_files
  bool pipe = false;        ///< on IPC$
  std::string_view action;  ///< smb_files; empty: Zeek logs nothing of it unless told to
  bool has_size = false;
};

inline ShareKind share_kind(SmbFileEvent::Action action, bool pipe) {
  using Action = SmbFileEvent::Action;
  switch (action) {
    case Action::kTreeConnect:
      return {true, pipe, {}, false};
    case Action::kOpen:
      return {false, pipe, pipe ? "SMB::PIPE_OPEN" : "SMB::FILE_OPEN", false};
    case Action::kWrite:
      return {false, pipe, pipe ? "" : "SMB::FILE_WRITE", true};
    case Action::kDelete:
      return {false, pipe, "SMB::FILE_DELETE", false};
    case Action::kRename:
      return {false, pipe, "SMB::FILE_RENAME", false};
    default:
      return {false, pipe, {}, false};
  }
}

inline std::string_view share_log(const ShareKind& kind) {
  return kind.mapping ? "smb_mapping" : "smb_files";
}
inline std::string_view share_type(const ShareKind& kind) { return kind.pipe ? "PIPE" : "DISK"; }

/// `Out` as in sink/event_tree.h.
template <typename Out>
void write_share(Out& out, const Endpoint& client, const Endpoint& server,
                 const SmbFileEvent& event, const ShareKind& kind) {
  out.begin_object();
  out.member("_path", share_log(kind));
  if (out.key("ts")) {
    std::string time;
    append_time(time, event.time);
    out.string(time);
  }
  if (out.key("id.orig_h")) out.string(client.address.to_string());
  out.member_number("id.orig_p", client.port);
  if (out.key("id.resp_h")) out.string(server.address.to_string());
  out.member_number("id.resp_p", server.port);
  out.member("path", event.tree);
  if (kind.mapping) {
    out.member("share_type", share_type(kind));
  } else {
    out.member("action", kind.action);
    // Of a pipe without "\\pipe\\", as the client asked for it.
    std::string_view name = event.path;
    if (kind.pipe && name.starts_with("\\pipe\\")) name.remove_prefix(6);
    out.member("name", name);
    if (kind.has_size) out.member_number("size", event.size);
  }
  out.end_object();
}

}  // namespace rpcmarshal::detect
