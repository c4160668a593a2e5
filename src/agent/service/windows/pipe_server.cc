#include "agent/service/windows/pipe_server.h"

#include <algorithm>

#include "agent/common/protocol.h"

namespace rpcmarshal::agent {
namespace {

constexpr DWORD kBuffer = 64u << 10;
// Completion keys; a client's is its own address, which is none of these.
constexpr ULONG_PTR kListenKey = 1, kStopKey = 2;

Handle make_pipe(bool first) {
  SecurityAttributes attributes(kPipeSddl);
  Handle pipe(CreateNamedPipeW(
      kPipeName,
      PIPE_ACCESS_INBOUND | FILE_FLAG_OVERLAPPED | (first ? FILE_FLAG_FIRST_PIPE_INSTANCE : 0),
      PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT | PIPE_REJECT_REMOTE_CLIENTS,
      PIPE_UNLIMITED_INSTANCES, 0, kBuffer, 0, attributes.get()));
  return pipe;
}

}  // namespace

struct PipeServer::Client {
  Handle pipe;
  OVERLAPPED reading{};
  std::uint32_t connection = 0;
  std::vector<std::byte> buffer = std::vector<std::byte>(kBuffer);
};

PipeServer::PipeServer(Collector& collector, std::mutex& collector_mutex,
                       std::function<bool(std::uint32_t)> is_target)
    : collector_(collector), mutex_(collector_mutex), is_target_(std::move(is_target)) {
  pipe_ = make_pipe(true);
  if (!pipe_) {
    const DWORD error = GetLastError();
    throw SystemError(error == ERROR_ACCESS_DENIED
                          ? "the event pipe exists already: another agent runs"
                          : "cannot make the event pipe",
                      error);
  }
  port_ = Handle(CreateIoCompletionPort(INVALID_HANDLE_VALUE, nullptr, 0, 1));
  if (!port_) throw SystemError("cannot make a completion port", GetLastError());
  listen();
  thread_ = std::thread([this] { run(); });
}

PipeServer::~PipeServer() {
  stop_ = true;
  PostQueuedCompletionStatus(port_.get(), 0, kStopKey, nullptr);
  if (thread_.joinable()) thread_.join();
}

std::wstring PipeServer::dacl() const { return read_dacl(pipe_.get(), kFileMapping); }

void PipeServer::listen() {
  // Every instance has the port from its beginning; clients are found by their OVERLAPPED.
  CreateIoCompletionPort(pipe_.get(), port_.get(), kListenKey, 0);
  waiting_ = {};
  if (ConnectNamedPipe(pipe_.get(), &waiting_)) return;
  const DWORD error = GetLastError();
  // One was quicker than us: nothing will be queued for it.
  if (error == ERROR_PIPE_CONNECTED)
    PostQueuedCompletionStatus(port_.get(), 0, kListenKey, &waiting_);
  else if (error != ERROR_IO_PENDING)  // it came and went
    PostQueuedCompletionStatus(port_.get(), 0, kListenKey, &waiting_);
}

void PipeServer::connected() {
  Handle pipe = std::move(pipe_);
  pipe_ = make_pipe(false);
  if (pipe_) {
    listen();
  } else {
    // Without memory for another instance the present one is used again.
    DisconnectNamedPipe(pipe.get());
    pipe_ = std::move(pipe);
    listen();
    return;
  }
  ULONG pid = 0;
  if (!GetNamedPipeClientProcessId(pipe.get(), &pid)) return;
  auto client = std::make_unique<Client>();
  {
    bool target = false;
    try {
      target = is_target_(pid);
    } catch (const std::exception&) {
      // Nobody answers whether it is one. The hook tries again.
    }
    const std::lock_guard lock(mutex_);
    const auto connection = collector_.open(pid, target);
    if (!connection) return;
    client->connection = *connection;
  }
  client->pipe = std::move(pipe);
  clients_.push_back(std::move(client));
  start_read(*clients_.back());
}

void PipeServer::start_read(Client& client) {
  client.reading = {};
  if (ReadFile(client.pipe.get(), client.buffer.data(), kBuffer, nullptr, &client.reading)) return;
  // A failure arrives like an answer, where the client is put away.
  if (GetLastError() != ERROR_IO_PENDING)
    PostQueuedCompletionStatus(port_.get(), 0, kListenKey, &client.reading);
}

// False: the client is gone, or is to go.
bool PipeServer::finish_read(Client& client) {
  DWORD size = 0;
  if (!GetOverlappedResult(client.pipe.get(), &client.reading, &size, FALSE) || size == 0)
    return false;
  const std::lock_guard lock(mutex_);
  try {
    return collector_.feed(client.connection, Bytes(client.buffer.data(), size));
  } catch (const std::exception&) {
    return false;  // no memory for a large message: this connection pays
  }
}

void PipeServer::run() {
  while (!stop_) {
    DWORD size = 0;
    ULONG_PTR key = 0;
    OVERLAPPED* which = nullptr;
    GetQueuedCompletionStatus(port_.get(), &size, &key, &which, INFINITE);
    if (key == kStopKey || stop_) break;
    if (which == &waiting_) {
      connected();
      continue;
    }
    const auto found = std::find_if(clients_.begin(), clients_.end(),
                                    [&](const auto& client) { return &client->reading == which; });
    if (found == clients_.end()) continue;
    if (finish_read(**found)) {
      start_read(**found);
    } else {
      const std::lock_guard lock(mutex_);
      collector_.close((*found)->connection);
      clients_.erase(found);
    }
  }
  for (const auto& client : clients_) {
    CancelIoEx(client->pipe.get(), nullptr);
    // The buffer must outlive the read.
    DWORD size = 0;
    GetOverlappedResult(client->pipe.get(), &client->reading, &size, TRUE);
    const std::lock_guard lock(mutex_);
    collector_.close(client->connection);
  }
  clients_.clear();
  DWORD size = 0;
  if (CancelIoEx(pipe_.get(), &waiting_)) GetOverlappedResult(pipe_.get(), &waiting_, &size, TRUE);
}

}  // namespace rpcmarshal::agent
