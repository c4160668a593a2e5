// The processes of the machine, their modules, services and memory.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/service/address_space.h"
#include "agent/service/process_facts.h"
#include "agent/service/windows/system.h"

namespace rpcmarshal::agent {

/// All processes; of those that may not be opened only pid, parent and name. Services' names are
/// there when the service manager answers. Throws SystemError when nothing can be listed.
std::vector<ProcessFacts> list_processes();

/// pid, parent and name only: cheap, for looking often.
std::vector<ProcessFacts> list_process_names();

/// The facts that need the process opened, added to `process`.
void complete_facts(ProcessFacts& process);

/// Services by process.
std::map<std::uint32_t, std::vector<std::string>> list_services();

/// nullopt when the process may not be opened or is gone; `error` then says why.
std::optional<std::vector<LoadedModule>> list_modules(std::uint32_t pid, std::string& error);

/// The module of that file name, letters in either case.
const LoadedModule* find_module(const std::vector<LoadedModule>& modules, std::string_view name);

/// Memory of another process. Reading is bounded by what the caller asks for.
class ProcessMemory : public AddressSpace {
 public:
  /// nullptr when it may not be opened; `error` says why.
  static std::unique_ptr<ProcessMemory> open(std::uint32_t pid, std::string& error);
  bool read(std::uint64_t address, std::span<std::byte> out) const override;
  bool executable(std::uint64_t address) const override;

 private:
  explicit ProcessMemory(Handle process) : process_(std::move(process)) {}
  Handle process_;
  mutable std::uint64_t known_base_ = 0, known_size_ = 0;  // the last region asked about
  mutable bool known_executable_ = false;
};

}  // namespace rpcmarshal::agent
