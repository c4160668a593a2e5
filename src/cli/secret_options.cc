#include "cli/secret_options.h"

#include <cstdio>

namespace rpcmarshal::cli {

void add_secret_options(CLI::App& command, SecretOptions& o) {
  command
      .add_option("--keytab", o.keytabs,
                  "Open what is sealed with the keys of this keytab; may be repeated "
                  "(docs/secrets.md)")
      ->allow_extra_args(false);
  command
      .add_option("--secrets", o.files,
                  "Open what is sealed with the NT hashes and passwords in this file; may be "
                  "repeated (docs/secrets.md)")
      ->allow_extra_args(false);
}

std::shared_ptr<const Secrets> load_secrets(const SecretOptions& o) {
  if (o.keytabs.empty() && o.files.empty()) return nullptr;
  const auto secrets = std::make_shared<Secrets>();
  for (const std::string& path : o.keytabs) secrets->add_keytab(path);
  for (const std::string& path : o.files) secrets->add_file(path);
  if (!secrets_are_locked())
    std::fputs(
        "rpcmarshal: the keys cannot be locked in memory and may be swapped out: raise the limit "
        "of locked memory (ulimit -l, LimitMEMLOCK=)\n",
        stderr);
  return secrets;
}

}  // namespace rpcmarshal::cli
