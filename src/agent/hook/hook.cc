#include "agent/hook/hook.h"

#include <algorithm>
#include <chrono>
#include <new>
#include <thread>

namespace rpcmarshal::agent {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr std::uint32_t kAccessDenied = 5;

void count(std::atomic<std::uint64_t>& counter) { counter.fetch_add(1, kRelaxed); }

}  // namespace

void Hook::enter(RpcMessage* message, CallFrame& frame) noexcept {
  // Sequentially consistent, with stop(): a thread either is counted or sees no session.
  active_.fetch_add(1);
  frame = {};
  const Original original = original_of(originals_, *message);
  frame.original = original.function;
  frame.asynchronous = original.asynchronous;
  frame.message = message;
  frame.outer = static_cast<CallFrame*>(platform_.thread_value());
  platform_.set_thread_value(&frame);
  if (nested(frame)) return;
  count(counters_.calls);
  frame.session = session_.load();
  if (!frame.session) return;
  try {
    observe(*message, frame);
  } catch (...) {  // no memory
    count(counters_.failures);
    delete frame.record;
    frame.record = nullptr;
    frame.refuse = frame.session->options.fail_closed ? kAccessDenied : 0;
  }
}

/// NdrServerCall2 calls NdrStubCall2 with the same message: one call, one event.
bool Hook::nested(const CallFrame& frame) const {
  return frame.outer && frame.outer->message == frame.message;
}

void Hook::observe(RpcMessage& message, CallFrame& frame) {
  Session& session = *frame.session;
  const std::shared_ptr<Decider> decider = session.decider.load();
  auto record = std::make_unique<CallRecord>();
  callers_.transport(message, record->caller);
  if (record->caller.local && !session.options.local_calls && !(decider && decider->local_calls()))
    return;
  const auto& interface = *static_cast<const RpcServerInterface*>(message.interface_information);
  record->time = platform_.now();
  record->interface = interface.interface_id.id();
  record->syntax = syntax_of(message);
  record->opnum = static_cast<std::uint16_t>(message.proc_num & kProcNumMask);
  record->data_representation = message.data_representation;
  record->asynchronous = frame.asynchronous;
  record->partial = (message.rpc_flags & kBufferPartial) != 0;
  record->request.copy(message.buffer, message.buffer ? message.buffer_length : 0,
                       session.options.max_stub);
  callers_.identify(message, record->caller);
  if (decider) {
    if (!decider->decide(*record, record->verdict)) {
      count(counters_.failures);
      record->verdict = {};
      record->verdict.refuse = session.options.fail_closed;
    }
    if (record->verdict.unknown) count(counters_.unknown);
    if (record->verdict.refuse) {
      count(counters_.blocked);
      frame.refuse = record->verdict.status != 0 ? record->verdict.status : kAccessDenied;
    } else if (record->verdict.audit) {
      count(counters_.audited);
    }
  }
  frame.request_buffer = message.buffer;
  frame.request_length = message.buffer_length;
  frame.started = platform_.ticks();
  if (record->asynchronous && frame.refuse == 0) {
    PendingCalls::Records given_up;
    frame.pending = session.pending.open(message.handle, frame.started, given_up);
    push(session, given_up);
  }
  frame.record = record.release();
}

void Hook::push(Session& session, std::unique_ptr<CallRecord> record) noexcept {
  if (!session.queue.push(std::move(record))) count(counters_.dropped);
}

void Hook::push(Session& session, PendingCalls::Records& records) noexcept {
  for (auto& record : records) push(session, std::move(record));
}

void Hook::leave(CallFrame& frame, std::uint32_t exception) noexcept {
  if (frame.record) {
    std::unique_ptr<CallRecord> record(frame.record);
    frame.record = nullptr;
    Session& session = *frame.session;
    record->duration = platform_.ticks() - frame.started;
    record->exception = exception;
    if (exception != 0 && frame.refuse == 0) count(counters_.exceptions);
    try {
      if (exception == 0 && !record->asynchronous && !record->partial) {
        const RpcMessage& message = *frame.message;
        // A stub with nothing to send may leave the request where it was.
        const bool untouched =
            message.buffer == frame.request_buffer && message.buffer_length == frame.request_length;
        record->reply.copy(message.buffer, untouched || !message.buffer ? 0 : message.buffer_length,
                           session.options.max_stub);
        record->has_reply = true;
      }
      if (frame.refuse == 0) {
        if (const std::shared_ptr<Decider> decider = session.decider.load())
          decider->learn(*record);
      }
      if (frame.pending != 0 && exception == 0) {
        PendingCalls::Records given_up;
        record = session.pending.stub_returned(frame.pending, std::move(record), given_up);
        push(session, given_up);
      } else if (frame.pending != 0) {
        session.pending.forget(frame.pending);
      }
      if (record) {
        if (record->asynchronous && record->exception != 0 && exception == 0)
          count(counters_.exceptions);  // aborted before its stub returned
        push(session, std::move(record));
      }
    } catch (...) {
      count(counters_.failures);
    }
  }
  platform_.set_thread_value(frame.outer);
  active_.fetch_sub(1);
}

void Hook::ending(const RpcAsyncState* state, const std::byte* reply, std::size_t size,
                  std::uint32_t exception, EndFrame& frame) noexcept {
  active_.fetch_add(1);
  frame = {};
  frame.session = session_.load();
  if (!frame.session) return;
  frame.completion.ticks = platform_.ticks();
  frame.completion.exception = exception;
  frame.completion.size = static_cast<std::uint32_t>(std::min<std::size_t>(size, 8));
  if (frame.completion.size != 0) std::memcpy(frame.completion.value, reply, frame.completion.size);
  PendingCalls& pending = frame.session->pending;
  if (state && state->runtime_info) {
    frame.call = pending.ending(state->runtime_info);
    return;
  }
  // A runtime that does not say which call (Wine): only one that ends before its stub has returned,
  // in the stub's own thread, is known.
  const auto* inside = static_cast<const CallFrame*>(platform_.thread_value());
  if (state && inside && inside->pending != 0 && inside->session == frame.session &&
      pending.ending(inside->pending))
    frame.call = inside->pending;
}

void Hook::ended(EndFrame& frame, std::uint32_t status) noexcept {
  if (frame.call != 0) {
    Session& session = *frame.session;
    std::unique_ptr<CallRecord> record;
    try {
      if (status == 0) {
        record = session.pending.ended(frame.call, frame.completion);
        if (record && record->exception != 0) count(counters_.exceptions);
      } else if (status == kAsyncCallPending || status == kInvalidAsyncHandle ||
                 status == kInvalidAsyncCall) {
        session.pending.not_ended(frame.call);
      } else {
        record = session.pending.failed(frame.call);
      }
      if (record) push(session, std::move(record));
    } catch (...) {
      count(counters_.failures);
    }
  }
  active_.fetch_sub(1);
}

void Hook::expire(Session& session) noexcept {
  try {
    PendingCalls::Records given_up;
    session.pending.expire(platform_.ticks(), given_up);
    push(session, given_up);
  } catch (...) {
    count(counters_.failures);
  }
}

void Hook::start(std::unique_ptr<Session> session) { session_.store(session.release()); }

std::unique_ptr<Session> Hook::stop(int milliseconds) {
  std::unique_ptr<Session> session(session_.exchange(nullptr));
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
  while (session && active_.load() != 0) {
    if (std::chrono::steady_clock::now() >= until) {
      session->queue.close();
      static_cast<void>(session.release());  // somebody is inside: better lost than freed
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  if (session) {
    PendingCalls::Records given_up;
    session->pending.drain(given_up);
    push(*session, given_up);
  }
  return session;
}

}  // namespace rpcmarshal::agent
