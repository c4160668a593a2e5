#include "policy/compiler/rpcfw.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <vector>

#include "base/guid.h"
#include "base/unicode.h"
#include "match/address.h"
#include "policy/compiler/yaml_writer.h"
#include "sigma/modifier.h"

namespace rpcmarshal::policy {
namespace {

constexpr std::size_t kMaxFile = 65534, kMaxLine = 255;
enum Key : std::size_t { kUuid, kOpnum, kAddr, kProt, kSid, kAction, kAudit, kVerbose, kKeys };
constexpr std::array<std::string_view, kKeys> kNames = {
    "uuid:", "opnum:", "addr:", "prot:", "sid:", "action:", "audit:", "verbose:"};

/// SDDL's two letters [MS-DTYP 2.4.4.1] as SIDs; those of a domain as a pattern.
struct Alias {
  std::string_view letters, sid;
};
constexpr Alias kAliases[] = {
    {"WD", "S-1-1-0"},        {"AN", "S-1-5-7"},        {"AU", "S-1-5-11"},
    {"NU", "S-1-5-2"},        {"IU", "S-1-5-4"},        {"SU", "S-1-5-6"},
    {"RC", "S-1-5-12"},       {"SY", "S-1-5-18"},       {"LS", "S-1-5-19"},
    {"NS", "S-1-5-20"},       {"BA", "S-1-5-32-544"},   {"BU", "S-1-5-32-545"},
    {"BG", "S-1-5-32-546"},   {"PU", "S-1-5-32-547"},   {"AO", "S-1-5-32-548"},
    {"SO", "S-1-5-32-549"},   {"PO", "S-1-5-32-550"},   {"BO", "S-1-5-32-551"},
    {"RE", "S-1-5-32-552"},   {"RU", "S-1-5-32-554"},   {"RD", "S-1-5-32-555"},
    {"NO", "S-1-5-32-556"},   {"MU", "S-1-5-32-558"},   {"LU", "S-1-5-32-559"},
    {"ED", "S-1-5-9"},        {"LA", "S-1-5-21-*-500"}, {"LG", "S-1-5-21-*-501"},
    {"DA", "S-1-5-21-*-512"}, {"DU", "S-1-5-21-*-513"}, {"DG", "S-1-5-21-*-514"},
    {"DC", "S-1-5-21-*-515"}, {"DD", "S-1-5-21-*-516"}, {"CA", "S-1-5-21-*-517"},
    {"SA", "S-1-5-21-*-518"}, {"EA", "S-1-5-21-*-519"}, {"PA", "S-1-5-21-*-520"},
};

struct Value {
  std::string text;
  std::size_t at = 0;  ///< in the line
  bool present = false;
};

class Reader {
 public:
  Reader(const std::string& file, const lint::Operations& operations,
         sigma::Diagnostics& diagnostics)
      : file_(file), operations_(operations), diagnostics_(diagnostics) {}

  RpcFwPolicy read(std::string_view text) {
    if (text.size() > kMaxFile)
      warn(0, 0,
           "the RPC Firewall reads 65,534 bytes at most; this file has " +
               std::to_string(text.size()));
    bool dropped = false;
    while (!text.empty()) {
      const std::size_t end = text.find('\n');
      std::string_view line = text.substr(0, end);
      text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
      if (line.ends_with('\r')) line.remove_suffix(1);
      ++number_;
      if (number_ > 100'000) break;
      line_ = line;
      if (line.size() > kMaxLine && !dropped) {
        dropped = true;
        warn(kMaxLine, 0,
             "a line of more than 255 characters: the RPC Firewall silently drops this "
             "and every later rule; they are kept here");
      }
      one();
    }
    const auto head = [&](std::string_view what) {
      return "# From " + yaml_text(file_.substr(file_.rfind('/') + 1)) + ", its " +
             std::string(what) + ": lines, by 'rpcmarshal policy convert'.\npolicy: " +
             yaml_text("RpcFw.conf " + std::string(what)) + "\ndefault: allow\n";
    };
    RpcFwPolicy out;
    out.firewall = head("fw") + (firewall_.empty() ? "rules: []\n" : "rules:\n" + firewall_);
    out.filters = head("flt") + (filters_.empty() ? "rules: []\n" : "rules:\n" + filters_);
    if (filter_lines_ > 0 && firewall_lines_ > 0) {
      number_ = 0;
      warn(0, 0,
           std::to_string(filter_lines_) +
               " flt: lines are filters of Windows itself and apply beside the fw: lines: "
               "'policy export --netsh' writes them, 'policy convert --filters' shows them");
    }
    return out;
  }

 private:
  void warn(std::size_t at, std::size_t, std::string message) {
    diagnostics_.push_back({sigma::Diagnostic::Severity::kWarning,
                            file_,
                            {number_, number_ == 0 ? 0 : static_cast<std::uint32_t>(at + 1)},
                            std::move(message),
                            {}});
  }
  void warn(const Value& value, std::string message) { warn(value.at, 0, std::move(message)); }

  void one() {
    const std::size_t fw = line_.find("fw:"), flt = line_.find("flt:");
    if (fw != std::string_view::npos) rule(fw, 3, false);
    if (flt != std::string_view::npos) {
      const std::size_t behind = flt + 4;
      if (behind >= line_.size() || line_[behind] == ' ' || line_[behind] == '\t') {
        // Headings without any pair are prose.
        if (line_.find("uuid:") == std::string_view::npos &&
            line_.find("action:") == std::string_view::npos)
          return;
        warn(behind, 0,
             "a space behind 'flt:': the RPC Firewall ignores the whole line; it is kept "
             "here as it was meant");
      }
      rule(flt, 4, true);
    }
    if (fw == std::string_view::npos && flt == std::string_view::npos &&
        line_.find("uuid:") != std::string_view::npos &&
        line_.find("action:") != std::string_view::npos) {
      warn(0, 0,
           "this looks like a rule, but has neither 'fw:' nor 'flt:': the RPC Firewall ignores "
           "it, and so does this");
    }
  }

  /// The first occurrence of the key wins; its value runs to the next space.
  Value value(Key key) {
    Value out;
    const std::string_view name = kNames[key];
    const std::size_t found = line_.find(name);
    if (found == std::string_view::npos) return out;
    out.present = true;
    out.at = found + name.size();
    out.text = line_.substr(out.at, line_.find(' ', out.at) - out.at);
    if (found > 0 && line_[found - 1] != ' ' && line_[found - 1] != ':' &&
        line_[found - 1] != '\t') {
      const std::size_t begin = line_.rfind(' ', found) + 1;
      warn(begin, 0,
           "'" + std::string(line_.substr(begin, out.at - begin)) +
               "' is no key of the RPC Firewall, which reads it as '" + std::string(name) + "'");
    }
    if (line_.find(name, out.at) != std::string_view::npos)
      warn(line_.find(name, out.at), 0,
           "a second '" + std::string(name) + "': the first one counts");
    if (const std::size_t tab = out.text.find('\t'); tab != std::string::npos) {
      warn(out.at + tab, 0,
           "a tab does not end a value for the RPC Firewall, only a space does; it "
           "ends it here");
      out.text.resize(tab);
    }
    if (out.text.empty() && key != kVerbose) {
      // "uuid: 3676...": the next word was meant.
      std::size_t next = line_.find_first_not_of(' ', out.at);
      if (next == std::string_view::npos) next = line_.size();
      const std::string_view word = line_.substr(next, line_.find(' ', next) - next);
      const bool is_key = std::ranges::any_of(
          kNames, [&](std::string_view k) { return word.find(k) != std::string_view::npos; });
      const std::string any =
          key == kUuid || key == kOpnum || key == kAddr || key == kProt || key == kSid
              ? "matches any"
              : "is false, or allow";
      warn(out.at, 0,
           "a space behind '" + std::string(name) +
               "': for the RPC Firewall the value is empty, which " + any +
               (is_key || word.empty()
                    ? "; the rule is kept, and decides nothing"
                    : "; '" + std::string(word) + "' is taken here, as it was meant"));
      if (is_key || word.empty()) {
        undecided_ = true;
      } else {
        out.text = word;
        out.at = next;
      }
    }
    return out;
  }

  static bool contains(const Value& value, std::string_view word) {
    return to_lower(value.text).find(word) != std::string::npos;
  }

  void rule(std::size_t prefix, std::size_t size, bool filter) {
    undecided_ = never_ = false;
    if (prefix > 0 && !(size == 3 && line_.substr(prefix - 1, 4) == "_fw:")) {
      const std::string before(line_.substr(0, prefix));
      if (before.find_first_not_of(" \t") != std::string::npos)
        warn(0, 0,
             "what stands before '" + std::string(line_.substr(prefix, size)) +
                 "' does not make this a comment: the rule is active, for the RPC Firewall "
                 "and here");
    }
    Value values[kKeys];
    for (std::size_t key = 0; key < kKeys; ++key) values[key] = value(static_cast<Key>(key));
    unknown_words(prefix + size);

    std::string when;
    uuids(values[kUuid], when);
    opnum(values[kOpnum], filter, when);
    address(values[kAddr], filter, when);
    protocol(values[kProt], filter, when);
    const std::string sid = this->sid(values[kSid]);

    const bool block = contains(values[kAction], "block");
    if (!values[kAction].present) {
      warn(prefix, 0, "no 'action:': the RPC Firewall allows");
    } else if (!block && values[kAction].text != "allow" && !values[kAction].text.empty()) {
      warn(values[kAction],
           "'" + values[kAction].text + "' is no 'block', and everything else means allow");
    }
    const bool audit = contains(values[kAudit], "true");
    if (values[kAudit].present && !audit && !values[kAudit].text.empty() &&
        !contains(values[kAudit], "false")) {
      warn(values[kAudit], "'" + values[kAudit].text +
                               "' is no 'true', and everything else means "
                               "false");
    }
    if (filter && block && audit)
      warn(values[kAudit], "Windows writes no audit event for a filter that blocks");

    std::string& out = filter ? filters_ : firewall_;
    std::size_t& lines = filter ? filter_lines_ : firewall_lines_;
    ++lines;
    out += "  # " + printable(line_) + "\n";
    out += "  - id: " + std::string(filter ? "flt" : "fw") + "-line-" + std::to_string(number_) +
           "\n    action: " +
           (block   ? "block"
            : audit ? "audit"
                    : "allow") +
           "\n";
    if (undecided_ || never_)
      out += "    mode: learn  # decides nothing: see the warnings of the conversion\n";
    if (!sid.empty()) {
      // A SID is the user's own, or that of a group.
      const std::string both = when;
      out += "    when:\n";
      for (const char* field : {"user.sid", "user.groups"}) {
        std::string map = std::string("      - ") + field + ": " + yaml_text(sid) + "\n";
        map += indented(both);
        out += map;
      }
    } else if (when.empty()) {
      out += "    when: any\n";
    } else {
      out += "    when:\n" + when;
    }
  }

  static std::string indented(std::string_view lines) {
    std::string out;
    while (!lines.empty()) {
      const std::size_t end = lines.find('\n');
      out += "  " + std::string(lines.substr(0, end)) + "\n";
      lines.remove_prefix(end == std::string_view::npos ? lines.size() : end + 1);
    }
    return out;
  }

  static std::string printable(std::string_view line) {
    std::string out(line.substr(0, 300));
    for (char& c : out) {
      if (static_cast<std::uint8_t>(c) < 0x20 || static_cast<std::uint8_t>(c) >= 0x7F) c = ' ';
    }
    return out;
  }

  /// Words that are no pair are ignored, which is worth saying of those that look like one.
  void unknown_words(std::size_t from) {
    std::size_t at = from;
    while (at < line_.size()) {
      const std::size_t end = std::min(line_.find(' ', at), line_.size());
      const std::string_view word = line_.substr(at, end - at);
      const std::size_t colon = word.find(':');
      const bool known = std::ranges::any_of(
          kNames, [&](std::string_view k) { return word.find(k) != std::string_view::npos; });
      if (!known && colon != std::string_view::npos && colon > 0 && !Guid::parse(word) &&
          std::ranges::all_of(word.substr(0, colon), [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
          })) {
        warn(at, 0,
             "the RPC Firewall has no key '" + std::string(word.substr(0, colon + 1)) +
                 "' and ignores it");
      }
      at = end + 1;
    }
  }

  void uuids(const Value& v, std::string& when) {
    if (!v.present || v.text.empty()) return;
    // A call matches when its UUID stands anywhere in the value.
    std::vector<std::string> found;
    for (std::size_t at = 0; at + 36 <= v.text.size(); ++at) {
      const auto id = Guid::parse(std::string_view(v.text).substr(at, 36));
      if (!id) continue;
      found.push_back(id->to_string());
      if (operations_.find(*id) == nullptr) {
        const std::string near = operations_.similar_uuid(found.back());
        warn(v.at + at, 0,
             "no interface that is known has the UUID " + found.back() +
                 (near.empty() ? "" : "; did you mean " + near + "?"));
      }
      at += 35;
    }
    if (found.empty()) {
      never_ = true;
      warn(v, "'" + v.text + "' holds no UUID: the rule never matches");
      return;
    }
    when += "      interface.uuid:";
    if (found.size() == 1) {
      when += " " + found[0] + "\n";
      return;
    }
    when += "\n";
    for (const std::string& uuid : found) when += "        - " + uuid + "\n";
  }

  void opnum(const Value& v, bool filter, std::string& when) {
    if (!v.present || v.text.empty()) return;
    std::vector<unsigned> numbers;
    std::string_view rest = v.text;
    while (true) {
      unsigned number = 0;
      const auto r = std::from_chars(rest.data(), rest.data() + rest.size(), number);
      if (r.ec == std::errc::result_out_of_range || (r.ec == std::errc() && number > 65535)) {
        undecided_ = true;
        warn(v, "'" + v.text +
                    "' is no operation number; one that does not fit 32 bits ends the RPC "
                    "Firewall's reading of the file with an exception");
        return;
      }
      if (r.ec != std::errc()) break;
      numbers.push_back(number);
      rest.remove_prefix(static_cast<std::size_t>(r.ptr - rest.data()));
      if (rest.empty() || (rest[0] != ',' && rest[0] != ';')) break;
      rest.remove_prefix(1);
    }
    if (numbers.empty()) {
      undecided_ = true;
      warn(v, "'" + v.text +
                  "' is no number: for the RPC Firewall the rule is for every operation; "
                  "here it decides nothing");
      return;
    }
    if (numbers.size() > 1 || !rest.empty()) {
      warn(v, "the RPC Firewall takes the first number and ignores the rest of '" + v.text +
                  "'; all numbers are taken here");
    }
    if (filter)
      warn(v,
           "the RPC Firewall ignores 'opnum:' in filters, which then cover the whole interface; "
           "it is kept here (Windows 11 24H2 and Server 2025 can filter by it)");
    when += "      opnum:";
    if (numbers.size() == 1) {
      when += " " + std::to_string(numbers[0]) + "\n";
      return;
    }
    when += " [";
    for (std::size_t i = 0; i < numbers.size(); ++i)
      when += (i > 0 ? ", " : "") + std::to_string(numbers[i]);
    when += "]\n";
  }

  void address(const Value& v, bool filter, std::string& when) {
    if (!v.present || v.text.empty()) return;
    if (v.text.find_first_of("<>") != std::string::npos) {
      undecided_ = true;
      warn(v, "the placeholder '" + v.text +
                  "' was never replaced: for the RPC Firewall the rule is "
                  "for every address; here it decides nothing");
      return;
    }
    std::vector<std::uint8_t> network;
    unsigned prefix = 0;
    std::uint8_t bytes[16];
    std::size_t size = 0;
    const std::size_t slash = v.text.find('/');
    const std::string_view host = std::string_view(v.text).substr(0, slash);
    if (!match::parse_address(host, bytes, size)) {
      undecided_ = true;
      warn(v, "'" + v.text +
                  "' is no address: for the RPC Firewall the rule is for every address; "
                  "here it decides nothing");
      return;
    }
    std::string cidr = v.text;
    if (slash != std::string::npos) {
      const std::string why = sigma::parse_cidr(v.text, network, prefix);
      if (!why.empty()) {
        // Bits behind the prefix do not matter to the RPC Firewall.
        unsigned bits = 0;
        const std::string_view digits = std::string_view(v.text).substr(slash + 1);
        const auto r = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
        if (digits.empty() || r.ec != std::errc() || r.ptr != digits.data() + digits.size() ||
            bits > size * 8) {
          undecided_ = true;
          warn(v, why + "; the rule decides nothing here");
          return;
        }
        cidr = masked(bytes, size, bits);
        warn(v, why + "; it is read as " + cidr);
      }
    }
    if (size == 16 && slash != std::string::npos)
      warn(v, filter ? "the RPC Firewall never sets the prefix length of IPv6 networks in filters"
                     : "the RPC Firewall compares IPv6 networks word by word, and reads beyond the "
                       "address with /128: other hosts may match there");
    if (filter)
      warn(v, std::string("filters by address never match calls over named pipes") +
                  (slash == std::string::npos ? "" : ", and Windows' filters ignore networks"));
    when += slash == std::string::npos ? "      client.address: " + yaml_literal(host) + "\n"
                                       : "      client.address|cidr: " + yaml_text(cidr) + "\n";
  }

  static std::string masked(const std::uint8_t (&bytes)[16], std::size_t size, unsigned bits) {
    std::string out;
    static constexpr char kHex[] = "0123456789abcdef";
    for (std::size_t i = 0; i < size; ++i) {
      const unsigned keep = bits >= (i + 1) * 8 ? 8
                            : bits > i * 8      ? bits - static_cast<unsigned>(i) * 8
                                                : 0;
      const auto byte = static_cast<unsigned>(bytes[i] & (0xFF00u >> keep & 0xFFu));
      if (size == 4) {
        out += (i > 0 ? "." : "") + std::to_string(byte);
      } else {
        if (i > 0 && i % 2 == 0) out += ':';
        out += kHex[byte >> 4];
        out += kHex[byte & 15];
      }
    }
    return out + "/" + std::to_string(bits);
  }

  void protocol(const Value& v, bool filter, std::string& when) {
    if (!v.present || v.text.empty()) return;
    const std::string lower = to_lower(v.text);
    if (filter && lower == "remote") {
      when += "      transport.protocol|neq: ncalrpc\n";
      return;
    }
    static constexpr std::string_view kProtocols[] = {"ncacn_ip_tcp", "ncacn_np", "ncacn_http",
                                                      "ncadg_ip_udp", "ncalrpc"};
    std::vector<std::string_view> matched;
    for (const std::string_view p : kProtocols) {
      if (p.find(lower) != std::string_view::npos) matched.push_back(p);
    }
    if (matched.empty()) {
      never_ = true;
      warn(v, "no protocol sequence contains '" + v.text +
                  "': the rule never matches (ncacn_ip_tcp, ncacn_np, ncacn_http)");
      return;
    }
    if (matched.size() > 1 && !filter)
      warn(v, "'" + v.text + "' is part of several protocol sequences, and matches them all");
    if (!filter && matched[0] == "ncalrpc")
      warn(v,
           "the RPC Firewall never looks at local calls; here the policy would need 'local: true'");
    when += "      transport.protocol:";
    if (matched.size() == 1) {
      when += " " + std::string(matched[0]) + "\n";
      return;
    }
    when += "\n";
    for (const std::string_view p : matched) when += "        - " + std::string(p) + "\n";
  }

  std::string sid(const Value& v) {
    if (!v.present || v.text.empty()) return {};
    for (const Alias& alias : kAliases) {
      if (equal_ignoring_case(v.text, alias.letters)) return std::string(alias.sid);
    }
    const bool good = v.text.starts_with("S-1-") &&
                      v.text.find_first_not_of("0123456789-", 4) == std::string::npos;
    if (good) return v.text;
    never_ = true;
    warn(v, "'" + v.text +
                "' is neither a SID (S-1-5-...) nor an SDDL alias (BA, DA): the rule never "
                "matches");
    return {};
  }

  const std::string& file_;
  const lint::Operations& operations_;
  sigma::Diagnostics& diagnostics_;
  std::uint32_t number_ = 0;
  std::string_view line_;
  bool undecided_ = false, never_ = false;
  std::string firewall_, filters_;
  std::size_t firewall_lines_ = 0, filter_lines_ = 0;
};

}  // namespace

RpcFwPolicy read_rpcfw(std::string_view text, const std::string& file,
                       const lint::Operations& operations, sigma::Diagnostics& diagnostics) {
  return Reader(file, operations, diagnostics).read(text);
}

}  // namespace rpcmarshal::policy
