#include "live/coverage.h"

#include <algorithm>

#include "sink/json_writer.h"

namespace rpcmarshal {
namespace {

/// What of a whole, in per cent with one decimal.
double percent(std::uint64_t part, std::uint64_t all) {
  return all == 0 ? 0 : static_cast<double>(part * 1000 / all) / 10;
}

std::string reason_of(const char* half, const EventHalf& h) {
  if (h.status == DecodeStatus::kTruncated)
    return std::string(half) + ": bytes are missing from the capture";
  if (h.status == DecodeStatus::kSealed && !h.seal_reason.empty())
    return std::string(half) + ": " + std::string(h.seal_reason);
  if (h.status != DecodeStatus::kPartial) return {};
  return std::string(half) + " at " + std::to_string(h.result.failed_at) + " of " +
         std::to_string(h.size) + ": " + std::string(h.result.reason);
}

}  // namespace

void Coverage::Halves::count(DecodeStatus status) {
  switch (status) {
    case DecodeStatus::kComplete:
      ++complete;
      break;
    case DecodeStatus::kPartial:
    case DecodeStatus::kTruncated:
      ++partial;
      break;
    case DecodeStatus::kSealed:
      ++sealed;
      break;
    case DecodeStatus::kUnknownInterface:
    case DecodeStatus::kUnknownOperation:
    case DecodeStatus::kUntyped:
      ++unknown;
      break;
    case DecodeStatus::kAbsent:
    case DecodeStatus::kFault:
      break;  // no arguments to read
  }
}

void Coverage::Halves::operator+=(const Halves& o) {
  complete += o.complete;
  partial += o.partial;
  sealed += o.sealed;
  unknown += o.unknown;
}

void Coverage::Counts::operator+=(const Counts& o) {
  calls += o.calls;
  complete += o.complete;
  partial += o.partial;
  sealed += o.sealed;
  unknown += o.unknown;
  requests += o.requests;
  responses += o.responses;
}

void Coverage::count(const Event& event) {
  if (event.is_bind) return;  // no call
  Key key;
  if (event.interface_id) {
    key.interface = event.interface_id->uuid;
    key.major = event.interface_id->major;
  }
  if (event.opnum) key.opnum = *event.opnum;
  auto at = operations_.find(key);
  if (at == operations_.end() && operations_.size() < kMaxOperations) {
    at = operations_.emplace(key, Operation{}).first;
    at->second.name = event.operation();
    if (event.interface) {
      names_.try_emplace({event.interface_id->uuid, event.interface_id->major},
                         Named{event.interface->name, event.interface->document});
    }
  }
  Counts& c = at == operations_.end() ? others_ : at->second.counts;
  ++c.calls;
  switch (event.decode()) {
    case DecodeStatus::kComplete:
    case DecodeStatus::kFault:
    case DecodeStatus::kAbsent:
      ++c.complete;
      break;
    case DecodeStatus::kPartial:
    case DecodeStatus::kTruncated:
      ++c.partial;
      break;
    case DecodeStatus::kSealed:
      ++c.sealed;
      break;
    case DecodeStatus::kUnknownInterface:
    case DecodeStatus::kUnknownOperation:
    case DecodeStatus::kUntyped:
      ++c.unknown;
      break;
  }
  c.requests.count(event.request.status);
  c.responses.count(event.response.status);
  if (at != operations_.end() && at->second.reason.empty()) {
    at->second.reason = reason_of("request", event.request);
    if (at->second.reason.empty()) at->second.reason = reason_of("response", event.response);
  }
}

void Coverage::totals(Counts& counts, std::uint64_t& operations, std::uint64_t& interfaces) const {
  counts = others_;
  operations = operations_.size();
  interfaces = 0;
  std::pair<std::optional<Guid>, std::uint16_t> last{std::nullopt, 0};
  for (const auto& [key, operation] : operations_) {
    counts += operation.counts;
    const std::pair here{key.interface, key.major};
    if (key.interface && here != last) ++interfaces;
    last = here;
  }
}

void Coverage::print(std::FILE* to, bool incomplete_only) const {
  const auto n = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
  const auto row = [&](const std::string& label, const Counts& c, const std::string& reason) {
    std::fprintf(to, "%-46s %9llu %9llu %9llu %9llu %9llu%s%s\n", label.c_str(), n(c.calls),
                 n(c.complete), n(c.partial), n(c.sealed), n(c.unknown), reason.empty() ? "" : "  ",
                 reason.c_str());
  };
  std::fprintf(to, "%-46s %9s %9s %9s %9s %9s  %s\n", "interface, operation", "calls", "complete",
               "partly", "sealed", "unknown", "first reason");
  for (auto at = operations_.begin(); at != operations_.end();) {
    // The operations of one interface stand together: they sort by it.
    auto end = at;
    Counts sum;
    for (; end != operations_.end() && end->first.interface == at->first.interface &&
           end->first.major == at->first.major;
         ++end)
      sum += end->second.counts;
    if (incomplete_only && sum.all_complete()) {
      at = end;
      continue;
    }
    std::string label = "(interface not known)";
    if (at->first.interface) {
      const auto named = names_.find({*at->first.interface, at->first.major});
      label = named == names_.end()
                  ? at->first.interface->to_string() + " v" + std::to_string(at->first.major)
              : named->second.document.empty()
                  ? named->second.name
                  : named->second.name + " (" + named->second.document + ")";
    }
    row(label, sum, "");
    for (; at != end; ++at) {
      const Operation& o = at->second;
      if (incomplete_only && o.counts.all_complete()) continue;
      const std::string number =
          at->first.opnum < 0 ? "response only" : std::to_string(at->first.opnum);
      row("  " + number + (o.name.empty() ? "" : " " + o.name), o.counts, o.reason);
    }
  }
  Counts all;
  std::uint64_t operations = 0, interfaces = 0;
  totals(all, operations, interfaces);
  if (others_.calls != 0) row("(further operations)", others_, "");
  row("all", all, "");
  std::fprintf(to, "%llu calls of %llu operations on %llu interfaces\n", n(all.calls),
               n(operations), n(interfaces));
  for (const auto& [what, h] :
       {std::pair{"requests", &all.requests}, {"responses", &all.responses}}) {
    std::fprintf(to,
                 "%llu %s with arguments: %.1f%% readable (%.1f%% completely, %.1f%% partly), "
                 "%.1f%% sealed, %.1f%% unknown\n",
                 n(h->all()), what, percent(h->complete + h->partial, h->all()),
                 percent(h->complete, h->all()), percent(h->partial, h->all()),
                 percent(h->sealed, h->all()), percent(h->unknown, h->all()));
  }
}

void Coverage::append_json(std::string& out, bool incomplete_only) const {
  JsonWriter json(out);
  const auto halves = [&](const char* name, const Halves& h, bool percentage) {
    json.key(name);
    json.begin_object();
    json.member_number("complete", h.complete);
    json.member_number("partial", h.partial);
    json.member_number("sealed", h.sealed);
    json.member_number("unknown", h.unknown);
    if (percentage) {
      json.key("readable_percent");
      json.real(percent(h.complete + h.partial, h.all()));
      json.key("complete_percent");
      json.real(percent(h.complete, h.all()));
    }
    json.end_object();
  };
  const auto counts = [&](const Counts& c, bool percentage) {
    json.member_number("calls", c.calls);
    json.member_number("complete", c.complete);
    json.member_number("partial", c.partial);
    json.member_number("sealed", c.sealed);
    json.member_number("unknown", c.unknown);
    halves("requests", c.requests, percentage);
    halves("responses", c.responses, percentage);
  };
  Counts all;
  std::uint64_t operations = 0, interfaces = 0;
  totals(all, operations, interfaces);
  json.begin_object();
  json.key("totals");
  json.begin_object();
  json.member_number("interfaces", interfaces);
  json.member_number("operations", operations);
  counts(all, true);
  json.member_number("calls_of_further_operations", others_.calls);
  json.end_object();
  json.key("interfaces");
  json.begin_array();
  for (auto at = operations_.begin(); at != operations_.end();) {
    auto end = at;
    Counts sum;
    for (; end != operations_.end() && end->first.interface == at->first.interface &&
           end->first.major == at->first.major;
         ++end)
      sum += end->second.counts;
    if (incomplete_only && sum.all_complete()) {
      at = end;
      continue;
    }
    json.begin_object();
    if (at->first.interface) {
      json.member("uuid", at->first.interface->to_string());
      json.member_number("version", at->first.major);
      const auto named = names_.find({*at->first.interface, at->first.major});
      if (named != names_.end()) {
        json.member("name", named->second.name);
        if (!named->second.document.empty()) json.member("document", named->second.document);
      }
    }
    counts(sum, false);
    json.key("operations");
    json.begin_array();
    for (; at != end; ++at) {
      const Operation& o = at->second;
      if (incomplete_only && o.counts.all_complete()) continue;
      json.begin_object();
      if (at->first.opnum >= 0)
        json.member_number("opnum", static_cast<std::uint64_t>(at->first.opnum));
      if (!o.name.empty()) json.member("name", o.name);
      counts(o.counts, false);
      if (!o.reason.empty()) json.member("first_reason", o.reason);
      json.end_object();
    }
    json.end_array();
    json.end_object();
  }
  json.end_array();
  json.end_object();
}

}  // namespace rpcmarshal
