// The security contexts of one connection, by auth_context_id ([MS-RPCE] 3.3.1.5.2): each with its
// own authentication exchange, service and level.
#pragma once

#include <memory>
#include <vector>

#include "dcerpc/pdu.h"
#include "security/identity.h"
#include "security/security_context.h"

namespace rpcmarshal {

struct AuthContext {
  std::uint32_t id = 0;
  AuthService service = AuthService::kNone;
  AuthLevel level = AuthLevel::kNone;
  std::unique_ptr<AuthExchange> exchange;
  std::unique_ptr<SecurityContext> security;  ///< once the exchange has a key
  std::uint32_t key_generation = 0;           ///< of the exchange's key that `security` has
  std::uint32_t losses[2] =
      {};               ///< as in AuthContexts::open, of the server's and the client's side
  bool missed[2] = {};  ///< protected messages came before there was a key
};

class AuthContexts {
 public:
  /// `secrets` may be null, and outlives this.
  explicit AuthContexts(const Secrets* secrets) : secrets_(secrets) {}

  /// More than this many on one connection: the oldest is given up.
  static constexpr std::size_t kMax = 128;

  /// The context of a bind, alter_context, their answers or auth3, made when new. `evicted` is the
  /// context that had to go for it, alive until the next call, or null.
  AuthContext& open(const AuthVerifier& verifier, std::unique_ptr<AuthContext>& evicted) {
    if (AuthContext* known = find(verifier.context_id)) {
      // An exchange may raise the level; the service of a context is fixed by its first token.
      known->level = verifier.level;
      return *known;
    }
    if (contexts_.size() == kMax) {
      evicted = std::move(contexts_.front());
      contexts_.erase(contexts_.begin());
    }
    auto& made = contexts_.emplace_back(std::make_unique<AuthContext>());
    made->id = verifier.context_id;
    made->service = verifier.service;
    made->level = verifier.level;
    made->exchange = make_auth_exchange(verifier.service, secrets_);
    return *made;
  }

  AuthContext* find(std::uint32_t id) {
    for (std::size_t i = contexts_.size(); i-- > 0;) {
      if (contexts_[i]->id == id) return contexts_[i].get();
    }
    return nullptr;
  }

  /// What a request without a verifier runs under: a context of level connect, which protects no
  /// PDU. nullptr when there is none.
  const AuthContext* unprotected() const {
    for (std::size_t i = contexts_.size(); i-- > 0;) {
      if (contexts_[i]->level <= AuthLevel::kConnect) return contexts_[i].get();
    }
    return nullptr;
  }

  std::size_t memory() const {
    return contexts_.size() * (secrets_ ? 8192u : 512u);  // exchange, names and key streams, about
  }

 private:
  const Secrets* secrets_;
  std::vector<std::unique_ptr<AuthContext>> contexts_;
};

}  // namespace rpcmarshal
