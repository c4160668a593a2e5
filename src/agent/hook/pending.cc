#include "agent/hook/pending.h"

#include <algorithm>

namespace rpcmarshal::agent {
namespace {

void fill(CallRecord& record, Timestamp opened, const Completion& completion) {
  record.duration = completion.ticks - opened;
  record.exception = completion.exception;
  if (completion.exception != 0) return;
  record.reply.copy(completion.value, completion.size, sizeof completion.value);
  record.has_reply = record.return_only = true;
}

}  // namespace

void PendingCalls::unname(const Entry& entry, std::uint64_t call) {
  const auto named = by_handle_.find(entry.handle);
  if (named != by_handle_.end() && named->second == call) by_handle_.erase(named);
}

PendingCalls::Entries::iterator PendingCalls::remove(Entries::iterator entry, Records* given_up) {
  unname(entry->second, entry->first);
  if (Record& record = entry->second.record) {
    bytes_ -= record->footprint();
    if (given_up) given_up->push_back(std::move(record));
  }
  return entries_.erase(entry);
}

void PendingCalls::make_room(std::size_t calls, Records& given_up) {
  while (!entries_.empty() && (entries_.size() + calls > kMaxCalls || bytes_ > kMaxBytes))
    remove(entries_.begin(), &given_up);
}

std::uint64_t PendingCalls::open(const void* handle, Timestamp ticks, Records& given_up) {
  const std::lock_guard lock(mutex_);
  if (const auto old = by_handle_.find(handle); old != by_handle_.end())
    remove(entries_.find(old->second), &given_up);
  make_room(1, given_up);
  const std::uint64_t call = ++last_;
  entries_.emplace(call, Entry{handle, ticks, nullptr, {}});
  by_handle_[handle] = call;
  return call;
}

PendingCalls::Record PendingCalls::stub_returned(std::uint64_t call, Record record,
                                                 Records& given_up) {
  const std::lock_guard lock(mutex_);
  const auto entry = entries_.find(call);
  if (entry == entries_.end()) return record;
  if (entry->second.completion) {
    fill(*record, entry->second.opened, *entry->second.completion);
    remove(entry, nullptr);
    return record;
  }
  bytes_ += record->footprint();
  entry->second.record = std::move(record);
  make_room(0, given_up);
  return nullptr;
}

void PendingCalls::forget(std::uint64_t call) {
  const std::lock_guard lock(mutex_);
  if (const auto entry = entries_.find(call); entry != entries_.end()) remove(entry, nullptr);
}

std::uint64_t PendingCalls::ending(const void* handle) {
  const std::lock_guard lock(mutex_);
  const auto named = by_handle_.find(handle);
  if (named == by_handle_.end()) return 0;
  const std::uint64_t call = named->second;
  by_handle_.erase(named);
  return call;
}

bool PendingCalls::ending(std::uint64_t call) {
  const std::lock_guard lock(mutex_);
  const auto entry = entries_.find(call);
  if (entry == entries_.end()) return false;
  unname(entry->second, call);
  return true;
}

PendingCalls::Record PendingCalls::ended(std::uint64_t call, const Completion& completion) {
  const std::lock_guard lock(mutex_);
  const auto entry = entries_.find(call);
  if (entry == entries_.end()) return nullptr;
  if (!entry->second.record) {
    entry->second.completion = completion;
    return nullptr;
  }
  bytes_ -= entry->second.record->footprint();
  Record record = std::move(entry->second.record);
  fill(*record, entry->second.opened, completion);
  remove(entry, nullptr);
  return record;
}

void PendingCalls::not_ended(std::uint64_t call) {
  const std::lock_guard lock(mutex_);
  const auto entry = entries_.find(call);
  if (entry != entries_.end()) by_handle_.try_emplace(entry->second.handle, call);
}

PendingCalls::Record PendingCalls::failed(std::uint64_t call) {
  Records given_up;
  const std::lock_guard lock(mutex_);
  if (const auto entry = entries_.find(call); entry != entries_.end()) remove(entry, &given_up);
  return given_up.empty() ? nullptr : std::move(given_up.front());
}

void PendingCalls::expire(Timestamp now, Records& given_up) {
  const std::lock_guard lock(mutex_);
  for (auto entry = entries_.begin();
       entry != entries_.end() && now - entry->second.opened > kPatience;)
    entry = remove(entry, &given_up);
}

void PendingCalls::drain(Records& given_up) {
  const std::lock_guard lock(mutex_);
  for (auto entry = entries_.begin(); entry != entries_.end();) entry = remove(entry, &given_up);
}

std::size_t PendingCalls::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

}  // namespace rpcmarshal::agent
