// Who calls, made of what the RPC runtime answers: the part of it that thinks. Windows is asked by
// windows/caller_windows.cc; tests ask runtimes that they made up, for Wine has none of the answers
// (call attributes, addresses, ports, more than one user).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "agent/hook/caller.h"

namespace rpcmarshal::agent {

/// What a runtime can be asked about a call. Each question returns false (or null, empty) when it
/// does not answer. Nothing may throw or raise.
class CallerRuntime {
 public:
  /// String bindings, as RpcBindingToStringBindingW gives them: of the client
  /// (RpcBindingServerFromClient), and of the server's end. Empty: no answer.
  struct Bindings {
    std::u16string_view client, server;
    void* memory[2] = {nullptr, nullptr};  ///< of the runtime
  };
  /// A socket address, as I_RpcServerInqRemoteConnAddress gives it (SocketAddress below).
  using SocketBytes = std::array<std::byte, 128>;

  virtual ~CallerRuntime() = default;
  virtual void bindings(const RpcMessage& message, Bindings& out) noexcept = 0;
  virtual void release(Bindings& bindings) noexcept = 0;
  virtual bool remote_address(const RpcMessage& message, SocketBytes& out) noexcept = 0;
  virtual bool local_address(const RpcMessage& message, SocketBytes& out) noexcept = 0;
  /// RpcServerInqCallAttributesW; `attributes` says what is asked for, and has room for a name.
  virtual bool attributes(const RpcMessage& message, RpcCallAttributes& attributes) noexcept = 0;
  /// RpcBindingInqAuthClient.
  virtual bool authentication(const RpcMessage& message, std::uint32_t& level,
                              std::uint32_t& service) noexcept = 0;
  /// I_RpcBindingInqLocalClientPID.
  virtual bool local_client(const RpcMessage& message, std::uint32_t& pid) noexcept = 0;
  /// RpcBindingInqObject.
  virtual bool object(const RpcMessage& message, Guid& out) noexcept = 0;
  /// SID and groups of the token that the server impersonates; null: there is none.
  virtual std::shared_ptr<Identity> token(const RpcMessage& message) noexcept = 0;
  /// Path of a process's program, UTF-8; empty: not known.
  virtual std::string image(std::uint32_t pid) noexcept = 0;
  virtual std::uint64_t milliseconds() noexcept = 0;
};

/// The caller of each call; thread-safe. Users are asked for once a minute (UserCache), programs of
/// processes every five seconds, for process ids are used again.
class CallerReader final : public CallerSource {
 public:
  static constexpr std::size_t kMaxName = 512;  ///< characters of "DOMAIN\user", with the NUL
  static constexpr std::uint64_t kImageBelieved = 5000;

  /// The runtime must outlive this.
  explicit CallerReader(CallerRuntime& runtime) : runtime_(runtime) {}
  void transport(const RpcMessage& message, Caller& caller) noexcept override;
  void identify(const RpcMessage& message, Caller& caller) noexcept override;

 private:
  struct ClientImage {
    std::shared_ptr<const std::string> path;
    std::uint64_t since = 0;
  };
  void addresses(const RpcMessage& message, Caller& caller);
  void image(Caller& caller);
  void user(const RpcMessage& message, Caller& caller, std::u16string_view name);

  CallerRuntime& runtime_;
  std::mutex mutex_;  ///< what follows
  UserCache users_;
  RecentMap<std::uint32_t, ClientImage> images_{1024};
};

/// Of SOCKADDR_IN or SOCKADDR_IN6; port and address 0 when it is neither. An IPv4 address that an
/// IPv6 socket took in (::ffff:10.0.0.5) is that IPv4 address.
Endpoint endpoint_of(const CallerRuntime::SocketBytes& from);

}  // namespace rpcmarshal::agent
