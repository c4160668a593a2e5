// Asks Windows' RPC runtime what caller_reader.h wants to know. Everything it is asked may raise
// (Wine's missing functions do), so every question is guarded; what raised once is not asked again.
#pragma once

#include <atomic>

#include "agent/hook/caller_reader.h"
#include "agent/hook/windows/sdk.h"

namespace rpcmarshal::agent {

class WindowsCallerRuntime final : public CallerRuntime {
 public:
  WindowsCallerRuntime();
  void bindings(const RpcMessage& message, Bindings& out) noexcept override;
  void release(Bindings& bindings) noexcept override;
  bool remote_address(const RpcMessage& message, SocketBytes& out) noexcept override;
  bool local_address(const RpcMessage& message, SocketBytes& out) noexcept override;
  bool attributes(const RpcMessage& message, RpcCallAttributes& attributes) noexcept override;
  bool authentication(const RpcMessage& message, std::uint32_t& level,
                      std::uint32_t& service) noexcept override;
  bool local_client(const RpcMessage& message, std::uint32_t& pid) noexcept override;
  bool object(const RpcMessage& message, Guid& out) noexcept override;
  std::shared_ptr<Identity> token(const RpcMessage& message) noexcept override;
  std::string image(std::uint32_t pid) noexcept override;
  std::uint64_t milliseconds() noexcept override { return GetTickCount64(); }

 private:
  using Attributes = RPC_STATUS(RPC_ENTRY*)(void* binding, void* attributes);
  using Address = RPC_STATUS(RPC_ENTRY*)(void* binding, void* buffer, unsigned long* size,
                                         unsigned long* format);
  using ClientPid = RPC_STATUS(RPC_ENTRY*)(void* binding, unsigned long* pid);

  template <typename Function, typename... Arguments>
  bool ask(std::atomic<Function>& function, Arguments... arguments) noexcept;
  bool address(std::atomic<Address>& which, const RpcMessage& message, SocketBytes& out) noexcept;

  std::atomic<Attributes> attributes_{nullptr};
  std::atomic<Address> remote_address_{nullptr}, local_address_{nullptr};
  std::atomic<ClientPid> client_pid_{nullptr};
};

}  // namespace rpcmarshal::agent
