// What a rule says of itself: tags, title, description, references, definition.
#include <re2/re2.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "base/unicode.h"
#include "interface/names.h"
#include "lint/attack.h"
#include "lint/checker.h"

namespace rpcmarshal::lint {
namespace {

Location tags_place(const Checker& c) {
  if (const sigma::Yaml* tags = c.document.find("tags")) return tags->at;
  return c.rule.about.at;
}

void missing_tag(Checker& c, const std::string& technique, std::vector<std::string> names,
                 bool serious, const std::vector<std::string>& tactics) {
  const auto own_tactics = tactics_of(technique);
  const bool mislabelled = !tactics.empty() && !own_tactics.empty() &&
                           std::ranges::none_of(own_tactics, [&](std::string_view tactic) {
                             return std::ranges::find(tactics, tactic) != tactics.end();
                           });
  std::string message = listed(std::move(names)) + ": " + technique;
  if (mislabelled) {
    message +=
        " (" + std::string(own_tactics[0]) + "), and the rule calls it " + listed(tactics, 3);
  } else {
    message += ", which no tag of the rule says";
  }
  std::string tag = "attack." + to_lower(technique);
  Finding& f = c.add("attack-tag-missing", serious ? Severity::kWarning : Severity::kNote,
                     tags_place(c), message, "add the tag " + tag);
  const auto& places = c.rule.about.tag_places;
  // "    - attack.execution": a line of its own below the last one.
  if (!serious || mislabelled || places.empty() || places.back().column < 3) return;
  if (places.size() > 1 && places.front().line == places.back().line) return;
  f.edits = {{places.back(), "", std::string(places.back().column - 3, ' ') + "- " + tag}};
}

std::vector<std::string> documents(const std::string& text) {
  static const RE2 kDocument(R"((?i)\b(ms-[a-z]{2,5}[0-9]?)\b)");
  std::vector<std::string> out;
  std::string found;
  re2::StringPiece rest(text);
  while (RE2::FindAndConsume(&rest, kDocument, &found)) {
    std::ranges::transform(found, found.begin(), [](char ch) {
      return ch >= 'a' && ch <= 'z' ? static_cast<char>(ch - 32) : ch;
    });
    if (std::ranges::find(out, found) == out.end()) out.push_back(found);
  }
  return out;
}

void check_documents(Checker& c) {
  if (c.matched.empty() || c.matched.size() > 600) return;
  std::vector<std::string> matched;
  for (const Operation* operation : c.matched) {
    for (const std::string& document : documents(operation->interface->document)) {
      if (std::ranges::find(matched, document) == matched.end()) matched.push_back(document);
    }
  }
  if (matched.empty()) return;
  std::vector<std::string> known;
  for (const Interface* interface : c.operations.interfaces()) {
    const auto some = documents(interface->document);
    known.insert(known.end(), some.begin(), some.end());
  }
  const auto is_one_of = [](const std::vector<std::string>& list, const std::string& one) {
    return std::ranges::find(list, one) != list.end();
  };
  const auto place = [&](std::string_view key) {
    const sigma::Yaml* value = c.document.find(key);
    return value != nullptr ? value->at : c.rule.about.at;
  };
  for (const std::string& document : documents(c.rule.about.description)) {
    if (is_one_of(matched, document) || !is_one_of(known, document)) continue;
    c.add("wrong-document", Severity::kWarning, place("description"),
          "the description speaks of " + document + ", the operations matched are of " +
              listed(matched, 4),
          "say what the rule does");
  }
  // "remote encryption service": a subject that is another specification's.
  struct Subject {
    std::string_view words, document;
  };
  static constexpr Subject kSubjects[] = {{"encryption service", "MS-EFSR"},
                                          {"encrypting file system", "MS-EFSR"},
                                          {"task scheduler", "MS-TSCH"},
                                          {"service control manager", "MS-SCMR"},
                                          {"remote registry", "MS-RRP"}};
  const std::string lower = to_lower(c.rule.about.description);
  for (const Subject& subject : kSubjects) {
    if (lower.find(subject.words) == std::string::npos ||
        is_one_of(matched, std::string(subject.document)))
      continue;
    c.add("wrong-document", Severity::kWarning, place("description"),
          "the description speaks of '" + std::string(subject.words) + "' (" +
              std::string(subject.document) + "), the operations matched are of " +
              listed(matched, 4),
          "say what the rule does");
  }
  std::vector<std::string> referenced;
  const sigma::Yaml* references = c.document.find("references");
  for (std::size_t i = 0; i < c.rule.about.references.size(); ++i) {
    const std::string& reference = c.rule.about.references[i];
    for (const std::string& document : documents(reference)) {
      referenced.push_back(document);
      if (is_one_of(matched, document) || !is_one_of(known, document)) continue;
      const Location at = references != nullptr && i < references->list.size()
                              ? references->list[i].at
                              : place("references");
      c.add("wrong-document", Severity::kWarning, at,
            "this reference is about " + document + ", the operations matched are of " +
                listed(matched, 4),
            "refer to " + matched[0]);
    }
  }
  std::vector<std::string> missing;
  for (const std::string& document : matched) {
    if (!is_one_of(referenced, document)) missing.push_back(document);
  }
  if (!referenced.empty() && !missing.empty() && missing.size() < matched.size()) {
    c.add("missing-document", Severity::kNote, place("references"),
          "operations of " + listed(missing, 4) + " are matched, and no reference is about " +
              (missing.size() == 1 ? "it" : "them"));
  }
}

/// logsource.definition: what must be set up so that the rule sees anything.
void check_definition(Checker& c) {
  const sigma::Yaml* source = c.document.find("logsource");
  const sigma::Yaml* definition = source != nullptr ? source->find("definition") : nullptr;
  if (definition == nullptr || c.view != View::kFirewall) return;
  static const RE2 kBlock(R"((?i)\baction\s*:\s*block)");
  if (RE2::PartialMatch(definition->text, kBlock)) {
    c.add("definition-blocks", Severity::kWarning, definition->at,
          "whoever sets up what this definition asks for blocks the interface ('action:block')",
          "ask for 'audit:true action:allow'");
  }
  static const RE2 kUuid(R"((?i)([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}))");
  std::vector<std::string> wanted, named;
  for (const sigma::Item& item : c.rule.detection.items) {
    if (item.keyword || role_of(c.view, item.field) != Role::kUuid) continue;
    for (const sigma::Value& value : item.values) wanted.push_back(to_lower(value.text));
  }
  std::string found;
  re2::StringPiece rest(definition->text);
  while (RE2::FindAndConsume(&rest, kUuid, &found)) named.push_back(to_lower(found));
  if (named.empty() || wanted.empty()) return;
  const auto name_of = [&](const std::string& uuid) {
    const auto id = Guid::parse(uuid);
    const Interface* interface = id ? c.operations.find(*id) : nullptr;
    return uuid + (interface == nullptr ? "" : " (" + interface->name + ")");
  };
  std::vector<std::string> unknown, missing;
  for (const std::string& uuid : named) {
    if (std::ranges::find(wanted, uuid) == wanted.end()) unknown.push_back(name_of(uuid));
  }
  for (const std::string& uuid : wanted) {
    if (std::ranges::find(named, uuid) == named.end()) missing.push_back(name_of(uuid));
  }
  if (!unknown.empty()) {
    c.add("wrong-definition", Severity::kError, definition->at,
          "the definition audits " + listed(unknown) + ", which the rule does not look at");
  }
  if (!missing.empty()) {
    c.add("wrong-definition", Severity::kError, definition->at,
          "the definition does not audit " + listed(missing) + ", which the rule looks at");
  }
}

/// "AtScv" in the title of a rule about ATSvc.
void check_spelling(Checker& c) {
  static const RE2 kWord(R"(([A-Za-z0-9_]{4,}))");
  for (const std::string_view key : {"title", "description"}) {
    const sigma::Yaml* text = c.document.find(key);
    if (text == nullptr) continue;
    std::vector<const Interface*> seen;
    for (const Operation* operation : c.matched) {
      if (std::ranges::find(seen, operation->interface) != seen.end() || seen.size() > 20) continue;
      seen.push_back(operation->interface);
      const std::string name = operation->interface->name;
      std::string word;
      re2::StringPiece rest(text->text);
      while (RE2::FindAndConsume(&rest, kWord, &word)) {
        if (name.size() < 5 || equal_ignoring_case(word, name) || word.size() != name.size() ||
            edit_distance(word, name, 1) != 1)
          continue;
        c.add("spelling", Severity::kNote, text->at,
              "'" + word + "' in the " + std::string(key) + " is most likely '" + name + "'");
        break;
      }
    }
  }
}

}  // namespace

void check_tags(Checker& c) {
  if (c.matched.empty() || c.matched.size() > 600) return;
  std::vector<std::string> tags, tactics;
  for (const std::string& tag : c.rule.about.tags) {
    if (std::string t = technique_of_tag(tag); !t.empty()) tags.push_back(std::move(t));
    if (std::string t = tactic_of_tag(tag); !t.empty()) tactics.push_back(std::move(t));
  }
  // What a call is for may depend on its arguments, which the rule asks for and we do not judge.
  const bool argued = std::ranges::any_of(c.rule.detection.items, [](const sigma::Item& item) {
    return std::ranges::any_of(
        std::initializer_list<std::string_view>{"request.", "response.", "wmi.", "details",
                                                "dispatch.", "handles", "dcom.", "unc_hosts"},
        [&](std::string_view head) { return item.field.starts_with(head); });
  });
  const bool weak = argued || tags.empty();
  std::map<std::string, std::pair<std::vector<std::string>, int>> missing;
  std::vector<std::string> carried;
  for (const Operation* operation : c.matched) {
    const auto& own = annotation_arguments(*operation->procedure, "attack");
    carried.insert(carried.end(), own.begin(), own.end());
    const bool tagged = std::ranges::any_of(own, [&](const std::string& technique) {
      return std::ranges::any_of(tags,
                                 [&](const std::string& tag) { return related(tag, technique); });
    });
    if (own.empty() || tagged) continue;
    auto& [names, severity] = missing[own[0]];
    names.push_back(operation->operation);
    severity = std::max(severity, severity_rank(*operation->procedure));
  }
  for (auto& [technique, found] : missing) {
    const bool named = std::ranges::any_of(c.rule.detection.items, [&](const sigma::Item& item) {
      const Role role = item.keyword ? Role::kOther : role_of(c.view, item.field);
      return role == Role::kOperation || role == Role::kOpnum;
    });
    missing_tag(c, technique, found.first,
                !weak && (found.second >= 2 || (named && c.matched.size() <= 30)), tactics);
  }
  // What the tagged operations are for beside that.
  if (c.matched.size() <= 30) {
    std::map<std::string, std::vector<std::string>> more;
    for (const Operation* operation : c.matched) {
      for (const std::string& technique : annotation_arguments(*operation->procedure, "attack")) {
        const bool tagged = std::ranges::any_of(
            tags, [&](const std::string& tag) { return related(tag, technique); });
        if (!tagged && !missing.contains(technique))
          more[technique].push_back(operation->operation);
      }
    }
    for (const auto& [technique, names] : more) {
      c.add("attack-tag-more", Severity::kNote, tags_place(c),
            listed(names) + ": also " + technique, "add the tag attack." + to_lower(technique));
    }
  }
  for (std::size_t i = 0; i < c.rule.about.tags.size(); ++i) {
    const std::string technique = technique_of_tag(c.rule.about.tags[i]);
    if (technique.empty()) continue;
    if (std::ranges::any_of(carried,
                            [&](const std::string& one) { return related(one, technique); }))
      continue;
    // A sibling sub-technique is what the author was thinking of.
    std::string near;
    for (const std::string& one : carried) {
      if (one.starts_with(technique.substr(0, 5))) near = one;
    }
    c.add("attack-tag-wrong", near.empty() || argued ? Severity::kNote : Severity::kWarning,
          i < c.rule.about.tag_places.size() ? c.rule.about.tag_places[i] : tags_place(c),
          "no operation that the rule matches is known for " + technique,
          near.empty() ? "" : "did you mean " + near + "?");
  }
}

void check_prose(Checker& c) {
  if (c.view == View::kOther) return;
  check_documents(c);
  check_definition(c);
  check_spelling(c);
  static const RE2 kFirst(
      R"((?i)\b(first[- ](time|seen)|never seen before|for the first time|new(ly)? (seen|observed))\b)");
  for (const auto& [key, text] :
       {std::pair{"description", &c.rule.about.description}, {"title", &c.rule.about.title}}) {
    if (!RE2::PartialMatch(*text, kFirst)) continue;
    const sigma::Yaml* place = c.document.find(key);
    c.add("not-expressible", Severity::kWarning, place != nullptr ? place->at : c.rule.about.at,
          "a rule sees one event at a time: that something is seen for the first time cannot be "
          "said; it matches every time");
    break;
  }
  // zeek_dce_rpc_x.yml about another log.
  const std::string name = std::filesystem::path(c.rule.about.file).filename().string();
  if (c.view == View::kZeekSmbFiles && name.find("dce_rpc") != std::string::npos) {
    c.add("file-name", Severity::kNote, c.rule.logsource.at,
          "the file is called " + name + ", the rule is about smb_files");
  }
  if (c.view == View::kFirewall) {
    std::vector<std::string> objects;
    for (const Operation* operation : c.matched) {
      if (operation->interface->object) objects.push_back(operation->interface->name);
    }
    if (!objects.empty() && c.matched.size() < 600) {
      c.add("com-interface", Severity::kNote, c.rule.detection.conditions[0].at,
            listed(objects) + (objects.size() == 1 ? " is a" : " are") + " COM interface" +
                (objects.size() == 1 ? "" : "s") +
                ": the event does not say which object was called, nor its class");
    }
  }
}

std::string full_name(const Operation& operation) {
  return operation.endpoint + "::" + operation.operation;
}

std::string listed(std::vector<std::string> names, std::size_t most) {
  std::vector<std::string> once;
  for (std::string& name : names) {
    if (std::ranges::find(once, name) == once.end()) once.push_back(std::move(name));
  }
  std::string out;
  for (std::size_t i = 0; i < once.size() && i < most; ++i) {
    if (!out.empty()) out += ", ";
    out += once[i];
  }
  if (once.size() > most) out += " and " + std::to_string(once.size() - most) + " more";
  return out;
}

}  // namespace rpcmarshal::lint
