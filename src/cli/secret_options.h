// The options with which keys are given, and the keys themselves.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "security/secrets.h"

namespace rpcmarshal::cli {

struct SecretOptions {
  std::vector<std::string> keytabs, files;
};

void add_secret_options(CLI::App& command, SecretOptions& options);

/// Null when none were asked for. Throws SecretsError. Warns on standard error when the keys could
/// not be locked in memory.
std::shared_ptr<const Secrets> load_secrets(const SecretOptions& options);

}  // namespace rpcmarshal::cli
