#include "security/secrets.h"

#include <krb5.h>

#include <algorithm>
#include <functional>

#include "base/unicode.h"
#include "security/crypto.h"
#include "security/learned_keys.h"

namespace rpcmarshal {
namespace {

constexpr std::int32_t kRc4 = 23;  // arcfour-hmac: its key is the NT hash ([RFC4757] 2)

char16_t upper(char16_t c) {
  if (c < 0x80) return c >= u'a' && c <= u'z' ? static_cast<char16_t>(c - 0x20) : c;
  if (c >= 0xe0 && c <= 0xfe && c != 0xf7) return static_cast<char16_t>(c - 0x20);
  if (c == 0xff) return 0x178;
  if ((c >= 0x100 && c <= 0x137 && c != 0x131) || (c >= 0x14a && c <= 0x177))
    return static_cast<char16_t>(c & ~1u);
  if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e))
    return static_cast<char16_t>((c & 1u) == 0 ? c - 1 : c);  // here odd ones are capital
  if (c >= 0x3b1 && c <= 0x3cb && c != 0x3c2) return static_cast<char16_t>(c - 0x20);
  if (c == 0x3ac) return 0x386;
  if (c >= 0x3ad && c <= 0x3af) return static_cast<char16_t>(c - 0x25);
  if (c == 0x3cc) return 0x38c;
  if (c == 0x3cd || c == 0x3ce) return static_cast<char16_t>(c - 0x3f);
  if (c >= 0x430 && c <= 0x44f) return static_cast<char16_t>(c - 0x20);
  if (c >= 0x450 && c <= 0x45f) return static_cast<char16_t>(c - 0x50);
  return c;
}

/// "cifs/fs1.lab.test" and "FS1$" (in upper case) -> "FS1"; users have no host.
std::string host_of(std::string_view principal) {
  if (principal.ends_with('$') && principal.find('/') == principal.npos)
    return std::string(principal.substr(0, principal.size() - 1));
  const auto slash = principal.find('/');
  if (slash == principal.npos) return {};
  principal.remove_prefix(slash + 1);
  return std::string(principal.substr(0, principal.find_first_of("./:@")));
}

std::string kind_of(std::string_view realm, std::int32_t etype, std::uint32_t kvno) {
  return std::string(realm) + '\n' + std::to_string(etype) + '\n' + std::to_string(kvno);
}

/// "LAB" and "LAB.TEST" name the same domain, as far as one can see.
bool same_domain(std::string_view a, std::string_view b) {
  if (a.find('.') == a.npos || b.find('.') == b.npos)
    return a.substr(0, a.find('.')) == b.substr(0, b.find('.'));
  return a == b;
}

std::string lower(std::string_view text) { return to_lower(text); }

}  // namespace

std::u16string upper_case(std::u16string text) {
  std::ranges::transform(text, text.begin(), upper);
  return text;
}

std::string upper_case_utf8(std::string_view text) {
  const std::u16string wide = upper_case(utf8_to_utf16(text));
  std::string out;
  append_utf8(out, std::as_bytes(std::span(wide)));
  return out;
}

Secrets::Secrets() : learned_(std::make_unique<LearnedKeys>()) {}
Secrets::~Secrets() = default;

std::uint32_t Secrets::keep(Bytes key, std::int32_t etype) {
  keys_.emplace_back(key, etype);
  return static_cast<std::uint32_t>(keys_.size() - 1);
}

Secrets::Account& Secrets::account(std::string_view name) {
  std::string_view user = name, domain;
  if (const auto at = name.find('\\'); at != name.npos) {
    domain = name.substr(0, at);
    user = name.substr(at + 1);
  } else if (const auto sign = name.rfind('@'); sign != name.npos && sign > 0) {
    user = name.substr(0, sign);
    domain = name.substr(sign + 1);
  }
  Account& made = accounts_.emplace_back();
  made.user = upper_case_utf8(user);
  made.domain = upper_case_utf8(domain);
  by_user_[made.user].push_back(static_cast<std::uint32_t>(accounts_.size() - 1));
  return made;
}

void Secrets::add_nt_hash(std::string_view name, Bytes hash16) {
  const std::uint32_t key = keep(hash16, kRc4);
  account(name).nt_hash = key;
}

Secrets::SmbSessionKeys& Secrets::smb_keys(std::uint64_t id) {
  const auto [it, fresh] = smb_sessions_.try_emplace(id, smb_keys_.size());
  if (fresh) smb_keys_.emplace_back();
  return smb_keys_[it->second];
}

void Secrets::add_smb_session(std::uint64_t id, Bytes key) {
  smb_keys(id).session = SecretKey(key);
}

void Secrets::add_smb_ciphers(std::uint64_t id, Bytes from_client, Bytes from_server) {
  SmbSessionKeys& keys = smb_keys(id);
  keys.from_client = SecretKey(from_client);
  keys.from_server = SecretKey(from_server);
}

const Secrets::SmbSessionKeys* Secrets::smb_session(std::uint64_t id) const {
  const auto found = smb_sessions_.find(id);
  return found == smb_sessions_.end() ? nullptr : &smb_keys_[found->second];
}

void Secrets::add_password(std::string_view name, std::string_view password) {
  std::u16string wide = utf8_to_utf16(password);
  crypto::Block16 hash = crypto::md4(std::as_bytes(std::span(wide)));
  const std::uint32_t key = keep(hash, kRc4);
  wipe(hash.data(), hash.size());
  wipe(wide.data(), wide.size() * sizeof wide[0]);
  const std::size_t from = passwords_.size();
  passwords_.insert(passwords_.end(), password.begin(), password.end());
  Account& made = account(name);
  made.nt_hash = key;
  made.password = {from, password.size()};
}

void Secrets::add_key(std::string_view principal, std::string_view realm, std::uint32_t kvno,
                      std::int32_t etype, Bytes key) {
  const std::uint32_t kept = keep(key, etype);
  const auto number = static_cast<std::uint32_t>(entries_.size());
  entries_.push_back(Entry{upper_case_utf8(principal), upper_case_utf8(realm), kvno, kept});
  const Entry& made = entries_.back();
  by_principal_[made.principal].push_back(number);
  if (const std::string host = host_of(made.principal); !host.empty())
    by_host_[host].push_back(number);
  by_kind_[kind_of(made.realm, etype, kvno)].push_back(number);
}

KeyMatch Secrets::nt_hashes(std::string_view user, std::string_view domain) const {
  KeyMatch out;
  std::string name = upper_case_utf8(user), where = upper_case_utf8(domain);
  auto found = by_user_.find(name), none = by_user_.end();
  if (const auto at = name.rfind('@'); found == none && at != name.npos && at > 0) {
    if (where.empty()) where = name.substr(at + 1);
    name.resize(at);
    found = by_user_.find(name);
  }
  // Those whose domain is the one meant, those of any domain, then the others: a domain's name has
  // more forms than can be told from the outside.
  for (int pass = 0; found != none && pass < 3; ++pass) {
    for (const std::uint32_t i : found->second) {
      const Account& a = accounts_[i];
      const int rank = a.domain.empty() ? 1 : same_domain(a.domain, where) ? 0 : 2;
      if (rank == pass && out.count < KeyMatch::kMaxCandidates) out.add(keys_[a.nt_hash]);
    }
  }
  if (const auto entries = by_principal_.find(name); entries != by_principal_.end()) {
    // The newest version was most likely added last.
    for (auto i = entries->second.rbegin(); i != entries->second.rend(); ++i) {
      const SecretKey& key = keys_[entries_[*i].key];
      if (key.etype() == kRc4) out.add(key);
    }
  }
  if (out.count > 0) out.why = KeyMatch::Why::kFound;
  return out;
}

/// Adds the entries listed under `name` that fit, and notes why others do not.
void Secrets::scan(const Index& index, const std::string& name, const std::string& realm,
                   std::int32_t etype, std::optional<std::uint32_t> kvno, KeyMatch& out) const {
  const auto found = index.find(name);
  if (found == index.end()) return;
  for (auto i = found->second.rbegin(); i != found->second.rend(); ++i) {
    const Entry& entry = entries_[*i];
    if (entry.realm != realm) continue;
    if (keys_[entry.key].etype() != etype) {
      if (out.why == KeyMatch::Why::kNoAccount) out.why = KeyMatch::Why::kNoEtype;
      continue;
    }
    if (kvno && entry.kvno != *kvno) {
      if (out.why != KeyMatch::Why::kFound) out.why = KeyMatch::Why::kNoKvno;
      out.kvno = std::max(out.kvno, entry.kvno);
      continue;
    }
    out.why = KeyMatch::Why::kFound;
    const Bytes key = keys_[entry.key].bytes();
    bool known = false;  // names of one account share its keys
    for (std::size_t j = 0; j < out.count; ++j)
      known |= std::ranges::equal(out.keys[j].bytes(), key);
    if (!known) out.add(keys_[entry.key]);
    if (out.count == KeyMatch::kMaxCandidates) return;
  }
}

KeyMatch Secrets::service_keys(std::string_view service, std::string_view realm_name,
                               std::int32_t etype, std::optional<std::uint32_t> kvno) const {
  KeyMatch out;
  const std::string principal = upper_case_utf8(service), realm = upper_case_utf8(realm_name);
  scan(by_principal_, principal, realm, etype, kvno, out);
  if (out.count > 0) return out;
  const std::string host = host_of(principal);
  if (!host.empty()) scan(by_host_, host, realm, etype, kvno, out);
  if (out.count > 0) return out;
  // The machine account's, or the service account's, own password or hash.
  for (const std::string& name : {host.empty() ? principal : host + '$', principal}) {
    const auto found = by_user_.find(name);
    if (found == by_user_.end()) continue;
    for (const std::uint32_t i : found->second) {
      const Account& a = accounts_[i];
      if (!a.domain.empty() && !same_domain(a.domain, realm)) continue;
      if (out.why == KeyMatch::Why::kNoAccount) out.why = KeyMatch::Why::kNoEtype;
      if (etype == kRc4) {
        out.add(keys_[a.nt_hash]);
        continue;
      }
      // [MS-KILE] 3.1.1.2: of a machine, the realm, "host", and its DNS name.
      std::string salt(realm_name);
      salt += a.user.ends_with('$')
                  ? "host" + lower(a.user.substr(0, a.user.size() - 1)) + '.' + lower(realm_name)
                  : std::string(service);
      SecretKey key;
      if (derive(a, etype, salt, key)) out.add(key);
    }
  }
  if (out.why == KeyMatch::Why::kNoAccount && kvno) {
    if (const auto found = by_kind_.find(kind_of(realm, etype, *kvno)); found != by_kind_.end()) {
      for (std::size_t i = found->second.size(); i-- > 0 && out.count < kMaxAliases;)
        out.add(keys_[entries_[found->second[i]].key]);
    }
  }
  if (out.count > 0) out.why = KeyMatch::Why::kFound;
  return out;
}

KeyMatch Secrets::client_keys(std::string_view user, std::string_view realm_name,
                              std::int32_t etype, std::optional<std::uint32_t> kvno,
                              std::string_view salt) const {
  KeyMatch out;
  const std::string name = upper_case_utf8(user), realm = upper_case_utf8(realm_name);
  scan(by_principal_, name, realm, etype, kvno, out);
  if (const auto found = by_user_.find(name); found != by_user_.end()) {
    for (const std::uint32_t i : found->second) {
      const Account& a = accounts_[i];
      if (!a.domain.empty() && !same_domain(a.domain, realm)) continue;
      if (out.why == KeyMatch::Why::kNoAccount) out.why = KeyMatch::Why::kNoEtype;
      SecretKey key;
      if (etype == kRc4) {
        out.add(keys_[a.nt_hash]);
        continue;
      }
      std::string usual(realm_name);
      if (name.ends_with('$')) {
        usual += "host" + lower(name.substr(0, name.size() - 1)) + '.' + lower(realm_name);
      } else {
        usual += user;
      }
      if (derive(a, etype, salt.empty() ? std::string_view(usual) : salt, key)) out.add(key);
    }
  }
  if (out.count > 0) out.why = KeyMatch::Why::kFound;
  return out;
}

bool Secrets::derive(const Account& account, std::int32_t etype, std::string_view salt,
                     SecretKey& out) const {
  constexpr std::size_t kMaxSalt = 512;
  // aes128 and aes256, with SHA-1 ([RFC3962]) and with SHA-2 ([RFC8009]).
  if (!account.password || etype < 17 || etype > 20 || salt.size() > kMaxSalt) return false;
  std::string name = account.user + '\n' + account.domain + '\n' + std::to_string(etype) + '\n';
  const std::uint64_t of = std::hash<std::string>()(name.append(salt));
  const std::lock_guard lock(mutex_);
  for (const Derived& known : derived_) {
    if (known.of != of) continue;
    out = known.key;
    return true;
  }
  // Whoever sends other salts must not make us calculate for ever.
  if (derived_.size() == kMaxDerived) return false;
  std::string salt_copy(salt);
  krb5_data password{}, salt_data{};
  password.data = passwords_.empty() ? nullptr
                                     : const_cast<char*>(passwords_.data()) +
                                           static_cast<std::ptrdiff_t>(account.password->first);
  password.length = static_cast<unsigned>(account.password->second);
  salt_data.data = salt_copy.data();
  salt_data.length = static_cast<unsigned>(salt_copy.size());
  krb5_keyblock made{};
  if (krb5_c_string_to_key(nullptr, etype, &password, &salt_data, &made) != 0) return false;
  out = SecretKey(Bytes(reinterpret_cast<const std::byte*>(made.contents), made.length), etype);
  krb5_free_keyblock_contents(nullptr, &made);
  derived_.push_back({of, out});
  return true;
}

}  // namespace rpcmarshal
