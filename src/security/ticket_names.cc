#include "security/ticket_names.h"

#include <bit>
#include <random>

#include "security/kerberos.h"

namespace rpcmarshal {
namespace {

/// SipHash-2-4 (Aumasson and Bernstein, 2012).
class SipHash {
 public:
  SipHash(std::uint64_t k0, std::uint64_t k1)
      : v0_(k0 ^ 0x736f6d6570736575ull),
        v1_(k1 ^ 0x646f72616e646f6dull),
        v2_(k0 ^ 0x6c7967656e657261ull),
        v3_(k1 ^ 0x7465646279746573ull) {}

  std::uint64_t operator()(Bytes data) {
    const std::uint64_t size = data.size();
    for (; data.size() >= 8; data = data.subspan(8))
      word(load<std::uint64_t>(data.data(), ByteOrder::kLittle));
    std::uint64_t last = size << 56;
    for (std::size_t i = 0; i < data.size(); ++i)
      last |= std::to_integer<std::uint64_t>(data[i]) << (8 * i);
    word(last);
    v2_ ^= 0xff;
    for (int i = 0; i < 4; ++i) round();
    return v0_ ^ v1_ ^ v2_ ^ v3_;
  }

 private:
  void word(std::uint64_t m) {
    v3_ ^= m;
    round();
    round();
    v0_ ^= m;
  }
  void round() {
    v0_ += v1_;
    v1_ = std::rotl(v1_, 13) ^ v0_;
    v0_ = std::rotl(v0_, 32);
    v2_ += v3_;
    v3_ = std::rotl(v3_, 16) ^ v2_;
    v0_ += v3_;
    v3_ = std::rotl(v3_, 21) ^ v0_;
    v2_ += v1_;
    v1_ = std::rotl(v1_, 17) ^ v2_;
    v2_ = std::rotl(v2_, 32);
  }
  std::uint64_t v0_, v1_, v2_, v3_;
};

}  // namespace

std::uint64_t ticket_digest(Bytes cipher) {
  static const std::array<std::uint64_t, 2> key = [] {
    std::random_device device;
    const auto word = [&] { return std::uint64_t{device()} << 32 | device(); };
    return std::array<std::uint64_t, 2>{word(), word()};
  }();
  const std::uint64_t digest = SipHash(key[0], key[1])(cipher);
  return digest ? digest : 1;
}

bool TicketNames::learn(Bytes message, std::uint64_t& shown) {
  const KerberosType type = kerberos_type(message);
  if (type == KerberosType::kTgsReq) {
    const auto request = parse_kdc_request(message);
    const auto ap_req = request ? parse_ap_req(request->ap_req) : std::nullopt;
    shown = ap_req ? ticket_digest(ap_req->ticket.sealed.cipher) : 0;
    return false;
  }
  if (type != KerberosType::kAsRep && type != KerberosType::kTgsRep) return false;
  auto reply = parse_kdc_reply(message);
  if (!reply || reply->client.empty() || reply->ticket.sealed.cipher.empty() ||
      reply->client.size() > kMaxName || reply->client_realm.size() > kMaxName) {
    return false;
  }
  Client client{std::move(reply->client), std::move(reply->client_realm), false};
  const std::uint64_t digest = ticket_digest(reply->ticket.sealed.cipher);
  const std::lock_guard lock(mutex_);
  if (client.name == kHiddenClient) {
    const auto known = clients_.find(shown);
    if (type != KerberosType::kTgsRep || known == clients_.end()) return false;
    client = known->second;
    client.by_request = true;
  }
  if (!clients_.try_emplace(digest, std::move(client)).second) return true;
  order_.push_back(digest);
  if (order_.size() > kMaxTickets) {
    clients_.erase(order_.front());
    order_.pop_front();
  }
  return true;
}

bool TicketNames::find(std::uint64_t digest, Client& out) const {
  const std::lock_guard lock(mutex_);
  const auto found = clients_.find(digest);
  if (found == clients_.end()) return false;
  out = found->second;
  return true;
}

std::size_t TicketNames::size() const {
  const std::lock_guard lock(mutex_);
  return clients_.size();
}

}  // namespace rpcmarshal
