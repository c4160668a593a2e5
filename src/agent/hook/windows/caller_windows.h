// Asks Windows' RPC runtime who the client is. Everything it is asked may raise (Wine's missing
// functions do), so every question is guarded; what raised once is not asked again.
#pragma once

#include <atomic>
#include <mutex>

#include "agent/hook/caller.h"
#include "agent/hook/windows/sdk.h"

namespace rpcmarshal::agent {

class WindowsCallers final : public CallerSource {
 public:
  WindowsCallers();
  void transport(const RpcMessage& message, Caller& caller) noexcept override;
  void identify(const RpcMessage& message, Caller& caller) noexcept override;

 private:
  using Attributes = RPC_STATUS(RPC_ENTRY*)(void* binding, void* attributes);
  using Address = RPC_STATUS(RPC_ENTRY*)(void* binding, void* buffer, unsigned long* size,
                                         unsigned long* format);
  using ClientPid = RPC_STATUS(RPC_ENTRY*)(void* binding, unsigned long* pid);
  struct ClientImage {
    std::shared_ptr<const std::string> path;
    std::uint64_t since = 0;
  };

  template <typename Function, typename... Arguments>
  bool ask(std::atomic<Function>& function, Arguments... arguments);
  void addresses(const RpcMessage& message, Caller& caller);
  void image(Caller& caller);
  void user(const RpcMessage& message, Caller& caller, std::u16string_view name);

  std::atomic<Attributes> attributes_{nullptr};
  std::atomic<Address> remote_address_{nullptr}, local_address_{nullptr};
  std::atomic<ClientPid> client_pid_{nullptr};
  std::mutex mutex_;  ///< what follows
  UserCache users_;
  RecentMap<std::uint32_t, ClientImage> images_{1024};
};

}  // namespace rpcmarshal::agent
