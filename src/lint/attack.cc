#include "lint/attack.h"

#include <algorithm>
#include <array>

#include "base/unicode.h"

namespace rpcmarshal::lint {
namespace {

constexpr std::array<std::string_view, 16> kTactics = {
    "reconnaissance", "resource-development", "initial-access",  "execution",
    "persistence",    "privilege-escalation", "defense-evasion", "defense-impairment",
    "stealth",        "credential-access",    "discovery",       "lateral-movement",
    "collection",     "command-and-control",  "exfiltration",    "impact"};

struct Technique {
  std::string_view id;
  std::string_view tactics;  ///< separated by blanks
};
// [ATT&CK v16] The techniques of interfaces/*.idl; a parent stands for its sub-techniques unless
// they have a line of their own.
constexpr std::array kTechniques = {
    Technique{"T1003", "credential-access"},
    Technique{"T1005", "collection"},
    Technique{"T1006", "defense-evasion"},
    Technique{"T1007", "discovery"},
    Technique{"T1012", "discovery"},
    Technique{"T1016", "discovery"},
    Technique{"T1018", "discovery"},
    Technique{"T1020", "exfiltration"},
    Technique{"T1021", "lateral-movement"},
    Technique{"T1033", "discovery"},
    Technique{"T1046", "discovery"},
    Technique{"T1047", "execution"},
    Technique{"T1049", "discovery"},
    Technique{"T1053", "execution persistence privilege-escalation"},
    Technique{"T1057", "discovery"},
    Technique{"T1068", "privilege-escalation"},
    Technique{"T1069", "discovery"},
    Technique{"T1070", "defense-evasion"},
    Technique{"T1074", "collection"},
    Technique{"T1082", "discovery"},
    Technique{"T1083", "discovery"},
    Technique{"T1087", "discovery"},
    Technique{"T1098", "persistence privilege-escalation"},
    Technique{"T1105", "command-and-control"},
    Technique{"T1110", "credential-access"},
    Technique{"T1112", "defense-evasion"},
    Technique{"T1113", "collection"},
    Technique{"T1120", "discovery"},
    Technique{"T1124", "discovery"},
    Technique{"T1134", "defense-evasion privilege-escalation"},
    Technique{"T1135", "discovery"},
    Technique{"T1136", "persistence"},
    Technique{"T1187", "credential-access"},
    Technique{"T1201", "discovery"},
    Technique{"T1207", "defense-evasion"},
    Technique{"T1210", "lateral-movement"},
    Technique{"T1222", "defense-evasion"},
    Technique{"T1482", "discovery"},
    Technique{"T1484", "defense-evasion privilege-escalation"},
    Technique{"T1485", "impact"},
    Technique{"T1489", "impact"},
    Technique{"T1490", "impact"},
    Technique{"T1518", "discovery"},
    Technique{"T1529", "impact"},
    Technique{"T1531", "impact"},
    Technique{"T1543", "persistence privilege-escalation"},
    Technique{"T1546", "persistence privilege-escalation"},
    Technique{"T1547", "persistence privilege-escalation"},
    Technique{"T1552", "credential-access"},
    Technique{"T1555", "credential-access"},
    Technique{"T1556", "credential-access defense-evasion persistence"},
    Technique{"T1557", "credential-access collection"},
    Technique{"T1558", "credential-access"},
    Technique{"T1559", "execution"},
    Technique{"T1560", "collection"},
    Technique{"T1561", "impact"},
    Technique{"T1562", "defense-evasion"},
    Technique{"T1563", "lateral-movement"},
    Technique{"T1564", "defense-evasion"},
    Technique{"T1569", "execution"},
    Technique{"T1574", "persistence privilege-escalation defense-evasion"},
    Technique{"T1590", "reconnaissance"},
    Technique{"T1649", "credential-access"},
    Technique{"T1654", "discovery"},
};

}  // namespace

std::string technique_of_tag(std::string_view tag) {
  std::string lower = to_lower(tag);
  if (!lower.starts_with("attack.t") || lower.size() < 12) return {};
  lower.erase(0, 7);
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  const bool form = std::all_of(lower.begin() + 1, lower.begin() + 5, digit) &&
                    (lower.size() == 5 || (lower.size() == 9 && lower[5] == '.' &&
                                           std::all_of(lower.begin() + 6, lower.end(), digit)));
  if (!form) return {};
  lower[0] = 'T';
  return lower;
}

std::string tactic_of_tag(std::string_view tag) {
  std::string lower = to_lower(tag);
  if (!lower.starts_with("attack.")) return {};
  lower.erase(0, 7);
  std::ranges::replace(lower, '_', '-');
  return std::ranges::find(kTactics, lower) == kTactics.end() ? std::string() : lower;
}

std::vector<std::string_view> tactics_of(std::string_view technique) {
  std::vector<std::string_view> out;
  for (const Technique& one : kTechniques) {
    if (one.id != technique.substr(0, 5)) continue;
    std::string_view rest = one.tactics;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find(' '), rest.size());
      out.push_back(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  return out;
}

bool related(std::string_view a, std::string_view b) {
  return a == b || (a.size() == 5 && b.starts_with(a)) || (b.size() == 5 && a.starts_with(b));
}

}  // namespace rpcmarshal::lint
