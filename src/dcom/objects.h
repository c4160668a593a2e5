// What DCOM calls are about. A DCOM request names its object by IPID only; which class the object
// is of, which WMI namespace it stands for, what its members are called, was said in earlier calls:
// an activation, RemQueryInterface, NTLMLogin, GetIDsOfNames. The tracker remembers those answers
// and gives each call its view:
//
//   Win32_Process.Create(CommandLine="cmd.exe ...")      instead of ExecMethod(object of 1,837
//   bytes) MMC20.Application ExecuteShellCommand("cmd.exe", ..) instead of Invoke(54, ...)
//
// Bounded: the least recently used objects are forgotten. What is not known is left out.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/recent_map.h"
#include "dcom/activation.h"
#include "dcom/objref.h"
#include "dcom/wmio.h"
#include "interface/model.h"
#include "ndr/value.h"

namespace rpcmarshal::dcom {

/// One call on an object interface or an activation, decoded as far as it could be.
struct ObjectCall {
  const Interface* interface = nullptr;  ///< not null
  const Procedure* procedure = nullptr;  ///< not null
  Guid ipid;                             ///< the PDU's object UUID; nil when it had none
  std::string_view server;               ///< key of the server: its address's bytes
  std::string_view client = {};          ///< and of the client, where objects it hands over live
  std::uint64_t event = 0;               ///< number of the event this call becomes
  ndr::Value request, response;          ///< missing when not readable
};

/// The call's WMI side ([MS-WMI]). Texts are UTF-8.
struct WmiView {
  bool present = false;
  std::string name_space;  ///< "root\cimv2"; empty when its opening was not seen
  std::string class_name;
  std::string method;
  std::string path;  ///< object path as sent
  std::string query, query_language;
  const Wmio* in = nullptr;          ///< parameters of a method, or the object that is written
  const Wmio* out = nullptr;         ///< parameters a method gave back, or the object that was read
  std::vector<const Wmio*> results;  ///< of an enumeration or an indication, at most kMaxResults
  std::size_t result_count = 0;      ///< of all, also those that `results` has no room for
  static constexpr std::size_t kMaxResults = 64;
};

/// IDispatch::Invoke ([MS-OAUT] 3.1.4.4) in the order in which a program would write it.
struct DispatchView {
  bool present = false;
  std::string member;  ///< name; empty when the look-up was not seen and it is no well-known one
  std::int64_t id = 0;
  std::string_view kind;              ///< "method", "propertyget", "propertyput", "propertyputref"
  std::vector<ndr::Value> arguments;  ///< by-reference ones resolved
  std::vector<std::string> argument_names;  ///< of the named ones among them; others are empty
};

/// The call in which a client handed an object to a server, which then calls it: a sink's.
struct Handover {
  std::string operation;    ///< "IWbemServices.ExecQueryAsync"; empty for none
  std::uint64_t event = 0;  ///< number of its event
};

struct ObjectView {
  bool present = false;
  /// No answer that gave this object out was captured: what it is comes from the interface only.
  bool inferred = false;
  Guid clsid;                          ///< of the object's class; nil when not known
  std::string_view class_name;         ///< of clsid, when it is a known one
  std::vector<std::string> requested;  ///< activation: interfaces asked for, by name when known
  /// The object came from a call on an object of this class (a document of an application, say).
  std::string_view via;
  const Handover* handover = nullptr;  ///< of an object that the other side handed over
  std::string machine;                 ///< activation: the server as the client calls it
  std::vector<std::string>
      bindings;  ///< where objects handed over live: "10.0.0.6[49667]", each once
  WmiView wmi;
  DispatchView dispatch;
};

class ObjectTracker {
 public:
  /// Both outlive the tracker.
  ObjectTracker(const Catalogue& catalogue, const ndr::Codec& codec,
                std::size_t capacity = std::size_t{1} << 14);

  /// Whether calls on this interface are worth observing.
  static bool concerns(const Interface& interface);
  /// The view is valid until the next call; it refers to the call's values.
  const ObjectView& observe(const ObjectCall& call);
  /// The interface of an IPID, when an answer said it; nil otherwise.
  Guid interface_of(std::string_view server, const Guid& ipid);

  std::size_t objects() const { return objects_.size(); }

 private:
  struct Facts {
    Guid clsid;
    Guid origin;  ///< class of the object that handed this one out
    std::string name_space;
    std::string query;
    std::string path, method, class_name;  ///< of the call a sink was handed over in
    Handover handover;
    std::map<std::int64_t, std::string> members;
    std::unordered_map<Guid, std::string> classes;  ///< smart enumeration: class parts
    std::map<std::int64_t, std::string> templates;  ///< refresher: class parts by request
    std::size_t class_bytes = 0;
  };
  using Shared = std::shared_ptr<Facts>;
  /// What is remembered of an IPID.
  struct Known {
    Shared facts;
    Guid iid;                      ///< nil when only calls on it were seen
    std::uint64_t oxid = 0;        ///< the process where it lives; 0 when not known
    std::uint64_t references = 0;  ///< that the other side holds, as far as it was seen
    bool seen = false;             ///< an answer gave it out
  };

  Known* known(std::string_view at, const Guid& ipid);
  Shared facts_of(const ObjectCall& call, const Guid& ipid);
  Shared facts_or_new(const ObjectCall& call, const Guid& ipid);
  void show_class(const Shared& facts);
  void infer_class(const ObjectCall& call);
  void remember(std::string_view at, const Guid& ipid, Known fresh);
  void remember(const ObjectCall& call, Bytes objref, const Shared& facts);
  void remember_all(const ObjectCall& call, const ndr::Value& values, const Shared& facts);
  void handed_over(const ObjectCall& call, const Shared& facts);
  void add_references(const ObjectCall& call);
  void release(const ObjectCall& call);
  void activation(const ObjectCall& call);
  void resolution(const ObjectCall& call);
  void query_interface(const ObjectCall& call);
  void dispatch(const ObjectCall& call, const Shared& facts);
  // WMI: wmi_calls.cc.
  void wmi(const ObjectCall& call, const Shared& facts);
  void level1_login(const ObjectCall& call, const Shared& facts);
  void services(const ObjectCall& call, const Shared& facts);
  void refreshing_services(const ObjectCall& call, const Shared& facts);
  void results(const ndr::Value& list);
  void smart_results(Bytes packet, Facts& facts);
  void refreshed(const ndr::Value& list, const Facts& facts);
  void refreshed_object(Bytes object, Bytes class_part);
  const Wmio* object(const ndr::Value& pointer, Wmio& into);
  Wmio* next_result();
  Shared child(const Facts& facts) const;
  void note_bindings(const DualStrings& strings);

  const Catalogue& catalogue_;
  ActivationReader activation_reader_;
  RecentMap<std::string, Known> objects_;  ///< by machine and IPID
  ndr::Walker walker_;
  ObjectView view_;
  Shared shown_;  ///< what view_ refers to
  Wmio in_, out_;
  std::vector<std::unique_ptr<Wmio>> result_objects_;
};

/// Calls on these interfaces are WMI's ([MS-WMI] 3.1.4).
bool is_wmi(const Guid& iid);
/// Text of a BSTR or string argument; some clients count the terminator of a BSTR as part of it.
std::string text_of(const ndr::Value& value);

/// "Win32_Process" of `\\FS1\root\cimv2:Win32_Process.Handle="4"`; empty when it names no class.
std::string_view class_of_path(std::string_view path);
/// "root\cimv2" of "//./root/cimv2" and its other spellings.
std::string normal_name_space(std::string_view name);

}  // namespace rpcmarshal::dcom
