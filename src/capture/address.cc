#ifdef _WIN32
#include <ws2tcpip.h>
#else
#include <arpa/inet.h>
#endif

#include <charconv>

#include "capture/stream.h"

namespace rpcmarshal {

std::string IpAddress::to_string() const {
  if (!v6) {  // by hand: every event has two
    char text[16];
    char* to = text;
    for (std::size_t i = 0; i < 4; ++i) {
      if (i > 0) *to++ = '.';
      to = std::to_chars(to, text + sizeof text, bytes[i]).ptr;
    }
    return std::string(text, to);
  }
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(AF_INET6, bytes.data(), text, sizeof text);
  return text;
}

std::string Endpoint::to_string() const {
  std::string host = address.to_string();
  return (address.v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

}  // namespace rpcmarshal
