// Secrets from files: keytabs, and the text form of docs/secrets.md, a line each:
//
//   nt-hash   CONTOSO\alice      8846f7eaee8fb117ad06bdd830b7586c
//   password  bob@CONTOSO.COM    correct horse battery staple
//   keytab    fs1.keytab
//   smb-session  2100004000340000 0f1e2d3c4b5a69788796a5b4c3d2e1f0
//   smb-ciphers  2100004000340000 00112233445566778899aabbccddeeff ffeeddccbbaa99887766554433221100
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "security/keytab.h"
#include "security/secrets.h"

namespace rpcmarshal {
namespace {

constexpr std::size_t kMaxFile = 64u << 20;

/// The whole file, read straight into locked memory.
SecretText read_secret_file(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) throw SecretsError(path + ": " + std::strerror(errno));
  struct Closer {
    int descriptor;
    ~Closer() { close(descriptor); }
  } closer{file};
  struct stat about {};
  if (fstat(file, &about) != 0) throw SecretsError(path + ": " + std::strerror(errno));
  if (!S_ISREG(about.st_mode)) throw SecretsError(path + ": not a file");
  if ((about.st_mode & 077) != 0) {
    char mode[8];
    std::snprintf(mode, sizeof mode, "%04o", static_cast<unsigned>(about.st_mode & 07777));
    throw SecretsError(path + ": holds secrets, but others may use it (mode " + mode +
                       "): chmod 600 " + path);
  }
  if (static_cast<std::size_t>(about.st_size) > kMaxFile)
    throw SecretsError(path + ": larger than 64 MiB");
  SecretText text(static_cast<std::size_t>(about.st_size));
  std::size_t at = 0;
  while (at < text.size()) {
    const ssize_t got = read(file, text.data() + at, text.size() - at);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw SecretsError(path + ": " + std::strerror(errno));
    if (got == 0) break;
    at += static_cast<std::size_t>(got);
  }
  text.resize(at);
  return text;
}

bool is_blank(char c) { return c == ' ' || c == '\t'; }

/// One line being read; columns count from 1.
class Line {
 public:
  Line(std::string_view text, const std::string& name, std::size_t number)
      : text_(text), name_(name), number_(number) {}

  void skip_blanks() {
    while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
  }
  bool at_end() const { return at_ == text_.size(); }
  bool at_comment() const { return at_ < text_.size() && text_[at_] == '#'; }
  /// Up to the next blank, or what stands in quotes.
  std::string_view word(const char* what) {
    skip_blanks();
    if (at_end()) fail(std::string("here ") + what + " is missing");
    start_ = at_;
    if (text_[at_] == '"') {
      const auto end = text_.find('"', at_ + 1);
      if (end == text_.npos) fail("the quote is not closed");
      const std::string_view inside = text_.substr(at_ + 1, end - at_ - 1);
      at_ = end + 1;
      return inside;
    }
    while (at_ < text_.size() && !is_blank(text_[at_])) ++at_;
    return text_.substr(start_, at_ - start_);
  }
  /// All that follows, as it is; or without the quotes when it stands in quotes.
  std::string_view rest(const char* what) {
    skip_blanks();
    if (at_end()) fail(std::string("here ") + what + " is missing");
    start_ = at_;
    std::string_view all = text_.substr(at_);
    at_ = text_.size();
    if (all.size() >= 2 && all.front() == '"' && all.back() == '"')
      all = all.substr(1, all.size() - 2);
    return all;
  }
  void end() {
    skip_blanks();
    start_ = at_;
    if (!at_end() && !at_comment()) fail("nothing more is expected in this line");
  }
  [[noreturn]] void fail(const std::string& what) const {
    // Never with what stands there: it may be a secret.
    throw SecretsError(name_ + ':' + std::to_string(number_) + ':' +
                       std::to_string((at_end() ? at_ : start_) + 1) + ": " + what);
  }
  [[noreturn]] void fail_here(const std::string& what) const {
    throw SecretsError(name_ + ':' + std::to_string(number_) + ':' + std::to_string(start_ + 1) +
                       ": " + what);
  }

 private:
  std::string_view text_;
  const std::string& name_;
  std::size_t number_;
  std::size_t at_ = 0, start_ = 0;
};

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// `out` has room for half the digits; `what` is for messages: "an NT hash".
void read_digits(const Line& line, std::string_view hex, const char* what,
                 std::span<std::byte> out) {
  for (std::size_t i = 0; i < hex.size() / 2; ++i) {
    const int high = digit(hex[2 * i]), low = digit(hex[2 * i + 1]);
    if (high < 0 || low < 0) line.fail_here(std::string(what) + " has hexadecimal digits only");
    out[i] = static_cast<std::byte>(high << 4 | low);
  }
}

void read_hash(Line& line, std::array<std::byte, 16>& out) {
  std::string_view hex = line.word("the NT hash, 32 hexadecimal digits,");
  // pwdump's and secretsdump's form has the LM hash first.
  if (hex.size() == 65 && hex[32] == ':') hex.remove_prefix(33);
  if (hex.size() != 32) line.fail_here("an NT hash has 32 hexadecimal digits");
  read_digits(line, hex, "an NT hash", out);
}

/// Of 16 to 32 bytes; only 16 or 32 when it is to be `exact`.
SecretKey read_smb_key(Line& line, const char* what, bool exact) {
  const std::string_view hex = line.word(what);
  if (exact && hex.size() != 32 && hex.size() != 64)
    line.fail_here("a cipher key has 32 or 64 hexadecimal digits");
  if (hex.size() < 32 || hex.size() > 64 || hex.size() % 2 != 0)
    line.fail_here("a session key has 32 to 64 hexadecimal digits");
  std::array<std::byte, 32> key;
  read_digits(line, hex, "a key", key);
  const SecretKey out(Bytes(key).first(hex.size() / 2));
  wipe(key.data(), key.size());
  return out;
}

std::uint64_t read_session_id(Line& line) {
  const std::string_view hex = line.word("the SessionId, 16 hexadecimal digits,");
  if (hex.size() != 16)
    line.fail_here("a SessionId has 16 hexadecimal digits, in the order of the bytes on the wire");
  std::array<std::byte, 8> id;
  read_digits(line, hex, "a SessionId", id);
  return load<std::uint64_t>(id.data(), ByteOrder::kLittle);
}

}  // namespace

void Secrets::add_keytab_bytes(Bytes file, const std::string& name) {
  const std::size_t before = entries_.size();
  const std::string error = read_keytab(file, [&](const KeytabEntry& entry) {
    add_key(entry.principal, entry.realm, entry.kvno, entry.etype, entry.key);
  });
  if (!error.empty()) throw SecretsError(name + ": " + error);
  if (entries_.size() == before) throw SecretsError(name + ": this keytab holds no key");
}

void Secrets::add_keytab(const std::string& path) {
  const SecretText file = read_secret_file(path);
  add_keytab_bytes(std::as_bytes(std::span(file)), path);
}

void Secrets::add_text(std::string_view text, const std::string& name) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto end = text.find('\n');
    std::string_view content = text.substr(0, end);
    text = end == text.npos ? std::string_view() : text.substr(end + 1);
    if (content.ends_with('\r')) content.remove_suffix(1);
    Line line(content, name, number);
    line.skip_blanks();
    if (line.at_end() || line.at_comment()) continue;
    const std::string_view kind = line.word("a kind");
    if (kind == "nt-hash") {
      const std::string_view account = line.word("the account");
      std::array<std::byte, 16> hash;
      read_hash(line, hash);
      line.end();
      add_nt_hash(account, hash);
      wipe(hash.data(), hash.size());
    } else if (kind == "password") {
      const std::string_view account = line.word("the account");
      add_password(account, line.rest("the password"));
    } else if (kind == "keytab") {
      std::string path(line.rest("the keytab's path"));
      if (!path.starts_with('/') && name.find('/') != name.npos)
        path = name.substr(0, name.rfind('/') + 1) + path;
      add_keytab(path);
    } else if (kind == "smb-session") {
      const std::uint64_t id = read_session_id(line);
      const SecretKey key = read_smb_key(line, "the session's key", false);
      line.end();
      add_smb_session(id, key.bytes());
    } else if (kind == "smb-ciphers") {
      const std::uint64_t id = read_session_id(line);
      const SecretKey client = read_smb_key(line, "the key from client to server", true);
      const SecretKey server = read_smb_key(line, "the key from server to client", true);
      line.end();
      if (client.bytes().size() != server.bytes().size())
        line.fail_here("both keys of a session are of one length");
      add_smb_ciphers(id, client.bytes(), server.bytes());
    } else {
      line.fail_here("a line starts with nt-hash, password, keytab, smb-session or smb-ciphers");
    }
  }
}

void Secrets::add_file(const std::string& path) {
  const SecretText file = read_secret_file(path);
  add_text({file.data(), file.size()}, path);
}

}  // namespace rpcmarshal
