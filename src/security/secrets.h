// The defender's own keys: what keytabs and secrets files (docs/secrets.md) hold, found by account,
// principal, version and encryption type. Filled once at start, then shared read-only by all
// workers; what is learned on the way (LearnedKeys) is shared too, and locks itself. Keys and
// passwords lie in locked memory (secret_memory.h) and are never written anywhere.
//
// A look-up gives few candidates, at most kMaxCandidates, however many keys there are: the cost of
// an authentication does not grow with the number of keys.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "security/secret_memory.h"

namespace rpcmarshal {

class LearnedKeys;

/// A secrets file or keytab that cannot be used: which, where in it, what is wrong, what to do.
class SecretsError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Candidates for one look-up, the likeliest first.
struct KeyMatch {
  static constexpr std::size_t kMaxCandidates = 8;
  enum class Why : std::uint8_t {
    kFound,
    kNoAccount,  ///< no key of this account or principal
    kNoKvno,     ///< keys of it, but of other versions: `kvno` is the newest
    kNoEtype     ///< keys of it, but of other encryption types
  } why = Why::kNoAccount;
  std::array<SecretKey, kMaxCandidates> keys;
  std::size_t count = 0;
  std::uint32_t kvno = 0;

  void add(const SecretKey& key) {
    if (count < kMaxCandidates) keys[count++] = key;
  }
};

class Secrets {
 public:
  Secrets();
  ~Secrets();
  Secrets(const Secrets&) = delete;
  Secrets& operator=(const Secrets&) = delete;

  // Filling; throws SecretsError. Files that others than their owner can read are refused.
  void add_keytab(const std::string& path);
  void add_file(const std::string& path);
  /// The text of a secrets file; `name` is for messages.
  void add_text(std::string_view text, const std::string& name);
  void add_keytab_bytes(Bytes file, const std::string& name);
  /// `account`: "user", "DOMAIN\user" or "user@REALM"; a machine account ends in '$'.
  void add_nt_hash(std::string_view account, Bytes hash16);
  void add_password(std::string_view account, std::string_view password);
  void add_key(std::string_view principal, std::string_view realm, std::uint32_t kvno,
               std::int32_t etype, Bytes key);
  /// The key of one SMB session, as its authentication gave it (16 to 32 bytes). The session's
  /// NEGOTIATE and set-up must be seen. `id` is the SessionId ([MS-SMB2] 2.2.1.2).
  void add_smb_session(std::uint64_t id, Bytes key);
  /// The two cipher keys of one SMB session, 16 or 32 bytes: nothing else of it need be seen.
  void add_smb_ciphers(std::uint64_t id, Bytes from_client, Bytes from_server);

  bool empty() const { return accounts_.empty() && entries_.empty() && smb_sessions_.empty(); }
  std::size_t accounts() const { return accounts_.size(); }
  std::size_t keytab_entries() const { return entries_.size(); }

  /// NT hashes of an account, also from RC4 keys in keytabs. `user` and `domain` as a client sends
  /// them: any case, the domain in any form or empty, the user perhaps as user@domain. Those of a
  /// matching domain come first.
  KeyMatch nt_hashes(std::string_view user, std::string_view domain) const;
  /// Keys that may have sealed a ticket for `service` ("cifs/fs1.lab.test"). Exactly that principal
  /// first; then the machine account and other service names of the same host; then, for names that
  /// are aliases, other keys of the realm with this version and type, at most kMaxAliases. Version
  /// absent: any.
  KeyMatch service_keys(std::string_view service, std::string_view realm, std::int32_t etype,
                        std::optional<std::uint32_t> kvno) const;
  /// Keys of a client in its AS exchange. `salt` empty: the usual one.
  KeyMatch client_keys(std::string_view user, std::string_view realm, std::int32_t etype,
                       std::optional<std::uint32_t> kvno, std::string_view salt) const;

  /// What was given of an SMB session; nullptr when nothing was. Fields may be empty.
  struct SmbSessionKeys {
    SecretKey session, from_client, from_server;
  };
  const SmbSessionKeys* smb_session(std::uint64_t id) const;

  /// Keys that traffic itself gave out, under keys that are here.
  LearnedKeys& learned() const { return *learned_; }

 private:
  static constexpr std::size_t kMaxAliases = 4;
  static constexpr std::size_t kMaxDerived = 1024;

  struct Account {
    std::string user, domain;   ///< upper case; the domain may be empty
    std::uint32_t nt_hash = 0;  ///< in keys_
    std::optional<std::pair<std::size_t, std::size_t>> password;  ///< in passwords_: from, size
  };
  struct Entry {
    std::string principal, realm;  ///< upper case
    std::uint32_t kvno = 0;
    std::uint32_t key = 0;  ///< in keys_
  };
  /// A key made of a password ([RFC3961] string-to-key), which is slow on purpose.
  struct Derived {
    std::uint64_t of = 0;  ///< hash of account, type and salt
    SecretKey key;
  };
  using Index = std::unordered_map<std::string, std::vector<std::uint32_t>>;

  std::uint32_t keep(Bytes key, std::int32_t etype);
  Account& account(std::string_view name);
  SmbSessionKeys& smb_keys(std::uint64_t id);
  bool derive(const Account& account, std::int32_t etype, std::string_view salt,
              SecretKey& out) const;
  void scan(const Index& index, const std::string& name, const std::string& realm,
            std::int32_t etype, std::optional<std::uint32_t> kvno, KeyMatch& out) const;

  std::vector<SecretKey, SecretAllocator<SecretKey>> keys_;
  SecretText passwords_;
  std::vector<Account> accounts_;
  std::vector<Entry> entries_;
  Index by_user_;       ///< accounts_, by user
  Index by_principal_;  ///< entries_, by principal
  Index by_host_;       ///< entries_, by the host's name without its domain
  Index by_kind_;       ///< entries_, by realm, etype and kvno
  std::vector<SmbSessionKeys, SecretAllocator<SmbSessionKeys>> smb_keys_;
  std::unordered_map<std::uint64_t, std::size_t> smb_sessions_;  ///< in smb_keys_, by id
  std::unique_ptr<LearnedKeys> learned_;
  mutable std::mutex mutex_;  ///< of derived_
  mutable std::vector<Derived, SecretAllocator<Derived>> derived_;
};

/// Upper case as Windows compares account names: one code point to one, for Latin, Greek and
/// Cyrillic letters; others are kept.
std::u16string upper_case(std::u16string text);
std::string upper_case_utf8(std::string_view text);

}  // namespace rpcmarshal
